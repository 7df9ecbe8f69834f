"""The .cat: one trained network, its colour, its channels and where it came from, in one safe file.

A .cat is safetensors: named tensors of float32, or of float16 where it has to be small, behind a JSON header.
Nothing in it is ever run. The header is read and checked before any tensor is, and tensors must have exactly
the names and shapes that the architecture in the header calls for. A network is float32 once it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.colour import ColourEncoding
from understudy.errors import ModelFileError
from understudy.network.card import ModelCard
from understudy.network.confidence import ConfidenceTable
from understudy.network.kinds import MOTION
from understudy.runs.files import write_atomically

FORMAT = "understudy.cat"
VERSION = 1
HEADER_KEY = "understudy"
CHECKSUM_KEY = "checksum"
MOST_HEADER = 16 << 20
MOST_CHANNELS = 64
MOST_OFFSET = 16
MOST_WHOLE = 1024
WHOLE_STEP = 32
"""Of a network that looks at whole pictures of one size: pixels a side, at the most, and in which steps."""
COLOURS = 3
"""Channels of each of the two frames that a network that finds motion takes, and of an albedo."""
COARSE_VIEWS = (1, 2, 4, 8, 16)
"""How many times smaller than the frame its coarse view can be; 1 stands for none."""


class ExtraInput(BaseModel):
    """A further input layer: its channels, and the colour encoding of its files. With an ``offset`` it is the
    plate itself, so many frames later."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    channels: list[str]
    colour: ColourEncoding
    offset: int = Field(default=0, ge=-MOST_OFFSET, le=MOST_OFFSET)


class ModelHeader(BaseModel):
    """What a .cat says of itself. ``precision`` holds ``bfloat16_difference``, in 8-bit code values.
    ``premultiplied``: straight colours are multiplied by their alpha for it, which they were not for networks
    before version 0.2.0. ``kind``: image, matte, or motion, of a network that finds where the pixels of one
    frame are in another. ``confidence``: how often its pixels are right, where that was measured. ``card``:
    what a network that comes trained says of itself. ``adapts``: it learned scene-linear values too,
    through the logarithmic curve, and takes those of a plate as they are."""

    model_config = ConfigDict(extra="ignore")

    format: str = FORMAT
    version: int = VERSION
    kind: str = Field(pattern="^(image|matte|motion)$")
    input_channels: list[str] = Field(min_length=1, max_length=MOST_CHANNELS)
    output_channels: list[str] = Field(min_length=1, max_length=MOST_CHANNELS)
    extra: list[ExtraInput] = Field(default=[], max_length=MOST_CHANNELS)
    colour_in: ColourEncoding
    colour_out: ColourEncoding
    premultiplied: bool = False
    scale: int = Field(default=1, ge=1, le=8)
    adapts: bool = False
    architecture: dict[str, Any]
    stride: int = Field(ge=1, le=1024)
    reach: int = Field(ge=0, le=1 << 16)
    precision: dict[str, float] = {}
    confidence: ConfidenceTable | None = None
    card: ModelCard | None = None
    provenance: dict[str, Any] = {}

    @property
    def offsets(self) -> tuple[int, ...]:
        """Which frames about the plate's own the network sees too, as their distance from it."""
        return tuple(extra.offset for extra in self.extra if extra.offset)


def read_header(path: str | Path) -> ModelHeader:
    """The header alone, without torch. ModelFileError when the file is missing, damaged, or not a .cat."""
    file = Path(path)
    metadata = read_metadata(file)
    try:
        header = ModelHeader.model_validate_json(metadata[HEADER_KEY])
    except (KeyError, ValidationError) as error:
        raise not_a_model(file, "safetensors without the header of a .cat") from error
    if header.format != FORMAT or header.version > VERSION:
        raise not_a_model(file, f"{header.format} version {header.version}")
    return header


