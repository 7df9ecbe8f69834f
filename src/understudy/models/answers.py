"""What a network's first answer means: logits, classes, ids, or values to be spread over 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.errors import ModelFileError
from understudy.models.fitting import is_like
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor


def as_planes(made: Tensor, count: int, sent: tuple[int, int], last: bool, exact: bool) -> Tensor:
    """An answer in any of the layouts that are in use, as planes (N, C, H, W); as it is where it is no
    picture of what was ``sent``. ``last``: whether channels come last where both would do. ``exact``:
    whether its sides must be those that were sent times one number, or divided by one."""
    tolerance = {"tolerance": 1e-9} if exact else {}

    def fits(rows: int, columns: int) -> bool:
        return is_like(rows, columns, sent, **tolerance)

    shape = tuple(made.shape)
    if len(shape) == 2 and fits(*shape):
        return made[None, None]
    if len(shape) == 3:
        if shape[0] == count and fits(*shape[1:]):
            return made[:, None]
        if fits(*shape[1:]):
            return made[None]
        return made.permute(2, 0, 1)[None] if fits(*shape[:2]) else made
    if len(shape) != 4:
        return made
    first, second = fits(*shape[2:]), fits(*shape[1:3])
    return made.permute(0, 3, 1, 2) if second and (last or not first) else made


def activated(planes: Tensor, side: Sidecar, path: Path) -> Tensor:
    """Logits as the TOML says, and of them the classes that it names. ModelFileError for one that is not
    there."""
    import torch

    kind, wanted = side.activation, list(side.classes.values())
    if kind == "ids":
        ids = planes[:, :1].round()
        return torch.cat([(ids == number).float() for number in wanted], 1) if wanted else ids
    if wanted and max(wanted) >= planes.shape[1]:
        raise ModelFileError(
            "The TOML names a class that the network has not.",
            expected=f"numbers from 0 to {planes.shape[1] - 1}, as it gives {planes.shape[1]} channels",
            found=str(max(wanted)),
            where=str(path.with_suffix(".toml")),
        )
    if kind == "sigmoid":
        planes = torch.sigmoid(planes)
    elif kind == "softmax":
        planes = torch.softmax(planes, 1)
    elif kind == "argmax":
        chosen = planes.argmax(1, keepdim=True)
        planes = torch.cat([(chosen == number).float() for number in range(planes.shape[1])], 1)
    return planes[:, wanted] if wanted else planes


def joined(planes: Sequence[Tensor], side: Sidecar, path: Path) -> Tensor:
    """Several answers as one, their channels one after another; straight colours multiplied by the alpha
    among them. ModelFileError where they are no pictures of one size."""
    import torch

    if any(each.ndim != 4 or each.shape[-2:] != planes[0].shape[-2:] for each in planes):
        raise ModelFileError(
            "The outputs that are to become one result are not of one size.",
            expected="outputs [1, channels, height, width], of the same height and width",
            found="; ".join(str(tuple(each.shape)) for each in planes),
            where=str(path.with_suffix(".toml")),
        )
    made = torch.cat(list(planes), 1)
    alpha = alpha_of(side, made.shape[1])
    if not side.straight or alpha is None:
        return made
    others = [index for index in range(made.shape[1]) if index != alpha]
    made[:, others] = made[:, others] * made[:, alpha : alpha + 1] / side.output_span
    return made


def alpha_of(side: Sidecar, count: int) -> int | None:
    """Which of the result's channels is its alpha: the one of that name, of four without names the last."""
    names = [name.rpartition(".")[2].lower() for name in side.channels]
    if not names:
        return 3 if count == 4 else None
    return next((index for index, name in enumerate(names) if name in ("a", "alpha")), None)


def spread(planes: Tensor) -> Tensor:
    """Each picture's values from its smallest to its largest as 0 to 1; one that is constant becomes 0."""
    low, high = planes.amin((1, 2, 3), keepdim=True), planes.amax((1, 2, 3), keepdim=True)
    return (planes - low) / (high - low).clamp(min=1e-12)
