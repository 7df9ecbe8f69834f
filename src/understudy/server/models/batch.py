"""Several frames of one size through a network at once, where memory allows."""

from __future__ import annotations

from typing import Any

import numpy as np


def infer_together(model: Any, frames: list[np.ndarray], options: dict[str, Any]) -> list[np.ndarray]:
    """The results for ``frames`` (height, width, channels), each as if it had been alone."""
    tile = options.get("tile_size") or "auto"
    mix = options.get("mix", 1.0)
    if len(frames) > 1 and tile == "auto" and mix == 1.0 and _fits(model, frames) and _are_finite(frames):
        return _as_one(model, frames)
    return [model.infer(frame, mix=mix, tile_size=tile) for frame in frames]


def _fits(model: Any, frames: list[np.ndarray]) -> bool:
    """Whether the engine takes several frames, and all are no more than one that would be worked on whole."""
    height, width = frames[0].shape[:2]
    return model.engine.name == "torch" and model.tile_for(height * len(frames), width) is None


def _are_finite(frames: list[np.ndarray]) -> bool:
    return all(bool(np.isfinite(frame).all()) for frame in frames)


def _as_one(model: Any, frames: list[np.ndarray]) -> list[np.ndarray]:
    import torch

    from understudy.colour import decode_tensor, encode_tensor
    from understudy.inference.engine import laid_out
    from understudy.inference.inputs import input_encodings, is_placed
    from understudy.inference.tiles import pad_to_stride
    from understudy.network.places import with_places

    height, width = frames[0].shape[:2]
    with torch.inference_mode():
        stack = np.stack([np.moveaxis(frame, -1, 0) for frame in frames])
        x = torch.from_numpy(np.ascontiguousarray(stack, np.float32)).to(model.engine.device)
        groups = input_encodings(model.description)
        parts = torch.split(x, [count for count, _ in groups], dim=1)
        x = torch.cat(
            [encode_tensor(part, group[1]) for part, group in zip(parts, groups, strict=True)], dim=1
        )
        x = pad_to_stride(with_places(x) if is_placed(model.engine.network) else x, model.engine.stride)
        whole = torch.cat([model.engine.globals(each[None]) for each in x])
        y = model.engine.run(x, whole)[:, :, :height, :width]
        y = laid_out(y, model.description.scale)
        made = decode_tensor(y, model.description.colour_out)
        for place in model.description.coverage:
            made[:, place] = y[:, place].clamp(0, 1)
        out = made.float().cpu().numpy()
    return [np.moveaxis(each, 0, -1) for each in out]
