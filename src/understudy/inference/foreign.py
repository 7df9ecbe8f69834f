"""Networks of other programs as ours: an ONNX or TorchScript file with a sidecar, and a header made from it.

What comes out has the same methods as our own network, so that apply cannot tell them apart. Its precision
is float32; a network that does not know how far it sees is tiled with the reach that the sidecar says.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from understudy.colour import ColourEncoding
from understudy.device import is_out_of_memory
from understudy.errors import ApplyError, ModelFileError, UnderstudyError
from understudy.inference.onnx_memory import bytes_per_pixel
from understudy.inference.onnx_runtime import TYPES, runtime
from understudy.inference.sidecar import ANY, Sidecar, read_sidecar
from understudy.network.model_file import ExtraInput, ModelHeader

NAMES = {1: ["Y"], 2: ["R", "G"], 3: ["R", "G", "B"], 4: ["R", "G", "B", "A"]}


def read_header(path: str | Path) -> ModelHeader:
    """The header of a network of another program, from its TOML. ModelFileError when there is none, or when
    apply cannot use what it describes."""
    file = Path(path)
    side = sidecar_of(file)
    try:
        return _header(file, side)
    except ValidationError as error:
        raise ModelFileError(
            "The TOML describes a network that apply cannot use.",
            expected="1 to 64 channels for each input, and a reasonable size_multiple",
            found="; ".join(each["msg"] for each in error.errors())[:300],
            where=str(file.with_suffix(".toml")),
        ) from error


def _header(file: Path, side: Sidecar) -> ModelHeader:
    groups = [names_of(port.channels) for port in side.inputs]
    made = side.outputs[0].channels
    matte = side.matte or (made == 1 and len(groups[0]) != 1)
    colour = ColourEncoding(space=side.colour, scale=1.0 / side.range)
    return ModelHeader(
        kind="matte" if matte else "image",
        input_channels=groups[0],
        output_channels=_outputs(file, groups[0], made, matte),
        extra=[
            ExtraInput(name=p.name, channels=g, colour=colour)
            for p, g in zip(side.inputs, groups, strict=True)
        ][1:],
        colour_in=colour,
        colour_out=ColourEncoding(space="raw", scale=1.0 / side.range) if matte else colour,
        architecture={"file": file.name},
        stride=side.size_multiple,
        reach=side.reach,
        provenance={"imported": file.name, "sha256": _hash(file), "label": side.label},
    )


def _outputs(file: Path, plate: list[str], made: int, matte: bool) -> list[str]:
    """The channels that come out: the plate's, its colours alone, or a matte. ModelFileError otherwise."""
    if matte and made in (ANY, 1):
        return ["A"]
    if not matte and made in (ANY, len(plate)):
        return plate
    if not matte and (made, len(plate)) == (3, 4):
        return plate[:3]
    raise ModelFileError(
        "The result of this network is neither the plate, changed, nor a matte.",
        expected="one channel out" if matte else f"{len(plate)} channels out, as many as in, or one",
        found=f"{made} channels out",
        where=str(file),
        remedy="It can be served: understudy serve.",
    )


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(
            "The network cannot be read.", found=error.strerror or str(error), where=str(path)
        ) from error


def names_of(channels: int) -> list[str]:
    """Channel names for a number of channels; RGB for a network that takes what comes."""
    count = 3 if channels == ANY else channels
    return NAMES.get(count) or [f"C{index}" for index in range(1, count + 1)]


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


def load_model(path: str | Path, device: Any = "cpu") -> tuple[ModelHeader, Any]:
    """Header and network, ready for apply. ModelFileError, MissingPackageError."""
    file = Path(path)
    header = read_header(file)
    return header, ForeignNetwork(file, sidecar_of(file), header).eval().to(device)


