"""The network: nothing at the start, and the same in tiles as in one piece."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from understudy.frames import Window
from understudy.inference.tiles import pad_to_stride, run_tiled
from understudy.inference.torch_engine import TorchEngine
from understudy.network.colour_fit import (
    ColourFit,
    Scaling,
    exponents,
    fit_colours,
    measure_scaling,
    predict,
)
from understudy.network.drift import find_drift, fit_drifts, steady
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.places import MOST, place_planes, with_places
from understudy.network.unet import SIZES, Size, UNet

# The depth of each size, which is what reach and stride come from, with next to no channels.
NARROW = {name: Size(tuple(4 for _ in size.widths), size.down, size.up) for name, size in SIZES.items()}


def randomised(network: torch.nn.Module, seed: int = 3) -> torch.nn.Module:
    """Weights as after a training: nothing is zero any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
    return network.eval()


def frame(channels: int, height: int, width: int, seed: int = 5) -> Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


# -- what it does before training -----------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_an_untrained_network_gives_the_plate(size: str) -> None:
    network = EffectNetwork(Architecture(3, 3, size, fit_inputs=3)).eval()
    x = frame(3, 32, 64) * 4 - 1
    assert torch.equal(network(x, network.globals(x)), x)


def test_an_untrained_network_gives_the_colour_fit_and_a_matte_of_one_half() -> None:
    pixels = torch.rand(500, 3, generator=torch.Generator().manual_seed(1))
    fit, scaling = fit_colours([pixels], [pixels**2], True)
    network = EffectNetwork(Architecture(3, 3, "small", fit=fit.kind, fit_inputs=3)).eval()
    network.set_fit(fit, scaling)
    x = frame(3, 16, 16)
    rows = x[0].permute(1, 2, 0).reshape(-1, 3)
    expected = predict(rows, fit, scaling, True).reshape(16, 16, 3).permute(2, 0, 1)
    assert torch.allclose(network(x)[0], expected, atol=1e-5)
    matte = EffectNetwork(Architecture(3, 1, "small", "matte", "identity", False)).eval()
    assert torch.allclose(matte(x), torch.full((1, 1, 16, 16), 0.5))


def test_further_inputs_do_not_reach_the_result_before_training() -> None:
    network = EffectNetwork(Architecture(5, 3, "small", fit_inputs=3)).eval()
    x = frame(5, 16, 16)
    assert torch.equal(network(x), x[:, :3])


def test_frames_before_and_after_are_seen_as_what_differs_from_the_plate() -> None:
    network = EffectNetwork(Architecture(16, 3, "small", fit_inputs=3, plate=3, beside=4)).eval()
    scaling = Scaling(torch.rand(4) - 1, torch.rand(4) + 1)
    network.set_range(scaling)
    x = frame(16, 16, 16)
    seen, low, high = network.seen(x), scaling.low[:3, None, None], scaling.high[:3, None, None]
    assert torch.allclose(seen[:, :3], (x[:, :3] - low) / (high - low) * 2 - 1, atol=1e-6)
    changes = (x[:, 3:15] - x[:, :3].repeat(1, 4, 1, 1)) / (high - low).repeat(4, 1, 1)
    assert torch.allclose(seen[:, 3:15], changes, atol=1e-6)
    depth = (x[:, 15] - scaling.low[3]) / (scaling.high[3] - scaling.low[3]) * 2 - 1
    assert torch.allclose(seen[:, 15], depth, atol=1e-6)
    assert torch.equal(network(x), x[:, :3]), "nothing of them comes out before training"
    x[:, 3:15] = x[:, :3].repeat(1, 4, 1, 1)
    assert not network.seen(x)[:, 3:15].any()


def test_the_plate_goes_in_as_strongly_as_without_the_frames_about_it() -> None:
    def strength(shape: Architecture) -> float:
        torch.manual_seed(0)
        weights: torch.Tensor = EffectNetwork(shape).unet.stem.weight
        return float(weights[:, :12].detach().std())

    alone = strength(Architecture(3, 3, "medium", fit_inputs=3))
    with_four = strength(Architecture(15, 3, "medium", fit_inputs=3, plate=3, beside=4))
    assert with_four == pytest.approx(alone, rel=0.1)


# -- tiles ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("height", "width"), [(200, 331), (97, 256), (1, 300)])
def test_a_frame_in_tiles_equals_the_whole_frame(
    size: str, height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, size, NARROW[size])
    network = randomised(EffectNetwork(Architecture(3, 3, size, fit_inputs=3)))
    engine = TorchEngine(network, torch.device("cpu"), "float32")
    x = pad_to_stride(frame(3, height, width), engine.stride)
    with torch.inference_mode():
        whole = run_tiled(engine, x, engine.globals(x))
        tiled = run_tiled(engine, x, engine.globals(x), (256, 256))
    assert (whole - x).abs().max() > 0.01, "it does something"
    assert (whole - tiled).abs().max() < 1e-3


