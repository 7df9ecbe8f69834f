"""Evaluating a network on whole frames: PSNR or IoU against the ground truth of a pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from understudy.dataset.pairs import Pair
from understudy.device import autocast, memory_format
from understudy.inference.memory import activation_budget, bytes_per_pixel
from understudy.inference.tiles import pad_to_stride, run_tiled
from understudy.inference.torch_engine import TorchEngine
from understudy.measure import iou, psnr
from understudy.network.effect import EffectNetwork
from understudy.network.places import with_places

WHOLE_ON_CPU = 1_300_000
TILE = 1024
CODES = 255.0
MIDDLE = 1280
SAMPLE = 512
BAND = 256


@dataclass(frozen=True)
class Score:
    """The score on one frame: PSNR in dB of network values (image) or IoU (matte); higher is better. Of
    several mattes ``values`` has that of each, NaN for one that the frame does not tell, and ``value`` is
    their mean."""

    metric: str
    value: float
    frame: int
    values: tuple[float, ...] = ()


def predict(network: EffectNetwork, pixels: np.ndarray, device: torch.device, precision: str) -> np.ndarray:
    """Network values (height, width, channels) -> (height, width, outputs), whole or in tiles."""
    height, width = pixels.shape[:2]
    engine = TorchEngine(network, device, precision)
    with torch.inference_mode(), autocast(device, "float32"):
        x = _planes(network, pixels).to(device)
        x = pad_to_stride(x.contiguous(memory_format=memory_format(device)), engine.stride)
        tile = None if height * width <= _most_pixels(engine, x.shape[1]) else (TILE, TILE)
        y = run_tiled(engine, x, engine.globals(x), tile, "auto")[0, :, :height, :width]
    return np.ascontiguousarray(y.permute(1, 2, 0).float().cpu().numpy())


def _most_pixels(engine: TorchEngine, channels: int) -> int:
    """How large a frame may be to be computed as a whole, beside the training that holds memory as well."""
    if engine.device.type == "cpu":
        return WHOLE_ON_CPU
    return int(activation_budget(engine.device) / bytes_per_pixel(engine, channels))


def _planes(network: EffectNetwork, pixels: np.ndarray) -> torch.Tensor:
    """(height, width, channels) -> what the network takes of a whole frame."""
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return with_places(x) if network.placed else x


def evaluate(network: EffectNetwork, pair: Pair, device: torch.device, precision: str, matte: bool) -> Score:
    """The score of ``network`` on the pixels of ``pair`` that have weight."""
    result, truth = predict(network, pair.input, device, precision), known_truth(pair)
    if matte:
        each = tuple(float(iou(result[..., k], truth[..., k])) for k in range(truth.shape[2]))
        known = [value for value in each if np.isfinite(value)]
        mean = float(np.mean(known)) if known else math.nan
        return Score("IoU", mean, pair.number, each if len(each) > 1 else ())
    return Score("dB", psnr_of(result, truth), pair.number)


def known_truth(pair: Pair) -> np.ndarray:
    """The truth, NaN where the pair has no weight: such pixels are not compared."""
    return pair.truth if pair.weight.all() else np.where(pair.weight > 0, pair.truth, np.float32(np.nan))


def psnr_of(result: np.ndarray, truth: np.ndarray) -> float:
    """dB of network values: both limited to 0..1, as a screen does, but not closer than the truth goes, so
    that an effect on highlights, or on values below 0, counts. NaN of the truth is left out."""
    low, high = np.nanmin(truth, initial=0.0), np.nanmax(truth, initial=1.0)
    return float(psnr(result.clip(low, high), truth, clip=False))


def score_colour_fit(network: EffectNetwork, pair: Pair) -> Score:
    """The score of the colour fit alone on an image pair; computed in bands, as its many terms need
    memory."""
    with torch.inference_mode():
        x = _planes(network, pair.input)
        bands = [network.base(band.to(network.low.device)).cpu() for band in x.split(BAND, dim=2)]
        base = torch.cat(bands, 2)[0].permute(1, 2, 0).numpy()
    return Score("dB", psnr_of(base, known_truth(pair)), pair.number)


def score_plate(pair: Pair) -> Score:
    """The score of the unchanged plate on an image pair whose truth has the plate's channels, or the first of
    them."""
    plate = pair.input[..., : pair.truth.shape[2]]
    return Score("dB", psnr_of(plate, known_truth(pair)), pair.number)


def compared_with(held_out: int) -> int:
    """The index of the pair that the held-out one is compared with."""
    return held_out - 1 if held_out else held_out + 1


def middle_of(pair: Pair, compared: bool = True) -> Pair:
    """A copy of the middle of what counts of the pair: at most 1280 x 1280 pixels, enough to compare it by,
    or 512 x 512, which the difference of bfloat16 is measured on."""
    side = MIDDLE if compared else SAMPLE
    spans = [_span(np.any(pair.weight, axis=axes)) for axes in ((1, 2), (0, 2))]
    parts = [_middle(part, side, spans) for part in (pair.input, pair.truth, pair.weight)]
    return replace(pair, input=parts[0], truth=parts[1], weight=parts[2])


def _span(counts: np.ndarray) -> tuple[int, int]:
    """From where to where something counts; the whole where nothing does."""
    places = np.flatnonzero(counts)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, len(counts))


def _middle(planes: np.ndarray, side: int, spans: Sequence[tuple[int, int]] | None = None) -> np.ndarray:
    """A copy of so many pixels in the middle of ``spans``, down and across, but inside the frame."""
    top, left = (
        max(0, min((first + last - side) // 2, length - side))
        for length, (first, last) in zip(
            planes.shape[:2], spans or [(0, length) for length in planes.shape[:2]], strict=True
        )
    )
    return np.array(planes[top : top + side, left : left + side], order="C")


def bfloat16_difference(network: EffectNetwork, pair: Pair, device: torch.device) -> float:
    """The largest difference that bfloat16 makes on a frame, in 8-bit code values; the crop of at most 512
    pixels in the frame's middle stands for it."""
    pixels = _middle(pair.input, SAMPLE)
    exact, quick = (predict(network, pixels, device, each) for each in ("float32", "bfloat16"))
    return float(np.abs(exact - quick).max() * CODES)
