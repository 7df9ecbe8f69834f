"""Networks of other programs, described by themselves and by the TOML beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from understudy.colour import ColourEncoding
from understudy.errors import ModelFileError
from understudy.models.declared import images_of
from understudy.models.description import ANY, ImageSpec, ModelDescription
from understudy.models.names import safe_label, safe_name
from understudy.models.options import Option
from understudy.models.prompts import PROMPTS
from understudy.models.sidecar import Sidecar, read_sidecar
from understudy.models.stacking import pictures_of

if TYPE_CHECKING:
    from torch import Tensor

    from understudy.models.adapted import AdaptedFile

NAMES = {1: ("Y",), 2: ("R", "G"), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}
FORMATS = {
    ".onnx": "ONNX",
    ".tflite": "TensorFlow Lite",
    ".pt2": "torch.export",
    ".safetensors": "spandrel",
    ".xml": "OpenVINO",
}
TORCH = ("TorchScript", "torch.export", "spandrel")
"""What runs in torch, and so on its devices."""
WHOLE = 1 << 14
"""The reach of a network that has to be handed whole frames."""


class ImageFunction(Protocol):
    """The function in a file: images (N, C, H, W) and options in, all results out, float32.

    ``inputs``, ``outputs``, ``options``: by the file, with the names of the sidecar. ``knows_channels``:
    whether the file says how many channels it takes. ``runtime``: what runs it.
    """

    format: str
    runtime: str
    knows_channels: bool
    takes_batches: bool
    fixed_size: tuple[int, int] | None
    path: Path
    inputs: tuple[ImageSpec, ...]
    outputs: tuple[ImageSpec, ...]
    options: tuple[Option, ...]

    @property
    def bytes_per_pixel(self) -> float: ...

    def __call__(self, images: Sequence[Tensor], options: Mapping[str, Any]) -> list[Tensor]: ...


class StatefulFunction(ImageFunction, Protocol):
    """One whose outputs go back into inputs with the next frame. ``state``: the output of each such input;
    ``with_feeds``: what it makes where these go in, and the outputs, by name; ``first_state``: what goes in
    with the first frame, of (height, width)."""

    state: Mapping[str, str]

    def with_feeds(
        self, images: Sequence[Tensor], options: Mapping[str, Any], feeds: Mapping[str, Any]
    ) -> tuple[list[Tensor], dict[str, Any]]: ...

    def first_state(self, size: tuple[int, int]) -> dict[str, Any]: ...


def open_file(path: Path, side: Sidecar, threads: int = 0, providers: Sequence[str] = ()) -> AdaptedFile:
    """The function in a file, read as the sidecar says. ``threads`` and ``providers`` are those of
    onnxruntime; none is the CPU. ModelFileError, MissingPackageError."""
    from understudy.models.adapted import AdaptedFile

    if side.prompts or side.instances or side.encoder:
        return _open_beside(path, side, threads, providers)
    file = _open_raw(path, side, threads, providers)
    if (side.has_state or side.constants or side.stacks) and not hasattr(file, "first_state"):
        raise ModelFileError(
            "State, constants and several frames in one input are for ONNX and TorchScript files.",
            expected="an .onnx or TorchScript file, or a TOML without [state], [constants] and frames",
            found=path.name,
            where=str(path.with_suffix(".toml")),
            remedy="Convert it to ONNX.",
        )
    return AdaptedFile(file, side)


def _open_beside(path: Path, side: Sidecar, threads: int, providers: Sequence[str]) -> AdaptedFile:
    """A file that takes prompts, or gives lists. ModelFileError where it is no ONNX file."""
    from understudy.models.encoder import EncodedFile
    from understudy.models.instances import InstancesFile
    from understudy.models.onnx_file import CPU, OnnxFile
    from understudy.models.prompted import PromptedFile

    if path.suffix.lower() != ".onnx":
        raise ModelFileError(
            "Prompts, encoders and lists of instances are for ONNX files only.",
            expected="an .onnx file, or a TOML without [prompts], [instances] and encoder",
            found=path.name,
            where=str(path.with_suffix(".toml")),
            remedy="Convert it with torch.onnx.export, or serve it as a model.py: docs/server.md.",
        )
    file = _open_raw(path, side, threads, providers)
    assert isinstance(file, OnnxFile)
    if side.instances:
        return InstancesFile(file, side, side.instances)
    if side.prompts is None:
        raise ModelFileError(
            "Nothing says what goes into the decoder beside what its encoder makes.",
            expected="a table [prompts] that names its inputs, beside encoder",
            found="none",
            where=str(path.with_suffix(".toml")),
            remedy="See docs/networks.md, Prompts.",
        )
    if side.encoder:
        encoded = EncodedFile(file, side, threads, providers or CPU)
        return PromptedFile(encoded, side, side.prompts)
    return PromptedFile(file, side, side.prompts)


def _open_raw(path: Path, side: Sidecar, threads: int, providers: Sequence[str]) -> ImageFunction:
    if not path.is_file():
        raise ModelFileError(
            "There is no such file.",
            expected="a network in one of the formats that are read",
            where=str(path),
        )
    ending = path.suffix.lower()
    if ending == ".onnx":
        from understudy.models.onnx_file import CPU, OnnxFile

        return OnnxFile(path, side, threads, providers or CPU)
    if ending == ".tflite":
        from understudy.models.tflite_file import TfliteFile

        return TfliteFile(path, side, threads)
    if ending == ".xml":
        from understudy.models.openvino_ir_file import OpenVinoFile

        return OpenVinoFile(path, side, threads)
    return _open_in_torch(path, side, ending)


def _open_in_torch(path: Path, side: Sidecar, ending: str) -> ImageFunction:
    if ending == ".pt2":
        from understudy.models.pt2_file import ExportedFile

        return ExportedFile(path, side)
    if ending == ".safetensors":
        from understudy.models.spandrel_file import SpandrelFile

        return SpandrelFile(path, side)
    from understudy.models.torchscript_file import TorchScriptFile

    return TorchScriptFile(path, side)


def describe_imported(path: Path, side: Sidecar, file: AdaptedFile | None = None) -> ModelDescription:
    """What an imported network takes and gives, by its sidecar and, where it is open, by the file itself."""
    encoding = _encoding(path, side.colour, side.span)
    if file is not None:
        check_range(file, side.span)
    inputs = file.inputs if file else _described_inputs(path, side)
    outputs = file.outputs if file else images_of(side.outputs, [], "outputs", path)
    matte = side.is_matte or bool(outputs and inputs and outputs[0].count == 1 and inputs[0].count != 1)
    result = _encoding(path, side.colour if not matte else "raw", side.output_span)
    whole = file.sees_whole if file else side.sees_whole
    if side.instances:
        outputs = (replace(outputs[0], count=len(side.instances.channels)), *outputs[1:])
    made = tuple(replace(each, channels=_names(each.count), colour=result) for each in outputs)
    if side.channels and made and made[0].count in (ANY, len(side.channels)):
        made = (replace(made[0], channels=tuple(side.channels)), *made[1:])
    if side.instances:
        made = (replace(made[0], channels=side.instances.channels), *made[1:])
    return ModelDescription(
        name=safe_name(path.stem),
        label=safe_label(side.label or path.stem),
        inputs=tuple(replace(each, channels=_names(each.count), colour=encoding) for each in inputs),
        outputs=made,
        options=file.options if file else PROMPTS if side.prompts else (),
        prompts=_prompts(side),
        finds_instances=side.instances is not None,
        format=file.format if file else FORMATS.get(path.suffix.lower(), "TorchScript"),
        kind="matte" if matte else "image",
        text=side.description,
        scale=side.scale,
        state=tuple(ImageSpec(name, ANY, tensor=str(output)) for name, output in side.state_pairs.items()),
        lead_in=side.state.lead_in if side.has_state and side.state else 0,
        stride=side.size_multiple if not whole or _keeps_sizes(side, file) else 1,
        reach=WHOLE if whole else side.reach,
        fixed_size=file.size if file else (side.size[1], side.size[0]) if side.size else None,
        provenance={"imported": path.name, "label": side.label},
    )


def _described_inputs(path: Path, side: Sidecar) -> tuple[ImageSpec, ...]:
    """What goes in by the TOML alone."""
    return tuple(each.spec for each in pictures_of(images_of(side.inputs, [], "inputs", path), side))


def _keeps_sizes(side: Sidecar, file: AdaptedFile | None) -> bool:
    """Whether frames go in whole, but at their own size."""
    return side.has_state and not side.fits_itself and (file is None or file.size is None)


def _prompts(side: Sidecar) -> tuple[str, ...]:
    """What the network is told by: points, box, and mask where the last frame's goes in again."""
    if side.prompts is None:
        return ()
    own = side.prompts
    has = {"points": own.points, "box": own.box or own.points, "mask": own.next_mask}
    return tuple(name for name, tensor in has.items() if tensor)


