"""Draw docs/pictures/mattes.jpg: a made frame with two subjects that touch, their layers, and both over the
plate."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from understudy.colour.overlay import lay_over
from understudy.training.contact_sheet import with_legend

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "mattes.jpg"
SIZE, FINER = (150, 240), 4
NAMES = ("hero", "car")


def shapes() -> np.ndarray:
    """float32 (height, width, 2): somebody who leans on a car."""
    height, width = (side * FINER for side in SIZE)
    hero, car = (np.zeros((height, width), np.uint8) for _ in NAMES)
    cv2.ellipse(hero, (330, 150), (58, 70), 0, 0, 360, 255, -1)
    cv2.fillPoly(hero, [np.array([(250, 240), (410, 240), (440, 600), (230, 600)])], 255)
    cv2.line(hero, (400, 280), (540, 370), 255, 46)
    cv2.fillPoly(car, [np.array([(500, 330), (600, 230), (800, 230), (900, 340)])], 255)
    cv2.rectangle(car, (460, 330), (940, 480), 255, -1)
    for x in (570, 830):
        cv2.circle(car, (x, 485), 58, 255, -1)
    car[hero > 0] = 0
    small = [cv2.resize(each, SIZE[::-1], interpolation=cv2.INTER_AREA) for each in (hero, car)]
    return np.stack(small, 2).astype(np.float32) / 255


def plate(mattes: np.ndarray) -> np.ndarray:
    """float32 (height, width, 3), display values."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    noise = np.random.default_rng(2).normal(0, 0.02, (*SIZE, 3)).astype(np.float32)
    ground = np.stack([0.30 + y / 600, 0.38 + y / 700, 0.48 - y / 900], 2) + 0.05 * np.sin(x / 9)[..., None]
    for index, colour in enumerate(((0.62, 0.42, 0.34), (0.75, 0.72, 0.30))):
        matte = mattes[..., index : index + 1]
        ground = ground * (1 - matte) + (np.float32(colour) + 0.12 * np.cos(y / 12)[..., None]) * matte
    return np.clip(ground + noise, 0, 1)


def tile(name: str, picture: np.ndarray) -> np.ndarray:
    pixels = np.repeat(picture, 3, 2) if picture.shape[2] == 1 else picture
    framed = cv2.copyMakeBorder(
        (pixels * 255).astype(np.uint8), 24, 4, 4, 4, cv2.BORDER_CONSTANT, value=(30,) * 3
    )
    return cv2.putText(framed, name, (8, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (230,) * 3, 1, cv2.LINE_AA)


def main() -> None:
    mattes = shapes()
    seen = plate(mattes)
    layers = [tile(f"{name}.A", mattes[..., index : index + 1]) for index, name in enumerate(NAMES)]
    row = np.hstack([tile("plate", seen), *layers, tile("both over the plate", lay_over(seen, mattes))])
    sheet = with_legend(row, NAMES)
    cv2.imwrite(str(PICTURE), np.ascontiguousarray(sheet[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