def read_metadata(file: Path) -> dict[str, str]:
    """The text fields of a safetensors file, its lengths checked against the file's size first."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if not 2 <= length <= min(MOST_HEADER, size - 8):
                raise not_a_model(file, "a file of another kind, or a damaged one")
            values = json.loads(stream.read(length))
    except (OSError, struct.error) as error:
        raise not_a_model(file, getattr(error, "strerror", None) or "a file too short to be one") from error
    except (ValueError, RecursionError) as error:
        raise not_a_model(file, "a file of another kind, or a damaged one") from error
    metadata = values.get("__metadata__") if isinstance(values, dict) else None
    if not isinstance(metadata, dict):
        raise not_a_model(file, "safetensors without the header of a .cat")
    return {str(name): str(text) for name, text in metadata.items()}


def not_a_model(file: Path, found: str) -> ModelFileError:
    return ModelFileError(
        "This is not a model file that can be used.",
        expected=f"a .cat of version {VERSION} or older, as understudy train writes it",
        found=found,
        where=str(file),
        remedy="Give a run or a .cat of understudy; a .cat of another program is a different format.",
    )


def save_model(path: str | Path, header: ModelHeader, network: Any, half: bool = False) -> None:
    """Write a .cat, whole or not at all. ``network`` is an EffectNetwork. ``half``: its weights as float16,
    in half the space; what it is scaled by, and its colour fit, stay exact. ModelFileError for weights that
    are too large for it, WriteError when it cannot be written."""
    weights = {name for name, _ in network.named_parameters()} if half else set()
    tensors = {
        name: tensor.detach().cpu().to(_dtype(name in weights)).contiguous()
        for name, tensor in network.state_dict().items()
    }
    if half and not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise ModelFileError(
            "These weights do not go into half precision.",
            expected="numbers up to 65504",
            where=str(path),
            remedy="Save them in float32.",
        )
    write_tensors(path, tensors, {HEADER_KEY: header.model_dump_json()})


def _dtype(half: bool) -> Any:
    import torch

    return torch.float16 if half else torch.float32


def write_tensors(path: str | Path, tensors: dict[str, Any], metadata: dict[str, str]) -> None:
    """Write safetensors, whole or not at all, with a checksum of what is in the tensors."""
    from safetensors.torch import save

    data = save(tensors, {**metadata, CHECKSUM_KEY: _checksum(tensors)})
    write_atomically(Path(path), data)


def _checksum(tensors: dict[str, Any]) -> str:
    import torch

    mixed = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        mixed.update(name.encode())
        mixed.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy())
    return mixed.hexdigest()


def read_tensors(path: Path) -> dict[str, Any]:
    """All tensors of a safetensors file, on the CPU. ModelFileError when it is damaged, which weights that
    a disk has changed do not show by themselves; files from before there was a checksum are believed."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Any] = load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError, AttributeError) as error:
        # AttributeError: a type of number that this torch does not have
        raise not_a_model(path, f"damaged tensors ({type(error).__name__})") from error
    wanted = read_metadata(path).get(CHECKSUM_KEY)
    if wanted is not None and wanted != _checksum(tensors):
        raise not_a_model(path, "damaged tensors (they are not the ones that were written)")
    return tensors


def load_model(path: str | Path, device: Any = "cpu") -> tuple[ModelHeader, Any]:
    """The header and the network, on ``device``, ready to run. ModelFileError when anything does not fit."""
    header = read_header(path)
    network = build_network(header, Path(path))
    _fill(network, read_tensors(Path(path)), Path(path))
    return header, network.eval().to(device)


def build_network(header: ModelHeader, path: Path) -> Any:
    """An untrained network of the header's architecture. ModelFileError when that makes no sense."""
    return _build_motion(header, path) if header.kind == MOTION else _build_effect(header, path)


def _build_motion(header: ModelHeader, path: Path) -> Any:
    from understudy.network.motion import MotionNetwork, architecture_from

    try:
        shape = architecture_from(header.architecture)
        if len(header.input_channels) != COLOURS or header.stride != shape.stride:
            raise ValueError("channels or stride do not add up")
    except (TypeError, ValueError) as error:
        raise not_a_model(path, f"an architecture that makes no sense ({error})") from error
    return MotionNetwork(shape)


def _build_effect(header: ModelHeader, path: Path) -> Any:
    from understudy.network.build import build_effect
    from understudy.network.colour_fit import DEGREES
    from understudy.network.cores import is_known
    from understudy.network.effect import Architecture

    try:
        shape = Architecture(**header.architecture)
        counts = (
            shape.inputs,
            shape.outputs,
            shape.fit_inputs,
            shape.plate,
            shape.beside,
            shape.features,
        )
        sane = all(isinstance(n, int) and 0 <= n <= MOST_CHANNELS for n in counts)
        if not sane or not is_known(shape.size) or shape.fit not in DEGREES or shape.kind != header.kind:
            raise ValueError("architecture out of range")
        if type(shape.coarse) is not int or shape.coarse not in COARSE_VIEWS:
            raise ValueError("a coarse view out of range")
        if shape.inputs != len(header.input_channels) + sum(len(e.channels) for e in header.extra):
            raise ValueError("channels do not add up")
        if shape.outputs != len(header.output_channels) or shape.fit_inputs > _most_fitted(shape):
            raise ValueError("channels do not add up")
        if (shape.beside or any(e.offset for e in header.extra)) and not _are_beside(header, shape):
            raise ValueError("frames before and after do not add up")
        if type(shape.scale) is not int or shape.scale != header.scale:
            raise ValueError("another scale than the header has")
        if shape.scale > 1 and not _can_enlarge(shape):
            raise ValueError("a scale that it cannot have")
        network = build_effect(_that_can_key(_that_can_be(shape)))
        # Files of earlier versions give a reach that is a little more than it need be.
        if header.stride != network.stride or header.reach < network.reach:
            raise ValueError("another stride or reach than the architecture has")
    except (TypeError, ValueError, KeyError) as error:
        raise not_a_model(path, f"an architecture that makes no sense ({error})") from error
    return network