def check_range(file: ImageFunction, span: float) -> None:
    """ModelFileError for a network of whole numbers to which 1.0 is 1: all it would see is 0 and 1."""
    whole = [image for image in file.inputs if "int" in image.dtype]
    if whole and span == 1.0:
        raise ModelFileError(
            "This network takes whole numbers, and nothing says which of them is white.",
            expected=f"range = 255.0, or another one, in {file.path.with_suffix('.toml').name} beside it",
            found=f"{whole[0].name}: {whole[0].dtype}, with range 1",
            where=str(file.path),
            remedy=f"Add the line, or bring the network in again: understudy import {file.path.name}",
        )


def _encoding(path: Path, space: str, span: float) -> ColourEncoding:
    try:
        return ColourEncoding(space=space, scale=1.0 / span)
    except ValidationError as error:
        raise ModelFileError(
            "The TOML beside the model names a range that makes no sense.",
            expected="range: the value that 1.0 becomes, such as 255.0",
            found=f"{span:g}",
            where=str(path.with_suffix(".toml")),
        ) from error


def _names(count: int) -> tuple[str, ...]:
    return () if count == ANY else names_of(count)


def names_of(count: int) -> tuple[str, ...]:
    """Channel names for a number of channels; RGB for a network that takes what comes."""
    count = 3 if count == ANY else count
    return NAMES.get(count) or tuple(f"C{index}" for index in range(1, count + 1))


def sidecar_of(path: Path) -> Sidecar:
    """The sidecar, which must name inputs and outputs. ModelFileError when it is missing or does not."""
    side = read_sidecar(path.with_suffix(".toml"))
    if not side.inputs or not side.outputs:
        raise ModelFileError(
            "Nothing says what this network takes and gives.",
            expected=f"{path.with_suffix('.toml').name} beside it, with inputs and outputs",
            found="none" if not path.with_suffix(".toml").is_file() else "one without them",
            where=str(path),
            remedy=f"Bring it in first, then use what that writes: understudy import {path.name}",
        )
    return side
