"""What a network is told by clicks on a frame: the point that is clicked comes, or goes where it was."""

from __future__ import annotations

import math
from typing import Any

from understudy.errors import RequestError
from understudy.models.prompts import MOST_POINTS, Prompts, read_prompts


def told_by(given: dict[str, Any]) -> Prompts:
    """What stands in a form; nothing where that cannot be read."""
    try:
        return read_prompts(given.get("points") or "", given.get("box") or "")
    except RequestError:
        return Prompts()


def clicked(points: str, click: dict[str, Any]) -> str:
    """The points, as text, after a ``click``: ``x``, ``y`` in pixels of the frame, whether it is on the
    ``subject``, and how ``near`` a point has to be to be meant. What is no click changes nothing."""
    try:
        x, y, near = (float(click[name]) for name in ("x", "y", "near"))
        subject = bool(click["subject"])
    except (KeyError, TypeError, ValueError):
        return points
    if not all(map(math.isfinite, (x, y, near))):
        return points
    there = told_by({"points": points}).points
    left = tuple(each for each in there if math.hypot(each[0] - x, each[1] - y) > near)
    if len(left) == len(there) and len(there) < MOST_POINTS:
        left = (*there, (x, y, int(subject)))
    return Prompts(left).options["points"]


def marks(told: Prompts) -> dict[str, Any]:
    """The same for the viewer to draw."""
    return {"points": [list(each) for each in told.points], "box": list(told.box) if told.box else None}
