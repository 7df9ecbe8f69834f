"""Strokes as data: what a page, a script or a file may say, checked to the last number.

A document is of one frame. Coordinates are pixels of the plate's display window from its top left corner, y
down: the middle of the first pixel is at (0.5, 0.5). Strokes are laid down in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import dist
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from understudy.errors import SettingError

VERSION = 1
MOST_POINTS = 20_000  # of a stroke
MOST_STROKES = 1_000  # of a document
MOST_DOCUMENTS = 200
FARTHEST = 100_000.0  # pixels
LARGEST = 4096.0  # diameter of a brush, in pixels

MATTE_TOOLS = ("add", "remove", "edge")
IMAGE_TOOLS = ("reveal", "clone", "paint", "blur")
Tool = Literal["add", "remove", "edge", "reveal", "clone", "paint", "blur"]

Place = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
Part = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[int, Field(ge=-(10**12), le=10**12)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Pick(_Strict):
    """The file value of the plate or of the result, as it was before the strokes, in the pixel at ``at``."""

    of: Literal["plate", "result"]
    at: tuple[Place, Place]


class Stroke(_Strict):
    """One stroke of a brush.

    ``points``: (x, y, pressure from 0 to 1). ``size``: the diameter in pixels; ``hardness``: the part of the
    radius that is full; ``opacity``: how much of the tool shows. ``offset`` and ``from_frame`` are of clone:
    the pixel at (x + dx, y + dy) of that frame's result, the offset in whole pixels. ``colour`` (display
    sRGB) or ``pick`` are of paint. ``matte``: of a run of several, the name of the one that is put right.
    """

    tool: Tool
    points: tuple[tuple[Place, Place, Part], ...] = Field(min_length=1, max_length=MOST_POINTS)
    size: float = Field(default=40.0, gt=0, le=LARGEST)
    hardness: Part = 0.5
    opacity: Part = 1.0
    offset: tuple[Place, Place] | None = None
    from_frame: Number | None = None
    colour: tuple[Part, Part, Part] | None = None
    pick: Pick | None = None
    matte: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _fits_its_tool(self) -> Self:
        if self.tool == "paint" and (self.colour is None) == (self.pick is None):
            raise ValueError("paint needs either colour or pick")
        if self.tool != "paint" and (self.colour is not None or self.pick is not None):
            raise ValueError(f"{self.tool} takes no colour and no pick")
        if self.tool == "clone" and self.offset is None and self.from_frame is None:
            raise ValueError("clone needs an offset or a from_frame")
        if self.tool != "clone" and (self.offset is not None or self.from_frame is not None):
            raise ValueError(f"{self.tool} takes no offset and no from_frame")
        return self

    @property
    def shift(self) -> tuple[int, int]:
        """The offset of clone in whole pixels, so that what is cloned stays bit for bit."""
        right, down = self.offset or (0.0, 0.0)
        return round(right), round(down)

    @property
    def length(self) -> float:
        """Pixels from the first point to the last, along the stroke."""
        return sum(dist(a[:2], b[:2]) for a, b in pairwise(self.points))


class StrokesDocument(_Strict):
    """The strokes of one frame."""

    version: Literal[1] = 1
    frame: Number
    strokes: tuple[Stroke, ...] = Field(min_length=1, max_length=MOST_STROKES)

    def by_matte(self) -> dict[str, StrokesDocument]:
        """The strokes on each of several mattes, by its name; under "" where they name none."""
        names = dict.fromkeys(stroke.matte for stroke in self.strokes)
        return {
            name: self.model_copy(update={"strokes": tuple(s for s in self.strokes if s.matte == name)})
            for name in names
        }


def read_documents(values: Sequence[Any]) -> list[StrokesDocument]:
    """Documents from what JSON gave, those of one frame joined, in the order of frames. SettingError for what
    does not fit, and where it is."""
    if len(values) > MOST_DOCUMENTS:
        raise SettingError(
            "Too many frames have strokes at a time.",
            expected=f"at most {MOST_DOCUMENTS}",
            found=str(len(values)),
            remedy="Save more often.",
        )
    joined: dict[int, StrokesDocument] = {}
    for index, value in enumerate(values):
        document = _read(value, index)
        known = joined.get(document.frame)
        strokes = (*(known.strokes if known else ()), *document.strokes)
        joined[document.frame] = document.model_copy(update={"strokes": strokes})
    return [joined[number] for number in sorted(joined)]


def _read(value: Any, index: int) -> StrokesDocument:
    try:
        return value if isinstance(value, StrokesDocument) else StrokesDocument.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in (index, *first["loc"]))
        raise SettingError(
            "These strokes make no sense.",
            expected=first["msg"],
            found=repr(first["input"])[:80],
            where=f"strokes.{where}",
        ) from None


def check_kind(documents: Sequence[StrokesDocument], kind: str) -> None:
    """SettingError when a tool does not fit what the network makes, ``matte`` or ``image``."""
    tools = MATTE_TOOLS if kind == "matte" else IMAGE_TOOLS
    for document in documents:
        wrong = next((stroke.tool for stroke in document.strokes if stroke.tool not in tools), None)
        if wrong is not None:
            raise SettingError(
                f"The tool {wrong} is not for {'a matte' if kind == 'matte' else 'an image'}.",
                expected=", ".join(tools),
                found=wrong,
                where=f"frame {document.frame}",
            )