class ForeignNetwork(nn.Module):
    """A network of another program with the methods of our own. ``stride`` is its size multiple.

    ``runtime``: what runs it, which no other engine replaces. ``bytes_per_pixel``: of memory that torch does
    not know of, 0 where it knows of all.
    """

    def __init__(self, path: Path, side: Sidecar, header: ModelHeader) -> None:
        super().__init__()
        self.inner = open_network(path, side)
        self.path = path
        self.runtime, self.bytes_per_pixel = self.inner.runtime, self.inner.bytes_per_pixel
        self.stride, self.reach = header.stride, header.reach
        self.counts = [len(header.input_channels), *(len(extra.channels) for extra in header.extra)]
        self.outputs = len(header.output_channels)

    def globals(self, x: Tensor) -> Tensor:
        """Nothing is known of what is global in it."""
        return x.new_zeros((x.shape[0], 0))

    def forward(self, x: Tensor, g: Tensor | None = None) -> Tensor:
        """(1, C, H, W) -> (1, C_out, H, W), float32."""
        return self.finish(x, self.remainder(x, g))

    def remainder(self, x: Tensor, g: Tensor | None = None) -> Tensor:
        """All the work; in float32 whatever the precision asked for. ApplyError when it does not run."""
        try:
            with torch.autocast(x.device.type, enabled=False):
                made = self.inner(list(torch.split(x.float(), self.counts, dim=1)))
        except Exception as error:  # a network may fail in any way that its maker did not think of
            if isinstance(error, UnderstudyError) or is_out_of_memory(error):
                raise
            raise self._failed(error, x) from error
        return fitted(made, x, self.outputs)

    def _failed(self, error: Exception, x: Tensor) -> ApplyError:
        return ApplyError(
            f"The network does not run on a picture of {x.shape[3]} x {x.shape[2]} pixels.",
            found=last_line(error),
            where=str(self.path),
            remedy="If it needs larger ones, give a larger size_multiple in the TOML beside it.",
        )

    def finish(self, x: Tensor, remainder: Tensor) -> Tensor:
        """Nothing is left to do."""
        return remainder.float()


def last_line(error: Exception) -> str:
    """The line of a long message that says what happened."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1].strip()[:200] if lines else 'no more is said'}"


def fitted(made: Tensor, x: Tensor, outputs: int) -> Tensor:
    """The result as planes of the input's size. ModelFileError when it is not."""
    made = made[:, None] if made.ndim == 3 else made
    if made.ndim != 4 or made.shape[1] != outputs or made.shape[-2:] != x.shape[-2:]:
        raise ModelFileError(
            "The network gives something else than its TOML says.",
            expected=f"a result of shape {(1, outputs, *x.shape[-2:])}",
            found=f"shape {tuple(made.shape)}",
            remedy="Correct the TOML beside it, or bring it in again with: understudy import",
        )
    return made


def open_network(path: Path, side: Sidecar) -> OnnxNetwork | ScriptNetwork:
    """The network itself: a list of pictures (1, C, H, W) in, its first result out."""
    if not path.is_file():
        raise ModelFileError(
            "There is no such file.", expected="an ONNX or TorchScript file", where=str(path)
        )
    return OnnxNetwork(path, side) if path.suffix.lower() == ".onnx" else ScriptNetwork(path, side)


class OnnxNetwork(nn.Module):
    """An ONNX file on the CPU; scalar inputs get the defaults of the sidecar's options."""

    runtime = "onnxruntime"

    def __init__(self, path: Path, side: Sidecar) -> None:
        super().__init__()
        self.bytes_per_pixel = bytes_per_pixel(path)
        self.session = open_session(path)
        given = self.session.get_inputs()
        unknown = [each.type for each in given if each.type not in TYPES]
        if unknown:
            raise _cannot(path, f"an input of type {unknown[0]}")
        by_name = {each.name: each for each in given}
        pictures = [each for each in given if len(each.shape) == 4]
        named = [port.tensor for port in side.inputs]
        self.pictures = [by_name[name] for name in named] if _all_known(named, by_name) else pictures
        if side.inputs and len(self.pictures) != len(side.inputs):
            raise _wrong_count(path, len(pictures), len(side.inputs))
        defaults = {option.tensor or option.name: option.default for option in side.options or ()}
        self.scalars = {each.name: _scalar(each, defaults) for each in given if len(each.shape) != 4}

    def forward(self, pictures: list[Tensor]) -> Tensor:
        feed = {
            spec.name: _cast(np.ascontiguousarray(picture.cpu().numpy()), TYPES[spec.type])
            for spec, picture in zip(self.pictures, pictures, strict=True)
        }
        made = _run(self.session, feed | self.scalars)
        return torch.from_numpy(np.array(made, np.float32)).to(pictures[0].device)


