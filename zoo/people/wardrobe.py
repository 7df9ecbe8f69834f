"""A person from head to foot: skin, eyes, hair, clothes, shoes, hats, with colours and patterns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.people.body import Person
from zoo.people.cloth import cloth, of_hair, pattern, plain, read_picture
from zoo.people.clothes import LEGS, SLEEVES, TRUNK, Fit, cut, read_fit, skirt
from zoo.people.mesh import Mesh, sphere
from zoo.people.skeleton import Skeleton
from zoo.pictures import Pictures

SKINS = np.array(
    [[0.62, 0.38, 0.28], [0.5, 0.29, 0.19], [0.35, 0.19, 0.115], [0.16, 0.08, 0.05], [0.06, 0.03, 0.02]]
)
"""Linear light, from the lightest to the darkest."""
SUITS, HATS, BALD = 0.5, 0.07, 0.1
HELMETED, SHOD, BARE_CHEST = 0.12, 0.8, 0.12
HEAD = (
    *("head", "neck03", "jaw", "special", "oris", "oculi", "levator", "risorius"),
    *("temporalis", "orbicularis", "tongue", "eye"),
)


class Assets(NamedTuple):
    """Where the assets lie: ``data``: MakeHuman's makehuman/data; ``more``: base of makehuman-assets."""

    data: Path
    more: Path

    def fits(self, folder: str, pattern: str = "*") -> list[Path]:
        return sorted((self.more / folder).glob(f"{pattern}/*.mhclo"))


@dataclass(frozen=True)
class Piece:
    """A mesh at rest, what of the bones its points follow, and its look: ``picture`` (H, W, 3 or 4) uint8
    sRGB over its uvs, the fourth channel its coverage, or ``colours`` (points, 3) in linear light.
    ``roughness``: 0.05 to 1. ``patterned``: its uvs are taken from where its points are."""

    mesh: Mesh
    weights: np.ndarray
    picture: np.ndarray | None = None
    colours: np.ndarray | None = None
    roughness: float = 0.6
    patterned: bool = False


@dataclass(frozen=True)
class Wearer:
    """A body at rest, and all that is drawn for it."""

    random: np.random.Generator
    assets: Assets
    pictures: Pictures
    skeleton: Skeleton
    person: Person
    body: Mesh

    @property
    def gender(self) -> str:
        return "male" if self.person.male > 0.5 else "female"

    def cloth(self, texture: Path | None) -> np.ndarray:
        return cloth(self.random, self.pictures, texture)

    def skin(self) -> np.ndarray:
        """(points,): which points of the base mesh are the body's own."""
        own = np.zeros(len(self.body.points), bool)
        own[self.body.faces[self.body.groups == "body"]] = True
        return own


def dressed(wearer: Wearer) -> list[Piece]:
    """All that is to be seen of a person."""
    random = wearer.random
    worn: list[Piece] = []
    hidden: list[np.ndarray] = []
    if random.random() < SUITS:
        fits = [read_fit(file) for file in wearer.assets.fits("clothes", f"{wearer.gender}_*")]
        fit = fits[int(random.integers(len(fits)))]
        worn.append(_fitted(wearer, fit, wearer.cloth(fit.texture)))
        hidden.append(fit.hidden)
    else:
        worn += _tights(wearer)
    if random.random() < SHOD:
        files = wearer.assets.fits("clothes", "shoes*")
        fit = read_fit(files[int(random.integers(len(files)))])
        worn.append(_fitted(wearer, fit, wearer.cloth(fit.texture)))
        hidden.append(fit.hidden)
    return [_skin(wearer, np.concatenate([*hidden, [-1]]).astype(int)), *_face(wearer), *worn, *_head(wearer)]


def _fitted(wearer: Wearer, fit: Fit, picture: np.ndarray, roughness: float | None = None) -> Piece:
    rough = float(wearer.random.uniform(0.3, 1)) if roughness is None else roughness
    weights = fit.weights(wearer.skeleton.weights)
    return Piece(fit.on(wearer.body.points), weights, picture=picture, roughness=rough)


def _skin(wearer: Wearer, hidden: np.ndarray) -> Piece:
    """The body but for what is hidden, with redder lips and hands, and a little uneven."""
    random, body = wearer.random, wearer.body
    place = np.clip(random.normal(1.2 + 2.2 * wearer.person.origin["african"], 0.8), 0, len(SKINS) - 1.001)
    tone = SKINS[int(place)] * (1 - place % 1) + SKINS[int(place) + 1] * (place % 1)
    tone = tone * np.exp(random.normal(0, 0.12, 3)) * np.exp(random.normal(0, 0.15))
    uneven = 0.12 * waves(random, body.points, 4.0) + 0.06 * waves(random, body.points, 14.0)
    lips, ends = wearer.skeleton.following(("oris",)), wearer.skeleton.following(("finger", "toe"))
    redder = np.exp(np.outer(0.5 * np.clip(2 * lips - 0.6, 0, 1) + 0.12 * ends, [0.0, -1.0, -0.7]))
    colours = np.clip(tone * np.exp(uneven)[:, None] * redder, 0.005, 0.9)
    shown = np.ones(len(body.points), bool)
    shown[hidden[hidden >= 0]] = False
    part = body.part((body.groups == "body") & shown[body.faces].any(1))
    return Piece(part, wearer.skeleton.weights, colours=colours, roughness=float(random.uniform(0.3, 0.6)))


