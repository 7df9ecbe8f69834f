"""How close a result is to its ground truth: numpy only, used by training, benchmarks and examples alike."""

from understudy.measure.baseline import ColourFit, fit_colour, nearest_number
from understudy.measure.image import PERFECT_PSNR, iou, mean_absolute_error, mean_squared_error, psnr
from understudy.measure.temporal import Steadiness, flicker, mean_along_motion, steadiness

__all__ = [
    "PERFECT_PSNR",
    "ColourFit",
    "Steadiness",
    "fit_colour",
    "flicker",
    "iou",
    "mean_absolute_error",
    "mean_along_motion",
    "mean_squared_error",
    "nearest_number",
    "psnr",
    "steadiness",
]