def _run(session: Any, feed: dict[str, np.ndarray]) -> np.ndarray:
    """The first result. MemoryError when there was not enough, so that the frame is tried in tiles."""
    try:
        return session.run(None, feed)[0]
    except Exception as error:  # onnxruntime's own errors have no common base
        told = str(error).lower()
        if "failed to allocate" in told or "bad_alloc" in told or "bad allocation" in told:
            raise MemoryError(last_line(error)) from error
        raise


def _all_known(names: list[str], known: dict[str, Any]) -> bool:
    return bool(names) and all(name in known for name in names)


def _cast(planes: np.ndarray, kind: Any) -> np.ndarray:
    if kind == np.uint8:
        return np.rint(np.clip(planes, 0, 255)).astype(np.uint8)
    return planes.astype(kind, copy=False)


def _scalar(spec: Any, defaults: dict[str, Any]) -> np.ndarray:
    value = defaults.get(spec.name)
    return np.full([1] * len(spec.shape), 1 if value is None else value, TYPES[spec.type])


def open_session(path: Path) -> Any:
    """An onnxruntime session on the CPU. MissingPackageError, ModelFileError."""
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common base
        raise _cannot(path, str(error).strip()[:300]) from error


class ScriptNetwork(nn.Module):
    """A TorchScript file. It is a program: only for files whose makers are trusted."""

    runtime = "TorchScript"
    bytes_per_pixel = 0.0

    def __init__(self, path: Path, side: Sidecar) -> None:
        super().__init__()
        self.module = open_script(path)
        arguments = list(self.module.forward.schema.arguments)[1:]
        kinds = [each.type.kind() for each in arguments]
        pictures = kinds.count("TensorType")
        if side.inputs and pictures != len(side.inputs):
            raise _wrong_count(path, pictures, len(side.inputs))
        defaults = {option.tensor or option.name: option.default for option in side.options or ()}
        self.given = [
            None if kind == "TensorType" else _plain(each, defaults)
            for each, kind in zip(arguments, kinds, strict=True)
        ]

    def forward(self, pictures: list[Tensor]) -> Tensor:
        waiting = iter(pictures)
        made = self.module(*(next(waiting) if each is None else each for each in self.given))
        return made if isinstance(made, Tensor) else made[0]


def _plain(argument: Any, defaults: dict[str, Any]) -> Any:
    """The value of an argument that is no picture: of the sidecar, else its own default."""
    value = defaults.get(argument.name)
    if value is None and argument.has_default_value():
        value = argument.default_value
    zero = {"FloatType": 1.0, "IntType": 0, "BoolType": False, "StringType": ""}
    return zero.get(argument.type.kind(), 0) if value is None else value


def open_script(path: Path) -> Any:
    """The module in a TorchScript file. ModelFileError when it is not one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as error:
        raise _cannot(path, str(error).strip()[:300]) from error


def _cannot(path: Path, found: str) -> ModelFileError:
    return ModelFileError(
        "This network cannot be used.",
        expected="an ONNX or TorchScript file that takes pictures [1, channels, height, width]",
        found=found,
        where=str(path),
    )


def _wrong_count(path: Path, has: int, said: int) -> ModelFileError:
    return ModelFileError(
        "The TOML does not fit the network.",
        expected=f"{has} inputs, as the file has",
        found=f"{said}",
        where=str(path.with_suffix(".toml")),
        remedy="Name each picture that the network takes, in its order.",
    )