def test_strides_and_shapes_fit_every_size() -> None:
    for name, size in NARROW.items():
        network = UNet(2, 4, size)
        assert network(torch.zeros(2, 2, network.stride, 3 * network.stride)).shape == (
            2,
            4,
            network.stride,
            3 * network.stride,
        )
        assert network.stride == 2 * 2 ** (len(size.widths) - 1), name


def test_small_is_smaller_than_medium_and_large() -> None:
    counts = [
        sum(p.numel() for p in UNet(3, 3, SIZES[name]).parameters()) for name in ("small", "medium", "large")
    ]
    assert counts[0] * 2 < counts[1] < counts[2] / 2


def test_values_far_outside_those_seen_keep_their_distance() -> None:
    """A highlight that no pair has shown: the U-Net answers as for the brightest it knows."""
    network = randomised(EffectNetwork(Architecture(3, 3, "small", fit_inputs=3)))
    bright, brighter = (torch.full((1, 3, 32, 32), value) for value in (50.0, 500.0))
    with torch.inference_mode():
        assert torch.allclose(network(brighter) - brighter, network(bright) - bright, atol=1e-3)


# -- the colour fit -------------------------------------------------------------------------------------


def pixels_of(seed: int, count: int = 3000, channels: int = 3) -> Tensor:
    return torch.rand(count, channels, generator=torch.Generator().manual_seed(seed))


def grade(pixels: Tensor) -> Tensor:
    return pixels @ torch.tensor([[1.1, 0.05, 0.0], [0.0, 0.9, 0.0], [0.1, 0.0, 0.8]]) + 0.03


@pytest.mark.parametrize(
    ("effect", "kind"),
    [(lambda p: p, "identity"), (grade, "linear"), (lambda p: p**2 * 0.9 + 0.1 * p.mean(1, True), "cubic")],
)
def test_the_simplest_fit_that_explains_the_pairs_is_taken(effect: object, kind: str) -> None:
    inputs = [pixels_of(seed) for seed in range(3)]
    fit, scaling = fit_colours(inputs, [effect(p) for p in inputs], True)  # type: ignore[operator]
    assert fit.kind == kind
    fresh = pixels_of(9)
    assert (predict(fresh, fit, scaling, True) - effect(fresh)).abs().mean() < 1e-3  # type: ignore[operator]


def test_light_that_differs_over_the_frame_is_fitted_by_place_and_nothing_else_is() -> None:
    inputs, places = (
        [pixels_of(seed) for seed in range(3)],
        [pixels_of(seed, channels=2) * 2 - 1 for seed in (5, 6, 7)],
    )

    def lit(pixels: Tensor, where: Tensor) -> Tensor:
        warm = torch.cat([1 + 0.3 * where[:, :1], torch.ones(len(where), 1), 1 - 0.2 * where[:, 1:] ** 2], 1)
        return pixels * warm

    truths = [lit(p, w) for p, w in zip(inputs, places, strict=True)]
    fit, scaling = fit_colours(inputs, truths, True, places)
    assert fit.kind == "placed"
    fresh, where = pixels_of(9), pixels_of(10, channels=2) * 2 - 1
    assert (predict(fresh, fit, scaling, True, where) - lit(fresh, where)).abs().mean() < 1e-3
    assert fit_colours(inputs, [grade(p) for p in inputs], True, places)[0].kind == "linear"


def test_one_pair_alone_is_never_fitted_by_place() -> None:
    """There is no other pair that could tell whether the light or the subject lies there."""
    pixels, places = pixels_of(1), pixels_of(2, channels=2) * 2 - 1
    assert fit_colours([pixels], [pixels * (1 + 0.3 * places[:, :1])], True, [places])[0].kind != "placed"


def test_a_network_with_places_gives_what_the_fit_gives_before_training() -> None:
    x = frame(3, 16, 32)
    rows, places = x[0].permute(1, 2, 0).reshape(-1, 3), place_planes(16, 32).permute(1, 2, 0).reshape(-1, 2)
    truth = rows * (1 + 0.3 * places[:, :1])
    fit, scaling = fit_colours([rows, rows], [truth, truth], True, [places, places])
    network = EffectNetwork(Architecture(3, 3, "small", fit=fit.kind, fit_inputs=3)).eval()
    network.set_fit(fit, scaling)
    assert fit.kind == "placed"
    expected = predict(rows, fit, scaling, True, places).reshape(16, 32, 3).permute(2, 0, 1)
    assert torch.allclose(network(with_places(x))[0], expected, atol=1e-5)


