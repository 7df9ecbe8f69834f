"""Make a set of pictures and exact mattes from photographs: shapes, hair and fine structures, textured by one
photograph, before another one.

    python examples/pairs/make_pairs.py PHOTOGRAPHS OUTPUT --count 20000

OUTPUT gets image/*.jpg, mask/*.png with the same names, and pairs.csv, in which every fiftieth pair, made of
photographs that no other pair has anything of, is for validation. The same call makes the same files; one
that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from cut_outs import Random, draw_matte
from rich.progress import track

from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from understudy.frames.formats import is_image_path

MOST_PIXELS = 1_000_000
VALIDATION_EVERY = 50
APART = 10
"""Every tenth photograph is for validation."""
QUALITY = 92
LIGHT = srgb_to_linear(np.arange(256, dtype=np.float32) / 255)


class Photographs:
    """8-bit pictures in a folder, made smaller where they are large."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and is_image_path(path))
        read = [(path.name, cv2.imread(str(path), cv2.IMREAD_COLOR)) for path in paths]
        self.names = [name for name, pixels in read if pixels is not None]
        self._pixels = [_smaller(pixels) for _, pixels in read if pixels is not None]
        if len(self.names) < 2:
            sys.exit(f"{folder}: expected two photographs or more, found {len(self.names)}")

    def crops(self, random: Random, side: int, validation: bool) -> tuple[np.ndarray, np.ndarray]:
        """Light (side, side, 3) of two photographs."""
        own = [at for at in range(len(self.names)) if (at % APART == 0) == validation]
        own = own if len(own) > 1 else list(range(len(self.names)))
        first, second = random.choice(own, 2, replace=False)
        return self._crop(random, int(first), side), self._crop(random, int(second), side)

    def _crop(self, random: Random, at: int, side: int) -> np.ndarray:
        picture = self._pixels[at]
        wanted = max(8, round(min(picture.shape[:2]) * float(random.uniform(0.3, 1.0))))
        top, left = (int(random.integers(0, length - wanted + 1)) for length in picture.shape[:2])
        part = picture[top : top + wanted, left : left + wanted]
        way = cv2.INTER_AREA if wanted >= side else cv2.INTER_CUBIC
        light = cv2.resize(LIGHT[part], (side, side), interpolation=way).clip(0, 1)
        return light[:, ::-1] if random.random() < 0.5 else light


def _smaller(pixels: np.ndarray) -> np.ndarray:
    share = (MOST_PIXELS / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    return cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else pixels


def make_pair(
    photographs: Photographs, seed: int, index: int, side: int
) -> tuple[str, np.ndarray, np.ndarray]:
    """A name, an 8-bit picture (side, side, 3) in BGR, and its 8-bit matte (side, side); a function of all
    that goes in."""
    random = np.random.default_rng([seed, index])
    kind, matte = draw_matte(random, side)
    subject, ground = photographs.crops(random, side, is_for_validation(index))
    if random.random() < 0.6:
        ground = cv2.GaussianBlur(ground, (0, 0), float(np.exp(random.uniform(-0.7, 1.8))))
    light = _lit(random, subject) * matte[..., None] + ground * (1 - matte[..., None])
    picture = np.round(linear_to_srgb(light.clip(0, 1).astype(np.float32)) * 255).astype(np.uint8)
    return f"{kind}_{index:06d}_x", picture, np.round(matte * 255).astype(np.uint8)


def _lit(random: Random, subject: np.ndarray) -> np.ndarray:
    """The subject under a light of its own: brighter or darker, tinted, from one side."""
    y, x = np.mgrid[: subject.shape[0], : subject.shape[1]].astype(np.float32) / len(subject) - 0.5
    turn, strength = random.uniform(0, 2 * np.pi), random.uniform(0, 0.9)
    shade = 1 + strength * (np.cos(turn) * x + np.sin(turn) * y)
    tint = np.exp(random.normal(0, 0.45) + random.normal(0, 0.12, 3)).astype(np.float32)
    return np.asarray(subject * tint * shade[..., None])


def is_for_validation(index: int) -> bool:
    return index % VALIDATION_EVERY == 0


def write_pair(photographs: Photographs, seed: int, index: int, side: int, output: Path) -> None:
    """Write a pair, unless it is there. The picture comes last, so that where it is the matte is too."""
    name, picture, matte = make_pair(photographs, seed, index, side)
    _write(output / "mask" / f"{name}.png", matte, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    _write(output / "image" / f"{name}.jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _write(path: Path, pixels: np.ndarray, options: list[int]) -> None:
    done, content = cv2.imencode(path.suffix, pixels, options)
    if not done:
        sys.exit(f"{path} could not be made")
    beside = path.with_name(f".tmp-{path.name}")
    beside.write_bytes(content.tobytes())
    os.replace(beside, path)


def write_list(output: Path) -> None:
    """pairs.csv of what is there, in the order of the numbers."""
    pictures = sorted((output / "image").glob("*.jpg"), key=lambda path: int(path.stem.split("_")[1]))
    rows = ["input,truth,split"]
    for path in pictures:
        split = "validation" if is_for_validation(int(path.stem.split("_")[1])) else "train"
        rows.append(f"image/{path.name},mask/{path.stem}.png,{split}")
    (output / "pairs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def check_made_alike(output: Path, said: dict[str, object]) -> None:
    """Exit where the folder holds pairs that were made otherwise."""
    path = output / "made.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != said:
        sys.exit(f"{output} holds pairs of another seed, size or of other photographs: name another folder")
    path.write_text(json.dumps(said, indent=1), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photographs", type=Path, help="a folder of photographs; those within it count too")
    parser.add_argument("output", type=Path, help="where the pairs go")
    parser.add_argument("--count", type=int, default=20_000, help="how many pairs (20000)")
    parser.add_argument("--side", type=int, default=320, help="pixels of a side (320)")
    parser.add_argument("--seed", type=int, default=0, help="another one makes other pairs (0)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="as many as there are cores")
    given = parser.parse_args(arguments)
    if min(given.count, given.threads) < 1 or not 16 <= given.side <= 2048 or given.seed < 0:
        parser.error("--count and --threads from 1, --side from 16 to 2048, --seed from 0")
    photographs = Photographs(given.photographs)
    for side in ("image", "mask"):
        (given.output / side).mkdir(parents=True, exist_ok=True)
    said = {"seed": given.seed, "side": given.side, "photographs": photographs.names}
    check_made_alike(given.output, said)
    there = {int(path.stem.split("_")[1]) for path in (given.output / "image").glob("[a-z]*.jpg")}
    missing = [index for index in range(given.count) if index not in there]
    with ThreadPoolExecutor(given.threads) as pool:
        cv2.setNumThreads(1)
        work = pool.map(
            lambda index: write_pair(photographs, given.seed, index, given.side, given.output), missing
        )
        for _ in track(work, "pairs", len(missing)):
            pass
    write_list(given.output)
    print(f"{given.count} pairs in {given.output}: understudy train --input {given.output / 'pairs.csv'} ...")
    return 0


if __name__ == "__main__":
    sys.exit(main())
