"""Pairs on disk -> what is wrong with them, and truths put right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from understudy.artist.check.events import Looked, Report, Steps
from understudy.artist.check.repair import Repaired, refuse_folder, repair
from understudy.dataset.checks import Finding
from understudy.dataset.empty_frames import empty_sources
from understudy.dataset.file_check import check_sources
from understudy.dataset.matching import match
from understudy.dataset.sampling import are_many
from understudy.dataset.set_check import IN_FULL, check_many
from understudy.dataset.sources import Source
from understudy.errors import SettingError
from understudy.settings import CheckSettings, DataSettings


@dataclass(frozen=True)
class CheckResult:
    """``findings`` in the order of the pairs, ``pairs`` how many there are, ``repairs`` what was done for
    each truth where that was asked for, ``notes`` sentences on what is left over."""

    pairs: int
    findings: tuple[Finding, ...]
    repairs: tuple[Repaired, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, for programs."""
        names = ("frame", "name", "kind", "measure", "remedy", "confidence")
        values = [(f.number, f.name, f.kind, f.measure, f.remedy, f.confidence) for f in self.findings]
        return {
            "pairs": self.pairs,
            "findings": [dict(zip(names, each, strict=True)) for each in values],
            "repairs": [vars(each) for each in self.repairs],
            "notes": list(self.notes),
        }


def check(settings: CheckSettings, report: Report = lambda event: None) -> CheckResult:
    """Look at every pair of ``settings.data``; with ``settings.repair`` write repaired truths. ``report`` is
    called with a Looked at every step.

    Raises what reading the pairs raises, and SettingError for a folder that is not empty or holds the
    originals, before anything is written; WriteError after that.
    """
    sources, notes = match(settings.data)
    notes += empty_sources(settings.data, sources)[1]
    folder = settings.repair.repair
    if folder is not None:
        refuse_folder(folder, sources)
        _refuse_named(settings.data)
        _refuse_pictures(sources)
    if are_many(sources):
        many = check_many(sources, settings.data, settings.colour, _Many(report, len(sources)))
        return CheckResult(len(sources), many.findings, notes=(*notes, *many.notes))
    told = Steps(report, len(sources) * (3 if folder else 2))
    looked = check_sources(sources, settings.data, settings.colour, told=told)
    repairs = repair(folder, sources, looked, told) if folder else []
    return CheckResult(len(sources), looked.findings, tuple(repairs), (*notes, *looked.notes))


class _Many:
    """Tells ``report`` of the headers of ``count`` pairs, and then of the sample."""

    def __init__(self, report: Report, count: int) -> None:
        self._report, self._count, self._steps = report, count, 0

    def __call__(self, number: int, what: str) -> None:
        total = self._count + 2 * IN_FULL
        if what not in ("read", "looked at"):
            self._report(Looked(number, what, number, total))
            return
        self._steps += 1
        self._report(Looked(number, what, min(total, self._count + self._steps), total))


def _refuse_pictures(sources: Sequence[Source]) -> None:
    """SettingError where truths are those of pictures: repaired ones are named by frame number."""
    if not any(source.plate.is_set for source in sources):
        return
    raise SettingError(
        "Ground truths of pictures are not repaired.",
        expected="a shot, whose frames have numbers",
        found="pictures by name, of a list or of tar files",
        where="--repair",
        remedy="Leave --repair out, and mend what is found.",
    )


def _refuse_named(data: DataSettings) -> None:
    """SettingError where truths are read out of several shots: each of these is repaired by itself."""
    if not data.mattes:
        return
    raise SettingError(
        "Ground truths of several mattes are repaired one after the other.",
        expected="one ground truth",
        found=", ".join(data.mattes),
        where="--repair",
        remedy="Give --repair with one of the shots at a time, without a name: --ground-truth SHOT.",
    )
