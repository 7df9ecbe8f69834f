"""The last touch: what a compositor does to a finished matte, and grain for a finished image.

Arrays in, arrays out, of any size, one frame at a time; what is asked for is a ``FinishingSettings``.
"""

from understudy.finishing.despeckle import despeckle
from understudy.finishing.edges import edge_only, grow
from understudy.finishing.grain import Grain, add_grain, measure_grain
from understudy.finishing.matte import check_clip, finish_matte, matte_reach, matte_steps
from understudy.finishing.motion_blur import Motion, motion_blurred

__all__ = [
    "Grain",
    "Motion",
    "add_grain",
    "check_clip",
    "despeckle",
    "edge_only",
    "finish_matte",
    "grow",
    "matte_reach",
    "matte_steps",
    "measure_grain",
    "motion_blurred",
]
