"""How close a result is to its ground truth: numpy only, used by training, benchmarks and examples alike."""

from understudy.measure.baseline import ColourFit, fit_colour, nearest_number
from understudy.measure.image import PERFECT_PSNR, iou, mean_absolute_error, mean_squared_error, psnr
from understudy.measure.mattes import PrecisionRecall, gradient_error, max_f, s_measure, sad
from understudy.measure.similarity import ssim
from understudy.measure.temporal import Steadiness, flicker, mean_along_motion, steadiness

__all__ = [
    "PERFECT_PSNR",
    "ColourFit",
    "PrecisionRecall",
    "Steadiness",
    "fit_colour",
    "flicker",
    "gradient_error",
    "iou",
    "max_f",
    "mean_absolute_error",
    "mean_along_motion",
    "mean_squared_error",
    "nearest_number",
    "psnr",
    "s_measure",
    "sad",
    "ssim",
    "steadiness",
]
