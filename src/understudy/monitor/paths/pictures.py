"""Folders of pictures that are paired by name: none of their files may lie outside of the allowed folders."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from understudy.dataset.by_name import pictures_in
from understudy.dataset.matching import are_by_name
from understudy.monitor.paths.allowed import AllowedFolders
from understudy.settings import DataSettings
from understudy.settings.data import has_own_truths


def check_pictures(allowed: AllowedFolders, data: DataSettings) -> None:
    """PathNotAllowed where a picture of a folder that is learned from, or judged by, leads outside. Lists and
    tar files are looked at where their paths are."""
    for plate, truth in _folders(data):
        if are_by_name(plate, truth, data):
            for folder in (plate, truth):
                allowed.check_files(list(pictures_in(str(allowed.path(folder)))))


def _folders(data: DataSettings) -> Iterator[tuple[str, str]]:
    """Each input with its ground truth, where it does not tell that itself."""
    for plate, truths in zip(data.input, data.truths, strict=True):
        if "" in truths:
            yield plate, truths[""]
    judged = [spec for spec in data.validation_input if not has_own_truths(spec)]
    for plate, truth in zip_longest(judged, data.validation_ground_truth, fillvalue=""):
        yield plate, truth
