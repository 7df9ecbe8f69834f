"""What inference promises, held by the networks that training makes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from understudy.device import has_fast_bfloat16
from understudy.inference.bands import BAND_PIXELS, finish_in_bands
from understudy.inference.memory import activation_budget, bytes_per_pixel, frames_at_a_time
from understudy.inference.openvino_engine import OpenVinoEngine, is_installed
from understudy.inference.tiles import run_tiled
from understudy.inference.torch_engine import TorchEngine
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.places import with_places

CPU = torch.device("cpu")
KINDS = {
    "image": Architecture(3, 3, "small", fit="cubic", fit_inputs=3),
    "placed": Architecture(3, 3, "small", fit="placed", fit_inputs=3),
    "beside": Architecture(16, 3, "small", fit="cubic", fit_inputs=3, plate=3, beside=4),
    "matte": Architecture(4, 1, "small", kind="matte", same_channels=False),
}


def lively(architecture: Architecture, strength: float = 0.02) -> EffectNetwork:
    """A network whose every layer does something, as after training; ``strength``: of its last layers."""
    torch.manual_seed(3)
    network = EffectNetwork(architecture).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0, strength)
        network.get_buffer("fit_weights").normal_(0, 0.02)
    return network


def pixels(architecture: Architecture, height: int, width: int) -> torch.Tensor:
    shape = (1, architecture.inputs, height, width)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(5)) * 1.4 - 0.2
    if architecture.beside:  # the frames before and after are like the plate
        x[:, 3:15] = x[:, :3].repeat(1, 4, 1, 1) + 0.1 * x[:, 3:15]
    return with_places(x) if architecture.fit == "placed" else x


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_of_a_real_network_equal_the_whole_frame(kind: str) -> None:
    engine = TorchEngine(lively(KINDS[kind]), CPU)
    x = pixels(KINDS[kind], 400, 432)
    g = engine.globals(x)
    whole, tiled = run_tiled(engine, x, g), run_tiled(engine, x, g, (368, 368))
    assert float((whole - tiled).abs().max()) < 1e-3
    assert float((whole - x[:, : whole.shape[1]]).abs().max()) > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_smaller_context_than_the_reach_does_not_equal_the_whole_frame(kind: str) -> None:
    """So that the test above can fail: the frame is large enough for the network's reach to matter."""
    engine = TorchEngine(lively(KINDS[kind]), CPU)
    x = pixels(KINDS[kind], 400, 432)
    g = engine.globals(x)
    assert float((run_tiled(engine, x, g) - run_tiled(engine, x, g, (96, 96), 0)).abs().max()) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_added_in_bands_equals_what_is_added_at_once(kind: str) -> None:
    network = lively(KINDS[kind])
    x = pixels(KINDS[kind], 4 * BAND_PIXELS // 256 + 3, 256)
    remainder = torch.randn(1, KINDS[kind].outputs, *x.shape[-2:])
    with torch.inference_mode():
        assert torch.allclose(finish_in_bands(network, x, remainder), network.finish(x, remainder), atol=1e-6)


@pytest.mark.skipif(not is_installed(), reason="openvino is not installed")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-4), ("bfloat16", 0.5 / 255)])
def test_openvino_agrees_with_torch_on_a_real_network(kind: str, precision: str, most: float) -> None:
    network = lively(KINDS[kind], 0.008)
    x = pixels(KINDS[kind], 176, 240)
    exact = TorchEngine(network, CPU)
    g = exact.globals(x)
    difference = (OpenVinoEngine(network, x.shape[1], precision).run(x, g) - exact.run(x, g)).abs()
    limit = difference.max() if precision == "float32" else difference.quantile(0.9999)
    assert float(limit) < most


def test_activations_in_bfloat16_count_for_half() -> None:
    network = lively(KINDS["image"])
    exact, quick = (bytes_per_pixel(TorchEngine(network, CPU, each), 3) for each in ("float32", "bfloat16"))
    assert quick < 0.7 * exact


def test_frames_too_large_to_stand_side_by_side_are_computed_one_after_the_other(monkeypatch) -> None:
    engine = TorchEngine(lively(KINDS["image"]), CPU)
    need = bytes_per_pixel(engine, 3) * 800 * 800

    def memory_for(frames: float) -> None:
        monkeypatch.setattr(
            "understudy.inference.memory.activation_budget",
            lambda device, parallel=1: int(frames * need / parallel),
        )

    memory_for(4.1)
    assert frames_at_a_time(engine, 3, (800, 800), 4) == 4
    memory_for(1.1)
    assert frames_at_a_time(engine, 3, (800, 800), 4) == 1
    assert activation_budget(CPU, 4) > 0


@pytest.mark.skipif(not has_fast_bfloat16(CPU), reason="this CPU has no fast bfloat16")
def test_the_plate_itself_is_never_rounded_by_bfloat16() -> None:
    network = EffectNetwork(KINDS["image"])  # its remainder is zero before training
    x = pixels(KINDS["image"], 64, 64)
    exact, quick = (TorchEngine(network, CPU, each) for each in ("float32", "bfloat16"))
    assert np.array_equal(exact.run(x, exact.globals(x)).numpy(), quick.run(x, quick.globals(x)).numpy())


@pytest.mark.skipif(not is_installed(), reason="openvino is not installed")
def test_a_strong_effect_goes_through_openvino_where_it_is_as_good_as_torch_in_the_same_precision() -> None:
    engine = OpenVinoEngine(lively(KINDS["image"], 0.03), 3, "bfloat16")
    assert engine.precision == "bfloat16"
