"""What moves where from one frame to the next: the only place that computes optical flow; no torch."""

from understudy.temporal.cuts import exposure_change, is_cut
from understudy.temporal.flow import LONGEST, Flow, chained, flow_between, flows_between, warp
from understudy.temporal.planes import LUMA, grey, reduced
from understudy.temporal.shutter import edge_widths, fitted_shutter
from understudy.temporal.steady import Beside, Look, steadied

__all__ = [
    "LONGEST",
    "LUMA",
    "Beside",
    "Flow",
    "Look",
    "chained",
    "edge_widths",
    "exposure_change",
    "fitted_shutter",
    "flow_between",
    "flows_between",
    "grey",
    "is_cut",
    "reduced",
    "steadied",
    "warp",
]
