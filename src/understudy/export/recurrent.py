"""Networks whose outputs go back in with the next frame: known by the names of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from understudy.errors import UnderstudyError
from understudy.models.sidecar import Sidecar
from understudy.models.sidecar_parts import StateText
from understudy.models.state_names import Spec, paired

SIDE = 64
"""Pixels of the made picture on which a TorchScript file says what it gives."""
PARTS = ("", "/2", "/4", "/8", "/16", "/32")
"""Of the frame's height and width, which states have as a rule."""
NEAR = ("prev", "previous", "last", "next")


def with_state(file: Path, side: Sidecar) -> tuple[Sidecar, tuple[str, ...]]:
    """The sidecar with the state that a file's own names tell of, and sentences on that; as it is where it
    says itself what goes back in, which an empty [state] does too."""
    if "state" in side.model_fields_set or side.prompts or side.instances or side.encoder:
        return side, ()
    ending = file.suffix.lower()
    if ending == ".onnx":
        return _by_names(file, side)
    return _by_trial(file, side) if ending in (".pt", ".ts", ".torchscript") else (side, ())


def _by_names(file: Path, side: Sidecar) -> tuple[Sidecar, tuple[str, ...]]:
    from understudy.models.onnx_file import CPU, open_session

    session = open_session(file, 1, CPU)
    inputs, outputs = _specs(session.get_inputs()), _specs(session.get_outputs())
    told = [text.tensor for text in side.inputs if text.tensor]
    plate = told[0] if told else next((name for name, spec in inputs.items() if len(spec[1]) >= 3), "")
    frames = tuple(side.frames) if isinstance(side.frames, dict) else ()
    pairs = paired(inputs, outputs, plate, (*told, *frames, *side.constants))
    near = [name for name in inputs if name != plate and name.lower().split("_")[0] in NEAR]
    hint = tuple(
        f"Its input {name} may be a frame before or after: [frames] {name} = -1, or 1, in the TOML says so."
        for name in near
        if name not in pairs and name not in frames
    )
    if not pairs:
        return side, hint
    state = StateText.model_validate(pairs)
    return side.model_copy(update={"state": state}), (
        *_said(pairs, "inputs and outputs are called alike"),
        *hint,
    )


def _specs(tensors: Any) -> dict[str, Spec]:
    return {each.name: (each.type, tuple(each.shape or ())) for each in tensors}


def _said(pairs: dict[str, Any], why: str) -> tuple[str, ...]:
    which = ", ".join(f"{output} into {name}" for name, output in pairs.items())
    return (
        f"It carries state, as {why}: with the next frame go back in {which} ([state] in the TOML; an empty "
        "[state] says that there is none).",
    )


def _by_trial(file: Path, side: Sidecar) -> tuple[Sidecar, tuple[str, ...]]:
    """The tensors that forward may be called without are its state, where it gives as many beside its
    results, the last ones, and takes them again."""
    from understudy.models.torchscript_file import TorchScriptFile

    try:
        names = [each for each in TorchScriptFile(file, side).optional if each not in side.constants]
        count = _outputs(file, side) if names else 0
        if not names or count <= len(names):
            return side, ()
        first = count - len(names) + 1
        pairs = {name: first + index for index, name in enumerate(names)}
        told = side.model_copy(update={"state": StateText.model_validate(pairs)})
        network, call = TorchScriptFile(file, told), torch.rand(1, 3, SIDE, SIDE)
        with torch.inference_mode():
            _, beside = network.with_feeds([call], {}, network.first_state((SIDE, SIDE)))
            network.with_feeds([call], {}, {name: beside[str(key)] for name, key in pairs.items()})
    except (UnderstudyError, RuntimeError, TypeError, ValueError, IndexError):
        return side, ()
    return told, _said(pairs, "tensors may be left out that it gives as well")


def _outputs(file: Path, side: Sidecar) -> int:
    """How many tensors forward gives for a made picture."""
    from understudy.models.torchscript_file import TorchScriptFile

    plain = TorchScriptFile(file, side.model_copy(update={"output": None}))
    with torch.inference_mode():
        return len(plain.with_feeds([torch.rand(1, 3, SIDE, SIDE)], {}, {})[0])


def beginnings(file: Path, side: Sidecar) -> Iterator[Sidecar]:
    """Sidecars in which the first state has the frame's size, or a part of it, where the file leaves its
    height and width open and the TOML says nothing."""
    names = [name for name in side.state_pairs if name not in side.initial]
    if file.suffix.lower() != ".onnx" or not names:
        return
    from understudy.models.onnx_file import CPU, open_session

    specs = _specs(open_session(file, 1, CPU).get_inputs())
    free = {name: specs[name][1] for name in names if _is_free(specs[name][1])}
    for part in PARTS if free else ():
        ends = [f"height{part}", f"width{part}"]
        shapes = {
            name: [*(each if isinstance(each, int) else 1 for each in shape[:2]), *ends]
            for name, shape in free.items()
        }
        yield side.model_copy(update={"initial": {**side.initial, **shapes}})


def _is_free(shape: Sequence[Any]) -> bool:
    return len(shape) == 4 and not any(isinstance(each, int) for each in shape[2:])
