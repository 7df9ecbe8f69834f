"""Kinds of networks that are known by the names of their inputs and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.errors import ModelFileError
from understudy.models.further_tables import InstanceText, PromptText
from understudy.models.sidecar import Sidecar

SAM = {
    "points": "point_coords",
    "labels": "point_labels",
    "mask": "mask_input",
    "has_mask": "has_mask_input",
    "size": "orig_im_size",
}
SAM_OUTPUTS = {"next_mask": "low_res_masks", "quality": "iou_predictions"}
ENCODED = "image_embeddings"
LISTS = {"boxes", "labels", "scores", "masks"}
MATTING = {"src", "r1i", "downsample_ratio"}, {"fgr", "pha", "r1o"}
HD_RATIO = 0.25


def recognised(file: Path, side: Sidecar, values: bool = True) -> tuple[Sidecar, tuple[str, ...]]:
    """The sidecar with what the file's own names say, and sentences on that; ``values``: also of mean and
    deviation. What the sidecar says goes before it. ModelFileError for a decoder without its encoder."""
    if file.suffix.lower() != ".onnx" or not file.is_file() or side.instances:
        return side, ()
    from understudy.models.onnx_file import CPU, open_session

    session = open_session(file, 1, CPU)
    inputs = {each.name for each in session.get_inputs()}
    outputs = {each.name for each in session.get_outputs()}
    if {SAM["points"], SAM["labels"]} <= inputs:
        return _sam(file, side, inputs, outputs, values)
    if outputs >= LISTS and side.output is None:
        return side.model_copy(update={"instances": InstanceText()}), (
            "Its outputs are called boxes, labels, scores and masks: what it finds becomes instance mattes.",
        )
    if (
        inputs >= MATTING[0]
        and outputs >= MATTING[1]
        and not {"output", "constants"} <= side.model_fields_set
    ):
        return _matting(side)
    return side, ()


def _matting(side: Sidecar) -> tuple[Sidecar, tuple[str, ...]]:
    """As networks with the names of Robust Video Matting are read."""
    told: dict[str, Any] = {"output": "pha", "colour": "srgb", "constants": {"downsample_ratio": HD_RATIO}}
    changes = {name: value for name, value in told.items() if name not in side.model_fields_set}
    ratio = f"downsample_ratio = {HD_RATIO:g}, as for heads and shoulders in HD (docs/networks.md has others)"
    said = [f"{name} = {changes[name]}" for name in ("output", "colour") if name in changes]
    said += [ratio] if "constants" in changes else []
    return side.model_copy(update=changes), (
        f"It has the names of Robust Video Matting, and is read as that: {', '.join(said)}.",
    )


def _sam(
    file: Path, side: Sidecar, inputs: set[str], outputs: set[str], values: bool
) -> tuple[Sidecar, tuple[str, ...]]:
    """As networks with the names of Segment Anything are read."""
    if ENCODED in inputs and side.encoder is None:
        raise ModelFileError(
            "This is the decoder of two files: it takes what an encoder makes of the picture.",
            expected='encoder = "NAME.onnx" in the TOML, the encoder in the same folder',
            found=f"an input {ENCODED}, and no encoder",
            where=str(file),
            remedy="Put the encoder beside it, and write the line into a TOML that is given with --settings.",
        )
    if side.prompts is not None:  # who says that says all
        return side, ()
    names = {role: name for role, name in SAM.items() if name in inputs}
    if "mask" in names:
        names |= {role: name for role, name in SAM_OUTPUTS.items() if name in outputs}
    changes: dict[str, Any] = {"prompts": PromptText.model_validate(names)}
    told = side.model_fields_set
    changes |= {"output": "masks"} if "output" not in told and "masks" in outputs else {}
    changes |= {"activation": "sigmoid"} if "activation" not in told else {}
    changes |= {"fit": "pad"} if "fit" not in told and side.encoder else {}
    if values and not told & {"range", "mean", "deviation"}:
        changes |= {"mean": "imagenet", "deviation": "imagenet"}
    changes["matte"] = True
    said = ", ".join(f"{name} = {value}" for name, value in changes.items() if isinstance(value, str))
    return side.model_copy(update=changes), (
        f"Its inputs have the names of SAM's: it is told by points and a box, and read so: {said}.",
    )
