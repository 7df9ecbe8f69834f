"""Packing: pairs of large frames are never all ready at once."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as functional

from understudy.dataset import packing
from understudy.dataset.packing import BAND, GRID, Material, pack

SIZES = [(24, 40), (33, 17), (8, 8)]


def random_material(height: int, width: int, seed: int = 0, matte: bool = False) -> Material:
    generator = torch.Generator().manual_seed(seed)
    channels = (3, 1, 0, 1) if matte else (5, 3, 3, 1)
    return Material(*(torch.rand(height, width, count, generator=generator) for count in channels))


@pytest.mark.parametrize("matte", [False, True])
def test_every_pixel_of_every_part_lies_where_it_belongs(matte: bool) -> None:
    materials = [random_material(*size, seed, matte) for seed, size in enumerate(SIZES)]
    packed = pack(materials, SIZES)
    wanted = torch.cat([torch.cat(material.parts, 2).flatten(0, 1) for material in materials])
    assert torch.equal(packed.pixels, wanted)
    assert packed.parts == ((3, 1, 0, 1) if matte else (5, 3, 3, 1))
    assert packed.sizes.tolist() == [list(size) for size in SIZES]


def test_what_is_very_much_is_held_in_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "HALF_ABOVE", 1000)
    material = random_material(24, 40)
    packed = pack([material], [(24, 40)])
    assert packed.pixels.dtype == torch.float16
    assert torch.equal(packed.pixels, torch.cat(material.parts, 2).flatten(0, 1).half())


def test_a_material_is_gone_before_the_next_one_is_made() -> None:
    made: list[weakref.ref[Material]] = []

    def one_by_one() -> Iterator[Material]:
        for seed, size in enumerate(SIZES):
            assert all(each() is None for each in made), "an earlier one is still in memory"
            material = random_material(*size, seed)
            made.append(weakref.ref(material))
            yield material
            del material

    assert len(pack(one_by_one(), SIZES).changes) == len(made) == 3


@pytest.mark.parametrize("height", [BAND - 3, BAND, 2 * BAND + GRID + 5])
def test_the_change_is_that_of_the_whole_frame(height: int) -> None:
    material = random_material(height, 21)
    whole = (material.truth - material.base).abs().mean(2) * material.weight[..., 0]
    wanted = functional.avg_pool2d(whole[None, None], GRID, ceil_mode=True)[0, 0]
    packed = pack([material], [(height, 21)])
    assert torch.equal(packed.changes[0], wanted)
    wanted = functional.avg_pool2d(material.weight[None, ..., 0], GRID, ceil_mode=True)[0]
    assert torch.equal(packed.weights[0], wanted)
