"""Pictures of a run: three random crops as input, ground truth and output, and previews."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio

from understudy.colour import SRGB, ColourEncoding, decode, from_scene_linear, to_scene_linear
from understudy.colour.overlay import colour_of, lay_over
from understudy.dataset.layers import Layers
from understudy.errors import WriteError
from understudy.frames.image_writer import CUT_SHORT, is_cut_short
from understudy.runs.files import write_atomically

ROWS = 3
GAP = 4
LEGEND = 20
BACKGROUND = 0.12
GREY = 0.4


def display(values: np.ndarray, encoding: ColourEncoding) -> np.ndarray:
    """Network values (H, W, C) as 8-bit display RGB (H, W, 3): scene-linear through the sRGB curve, one
    channel as grey, two and more as red, green and blue."""
    pixels = decode(np.ascontiguousarray(values[..., :3], np.float32), encoding)
    if encoding.space == "raw":
        pixels = np.clip(values[..., :3], 0, 1)
    elif encoding.space != "srgb":
        pixels = from_scene_linear(to_scene_linear(_three(pixels), encoding), SRGB)
    return (np.clip(np.nan_to_num(_three(pixels)), 0, 1) * 255 + 0.5).astype(np.uint8)


def as_seen(layers: Layers, values: np.ndarray) -> np.ndarray:
    """What of a result (H, W, C) is looked at: of a plate that is taken apart, the foreground over grey."""
    if layers.unmix == "off":
        return values
    place, colours = layers.outputs.index("alpha"), layers.outputs.index("foreground.R")
    alpha, foreground = values[..., place : place + 1].clip(0, 1), values[..., colours : colours + 3]
    return np.asarray(alpha * foreground + (1 - alpha) * np.float32(GREY))


def mattes_over(plate: np.ndarray, mattes: np.ndarray) -> np.ndarray:
    """Several mattes (H, W, mattes), 0 to 1, in their colours over a plate that ``display`` gave; 8 bits."""
    over = lay_over(plate.astype(np.float32) / 255, mattes)
    return (np.clip(over, 0, 1) * 255 + 0.5).astype(np.uint8)


def with_legend(sheet: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """The sheet with the names of the mattes below it, each beside its colour."""
    strip = np.full((LEGEND, sheet.shape[1], 3), round(BACKGROUND * 255), np.uint8)
    left = GAP
    for index, label in enumerate(labels):
        box = (left, GAP), (left + LEGEND - 2 * GAP, LEGEND - GAP)
        cv2.rectangle(strip, *box, colour_of(index), cv2.FILLED)
        text = label.encode("ascii", "replace").decode()
        at = box[1][0] + GAP, LEGEND - 6
        cv2.putText(strip, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (220, 220, 220), 1, cv2.LINE_AA)
        left = at[0] + cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0] + 3 * GAP
    return np.concatenate([sheet, strip])


def _three(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[2] == 3:
        return pixels
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=2)


def make_sheet(rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """8-bit pictures (H, W, 3) of input, ground truth and output, a row each, with a gap between them."""
    height, width = rows[0][0].shape[:2]
    full = (GAP + (height + GAP) * len(rows), GAP + (width + GAP) * 3, 3)
    sheet = np.full(full, round(BACKGROUND * 255), np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = GAP + y * (height + GAP), GAP + x * (width + GAP)
            sheet[top : top + height, left : left + width] = picture
    return sheet


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write an 8-bit picture (H, W, 3), whole or not at all. WriteError when it cannot be."""

    def write(target: Path) -> None:
        spec = oiio.ImageSpec(picture.shape[1], picture.shape[0], picture.shape[2], "uint8")
        output = oiio.ImageOutput.create(str(target))
        if output is None or not (
            output.open(str(target), spec)
            and output.write_image(np.ascontiguousarray(picture))
            and output.close()
        ):
            raise _not_written(path, oiio.geterror())
        if is_cut_short(target, "png"):
            raise _not_written(path, CUT_SHORT)

    write_atomically(path, write)


def _not_written(path: Path, found: str) -> WriteError:
    return WriteError("A picture could not be written.", where=str(path), found=found)
