"""Opening a movie: by its file name alone, with no other protocol or playlist followed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from understudy.frames.av_library import load_av
from understudy.frames.formats import extension_of

DEMUXERS = {"mov": "mov", "mp4": "mov", "m4v": "mov", "mxf": "mxf", "mkv": "matroska"}


def open_movie(path: Path) -> Any:
    """PyAV's container. Raises what PyAV raises: FFmpegError, OSError, ValueError."""
    av = load_av(str(path))
    # an absolute path and a named demuxer: nothing else is ever read
    return av.open(os.path.abspath(path), format=DEMUXERS[extension_of(path)], metadata_errors="replace")
