"""What moves where from one frame to the next: the only place that computes optical flow; no torch."""

from understudy.temporal.cuts import exposure_change, is_cut
from understudy.temporal.flow import LONGEST, Flow, flow_between, warp
from understudy.temporal.planes import grey, reduced

__all__ = ["LONGEST", "Flow", "exposure_change", "flow_between", "grey", "is_cut", "reduced", "warp"]
