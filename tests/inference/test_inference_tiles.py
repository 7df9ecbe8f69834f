"""Tiles: every size of frame, and no difference to the whole frame anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.inference.tiles import (
    fit_tile,
    margin_for,
    pad_to_stride,
    plan_axis,
    plan_tiles,
    run_tiled,
    smallest_tile,
)
from understudy.inference.torch_engine import TorchEngine

sys.path.insert(0, str(Path(__file__).parent))
import itertools

from tiny_network import TinyNetwork

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    return TorchEngine(TinyNetwork(), CPU)


@given(
    steps=st.integers(1, 60),
    tile=st.integers(1, 600),
    margin_steps=st.integers(0, 6),
    stride=st.sampled_from([1, 2, 8, 16, 32]),
)
@settings(max_examples=300, deadline=None)
def test_spans_cover_an_axis_once_on_the_stride_with_full_context(
    steps: int, tile: int, margin_steps: int, stride: int
) -> None:
    length, margin = steps * stride, margin_steps * stride
    spans = plan_axis(length, tile, margin, stride)
    assert spans[0].keep_start == 0 and spans[-1].keep_stop == length
    for before, after in itertools.pairwise(spans):
        assert before.keep_stop == after.keep_start
    for span in spans:
        assert span.start % stride == 0 and span.stop % stride == 0
        assert span.start == 0 or span.keep_start - span.start >= margin
        assert span.stop == length or span.stop - span.keep_stop >= margin
        assert span.keep_stop > span.keep_start
        assert span.stop - span.start <= max(tile, smallest_tile(margin, stride))


@given(
    rows=st.integers(1, 80),
    columns=st.integers(1, 80),
    pixels=st.integers(1, 400_000),
    margin_steps=st.integers(0, 8),
)
@settings(max_examples=200, deadline=None)
def test_a_tile_fits_the_memory_unless_it_is_the_smallest(
    rows: int, columns: int, pixels: int, margin_steps: int
) -> None:
    height, width, margin = rows * 8, columns * 8, margin_steps * 8
    tile = fit_tile(height, width, pixels, margin, 8)
    least = smallest_tile(margin, 8)
    largest = max(
        (part.rows.stop - part.rows.start) * (part.columns.stop - part.columns.start)
        for part in plan_tiles(height, width, tile=tile, margin=margin, stride=8)
    )
    assert largest <= max(pixels, min(least, height) * min(least, width))


def test_the_reach_of_the_test_network_is_what_it_claims() -> None:
    network = TinyNetwork().eval()
    x = torch.rand(1, 3, 160, 160)
    g = network.globals(x)
    changed = x.clone()
    changed[:, :, 80, 80] += 1.0
    with torch.inference_mode():
        moved = (network(changed, g) - network(x, g)).abs().amax(dim=(0, 1)) > 0
    where = moved.nonzero()
    assert (where - 80).abs().max() <= network.reach


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (7, 9), (8, 8), (200, 130), (137, 251)])
@pytest.mark.parametrize("tile", [1, 96, 128])
def test_tiles_equal_the_whole_frame_everywhere(
    engine: TorchEngine, size: tuple[int, int], tile: int
) -> None:
    torch.manual_seed(1)
    x = pad_to_stride(torch.rand(1, 3, *size), 8)
    g = engine.globals(x)
    whole = run_tiled(engine, x, g)
    tiled = run_tiled(engine, x, g, (tile, tile))
    assert (whole - tiled).abs().max() < 1e-5


def test_tiles_without_the_globals_of_the_whole_frame_would_differ(engine: TorchEngine) -> None:
    x = torch.rand(1, 3, 200, 200)
    x[:, :, :100] += 3.0
    whole = run_tiled(engine, x, engine.globals(x))
    alone = run_tiled(engine, x, engine.globals(x[:, :, :96]), (96, 96))
    assert (whole - alone).abs().max() > 1e-2


def test_a_smaller_overlap_than_the_reach_blends_without_a_seam(engine: TorchEngine) -> None:
    torch.manual_seed(2)
    x = torch.rand(1, 3, 200, 136)
    g = engine.globals(x)
    whole = run_tiled(engine, x, g)
    blended = run_tiled(engine, x, g, (64, 64), overlap=16)
    assert (whole - blended).abs().max() < 0.2
    assert (whole - blended).abs().mean() < 5e-3


@pytest.mark.parametrize("overlap", [0, 3, 8])
def test_blending_keeps_what_the_network_leaves_alone(overlap: int) -> None:
    from tiny_network import NothingNetwork

    nothing = TorchEngine(NothingNetwork(), CPU)
    x = torch.rand(1, 3, 88, 104)
    assert torch.allclose(run_tiled(nothing, x, nothing.globals(x), (40, 48), overlap=overlap), x, atol=1e-6)


def test_padding_repeats_the_border_and_adds_nothing_to_a_fitting_frame() -> None:
    x = torch.rand(1, 2, 5, 8)
    padded = pad_to_stride(x, 8)
    assert padded.shape == (1, 2, 8, 8)
    assert torch.equal(padded[:, :, 7], x[:, :, 4])
    assert pad_to_stride(padded, 8) is padded


def test_the_automatic_overlap_covers_the_reach_on_the_stride() -> None:
    assert margin_for("auto", 41, 8) == 48
    assert margin_for(20, 41, 8) == 24
