"""Which frames of a shot to paint: before anything is trained, and with a run that has learned from some."""

from understudy.artist.suggest.job import suggest
from understudy.artist.suggest.result import Looked, Said, Suggestion, Suggestions

__all__ = ["Looked", "Said", "Suggestion", "Suggestions", "suggest"]
