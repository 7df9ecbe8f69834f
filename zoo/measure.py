"""How good the networks are, beside what else there is, in one run.

    python -m zoo.measure --data ../shared/photographs [--only denoise] [--model FILE.cat] [--count 24]

denoise: Kodak's pictures, the middle of each, with the noise of a camera at several ISO, beside BM3D that is
told the true sigma. upscale: Kodak's pictures at half the size, beside bicubic. deblur: the middle of
validation photographs, shaken along paths that no training has seen, beside nothing. keying: validation
photographs as foregrounds before made screens, beside a colour difference keyer that is set by the truth.
motion-vectors: validation photographs in motion of kinds that no training has seen, beside OpenCV's DIS.
person: the validation photographs in --people and frames of the shots in --shots, beside selfie segmentation,
where --rival names its file.
denoise-renders: scenes of a kind that no training has seen, with --renders, beside Open Image Denoise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from understudy import load
from understudy.colour.scene_linear import srgb_to_linear
from understudy.device import prepare
from understudy.inference.vectors import load_vectors
from understudy.measure.image import psnr
from understudy.models.finding import resolve_model
from zoo import keying, rivals
from zoo.command import in_words
from zoo.degrade.blur import blurred, path_kernel, shake_path
from zoo.degrade.compression import quantised
from zoo.degrade.light import Film
from zoo.degrade.moving import Layer
from zoo.degrade.noise import at_iso
from zoo.degrade.shrink import halved
from zoo.measure_person import person_rows, photograph_rows
from zoo.measure_renders import render_rows
from zoo.pictures import LIGHT, Pictures, load_kodak, load_pictures
from zoo.row import Row
from zoo.training import CPU
from zoo.unseen_motion import SIDE, Pair, draw_pair, flying, hanging

Find = Callable[[np.ndarray, np.ndarray], np.ndarray]
Apply = Callable[[np.ndarray], np.ndarray]
SEED = 20_260
ISOS = (800, 3200, 12800)
LENGTHS = (6.0, 12.0, 24.0)
DENOISE_SIDE, DEBLUR_SIDE, KEYING_SIDE = 256, 640, 256
DISPLAY = Film(linear=False)
RINGING = 4 / 255


def middle(pixels: np.ndarray, side: int) -> np.ndarray:
    """The middle of a picture, of even sides."""
    height, width = (min(side, length) // 2 * 2 for length in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def as_file(values: np.ndarray) -> np.ndarray:
    """What an 8-bit file keeps of 0..1."""
    return quantised(values).astype(np.float32) / 255


def denoise_rows(apply: Apply, data: Path, count: int) -> Iterator[Row]:
    pictures = load_kodak(data).pixels[:count]
    for iso in ISOS:
        scores = np.array([_denoised(apply, picture, iso, n) for n, picture in enumerate(pictures)])
        before, after, other = scores.mean(0)
        beside = f"BM3D, told the true sigma: {other:.2f} dB" if rivals.HAS_BM3D else rivals.NO_BM3D
        what = f"Kodak, middle {DENOISE_SIDE} pixels of {len(pictures)}, camera noise as of ISO {iso}"
        yield Row(what, f"{after:.2f} dB", f"noisy: {before:.2f} dB; {beside}")


def _denoised(apply: Apply, picture: np.ndarray, iso: float, number: int) -> tuple[float, float, float]:
    """dB before and after, and of BM3D."""
    light = LIGHT[middle(picture, DENOISE_SIDE)]
    truth = DISPLAY.values(light)
    random = np.random.default_rng([SEED, number])
    noisy = as_file(DISPLAY.values(light + at_iso(iso).sample(random, light)))
    sigma = float(np.sqrt(np.square(noisy - truth).mean()))
    other = psnr(as_file(rivals.bm3d(noisy, sigma)), truth) if rivals.HAS_BM3D else np.nan
    return psnr(noisy, truth), psnr(as_file(apply(noisy)), truth), other


def upscale_rows(apply: Apply, data: Path, count: int) -> Iterator[Row]:
    pictures = load_kodak(data).pixels[:count]
    scores = np.array([_upscaled(apply, picture) for picture in pictures])
    after, matlab, opencv = scores.mean(0)
    yield Row(
        f"Kodak, {len(pictures)} pictures, at half the size (bicubic) and back",
        f"{after:.2f} dB",
        f"bicubic: {matlab:.2f} dB (a = -0.5), {opencv:.2f} dB (a = -0.75)",
    )


def _upscaled(apply: Apply, picture: np.ndarray) -> tuple[float, float, float]:
    truth = middle(picture, max(picture.shape)).astype(np.float32) / 255
    small = as_file(halved(truth))
    others = (rivals.bicubic(small, 2, sharpness) for sharpness in (-0.5, -0.75))
    first, second = (psnr(as_file(each), truth) for each in others)
    return psnr(as_file(apply(small)), truth), first, second


def deblur_rows(apply: Apply, data: Path, count: int) -> Iterator[Row]:
    pictures = load_pictures(data, "validation", count).pixels
    for length in LENGTHS:
        found = np.array([_deblurred(apply, picture, length, n) for n, picture in enumerate(pictures)])
        before, after, ringing, sharpness = found.mean(0)
        yield Row(
            f"validation photographs, middle {DEBLUR_SIDE} pixels of {len(pictures)}, unseen paths of "
            f"{length:.0f} pixels",
            f"{after:.2f} dB",
            f"nothing done: {before:.2f} dB; {100 * sharpness:.0f} % of the truth's sharpness, "
            f"{100 * ringing:.2f} % of pixels beyond what the truth has around them",
        )


def _deblurred(apply: Apply, picture: np.ndarray, length: float, number: int) -> tuple[float, ...]:
    """dB before and after; the share of pixels that overshoot; how sharp it is, of the truth."""
    light = LIGHT[middle(picture, DEBLUR_SIDE)]
    random = np.random.default_rng([SEED, number, int(length)])
    soft = blurred(light, path_kernel(shake_path(random, length)))
    truth, before = DISPLAY.values(light), as_file(DISPLAY.values(soft))
    after = as_file(apply(before))
    sharpness = _gradient(after) / _gradient(truth)
    return psnr(before, truth), psnr(after, truth), overshoot(after, truth), sharpness


def overshoot(result: np.ndarray, truth: np.ndarray) -> float:
    """The share of values that lie beyond all that the truth has within two pixels: ringing."""
    import cv2

    around = np.ones((5, 5), np.uint8)
    above = result > cv2.dilate(truth, around) + RINGING
    below = result < cv2.erode(truth, around) - RINGING
    return float((above | below).mean())


def _gradient(values: np.ndarray) -> float:
    return float(np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean())


def keying_rows(apply: Apply, data: Path, count: int) -> Iterator[Row]:
    pictures = load_pictures(data, "validation")
    found = np.array([_keyed(apply, pictures, number) for number in range(count)])
    ours, theirs, our_colour, their_colour = np.nanmean(found, 0)
    what = f"{len(found)} unseen foregrounds before unseen screens, {KEYING_SIDE} pixels"
    tuned = "a colour difference keyer at its best setting for each"
    yield Row(f"{what}: mean error of the alpha", f"{ours:.4f}", f"{tuned}: {theirs:.4f}")
    yield Row(f"{what}: mean error of the foreground", f"{our_colour:.4f}", f"{tuned}: {their_colour:.4f}")


def _keyed(apply: Apply, pictures: Pictures, number: int) -> tuple[float, float, float, float]:
    """The mean errors of both alphas, and of both foregrounds where there is one, in values of the file; NaN
    where there is no screen that a keyer could be set to."""
    random = np.random.default_rng([SEED, number])
    key = keying.draw_key(random)
    crop = keying.make_before(random, pictures, KEYING_SIDE, DISPLAY, key)
    straight, alpha = crop.truth[..., :3], crop.truth[..., 3]
    made = apply(crop.input)
    light = srgb_to_linear(crop.input)
    bare = light[alpha < 0.01]
    if not len(bare):
        return np.nan, np.nan, np.nan, np.nan
    screen = np.median(bare, 0)
    other = rivals.best_key(light, screen, key, alpha)
    colours = (
        DISPLAY.values(rivals.despilled(light, other, screen, key, share)) for share in (0.0, 0.5, 1.0)
    )
    errors = [_colour_error(each, straight, alpha) for each in colours]
    ours = _colour_error(np.clip(made[..., :3], 0, 1), straight, alpha)
    apart = (float(np.abs(np.clip(each, 0, 1) - alpha).mean()) for each in (made[..., 3], other))
    return (*apart, ours, min(errors))  # type: ignore[return-value]


def motion_rows(find: Find, data: Path, count: int) -> Iterator[Row]:
    """``find``: what finds the motion from one frame to another."""
    pictures = load_pictures(data, "validation")
    for name, make in MOTIONS.items():
        pairs = (_pair(make, pictures, number) for number in range(count))
        found = np.array([_motion_errors(find, pair) for pair in pairs])
        ours, theirs, our_edges, their_edges = np.nanmean(found, 0)
        what = f"{count} pairs of {SIDE} pixels, {name}: mean endpoint error"
        for where, mine, other in (
            ("", ours, theirs),
            (" within 5 pixels of motion edges", our_edges, their_edges),
        ):
            beside = f"OpenCV's DIS, medium: {other:.3f} pixels; {mine / other:.2f} of it"
            yield Row(f"{what}{where}", f"{mine:.3f} pixels", beside)


def _pair(make: Callable[..., list[Layer]], pictures: Pictures, number: int) -> Pair:
    random = np.random.default_rng([SEED, number])
    return draw_pair(random, make(random, pictures), blurred=number % 3 == 0)


def _motion_errors(find: Find, pair: Pair) -> tuple[float, ...]:
    """Pixels by which ours and DIS are off in the mean, and near edges of the motion; NaN where there are
    none."""
    found = find(pair.first, pair.second), rivals.dense_inverse_search(pair.first, pair.second)
    apart = [np.linalg.norm(each - pair.motion, axis=2) for each in found]
    near = [float(each[pair.near].mean()) if pair.near.any() else np.nan for each in apart]
    return (*(float(each.mean()) for each in apart), *near)


def _colour_error(made: np.ndarray, straight: np.ndarray, alpha: np.ndarray) -> float:
    """By as much as there is of the foreground; NaN where there is none."""
    total = float(alpha.sum())
    return float((np.abs(made - straight).mean(2) * alpha).sum() / total) if total > 1 else np.nan


ROWS: dict[str, Callable[[Apply, Path, int], Iterator[Row]]] = {
    "denoise": denoise_rows,
    "upscale": upscale_rows,
    "deblur": deblur_rows,
    "keying": keying_rows,
}
MOTION_ROWS = {"motion-vectors": motion_rows}
RENDER_ROWS = {"denoise-renders": render_rows}
PERSON = "person"
ALL = (*ROWS, *MOTION_ROWS, *RENDER_ROWS, PERSON)
MOTIONS = {"stars and rings that fly": flying, "photographs in space, a moving camera": hanging}


def _rows(name: str, flags: argparse.Namespace) -> Iterator[Row]:
    model, data, count = flags.model, flags.data, flags.count
    if name == PERSON:
        return _person_rows(load(model or name), flags)
    if name in RENDER_ROWS:
        network = load(model or name, precision="auto")
        return RENDER_ROWS[name](
            lambda light, layers: network.infer(light, beside=layers), flags.renders, count
        )
    if name in ROWS:
        return ROWS[name](load(model or name, precision="auto"), data, count)
    return MOTION_ROWS[name](load_vectors(model or resolve_model(name), CPU), data, count)


def _person_rows(apply: Apply, flags: argparse.Namespace) -> Iterator[Row]:
    """Of what is at hand to measure by."""
    if flags.people:
        yield from photograph_rows(apply, flags.people, flags.rival)
    if flags.shots:
        yield from person_rows(apply, flags.shots, flags.rival, flags.count)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m zoo.measure", description="Measure the networks.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of photographs")
    parser.add_argument("--renders", type=Path, help="what zoo.render_scenes has made")
    parser.add_argument("--people", type=Path, help="the folder of people that person learned from")
    parser.add_argument("--shots", type=Path, help="a folder of shots with mattes of people, for person")
    parser.add_argument("--rival", type=Path, help="selfie_segmentation.tflite, for person")
    parser.add_argument("--only", choices=ALL, help="this network alone")
    parser.add_argument("--model", type=Path, help="a .cat in place of the one that comes with the program")
    parser.add_argument("--count", type=int, default=24, help="of the pictures, the first so many")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    flags = parser.parse_args()
    in_words(lambda: run(flags))


def run(flags: argparse.Namespace) -> None:
    """Print every figure that is asked for, and keep them where a file is named."""
    prepare(CPU, 1)
    found: dict[str, list[Row]] = {}
    for name in [flags.only] if flags.only else ALL:
        found[name] = []
        for row in _rows(name, flags):
            found[name].append(row)
            print(f"{name}: {row.what}: {row.score} ({row.beside})", flush=True)
    if flags.json:
        text = {name: [row._asdict() for row in rows] for name, rows in found.items()}
        flags.json.write_text(json.dumps(text, indent=1))


if __name__ == "__main__":
    main()
