"""The layer of an outline that runs one command for all the frames of a task.

A Cuebot does that by itself, with the words under ``command``; the library's own layers, which its local back
end runs, have one command for each frame.
"""

from __future__ import annotations

from typing import Any

from outline.layer import Layer

from understudy.cluster.farm.opencue import FRAMES


class Understudy(Layer):
    """``words`` is the command line, with #FRAMESPEC# where the frames of a task belong."""

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.require_arg("command")
        self.require_arg("words")

    def _execute(self, frames: Any) -> None:
        text = ",".join(map(str, frames))
        self.system([word.replace(FRAMES, text) for word in self.get_arg("words")])
