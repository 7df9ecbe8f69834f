"""What keying is worth as a start: made shots before a screen, of which five frames are put right.

    python -m zoo.keying_start --data ../shared/photographs --model keying.cat --folder /tmp/keying_start

Foregrounds of validation photographs, with hair, move before an uneven screen with grey markers; one of the
shots has a patch of the screen's own colour on what stands before it. The error of the alpha is that of the
frames that were never put right: of the keyer alone, of trainings from nothing, and from the keyer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio

import understudy
from understudy.colour.scene_linear import linear_to_srgb
from understudy.settings import TrainSettings
from understudy.training.train import train
from zoo.degrade.blur import defocus_kernel
from zoo.degrade.covers import body, strands, union
from zoo.degrade.light import Film
from zoo.degrade.noise import at_iso
from zoo.degrade.screen import BLUE, GREEN, draw_paint, draw_screen
from zoo.keying import composed, draw_foreground, draw_spill
from zoo.pictures import Pictures, load_pictures

SIDE, FRAMES, ISO = 256, 24, 400
PAINTED = (3, 8, 13, 18, 23)
SHOTS = {"patch": (11, GREEN, True), "hair": (12, BLUE, False)}
"""By name: the seed, the screen's colour, and whether the foreground has a patch of it."""
TAPE = np.array([0.2, 0.2, 0.2], np.float32)
HAIRY = 0.02
"""How much of the frame hair covers, at the least."""


@dataclass(frozen=True)
class Made:
    """One frame: the plate's light, the alpha, and the foreground without spill (side, side, C)."""

    plate: np.ndarray
    alpha: np.ndarray
    foreground: np.ndarray


def make_shot(pictures: Pictures, seed: int, key: int, patched: bool, side: int = SIDE) -> Iterator[Made]:
    """The frames of a shot, in order: what stands before the screen goes across it and turns."""
    random = np.random.default_rng(seed)
    paint = draw_paint(random, key)
    screen = _with_tape(draw_screen(random, side, paint, np.zeros((side, side), np.float32)))
    cover = _standing(random, side)
    foreground = draw_foreground(random, pictures, side, key, Film(linear=False))
    if patched:
        disc = _disc(side, side * 0.08)[..., None]
        foreground = foreground * (1 - disc) + disc * paint * np.float32(0.8)
    lit = foreground + draw_spill(random, foreground, cover, paint)
    kernel, camera = defocus_kernel(0.9), at_iso(ISO)
    for index in range(FRAMES):
        covers, own, seen = (_moved(each, index, side) for each in (cover, foreground, lit))
        alpha, straight, plate = composed(kernel, covers, own, seen, screen)
        yield Made(plate + camera.sample(random, plate), alpha, straight)


def _standing(random: np.random.Generator, side: int) -> np.ndarray:
    """A body with hair about the middle of the frame."""
    outline = body(random, side) * _disc(side, side * 0.3)
    return union(
        np.maximum(outline, _disc(side, side * 0.16)), strands(random, side) * _disc(side, side * 0.4)
    )


def _disc(side: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    return np.clip(radius - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)


def _with_tape(screen: np.ndarray) -> np.ndarray:
    """Lit from one side, with grey crosses, which a colour difference key takes for foreground."""
    side = len(screen)
    marked = screen * np.linspace(0.6, 1.2, side, dtype=np.float32)[None, :, None]
    for x, y in ((0.2, 0.3), (0.5, 0.2), (0.8, 0.35), (0.3, 0.75), (0.7, 0.8)):
        across, down, arm = round(x * side), round(y * side), max(3, side // 32)
        marked[down - 1 : down + 2, across - arm : across + arm] = TAPE
        marked[down - arm : down + arm, across - 1 : across + 2] = TAPE
    return cv2.GaussianBlur(marked, (0, 0), 0.6)


def _moved(planes: np.ndarray, index: int, side: int) -> np.ndarray:
    """As it stands in frame ``index``."""
    along = index / (FRAMES - 1) * 2 - 1
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), 12 * np.sin(3 * along), 1.0)
    turn[:, 2] += np.array([along * side * 0.22, side * 0.05 * np.cos(4 * along)])
    border = cv2.BORDER_CONSTANT if planes.ndim == 2 else cv2.BORDER_REPLICATE
    return cv2.warpAffine(planes, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)


