"""A loaded model: file values in, file values out, whatever the frame holds."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from understudy.colour import LINEAR, PLAIN, SRGB, ColourEncoding
from understudy.device import is_out_of_memory
from understudy.errors import ChannelError, DeviceError, MissingPackageError, SizeError, UnderstudyError
from understudy.inference import choose, memory, values
from understudy.inference.blend import blend
from understudy.inference.choose import EngineChoice, choose_precision, make_engine
from understudy.inference.model import LoadedModel, load
from understudy.inference.openvino_engine import ConversionError, OpenVinoEngine
from understudy.inference.torch_engine import TorchEngine

sys.path.insert(0, str(Path(__file__).parent))
from tiny_model import tiny_header, tiny_model
from tiny_network import NothingNetwork, TinyNetwork

random = np.random.default_rng(3)
CPU = torch.device("cpu")


def picture(height: int, width: int, channels: int = 3, peak: float = 1.0) -> np.ndarray:
    return (random.random((height, width, channels)) * peak).astype(np.float32)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (9, 23), (64, 48)])
def test_any_frame_size_goes_through(size: tuple[int, int]) -> None:
    result = tiny_model()(picture(*size))
    assert result.shape == (*size, 3) and result.dtype == np.float32
    assert np.isfinite(result).all() and result.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("colour", [SRGB, LINEAR], ids=["srgb", "linear"])
@pytest.mark.parametrize("tile", [96, 128])
def test_tiles_give_the_file_values_of_the_whole_frame(colour: ColourEncoding, tile: int) -> None:
    model = tiny_model(tiny_header(colour))
    pixels = picture(150, 210)
    whole = model.infer(pixels, tile_size="none")
    assert np.abs(model.infer(pixels, tile_size=tile) - whole).max() < 1e-3


@pytest.mark.parametrize("colour", [SRGB, LINEAR], ids=["srgb", "linear"])
def test_where_the_network_changes_nothing_the_result_is_the_plate_bit_for_bit(
    colour: ColourEncoding,
) -> None:
    pixels = np.concatenate([picture(20, 30, peak=4.0), -picture(20, 30), picture(20, 30, peak=1e6)])
    result = tiny_model(tiny_header(colour), NothingNetwork())(pixels)
    assert result.tobytes() == pixels.tobytes()
    assert not np.may_share_memory(result, pixels)


def test_a_nan_does_not_spread_and_keeps_its_place() -> None:
    model = tiny_model()
    pixels = picture(48, 48)
    clean = model(pixels)
    broken = pixels.copy()
    broken[20, 20, 1] = np.nan
    broken[5, 40] = np.inf
    result = model(broken)
    assert np.array_equal(result[20, 20], broken[20, 20], equal_nan=True)
    assert np.array_equal(result[5, 40], broken[5, 40])
    others = np.isfinite(broken).all(axis=2)
    assert np.isfinite(result[others]).all()
    assert np.abs(result - clean)[others].max() < 0.5


def test_a_matte_is_finite_even_where_the_plate_is_not() -> None:
    model = tiny_model(tiny_header(matte=True), TinyNetwork(out=1))
    pixels = picture(16, 16)
    pixels[3, 3] = np.nan
    matte = model(pixels)
    assert matte.shape == (16, 16, 1)
    assert matte.min() >= 0 and matte.max() <= 1


def test_mix_goes_straight_from_plate_to_result() -> None:
    model = tiny_model()
    pixels = picture(24, 24)
    full = model(pixels)
    assert np.array_equal(model.infer(pixels, mix=0.0), pixels)
    assert np.allclose(model.infer(pixels, mix=0.25), 0.75 * pixels + 0.25 * full, atol=1e-6)


def test_mix_of_a_matte_goes_to_black() -> None:
    model = tiny_model(tiny_header(matte=True), TinyNetwork(out=1))
    pixels = picture(16, 16)
    assert np.allclose(model.infer(pixels, mix=0.5), 0.5 * model(pixels), atol=1e-6)


def test_the_pixels_given_are_not_changed() -> None:
    pixels = picture(16, 16)
    before = pixels.copy()
    tiny_model().infer(pixels, mix=0.5)
    assert np.array_equal(pixels, before)


def test_extra_inputs_go_through_their_own_encoding() -> None:
    depth = SimpleNamespace(channels=["depth.Z"], colour=ColourEncoding(space="raw", scale=1000.0))
    header = tiny_header(extra=(depth,))
    model = tiny_model(header, TinyNetwork(channels=4, out=3))
    pixels = picture(16, 16, 4)
    pixels[..., 3] *= 1000
    scaled = pixels.copy()
    scaled[..., 3] /= 1000
    plain = tiny_model(tiny_header(input_channels=["R", "G", "B", "Z"]), TinyNetwork(channels=4, out=3))
    assert np.allclose(model(pixels), plain(scaled), atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 3), (4, 0, 3), (1, 4, 4, 3)])
def test_what_is_no_frame_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SizeError):
        tiny_model()(np.zeros(shape, np.float32))


def test_other_channels_than_the_network_takes_are_refused() -> None:
    with pytest.raises(ChannelError) as caught:
        tiny_model()(picture(4, 4, 2))
    assert "R, G, B" in str(caught.value) and "2 channels" in str(caught.value)


def test_running_out_of_memory_halves_the_tile_says_so_and_gives_the_same_picture() -> None:
    said: list[str] = []
    model = tiny_model(say=said.append)
    pixels = picture(250, 250)
    whole = model(pixels)
    compute = model.engine.run
    sizes: list[int] = []

    def run_short_of_memory(x: torch.Tensor, g: torch.Tensor, *kept: Any) -> torch.Tensor:
        sizes.append(x.shape[-1] * x.shape[-2])
        if sizes[-1] > 130 * 130:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(x, g, *kept)

    model.engine.run = run_short_of_memory
    assert np.abs(model(pixels) - whole).max() < 1e-4
    assert len(said) >= 1 and "tiles of" in said[0]
    sizes.clear()
    model(pixels)
    assert max(sizes) <= 130 * 130, "later frames begin with the size that fitted"


def test_memory_for_not_even_the_smallest_tile_is_one_clear_error() -> None:
    model = tiny_model()

    def never(x: torch.Tensor, g: torch.Tensor, *kept: Any) -> torch.Tensor:
        raise MemoryError

    model.engine.run = never
    with pytest.raises(DeviceError):
        model(picture(200, 200))


def test_other_failures_are_not_taken_for_a_lack_of_memory() -> None:
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory: you tried to ..."))


def test_the_automatic_tile_keeps_within_the_memory_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    per_pixel = memory.bytes_per_pixel(model.engine, 3)
    monkeypatch.setattr(
        "understudy.inference.model.activation_budget", lambda device, parallel: 40_000 * per_pixel
    )
    assert model.tile_for(160, 160) is None
    tile = model.tile_for(1080, 1920)
    assert tile is not None and tile[0] * tile[1] <= 40_000


def test_the_measured_memory_grows_with_the_width_of_the_network() -> None:
    narrow = memory.bytes_per_pixel(TorchEngine(TinyNetwork(), CPU), 3)
    wide = memory.bytes_per_pixel(TorchEngine(TinyNetwork(channels=12), CPU), 12)
    assert 20 < narrow < wide < 2000


def test_several_threads_may_call_one_model() -> None:
    model = tiny_model()
    pixels = [picture(40, 56) for _ in range(8)]
    alone = [model(each) for each in pixels]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model, pixels))
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(alone, together, strict=True))


class Crowd:
    """Notes how many threads are on the device at once, from the first conversion of a frame to the last.

    Any device will do, as nothing is left there: what comes back is of the CPU.
    """

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.counting = threading.Lock()

    def encode(self, *given: Any) -> torch.Tensor:
        with self.counting:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.02)
        return values.encode_frame(*given)

    def decode(self, header: Any, y: torch.Tensor, *given: Any) -> torch.Tensor:
        time.sleep(0.02)
        with self.counting:
            self.inside -= 1
        return torch.zeros(*y.shape[-2:], y.shape[1])


@pytest.mark.parametrize(("device", "alone"), [("meta", True), ("cpu", False)])
def test_one_frame_at_a_time_is_on_an_accelerator_while_a_cpu_converts_several(
    device: str, alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = Crowd()
    monkeypatch.setattr("understudy.inference.model.encode_frame", crowd.encode)
    monkeypatch.setattr("understudy.inference.model.decode_frame", crowd.decode)
    model = LoadedModel(tiny_header(LINEAR), TorchEngine(TinyNetwork(), torch.device(device)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pixels: model.infer(pixels, tile_size="none"), [picture(8, 8)] * 8))
    assert (crowd.most == 1) == alone


def layered_model() -> LoadedModel:
    """A network that sees two layers beside its plate, of two channels in another encoding and of three."""
    flow = SimpleNamespace(channels=["X", "Y"], colour=PLAIN)
    clean = SimpleNamespace(channels=["R", "G", "B"], colour=SRGB)
    return tiny_model(tiny_header(LINEAR, extra=(flow, clean)), TinyNetwork(8, 3))


def test_layers_beside_the_plate_are_the_same_one_by_one_as_all_at_once() -> None:
    model, pixels = layered_model(), picture(21, 14, 8)
    pixels[3, 4, 6] = np.nan
    layers = [pixels[..., 3:5], pixels[..., 5:]]
    assert np.array_equal(model.infer(pixels[..., :3], beside=layers), model.infer(pixels))


def test_a_layer_is_let_go_before_the_next_is_made() -> None:
    made: list[weakref.ref[np.ndarray]] = []

    def layers() -> Iterator[np.ndarray]:
        for count in (2, 3):
            assert not any(layer() is not None for layer in made)
            layer = picture(12, 10, count)
            made.append(weakref.ref(layer))
            yield layer
            del layer

    layered_model().infer(picture(12, 10), beside=layers())
    assert len(made) == 2


@pytest.fixture
def rounded_float32() -> Iterator[None]:
    """TF32 on, as in a process where nobody has said anything about it; afterwards as it was."""
    kinds = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [kind.allow_tf32 for kind in kinds]
    for kind in kinds:
        kind.allow_tf32 = True
    yield
    for kind, allowed in zip(kinds, before, strict=True):
        kind.allow_tf32 = allowed


@pytest.mark.usefixtures("rounded_float32")
def test_a_network_that_is_loaded_computes_exact_float32_and_leaves_the_threads_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "understudy.models.opening.open_model", lambda path, device: (tiny_header(), TinyNetwork())
    )
    (tmp_path / "look.cat").write_bytes(b"model")
    threads = torch.get_num_threads()
    load(str(tmp_path / "look.cat"), devices="cpu")
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("difference", "expected"), [(0.3, "bfloat16"), (0.6, "float32"), (None, "float32")])
def test_auto_precision_goes_by_the_measured_difference(
    difference: float | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "has_fast_bfloat16", lambda device: True)
    header = tiny_header(precision={} if difference is None else {"bfloat16_difference": difference})
    assert choose_precision("auto", header, CPU) == expected
    assert choose_precision("float32", header, CPU) == "float32"


def test_auto_precision_stays_in_float32_where_bfloat16_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "has_fast_bfloat16", lambda device: False)
    header = tiny_header(precision={"bfloat16_difference": 0.1})
    assert choose_precision("auto", header, CPU) == "float32"


def test_openvino_agrees_with_torch_at_any_size() -> None:
    pytest.importorskip("openvino")
    network = TinyNetwork().eval()
    fast, plain = OpenVinoEngine(network, 3), TorchEngine(network, CPU)
    for height, width in ((8, 8), (64, 120), (200, 16)):
        x = torch.rand(1, 3, height, width)
        g = plain.globals(x)
        assert torch.equal(fast.globals(x), g)
        assert (fast.run(x, g) - plain.run(x, g)).abs().max() < 1e-4


def test_openvino_results_of_several_threads_do_not_mix() -> None:
    pytest.importorskip("openvino")
    engine = OpenVinoEngine(TinyNetwork().eval(), 3, parallel=2)
    inputs = [torch.rand(1, 3, 32, 32) for _ in range(8)]
    alone = [engine.run(x, engine.globals(x)) for x in inputs]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda x: engine.run(x, engine.globals(x)), inputs))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(alone, together, strict=True))


def test_a_network_is_converted_once_in_a_process() -> None:
    pytest.importorskip("openvino")
    choice = EngineChoice("openvino", "float32", CPU, key="the hash of a file")
    first, _ = make_engine(TinyNetwork(), 3, choice)
    again, _ = make_engine(TinyNetwork(), 3, choice)
    assert again is first


class FrozenNetwork(TinyNetwork):
    """A network whose conversion goes wrong: its values depend on being traced."""

    def forward(self, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        return x + (0.5 if torch.jit.is_tracing() else 0.0)


def test_a_network_that_converts_to_other_values_is_computed_by_torch_and_the_reason_is_said() -> None:
    pytest.importorskip("openvino")
    engine, notes = make_engine(FrozenNetwork(), 3, EngineChoice("auto", "float32", CPU, megapixels=1000.0))
    assert engine.name == "torch"
    assert "OpenVINO" in notes[0]
    with pytest.raises(ConversionError):
        make_engine(FrozenNetwork(), 3, EngineChoice("openvino", "float32", CPU))


def test_without_the_package_auto_takes_torch_and_a_wish_for_openvino_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("choose", "openvino_engine"):
        monkeypatch.setattr(f"understudy.inference.{module}.is_installed", lambda: False)
    assert make_engine(TinyNetwork(), 3, EngineChoice("auto", "float32", CPU, 1000.0))[0].name == "torch"
    with pytest.raises(MissingPackageError) as caught:
        make_engine(TinyNetwork(), 3, EngineChoice("openvino", "float32", CPU))
    assert isinstance(caught.value, UnderstudyError) and "pip install" in str(caught.value)


def test_a_single_small_frame_does_not_pay_for_a_conversion() -> None:
    engine, _ = make_engine(TinyNetwork(), 3, EngineChoice("auto", "float32", CPU, megapixels=2.0))
    assert engine.name == "torch"


def test_blending_is_exact_at_both_ends() -> None:
    plate, result = picture(4, 5, peak=60000), picture(4, 5)
    mask = np.zeros((4, 5, 1), np.float32)
    mask[:2] = 1.0
    mask[3, 0] = 0.5
    plate[3, 4] = -0.0
    mixed = blend(plate, result, mask)
    assert np.array_equal(mixed[:2], result[:2])
    assert mixed[2:].tobytes() != plate[2:].tobytes()
    assert np.array_equal(mixed[2], plate[2]) and mixed[3, 4].tobytes() == plate[3, 4].tobytes()
    assert np.allclose(mixed[3, 0], (plate[3, 0] + result[3, 0]) / 2)