def _face(wearer: Wearer) -> Iterator[Piece]:
    """Eyes, brows and lashes."""
    random = wearer.random
    eyes = read_fit(wearer.assets.data / "eyes" / "high-poly" / "high-poly.mhclo")
    irises = [wearer.assets.data / "eyes" / "materials" / "brown_eye.png"]
    irises += sorted((wearer.assets.more / "eyes" / "materials").glob("*_eye.png"))
    yield _fitted(wearer, eyes, read_picture(irises[int(random.integers(len(irises)))]), 0.3)
    for folder in ("eyebrows", "eyelashes"):
        files = wearer.assets.fits(folder)
        fit = read_fit(files[int(random.integers(len(files)))])
        if fit.texture is not None:
            yield _fitted(wearer, fit, read_picture(fit.texture), 0.8)


def _head(wearer: Wearer) -> Iterator[Piece]:
    """Hair, or a helmet, or a hat, or nothing."""
    random = wearer.random
    if random.random() < HELMETED:
        yield _helmet(wearer)
        return
    if random.random() > BALD:
        fits = [read_fit(file) for file in wearer.assets.fits("hair")]
        fits = [fit for fit in fits if fit.texture is not None]
        fit = fits[int(random.integers(len(fits)))]
        assert fit.texture is not None
        yield _fitted(wearer, fit, of_hair(random, read_picture(fit.texture)), 0.5)
    if random.random() < HATS:
        fit = read_fit(wearer.assets.more / "clothes" / "fedora01" / "fedora.mhclo")
        yield _fitted(wearer, fit, wearer.cloth(None))


def _helmet(wearer: Wearer) -> Piece:
    """A shell about the head, open before the face, with or without a bar at the chin."""
    random, points = wearer.random, wearer.body.points
    inside = points[(wearer.skeleton.following(HEAD) > 0.5) & wearer.skin()]
    low, high = inside.min(0), inside.max(0)
    ball = sphere(48)
    way = ball.points
    brow, chin = random.uniform(0.1, 0.5), random.uniform(-0.9, 0.2)
    covered = np.where(way[:, 2] > 0.35, way[:, 1] > brow, way[:, 1] > chin)
    if random.random() < 0.4:
        covered |= (way[:, 1] < -0.3) & (way[:, 1] > -0.85)
    shell = (low + high) / 2 + way * (high - low) / 2 * random.uniform(1.15, 1.35)
    weights = np.zeros((len(way), len(wearer.skeleton.bones)))
    weights[:, wearer.skeleton.bones.index("head")] = 1
    picture = pattern(random, wearer.pictures) if random.random() < 0.4 else plain(random)
    mesh = ball.part(covered[ball.faces].all(1)).moved(shell)
    return Piece(mesh, weights, picture=picture, roughness=float(random.uniform(0.1, 0.5)), patterned=True)


def _tights(wearer: Wearer) -> Iterator[Piece]:
    """A top and trousers, shorts or a skirt, of one cloth or two."""
    random, body = wearer.random, wearer.body
    following = wearer.skeleton.following
    creased = random.uniform(0, 0.06) * waves(random, body.points, random.uniform(3, 10))
    one = wearer.cloth(None)
    legs = LEGS[: int(random.integers(2, len(LEGS) + 1))]
    lower = (*legs, "foot") if random.random() < 0.1 else legs
    other = one if random.random() < 0.25 else wearer.cloth(None)
    yield _cloth(wearer, cut(body, following((*lower, "spine05")), random.uniform(0.02, 0.15), creased), one)
    if wearer.gender == "female" and random.random() < 0.35:
        yield _cloth(wearer, skirt(body, creased, random.uniform(0.3, 1)), one)
    if wearer.gender == "female" or random.random() > BARE_CHEST:
        sleeves = SLEEVES[: int(random.integers(1, len(SLEEVES) + 1))]
        hem = TRUNK + (("pelvis",) if random.random() < 0.5 else ())
        yield _cloth(wearer, cut(body, following(hem + sleeves), random.uniform(0.05, 0.3), creased), other)


def _cloth(wearer: Wearer, mesh: Mesh, picture: np.ndarray) -> Piece:
    rough = float(wearer.random.uniform(0.3, 1))
    return Piece(mesh, wearer.skeleton.weights, picture=picture, roughness=rough, patterned=True)


def waves(random: np.random.Generator, points: np.ndarray, fine: float) -> np.ndarray:
    """A smooth random value at each point, about 0 and 1 in spread; ``fine``: waves about a body's
    height."""
    total = np.zeros(len(points))
    for _ in range(6):
        way = random.normal(0, fine / 16 * 2, 3)
        total += np.sin(points @ way * 2 + random.uniform(0, 2 * np.pi))
    return total / 3**0.5
