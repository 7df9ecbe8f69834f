"""Render what is no person, as people are rendered: animals, vehicles, furniture, trees.

    pip install mitsuba
    python -m zoo.people.render_things --data ../shared/photographs --output ../people --count 240

All shapes are made by code. Each picture is a function of the seed and its number, as those of people; light
and look are theirs. They lie beside people, as thing00000.png and so on. A run that was stopped goes on where
it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zoo.people import furniture, vehicles
from zoo.people.birds import bird
from zoo.people.creatures import four_legged
from zoo.people.render import PARTS, read_lights, render, write_missing
from zoo.people.view import draw_view
from zoo.people.wardrobe import Piece
from zoo.pictures import Pictures, load_pictures
from zoo.renders.environments import environments_of

Make = Callable[[np.random.Generator, Pictures], list[Piece]]
KINDS: tuple[tuple[Make, float], ...] = (
    (four_legged, 0.34),
    (bird, 0.08),
    (vehicles.bicycle, 0.11),
    (vehicles.motorcycle, 0.13),
    (vehicles.car, 0.06),
    (furniture.chair, 0.05),
    (furniture.rack, 0.05),
    (furniture.lamp, 0.03),
    (furniture.sign, 0.03),
    (furniture.tree, 0.03),
    (furniture.fence, 0.05),
    (furniture.tripod, 0.02),
    (furniture.tangle, 0.02),
)
"""What is drawn, and how often."""
CLOSE = 0.1
"""How many pictures do not show all of a thing."""
SIZE = 16.0
"""Decimetres that a thing is made high or long before it is rendered: cameras and patterns are those of
people."""


def draw_pieces(random: np.random.Generator, pictures: Pictures) -> list[Piece]:
    """Any thing."""
    makes, shares = zip(*KINDS, strict=True)
    return makes[int(random.choice(len(makes), p=shares))](random, pictures)


def take(random: np.random.Generator, pictures: Pictures, lights: list[np.ndarray]) -> np.ndarray:
    """One picture (H, W, 4) uint8."""
    pieces = draw_pieces(random, pictures)
    points = np.concatenate([piece.mesh.points for piece in pieces])
    scale = SIZE / float(np.ptp(points, axis=0).max())
    posed = [piece.mesh.points * scale for piece in pieces]
    near = posed[0][int(random.integers(len(posed[0])))]
    view = draw_view(random, points * scale, near, CLOSE)
    return render(random, pieces, posed, view, lights[int(random.integers(len(lights)))])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m zoo.people.render_things", description="Render what is no person."
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of photographs")
    parser.add_argument("--output", type=Path, required=True, help="where the pictures go")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    parser.add_argument("--seed", type=int, default=1)
    flags = parser.parse_args()
    import mitsuba as mi

    mi.set_variant("scalar_rgb")
    pictures = load_pictures(flags.data, "training")
    lights = read_lights(each for part in PARTS for each in environments_of(flags.data, part))
    flags.output.mkdir(parents=True, exist_ok=True)
    write_missing(flags, "thing", lambda random: take(random, pictures, lights))


if __name__ == "__main__":
    main()
