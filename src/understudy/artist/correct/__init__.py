"""Corrections: kept in the folder of a run, learned by it, undone one by one."""

from understudy.artist.correct.job import CorrectResult, correct
from understudy.artist.correct.store import Sheet, add_correction, undo_correction

__all__ = ["CorrectResult", "Sheet", "add_correction", "correct", "undo_correction"]
