"""A part of a frame: the pixels of the whole, for no more work than they need."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.parts import Crop
from understudy.network.unet import SIZES, Size, UNet, without_deepest

DEPTHS = {
    **{name: Size(tuple(4 for _ in size.widths), size.down, size.up) for name, size in SIZES.items()},
    "small without its deepest level": without_deepest(Size((4, 4, 4, 4), (1, 1, 1, 2), (1, 1, 1))),
    "uneven": Size((3, 4, 5), (2, 1, 1), (0, 2)),
}
"""The depth of each size, with next to no channels, and others."""


def lively(size: Size) -> UNet:
    torch.manual_seed(4)
    network = UNet(1, 1, size, 2).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * (2 / max(parameter[0].numel(), 4)) ** 0.5)
    return network


SHAPE = (256, 304)
NETWORKS = {name: lively(size) for name, size in DEPTHS.items()}


def picture(height: int, width: int) -> tuple[Tensor, Tensor]:
    """A frame, and the planes of a coarse view at half its size."""
    chance = torch.Generator().manual_seed(1)
    x = torch.rand(1, 1, height, width, generator=chance, dtype=torch.double)
    return x, torch.rand(1, 2, height // 2, width // 2, generator=chance, dtype=torch.double)


def spans(length: int) -> st.SearchStrategy[slice]:
    ends = st.lists(st.integers(0, length), min_size=2, max_size=2, unique=True)
    return ends.map(lambda both: slice(*sorted(both)))


@given(name=st.sampled_from(list(DEPTHS)), rows=spans(SHAPE[0]), columns=spans(SHAPE[1]))
@settings(max_examples=40)
def test_a_part_that_is_computed_alone_has_the_pixels_of_the_whole(
    name: str, rows: slice, columns: slice
) -> None:
    network, (x, context) = NETWORKS[name], picture(*SHAPE)
    with torch.no_grad():
        whole = network(x, context)[:, :, rows, columns]
        part = network(x, context, network.crops((rows, columns), SHAPE))
    assert part.shape == whole.shape
    assert float((part - whole).abs().max()) < 1e-9 * max(1.0, float(whole.abs().max()))


@pytest.mark.parametrize("name", DEPTHS)
def test_a_part_on_the_stride_depends_on_all_within_the_reach_and_on_nothing_beyond(name: str) -> None:
    network = NETWORKS[name]
    start = -(-(network.reach + 4) // network.stride) * network.stride
    stop, length = start + network.stride, 2 * start + network.stride
    x, context = picture(length, length)
    x.requires_grad_()
    made = network(x, context)[:, :, start:stop, start:stop]
    (gradient,) = torch.autograd.grad((made * torch.randn_like(made)).sum(), x)
    seen = gradient[0, 0].nonzero()
    first, last = seen.amin(0), seen.amax(0)
    assert (first == start - network.reach).all() and (last == stop - 1 + network.reach).all()


def test_what_lies_beyond_the_reach_of_a_part_does_not_change_it() -> None:
    """And what lies at its very end does: by other pixels, and by no gradient."""
    network = NETWORKS["medium"]
    x, context = picture(432, 432)
    part = slice(208, 224)
    beyond, within = x.clone(), x.clone()
    beyond[:, :, : 208 - network.reach] += 1.0
    within[:, :, 208 - network.reach] += 1.0
    with torch.no_grad():
        as_is, other, changed = (network(each, context)[:, :, part] for each in (x, beyond, within))
    assert torch.equal(as_is, other) and not torch.equal(as_is, changed)


BOXES: dict[str, Crop] = {
    "like the frame": (slice(371, 371 + 342), slice(650, 650 + 607)),
    "a square": (slice(302, 302 + 456), slice(733, 733 + 455)),
    "in a corner": (slice(0, 342), slice(1313, 1920)),
}


def work(network: EffectNetwork, kept: Crop | None) -> int:
    """Multiplications and sums for a frame of 1920x1088, or for what is kept of it, counted without one."""
    x = torch.empty(1, 3, 1088, 1920, device="meta")
    if kept is not None:
        margin = -(-network.reach // network.stride) * network.stride
        rows, columns = (
            slice(
                max(span.start // network.stride * network.stride - margin, 0),
                min(-(-span.stop // network.stride) * network.stride + margin, length),
            )
            for span, length in zip(kept, x.shape[-2:], strict=True)
        )
        x = x[:, :, rows, columns]
        kept = tuple(  # type: ignore[assignment]
            slice(span.start - outer.start, span.stop - outer.start)
            for span, outer in zip(kept, (rows, columns), strict=True)
        )
    with FlopCounterMode(display=False) as counter:
        network.remainder(x, None, None if kept is None else network.crops(kept, tuple(x.shape[-2:])))
    return counter.get_total_flops()


@pytest.mark.parametrize("box", BOXES)
def test_a_box_of_a_tenth_of_the_frame_is_less_than_a_fifth_of_the_work(box: str) -> None:
    network = EffectNetwork(Architecture(3, 3, "medium", plate=3)).to("meta")
    assert work(network, BOXES[box]) < 0.2 * work(network, None)
