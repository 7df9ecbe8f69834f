"""An imported network as a torch module with the methods of our own, so that apply cannot tell them apart.

Its precision is float32; as it does not say how far it sees, it is tiled with the reach of its description.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from understudy.device import is_out_of_memory
from understudy.errors import ApplyError, ModelFileError, UnderstudyError
from understudy.models.adapted import AdaptedFile
from understudy.models.call import NetworkCall
from understudy.models.description import ModelDescription
from understudy.models.imported import check_range, open_file, sidecar_of
from understudy.models.sidecar import MOST_SCALE
from understudy.network.parts import Crop


class ImportedNetwork(nn.Module):
    """``stride``, ``reach``, ``scale``: as described; of one that enlarges, what each pixel becomes are
    channels, as of our own. ``runtime``: what runs it, which no other engine replaces. ``sees_whole``:
    whether it has to be handed whole frames. ``bytes_per_pixel``: of memory that torch does not know of, 0
    where it knows of all."""

    def __init__(self, file: AdaptedFile, description: ModelDescription) -> None:
        super().__init__()
        self.file = file
        self.runtime, self.bytes_per_pixel = file.runtime, file.bytes_per_pixel
        self.stride, self.reach, self.scale = description.stride, description.reach, description.scale
        self.sees_whole = file.sees_whole
        self.counts = [len(image.channels) for image in description.inputs]
        self.outputs = len(description.output_channels)
        self.options = {option.name: option.default for option in file.options}
        self.call = NetworkCall()

    def with_call(self, call: NetworkCall) -> ImportedNetwork:
        """The same network for one frame, with what goes in beside its picture."""
        view = copy.copy(self)
        view.call = call
        return view

    def globals(self, x: Tensor) -> Tensor:
        """Nothing is known of what is global in it."""
        return x.new_zeros((x.shape[0], 0))

    def forward(self, x: Tensor, g: Tensor | None = None) -> Tensor:
        """(1, C, H, W) -> (1, C_out, H * scale, W * scale), float32."""
        made = self.finish(x, self.remainder(x, g))
        return made if self.scale == 1 else torch.pixel_shuffle(made, self.scale)

    def remainder(self, x: Tensor, g: Tensor | None = None) -> Tensor:
        """All the work; in float32 whatever the precision asked for. ApplyError when it does not run."""
        try:
            with torch.autocast(x.device.type, enabled=False):
                images = list(torch.split(x.float(), self.counts, dim=1))
                made = self.file.ask(images, self.options | dict(self.call.options), self.call)
        except Exception as error:  # a network may fail in any way that its maker did not think of
            if isinstance(error, UnderstudyError) or is_out_of_memory(error):
                raise
            raise self._failed(error, x) from error
        picture = fitted(made, x, self.outputs, self.scale)
        return picture if self.scale == 1 else torch.pixel_unshuffle(picture, self.scale)

    def _failed(self, error: Exception, x: Tensor) -> ApplyError:
        return ApplyError(
            f"The network does not run on a picture of {x.shape[3]} x {x.shape[2]} pixels.",
            found=last_line(error),
            where=str(self.file.path),
            remedy="If it needs larger ones, give a larger size_multiple in the TOML beside it.",
        )

    def finish(self, x: Tensor, remainder: Tensor, place: Crop | None = None) -> Tensor:
        """Nothing is left to do."""
        return remainder.float()


def open_network(path: Path, description: ModelDescription) -> ImportedNetwork:
    """The network in an ONNX or TorchScript file, with as many threads as torch has. ModelFileError,
    MissingPackageError."""
    side = sidecar_of(path)
    file = open_file(path, side, torch.get_num_threads())
    check_range(file, side.span)
    return ImportedNetwork(file, description).eval()


def last_line(error: Exception) -> str:
    """The line of a long message that says what happened."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1].strip()[:200] if lines else 'no more is said'}"


def fitted(results: list[Tensor], x: Tensor, outputs: int | None = None, scale: int = 1) -> Tensor:
    """The first result as planes of ``scale`` times the input's size, ``outputs`` of them. ModelFileError
    when it is not."""
    made = results[0] if results else x.new_zeros(0)
    made = made[:, None] if made.ndim == 3 else made
    wanted = made.shape[1] if outputs is None and made.ndim == 4 else outputs
    size = tuple(side * scale for side in x.shape[-2:])
    if made.ndim != 4 or made.shape[1] != wanted or made.shape[-2:] != size:
        raise ModelFileError(
            "The network gives something else than its TOML says.",
            expected=f"a result of shape {(1, wanted or 'channels', *size)}",
            found=f"shape {tuple(made.shape)}",
            remedy="Correct the TOML beside it, or bring it in again with: understudy import",
        )
    return made


def scale_between(results: list[Tensor], x: Tensor) -> int:
    """How many times larger than the input a result is; 1 where it is that no whole number of times."""
    made = results[0] if results and results[0].ndim in (3, 4) else x
    scale = made.shape[-1] // x.shape[-1]
    whole = made.shape[-2:] == (x.shape[-2] * scale, x.shape[-1] * scale)
    return int(scale) if whole and 1 <= scale <= MOST_SCALE else 1
