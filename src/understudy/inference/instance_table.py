"""The table beside a frame: which instance is in which channel, in a JSON file of the frame's name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from understudy.inference.tracking import Track, Tracks
from understudy.models.further_tables import MOST_INSTANCES
from understudy.models.instances import Instance
from understudy.runs.files import write_atomically

LARGEST = 1 << 20


def table_path(frame: Path) -> Path:
    """Where the table of a frame lies."""
    return frame.with_suffix(".json")


def write_table(frame: Path, table: Mapping[str, Any], size: tuple[int, int]) -> None:
    """Write the table of a frame of ``size`` (width, height), whole or not at all. WriteError."""
    whole = {"frame": table["frame"], "width": size[0], "height": size[1], **table}
    write_atomically(table_path(frame), json.dumps(whole, ensure_ascii=False, indent=1) + "\n")


def read_tracks(frame: Path) -> Tracks | None:
    """The tracks that the table of a frame tells of; None where there is none that can be read."""
    try:
        with table_path(frame).open("rb") as file:
            table = json.loads(file.read(LARGEST))
        return {int(row["id"]): _track(row) for row in (*table["instances"], *table["lost"])}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _track(row: Mapping[str, Any]) -> Track:
    box = [float(each) for each in row["box"]]
    if len(box) != 4 or not all(map(math.isfinite, box)) or not 1 <= int(row["id"]) <= MOST_INSTANCES:
        raise ValueError(row)
    instance = Instance(
        int(row["label"]), str(row["name"]), float(row["score"]), (box[0], box[1], box[2], box[3])
    )
    return Track(instance, max(0, int(row.get("missing", 0))))
