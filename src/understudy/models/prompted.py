"""A network that is told what is meant: points, a box, and the mask that it made of the frame before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from understudy.errors import ModelFileError, RequestError
from understudy.models.adapted import AdaptedFile
from understudy.models.call import NetworkCall
from understudy.models.fitting import inner_size, resample
from understudy.models.further_tables import PromptText
from understudy.models.imported import ImageFunction
from understudy.models.prompts import PROMPTS, Prompts, read_prompts
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

    from understudy.models.fitting import Size

MASK = "mask"
"""What a call finds that goes into that of the next frame."""
LARGEST = float(1 << 14)
SIDE = 256
"""Of a mask whose input does not say its size."""
NUMBERS = {"points": 2, "box": 4, "size": 2}
"""The last dimension of what takes them."""
NOTHING, LEFT_TOP, RIGHT_BOTTOM = -1.0, 2.0, 3.0
WANTS = "This network has to be told what is meant: give points or a box."


class FedFunction(ImageFunction, Protocol):
    """The function in a file that takes more than pictures and options."""

    fed: dict[str, Any]

    def with_feeds(
        self, images: Sequence[Tensor], options: Mapping[str, Any], feeds: Mapping[str, np.ndarray]
    ) -> tuple[list[Tensor], dict[str, np.ndarray]]: ...


@dataclass(frozen=True)
class _Told:
    """What is told of one frame. ``last``: the mask of the frame before; ``frame``, ``inner``: (height,
    width) of it, and of what of it goes in."""

    prompts: Prompts
    last: np.ndarray | None
    frame: Size
    inner: Size


class PromptedFile(AdaptedFile):
    """The function in a file that takes prompts: its options ``points`` and ``box``, as text in pixels of the
    picture. A frame is brought to the network's size as a whole, in its own proportions by ``fit = "pad"``,
    and then also enlarged; what is beside it is 0 after mean and deviation."""

    def __init__(self, file: FedFunction, side: Sidecar, told: PromptText) -> None:
        super().__init__(file, side)
        self._function, self.told = file, told
        self.options = (*file.options, *PROMPTS)
        self.takes_batches, self.sees_whole = False, True
        for name, role in told.inputs.items():
            _check_shape(role, file.fed[name], self.path)

    def ask(self, images: Sequence[Tensor], options: Mapping[str, Any], call: NetworkCall) -> list[Tensor]:
        """The mask (1, 1, H, W) of what is meant in images (1, C, H, W). RequestError where nothing says it,
        or that lies outside."""
        frame = images[0].shape[-2], images[0].shape[-1]
        prompts = read_prompts(str(options.get("points", "")), str(options.get("box", "")))
        if not prompts and MASK not in call.carried:
            raise RequestError(WANTS)
        prompts.check_within(frame[1], frame[0])
        inner = self._inner(frame)
        entered = [
            self._placed(each, inner, spec) for each, spec in zip(images, self.file.inputs, strict=True)
        ]
        told = _Told(prompts, call.carried.get(MASK), frame, inner)
        feeds = {
            name: self._fed(role, told, self._function.fed[name]) for name, role in self.told.inputs.items()
        }
        pictures, beside = self._function.with_feeds(entered, options, feeds)
        best = self._best(beside)
        if self.told.next_mask:
            call.found[MASK] = _one_of(beside[self.told.next_mask], best)
        planes = pictures[0].to(images[0].device)
        return [self._answered(planes, best, frame, inner)]

    def _inner(self, frame: Size) -> Size:
        """The size that the frame itself has in what goes in."""
        if self.size is None:
            return frame
        return self.size if self.side.fit != "pad" else inner_size(frame, self.size, LARGEST)

    def _placed(self, planes: Tensor, inner: Size, spec: Any) -> Tensor:
        """A picture as the file takes it, with nothing below and right of it."""
        from torch.nn.functional import pad

        entered = self._entered(resample(planes, inner, self._filter), spec)
        multiple = self.side.size_multiple
        full = self.size or (-(-inner[0] // multiple) * multiple, -(-inner[1] // multiple) * multiple)
        below, right = full[0] - inner[0], full[1] - inner[1]
        sides = (0, 0, 0, right, 0, below) if spec.layout == "NHWC" else (0, right, 0, below)
        return pad(entered, sides) if below or right else entered

    def _fed(self, role: str, told: _Told, spec: Any) -> np.ndarray:
        """What goes into an input of this role. RequestError for more points than it takes."""
        if role in ("points", "labels"):
            rows = np.asarray(self._rows(told.prompts, self._most(spec)), np.float64)
            made = rows[:, 2] if role == "labels" else rows[:, :2] * self._factors(told)
        elif role == "box":
            corners = told.prompts.box or (0.0, 0.0, float(told.frame[1]), float(told.frame[0]))
            made = np.asarray(corners) * np.tile(self._factors(told), 2)
        elif role == "size":
            made = np.asarray(told.frame)
        elif role == "has_mask":
            made = np.asarray([float(told.last is not None)])
        else:
            made = np.zeros(_shape_of_mask(spec)) if told.last is None else told.last
        return _typed(made, spec)

    def _rows(self, prompts: Prompts, count: int) -> list[tuple[float, float, float]]:
        """Points with their labels, with the box's corners where that has no input of its own; ``count`` of
        them where that is not 0."""
        rows: list[tuple[float, float, float]] = list(prompts.points)
        if prompts.box and not self.told.box:
            left, top, right, bottom = prompts.box
            rows += [(left, top, LEFT_TOP), (right, bottom, RIGHT_BOTTOM)]
        elif not rows or (self.told.padding and not self.told.box):
            rows.append((0.0, 0.0, NOTHING))
        rows += [(0.0, 0.0, NOTHING)] * (count - len(rows))
        if count and len(rows) > count:
            raise RequestError(
                f"This network takes no more than {count} points, corners of the box included."
            )
        return rows

    def _most(self, spec: Any) -> int:
        """How many points go in, where that is but one number; else 0."""
        count = spec.shape[-1 if spec.name == self.told.labels else -2]
        return count if isinstance(count, int) else 0

    def _factors(self, told: _Told) -> np.ndarray:
        """What x and y in pixels of the frame are multiplied by."""
        if self.told.coordinates == "frame":
            return np.ones(2)
        down, across = (1.0, 1.0) if self.told.coordinates == "unit" else told.inner
        return np.asarray([across / told.frame[1], down / told.frame[0]])

    def _best(self, beside: Mapping[str, np.ndarray]) -> int:
        """Which of several masks is the best, by what the network says of them."""
        quality = beside.get(self.told.quality)
        return int(np.argmax(quality)) if quality is not None and np.size(quality) else 0

    def _answered(self, made: Tensor, best: int, frame: Size, inner: Size) -> Tensor:
        """The best mask at the frame's size."""
        if made.ndim < 3:
            raise ModelFileError(
                "The network gives something else than a mask.",
                expected="an output (1, masks, height, width)",
                found=f"shape {tuple(made.shape)}",
                where=str(self.path.with_suffix(".toml")),
                remedy="Name the output that is the mask: output = NAME.",
            )
        several = made.reshape(1, -1, *made.shape[-2:])
        planes = self._answer(several[:, min(best, several.shape[1] - 1)][:, None], 0)
        if self.told.size or tuple(planes.shape[-2:]) == frame:
            return planes
        full = self.size or inner
        rows = max(1, round(planes.shape[-2] * inner[0] / full[0]))
        columns = max(1, round(planes.shape[-1] * inner[1] / full[1]))
        return resample(planes[..., :rows, :columns], frame, self._filter.of_answer)


