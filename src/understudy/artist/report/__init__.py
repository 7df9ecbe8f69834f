"""A page on what a run made of a plate, for whoever decides whether it is good enough."""

from understudy.artist.report.report import Reported, report

__all__ = ["Reported", "report"]