def _that_can_be(shape: Any) -> Any:
    """The architecture itself, which looks at frames as they are, or at pictures of a size that it can have.
    ValueError."""
    from understudy.network.cores import KERNELS
    from understudy.network.unet import SIZES

    alone = shape.coarse == 1 and shape.scale == 1
    if shape.size not in SIZES and not alone:
        raise ValueError("a nested network, or one that weighs light, which has another view or enlarges")
    if shape.size in KERNELS and not shape.albedo:
        raise ValueError("weights of light where there is no albedo to know the light by")
    sane = type(shape.whole) is int and 0 <= shape.whole <= MOST_WHOLE and not shape.whole % WHOLE_STEP
    if not sane or (shape.whole and not alone):
        raise ValueError("a size of whole pictures that it cannot have")
    if shape.albedo and not _can_divide(shape):
        raise ValueError("an albedo that it cannot have")
    return shape


def _that_can_key(shape: Any) -> Any:
    """The architecture itself, which has nothing to do with screens, or is one that can. ValueError."""
    from understudy.network.keying import can_key

    if type(shape.screen) is not bool or (shape.screen and not can_key(shape)):
        raise ValueError("a network before screens that it cannot be")
    return shape


def _can_enlarge(shape: Any) -> bool:
    """Whether an architecture adds to the plate alone, which is all that is made larger."""
    adds = shape.kind == "image" and shape.same_channels and shape.fit == "identity"
    return bool(adds) and shape.coarse == 1


def _can_divide(shape: Any) -> bool:
    """Whether an architecture makes three colours of three, and has an albedo behind its plate."""
    whole = shape.coarse == 1 and shape.scale == 1 and not shape.whole and not shape.beside
    sane = type(shape.albedo) is int and COLOURS <= shape.plate <= shape.albedo <= shape.inputs - COLOURS
    return bool(sane and whole and shape.kind == "image" and shape.outputs == COLOURS)


def _are_beside(header: ModelHeader, shape: Any) -> bool:
    """Whether the frames before and after that the header names are those that the architecture takes."""
    first = header.extra[: shape.beside]
    counts = {len(header.input_channels), *(len(extra.channels) for extra in first)}
    named = sum(extra.offset != 0 for extra in header.extra)
    return named == len(first) == shape.beside and all(e.offset for e in first) and counts == {shape.plate}


def _most_fitted(shape: Any) -> int:
    """How many channels a colour fit may look at; a cubic one of many would have no end of terms."""
    from understudy.network.colour_fit import CUBIC_CHANNELS, DEGREES

    if shape.kind == "matte" and shape.fit != "identity":
        raise ValueError("a matte with a colour fit")
    if shape.kind == "image" and shape.same_channels and shape.outputs > shape.inputs:
        raise ValueError("more outputs than inputs that they would change")
    return min(shape.inputs, CUBIC_CHANNELS) if DEGREES[shape.fit] == 3 else int(shape.inputs)


def _fill(network: Any, tensors: dict[str, Any], path: Path) -> None:
    wanted = network.state_dict()
    if set(wanted) != set(tensors) or any(wanted[n].shape != tensors[n].shape for n in wanted):
        raise not_a_model(path, "tensors that do not fit the architecture in the header")
    names = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()}
    if others := names - {"float32", "float16"}:
        raise not_a_model(path, f"tensors of {', '.join(sorted(others))}, where all are float32 or float16")
    tensors = {name: tensor.float() for name, tensor in tensors.items()}
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise not_a_model(path, "weights that are not numbers (NaN or Inf)")
    if "low" in wanted and not (tensors["high"] > tensors["low"]).all():
        raise not_a_model(path, "a range of values that has no width")
    network.load_state_dict(tensors)