def test_places_run_from_edge_to_edge_whatever_the_size() -> None:
    for height, width in ((1, 1), (4, 8), (3, 5)):
        across, down = place_planes(height, width)
        assert torch.allclose(across[0], -across[0].flip(0)) and torch.allclose(
            down[:, 0], -down[:, 0].flip(0)
        )
        assert across.abs().max() < 1 and (across[:, 0] == across[0, 0]).all()


def test_pixels_of_the_frame_have_the_same_places_whatever_lies_around_it() -> None:
    alone = place_planes(4, 8)
    around = place_planes(7, 14, display=Window(3, 1, 8, 4))
    assert torch.equal(around[:, 1:5, 3:11], alone)
    across, down = around[0, 0], around[1, :, 0]
    assert (across[:3] < -1).all() and (across[11:] > 1).all() and (down[5:] > 1).all()


def test_places_far_outside_the_frame_go_no_further() -> None:
    far = place_planes(1, 1000, display=Window(450, 0, 100, 1))[0, 0]
    assert far[0] == -MOST and far[-1] == MOST


def test_noise_that_no_fit_explains_is_left_alone() -> None:
    inputs = [pixels_of(seed) for seed in range(3)]
    truths = [
        p + 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(7 + i))
        for i, p in enumerate(inputs)
    ]
    assert fit_colours(inputs, truths, True)[0].kind == "identity"


def test_colours_are_fitted_from_other_channels() -> None:
    """A truth that is not the plate changed, such as a key from five layers."""
    inputs = [pixels_of(seed, channels=5) for seed in range(3)]
    fit, scaling = fit_colours(inputs, [p[:, :1] - p[:, 4:] for p in inputs], False)
    assert fit.kind == "linear"
    fresh = pixels_of(9, channels=5)
    assert (predict(fresh, fit, scaling, False) - (fresh[:, :1] - fresh[:, 4:])).abs().max() < 1e-3


def test_beyond_the_values_seen_the_change_is_held() -> None:
    inputs = [pixels_of(seed) for seed in range(3)]
    fit, scaling = fit_colours(inputs, [p**2 for p in inputs], True)
    at_end, far = (predict(torch.full((1, 3), value), fit, scaling, True) for value in (1.0, 100.0))
    assert torch.allclose(far - 99.0, at_end, atol=0.01), "100 times as bright, not 100 to the power of three"


@given(st.integers(1, 5), st.integers(0, 3))
def test_there_are_as_many_terms_as_combinations(channels: int, degree: int) -> None:
    from math import comb

    found = exponents(channels, degree)
    assert len(found) == comb(channels + degree, degree) == len(set(found)) and found[0] == ()


def test_a_channel_that_never_varies_is_no_division_by_zero() -> None:
    scaling = measure_scaling(torch.full((10, 3), 0.25))
    assert torch.isfinite(scaling.apply(torch.rand(4, 3))).all()
    fit, scaling = fit_colours([torch.zeros(50, 3)] * 2, [torch.ones(50, 3)] * 2, True)
    assert torch.isfinite(predict(torch.rand(5, 3), fit, scaling, True)).all()


def test_one_pair_of_one_pixel_can_be_fitted() -> None:
    fit, scaling = fit_colours([torch.rand(1, 3)], [torch.rand(1, 3)], True)
    assert torch.isfinite(predict(torch.rand(5, 3), fit, scaling, True)).all()


# -- what differs from pair to pair ---------------------------------------------------------------------


def test_what_differs_from_pair_to_pair_is_taken_out_of_the_truths() -> None:
    """The same grade, each frame a little brighter or darker than the others."""
    inputs = [pixels_of(seed) for seed in range(5)]
    drift = [-0.04, 0.03, 0.0, -0.02, 0.03]
    truths = [grade(p) + d for p, d in zip(inputs, drift, strict=True)]
    fit, scaling = fit_colours(inputs, truths, True)
    bases = [predict(pixels, fit, scaling, True) for pixels in inputs]
    drifts = fit_drifts(inputs, truths, bases, scaling)
    assert drifts is not None
    agreed = [steady(p, t, own, scaling) for p, t, own in zip(inputs, truths, drifts.each, strict=True)]
    spread = [float((s - grade(p)).mean()) for s, p in zip(agreed, inputs, strict=True)]
    assert max(spread) - min(spread) < 0.005 < max(drift) - min(drift)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_a_logo_that_is_painted_out_is_no_drift(share: float) -> None:
    """Its colour becomes that of the wall behind it, which is another one on every frame."""
    generator = torch.Generator().manual_seed(4)
    inputs, truths = [], []
    for level in (0.15, 0.3, 0.45, 0.6, 0.75):
        wall = level + 0.05 * torch.randn(20000, 1, generator=generator).expand(-1, 3)
        wall = wall + 0.01 * torch.randn(20000, 3, generator=generator)
        plate = wall.clone()
        count = int(share * len(plate))
        plate[:count] = torch.tensor([0.9, 0.35, 0.05]) + 0.01 * torch.randn(count, 3, generator=generator)
        inputs.append(plate)
        truths.append(wall)
    fit, scaling = fit_colours(inputs, truths, True)
    bases = [predict(pixels, fit, scaling, True) for pixels in inputs]
    assert fit_drifts(inputs, truths, bases, scaling) is None


