"""What is wrong with the pairs of a training, over files; and truths put right."""

from understudy.artist.check.events import Looked
from understudy.artist.check.job import CheckResult, check

__all__ = ["CheckResult", "Looked", "check"]