def write_shot(folder: Path, frames: Sequence[Made], linear: bool) -> None:
    """The plate as EXR (``linear``) or PNG files, and what is put right of the frames ``PAINTED``."""
    for number, made in enumerate(frames, 1):
        light = (made.plate, np.dstack([made.foreground, made.alpha]))
        plate, rgba = light if linear else (linear_to_srgb(made.plate), _displayed(light[1]))
        ending, kind = (".exr", "half") if linear else (".png", "uint8")
        _write(folder / f"plate.{number:04d}{ending}", plate, ("R", "G", "B"), kind)
        if number in PAINTED:
            _write(folder / f"rgba.{number:04d}{ending}", rgba, ("R", "G", "B", "A"), kind)
            _write(folder / f"alpha.{number:04d}{ending}", made.alpha[..., None], ("Y",), kind)


def _displayed(rgba: np.ndarray) -> np.ndarray:
    return np.dstack([linear_to_srgb(rgba[..., :3]), rgba[..., 3]])


def _write(path: Path, planes: np.ndarray, names: tuple[str, ...], kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = oiio.ImageSpec(planes.shape[1], planes.shape[0], planes.shape[2], kind)
    spec.channelnames = names
    output = oiio.ImageOutput.create(str(path))
    assert output is not None
    if not (output.open(str(path), spec) and output.write_image(np.ascontiguousarray(planes, np.float32))):
        raise OSError(output.geterror())
    output.close()


def alpha_error(model: str, frames: Sequence[Made], linear: bool) -> float:
    """The mean error of the alpha of the frames that were not put right."""
    network = understudy.load(model, scene_linear=linear)
    place = network.description.output_channels.index("alpha") if network.description.kind == "image" else 0
    errors = []
    for number, made in enumerate(frames, 1):
        if number not in PAINTED:
            pixels = made.plate if linear else np.round(linear_to_srgb(made.plate).clip(0, 1) * 255) / 255
            found = network(np.asarray(pixels, np.float32))[..., place]
            errors.append(np.abs(found - made.alpha).mean())
    return float(np.mean(errors))


def trained(folder: Path, name: str, truth: str, ending: str, **asked: object) -> str:
    """The run of a training."""
    given = {
        "input": (str(folder / f"plate.####{ending}"),),
        "ground_truth": (str(folder / f"{truth}.####{ending}"),),
        "unmix": "straight" if truth == "rgba" else "off",
        "data_directory": str(folder / "runs"),
        "name": name,
        "model_size": "small",
        "held_out": "none",
        "coarse_view": 1,
        **asked,
    }
    return str(train(TrainSettings(**given)).run.path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 200])
    parser.add_argument("--truth", choices=("alpha", "rgba"), default="alpha")
    parser.add_argument("--only", choices=tuple(SHOTS))
    given = parser.parse_args()
    pictures = load_pictures(given.data, "validation")
    for shot, (seed, key, patched) in SHOTS.items():
        if given.only not in (None, shot):
            continue
        linear, folder = patched, given.folder / shot
        frames = list(make_shot(pictures, seed, key, patched))
        write_shot(folder, frames, linear)
        print(shot, given.truth, "keyer alone", f"{alpha_error(given.model, frames, linear):.4f}", flush=True)
        for steps in given.steps:
            for start in ("none", given.model):
                name = f"{given.truth}_{'none' if start == 'none' else 'keying'}_{steps}"
                ending = ".exr" if linear else ".png"
                run = trained(folder, name, given.truth, ending, max_steps=steps, initial_weights=start)
                print(shot, name, f"{alpha_error(run, frames, linear):.4f}", flush=True)


if __name__ == "__main__":
    main()