def test_a_fix_survives_where_the_frames_drift_as_well() -> None:
    generator = torch.Generator().manual_seed(5)
    inputs = [pixels_of(seed) for seed in range(5)]
    drift = [-0.04, 0.03, 0.0, -0.02, 0.03]
    truths = [grade(p) + d for p, d in zip(inputs, drift, strict=True)]
    fixed = torch.rand(len(inputs[0]), generator=generator) < 0.02
    for truth in truths:
        truth[fixed] += 0.3
    fit, scaling = fit_colours(inputs, truths, True)
    bases = [predict(pixels, fit, scaling, True) for pixels in inputs]
    drifts = fit_drifts(inputs, truths, bases, scaling)
    assert drifts is not None
    for pixels, truth, own, base in zip(inputs, truths, drifts.each, bases, strict=True):
        left = steady(pixels, truth, own, scaling)[fixed] - base[fixed]
        assert float((left.mean() - 0.3).abs()) < 0.03


def test_the_drift_of_one_more_frame_is_found_beside_what_all_have_in_common() -> None:
    inputs = [pixels_of(seed) for seed in range(6)]
    drift = [-0.04, 0.03, 0.0, -0.02, 0.03, 0.05]
    truths = [grade(p) + d for p, d in zip(inputs, drift, strict=True)]
    fit, scaling = fit_colours(inputs[:5], truths[:5], True)
    bases = [predict(pixels, fit, scaling, True) for pixels in inputs]
    drifts = fit_drifts(inputs[:5], truths[:5], bases[:5], scaling)
    assert drifts is not None
    later = find_drift(inputs[5], truths[5] - bases[5], scaling, drifts.common)
    assert later is not None
    agreed = steady(inputs[5], truths[5], later, scaling)
    others = [steady(p, t, d, scaling) for p, t, d in zip(inputs, truths, drifts.each, strict=False)]
    level = sum(float((o - grade(p)).mean()) for o, p in zip(others, inputs, strict=False)) / 5
    assert abs(float((agreed - grade(inputs[5])).mean()) - level) < 0.005


def test_a_fix_alone_a_large_difference_and_a_few_pixels_are_no_drift() -> None:
    pixels = pixels_of(3)
    scaling = measure_scaling(pixels)
    noise = 0.01 * torch.randn(pixels.shape, generator=torch.Generator().manual_seed(6))
    fixed = noise.clone()
    fixed[::20] += 0.3
    assert find_drift(pixels, fixed, scaling) is None
    assert find_drift(pixels, noise + 0.2, scaling) is None
    assert find_drift(pixels[:100], noise[:100] + 0.03, scaling) is None
    assert find_drift(pixels, noise + 0.03, scaling) is not None


def test_one_hot_pixel_leaves_the_others_their_range() -> None:
    pixels = pixels_of(1).clamp(0, 1)
    usual = measure_scaling(pixels)
    pixels[17] = 4.0
    hot = measure_scaling(pixels)
    assert torch.allclose(usual.low, hot.low, atol=0.02)
    assert float(hot.high.max()) < 1.3, "a quarter more than the others have, at most"


def test_truths_that_agree_are_left_as_they_are() -> None:
    inputs = [pixels_of(seed) for seed in range(4)]
    truths = [
        grade(p) + 0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(i))
        for i, p in enumerate(inputs)
    ]
    fit, scaling = fit_colours(inputs, truths, True)
    bases = [predict(pixels, fit, scaling, True) for pixels in inputs]
    assert fit_drifts(inputs, truths, bases, scaling) is None
    assert fit_drifts(inputs[:2], truths[:2], bases[:2], scaling) is None, "two pairs tell too little"


def test_a_fit_of_another_shape_is_not_taken_over() -> None:
    network = EffectNetwork(Architecture(3, 3, "small", fit="linear", fit_inputs=3))
    with pytest.raises(RuntimeError):
        network.set_fit(ColourFit("cubic", torch.zeros(20, 3)), Scaling(torch.zeros(3), torch.ones(3)))