def _check_shape(role: str, spec: Any, path: Path) -> None:
    """ModelFileError for an input that cannot take what it is to be given."""
    wanted = NUMBERS.get(role)
    last = spec.shape[-1] if spec.shape else None
    if wanted is None or not isinstance(last, int) or last == wanted:
        return
    raise ModelFileError(
        "An input that the TOML names for a prompt cannot take it.",
        expected=f"{role}: an input whose last dimension is {wanted}",
        found=f"{spec.name}: {spec.shape}",
        where=str(path.with_suffix(".toml")),
        remedy="Name the inputs that take points, labels, box and size under [prompts].",
    )


def _typed(values: np.ndarray, spec: Any) -> np.ndarray:
    """An array as the file's input takes it: its type, and as many dimensions. ModelFileError where it has
    fewer than the values need."""
    from understudy.models.onnx_tensors import TYPES

    missing = len(spec.shape) - values.ndim
    if missing < 0 and values.size == 1:
        values, missing = values.reshape(()), len(spec.shape)
    if missing < 0 or spec.type not in TYPES:
        raise ModelFileError(
            "A prompt does not fit the input that the TOML names for it.",
            expected=f"at least {values.ndim} dimensions",
            found=f"{spec.name}: {spec.shape}, {spec.type}",
        )
    return values.reshape((1,) * missing + values.shape).astype(TYPES[spec.type])


def _shape_of_mask(spec: Any) -> tuple[int, ...]:
    shape = [each if isinstance(each, int) else 1 for each in spec.shape]
    shape[-2:] = [each if isinstance(each, int) else SIDE for each in spec.shape[-2:]]
    return tuple(shape)


def _one_of(masks: np.ndarray, best: int) -> np.ndarray:
    """One of several masks (..., N, h, w), as (1, 1, h, w)."""
    several = masks.reshape(-1, *masks.shape[-2:])
    return several[min(best, len(several) - 1)][None, None]
