"""Trying a network out on made pictures, to find out what its description leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from understudy.errors import ModelFileError
from understudy.models.adapted import AdaptedFile
from understudy.models.call import NetworkCall
from understudy.models.description import ANY
from understudy.models.imported_network import fitted, last_line, scale_between
from understudy.models.sidecar import Sidecar
from understudy.models.state import STATE

MULTIPLES = (1, 2, 4, 8, 16, 32, 64, 128)
CHANNELS = (3, 4, 1, 2, 5, 6)
SIDES = ((3, 5), (2, 3))
LEAST = 24
UNIT = 1.5
"""Values up to this are meant to be 0 to 1."""


@dataclass(frozen=True)
class Trial:
    """What came out: channels of each input that it took and of the result, how many times larger that is,
    the multiple that height and width must have, the largest value, by its amount, and the smallest."""

    counts: list[int]
    outputs: int
    scale: int
    multiple: int
    largest: float
    smallest: float

    @property
    def is_unit(self) -> bool:
        """Whether the result holds values of 0 to 1."""
        return 0.0 < self.largest <= UNIT


def try_out(file: Path, network: AdaptedFile, side: Sidecar) -> Trial:
    """The first way in which the network runs on pictures of two sizes. ModelFileError when there is none."""
    given = "size_multiple" in side.model_fields_set or network.size is not None or side.fits_itself
    multiples = (side.size_multiple,) if given else MULTIPLES
    for counts in _possible_counts(network, side):
        for multiple in multiples:
            made = _at_two_sizes(network, counts, multiple, side.span)
            if made is not None:
                return made
    _refuse_lists(file, network, side)
    raise ModelFileError(
        "The network does not run on any picture that fits its description.",
        expected="a result [1, channels, height, width] of the input's size, or of whole times as much",
        found=_last_trouble(network, side),
        where=str(file),
        remedy="Say its inputs, their channels and its size_multiple in a TOML, and give it with --settings. "
        "Where an input takes what an output gave for the frame before, [state] says so; where one takes "
        "another frame, [frames].",
    )


def _refuse_lists(file: Path, network: AdaptedFile, side: Sidecar) -> None:
    """ModelFileError for a network that runs, and gives lists of numbers alone."""
    multiple = side.size_multiple if side.size_multiple > 1 else MULTIPLES[-1]
    try:
        made = _results(network, _possible_counts(network, side)[0], (3, 3), multiple, side.span)
    except Exception:  # a network may fail in any way that its maker did not think of
        return
    if any(each.ndim in (3, 4) and min(each.shape[-2:]) > 1 for each in made):
        return
    names = [image.name for image in network.outputs] + [str(place) for place in range(1, len(made) + 1)]
    shapes = [f"{name}: {' x '.join(map(str, each.shape))}" for name, each in zip(names, made, strict=False)]
    raise ModelFileError(
        "This network gives no picture, but lists of numbers.",
        expected="a result [1, channels, height, width] of the input's size, or of whole times as much",
        found=", ".join(shapes),
        where=str(file),
        remedy="What it finds can be drawn by a Python model of the server: docs/server.md, examples/.",
    )


def _possible_counts(network: AdaptedFile, side: Sidecar) -> list[list[int]]:
    """Channels of each input: as told, as the file says, or to be tried."""
    if side.inputs and all(port.channels != ANY for port in side.inputs):
        return [[side.inputs[each.input or 0].channels for each in network.pictures]]
    known = _known_counts(network)
    return (
        [[count if each is None else each for each in known] for count in CHANNELS]
        if None in known
        else [known]
    )


def _known_counts(network: AdaptedFile) -> list[Any]:
    """Channels of each input by the file itself; None where it does not say."""
    known = network.knows_channels
    return [image.count if known and image.count != ANY else None for image in network.inputs]


def _at_two_sizes(network: AdaptedFile, counts: list[int], multiple: int, span: float) -> Trial | None:
    """What comes out where the network takes two different sizes and makes the same of both; else None."""
    found = []
    for rows, columns in SIDES[:1] if network.size is not None else SIDES:  # of one size, two tell no more
        try:
            found.append(_run(network, counts, (rows, columns), multiple, span))
        except Exception:  # a network may fail in any way that its maker did not think of
            return None
    kinds = {(each.outputs, each.scale) for each in found}
    return max(found, key=lambda each: each.largest) if len(kinds) == 1 else None


def _side(count: int, multiple: int) -> int:
    """An odd number of multiples, large enough for most networks."""
    least = -(-LEAST // multiple)
    return multiple * (least + count + (least + count + 1) % 2)


def _run(
    network: AdaptedFile, counts: list[int], multiples: tuple[int, int], multiple: int, span: float
) -> Trial:
    made = _results(network, counts, multiples, multiple, span)
    picture = torch.empty(1, 1, *(_side(each, multiple) for each in multiples))
    scale = scale_between(made, picture)
    planes = fitted(made, picture, scale=scale)
    plain = planes.nan_to_num()
    return Trial(counts, int(planes.shape[1]), scale, multiple, float(plain.abs().max()), float(plain.min()))


def _results(
    network: AdaptedFile, counts: list[int], multiples: tuple[int, int], multiple: int, span: float
) -> list[torch.Tensor]:
    """All that the network makes of pictures of so many channels and multiples."""
    generator = torch.Generator().manual_seed(0)
    height, width = (_side(each, multiple) for each in multiples)
    pictures = [torch.rand(1, count, height, width, generator=generator) * span for count in counts]
    options = options_for(network, pictures[0])
    call = NetworkCall()
    with torch.inference_mode():
        made = network.ask(pictures, options, call)
        if STATE in call.found:  # what came out has to go in again
            made = network.ask(pictures, options, NetworkCall(carried=call.found))
    return made


def options_for(network: AdaptedFile, picture: torch.Tensor) -> dict[str, Any]:
    """The network's options, with a point in the middle of a picture where it has to be told what is
    meant."""
    options = {option.name: option.default for option in network.options}
    middle = f"{picture.shape[-1] / 2},{picture.shape[-2] / 2},1"
    corners = f"0,0,{picture.shape[-1]},{picture.shape[-2]}"
    told = network.side.prompts
    if told is not None:
        options["points" if told.points else "box"] = middle if told.points else corners
    return options


def _last_trouble(network: AdaptedFile, side: Sidecar) -> str:
    counts = _possible_counts(network, side)[0]
    multiple = side.size_multiple if side.size_multiple > 1 else MULTIPLES[-1]
    try:
        _run(network, counts, (3, 3), multiple, side.span)
    except ModelFileError as error:
        return f"{error.message.rstrip('.')}: {error.found} (expected: {error.expected})"
    except Exception as error:
        return last_line(error)
    return "results of different kinds at different sizes"
