"""Where the demo keeps its things, and how an older demo is cleared away without touching anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from understudy.runs.folder import RunFolder, is_run

SEQUENCES = ("plate", "painted", "truth", "learned")
RUN_NAME = "demo"


@dataclass(frozen=True)
class Folders:
    """The demo's folder and what lies in it."""

    home: Path

    def pattern(self, sequence: str) -> str:
        """The frames of one of SEQUENCES as every command takes them: demo/plate/plate.####.exr."""
        return str(self.home / sequence / f"{sequence}.####.exr")

    def frame(self, sequence: str, number: int) -> Path:
        return self.home / sequence / f"{sequence}.{number:04d}.exr"

    @property
    def runs(self) -> Path:
        """The data directory."""
        return self.home / "runs"

    @property
    def contact_sheet(self) -> Path:
        return self.home / "contact_sheet.png"

    @property
    def scores(self) -> Path:
        return self.home / "scores.json"

    def prepare(self) -> None:
        """Remove what an older demo left, and make the folders. Files of any other name stay.

        Raises RunError when an older demo is still training.
        """
        if is_run(self.runs / RUN_NAME):
            RunFolder.open(self.runs / RUN_NAME).delete()
        for name in SEQUENCES:
            folder = self.home / name
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if re.fullmatch(rf"{name}\.\d{{4}}\.exr", path.name):
                    path.unlink()
        for path in (self.contact_sheet, self.scores):
            path.unlink(missing_ok=True)
