"""U-2-Net: as large as the paper says, nothing at the start, seven answers, and a reach that it keeps to."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from understudy.network.build import build_effect
from understudy.network.cores import make_core
from understudy.network.effect import Architecture
from understudy.network.guided import follow
from understudy.network.model_file import ModelHeader, load_model, save_model
from understudy.network.nested import NESTED_SIZES, NestedSize, NestedUNet
from understudy.network.resampling import resample_to

TINY = NestedSize(((2, 4),) * 6, ((2, 4),) * 5, 5000)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NESTED_SIZES, "tiny", TINY)
    torch.manual_seed(4)  # of two channels both may be silent by chance


def picture(*shape: int, seed: int = 5) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def shaken(network: torch.nn.Module, seed: int = 3) -> torch.nn.Module:
    """Weights as after a training: nothing is zero any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return network.eval()


@pytest.mark.parametrize(("size", "millions"), [("u2net", 44.0), ("u2netp", 1.13)])
def test_it_has_as_many_weights_as_the_paper_says(size: str, millions: float) -> None:
    core = make_core(size, 3, 1)
    assert sum(each.numel() for each in core.parameters()) / 1e6 == pytest.approx(millions, rel=0.005)


def test_seven_answers_of_the_size_of_the_picture_are_learned_from_and_begin_as_nothing() -> None:
    core = make_core("tiny", 3, 2)
    x = picture(1, 3, 64, 96)
    assert core.is_silent() and not core.answers(x).any()
    shaken(core)
    answers = core.answers(x)
    assert answers.shape == (1, 7 * 2, 64, 96) and not core.is_silent()
    assert torch.equal(core(x), answers[:, :2])
    apart = answers.detach().unflatten(1, (7, 2)).flatten(2)
    assert len({tuple(each.flatten()[:5].tolist()) for each in apart[0]}) == 7


def test_every_weight_learns_from_the_seven_answers() -> None:
    core = shaken(make_core("tiny", 3, 1))
    core.answers(picture(2, 3, 64, 64)).square().mean().backward()
    assert all(each.grad is not None and bool(each.grad.any()) for each in core.parameters())


def test_the_answer_to_a_picture_does_not_depend_on_the_others_of_a_batch() -> None:
    core = shaken(make_core("tiny", 3, 1)).train()
    x = picture(3, 3, 32, 32)
    assert torch.allclose(core(x)[1:2], core(x[1:2]), atol=1e-5)


def test_nothing_beyond_its_reach_changes_an_answer() -> None:
    core = shaken(make_core("tiny", 1, 1))
    assert isinstance(core, NestedUNet)
    far = -(-core.reach // 32) * 32
    x = picture(1, 1, 32, 2 * far + 64)
    other = x.clone()
    other[..., :32] += 1
    with torch.no_grad():
        change = (core(x) - core(other)).abs()[0, 0].amax(0)
    assert change[:64].max() > 0 and change[32 + core.reach :].max() == 0


def test_operators_that_know_no_size_give_the_same() -> None:
    network = shaken(build_effect(Architecture(3, 1, "tiny", "matte", "identity", False)))
    x = picture(1, 3, 64, 96)
    with torch.no_grad():
        plain = network(x)
        network.portable = True
        assert torch.allclose(network(x), plain, atol=1e-5)


# -- whole pictures -------------------------------------------------------------------------------------


def test_whole_frames_of_any_size_give_an_answer_of_their_size() -> None:
    network = shaken(build_effect(Architecture(3, 1, "tiny", "matte", "identity", False, plate=3, whole=64)))
    assert (network.stride, network.reach, network.crop_stride) == (1, 0, 32)
    for size in ((37, 91), (200, 150), (1, 1)):
        with torch.no_grad():
            matte = network(picture(1, 3, *size))
        assert matte.shape == (1, 1, *size) and 0 < float(matte.min()) <= float(matte.max()) < 1


def test_a_part_of_a_whole_frame_is_that_of_the_frame() -> None:
    network = shaken(build_effect(Architecture(3, 1, "tiny", "matte", "identity", False, plate=3, whole=64)))
    x, kept = picture(1, 3, 90, 120), (slice(10, 33), slice(41, 99))
    with torch.no_grad():
        part = network.remainder(x, network.globals(x), network.crops(kept, (90, 120)))
        assert torch.equal(part, network.remainder(x)[:, :, kept[0], kept[1]])


def test_an_image_is_changed_at_the_size_of_the_frame() -> None:
    network = build_effect(Architecture(3, 3, "tiny", fit_inputs=3, plate=3, whole=32)).eval()
    x = picture(1, 3, 50, 70)
    assert torch.equal(network(x), x), "before training it is the plate"
    assert not torch.allclose(shaken(network)(x), x)


@pytest.mark.parametrize("size", [(20, 30), (64, 64), (7, 100)])
def test_pictures_are_resampled_alike_by_products_of_matrices(size: tuple[int, int]) -> None:
    x = picture(2, 3, 45, 52)
    assert torch.allclose(resample_to(x, *size), resample_to(x, *size, portable=True), atol=1e-5)


def disc(side: int) -> tuple[Tensor, Tensor]:
    """A bright disc before a dark ground, and its matte."""
    along = (torch.arange(side) + 0.5) / side - 0.5
    far = (along[:, None] ** 2 + along[None, :] ** 2).sqrt()
    matte = ((0.31 - far) * side).clamp(0, 1)[None, None]
    grain = picture(1, 3, side, side) * 0.04
    return matte, matte * torch.tensor([0.8, 0.6, 0.4])[:, None, None] + 0.1 + grain


def test_what_is_made_larger_follows_the_edges_of_the_frame() -> None:
    matte, plate = disc(512)
    small = resample_to(plate, 64, 64)
    low = resample_to(matte, 64, 64)
    blurred = (resample_to(low, 512, 512) - matte).abs().mean()
    followed = (follow(low, small, plate).clamp(0, 1) - matte).abs().mean()
    assert followed < 0.35 * blurred


def test_a_flat_frame_and_a_flat_answer_stay_flat() -> None:
    flat, answer = torch.full((1, 3, 40, 40), 0.4), torch.full((1, 2, 16, 16), 0.7)
    assert torch.allclose(follow(answer, flat[..., :16, :16], flat), torch.tensor(0.7), atol=1e-4)


def test_a_frame_that_moves_by_a_pixel_moves_the_matte_and_makes_nothing_flicker() -> None:
    network = shaken(build_effect(Architecture(3, 1, "tiny", "matte", "identity", False, plate=3, whole=64)))
    plate = resample_to(disc(256)[1], 128, 300)
    with torch.no_grad():
        before = network(plate[..., :256])
        after = network(plate[..., 1:257])
    still = (before[..., 1:] - after[..., :-1]).abs()
    assert float(still.mean()) < 0.01 and float(still.max()) < 0.25


def header(architecture: Architecture, stride: int, reach: int) -> ModelHeader:
    return ModelHeader(
        kind=architecture.kind,
        input_channels=["R", "G", "B"],
        output_channels=["A"],
        colour_in={"space": "srgb"},  # type: ignore[arg-type]
        colour_out={"space": "raw"},  # type: ignore[arg-type]
        architecture=architecture.to_dict(),
        stride=stride,
        reach=reach,
    )


@pytest.mark.parametrize("whole", [0, 64])
def test_its_file_is_loaded_as_it_was(tmp_path: object, whole: int) -> None:
    shape = Architecture(3, 1, "tiny", "matte", "identity", False, plate=3, whole=whole)
    network = shaken(build_effect(shape))
    path = f"{tmp_path}/a.cat"
    save_model(path, header(shape, network.stride, network.reach), network)
    read, loaded = load_model(path)
    assert read.architecture.get("whole", 0) == whole
    x = picture(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded(x), network(x))


@pytest.mark.parametrize(
    "wrong", [{"whole": 33}, {"whole": -32}, {"whole": 1 << 20}, {"coarse": 4}, {"scale": 2}]
)
def test_a_header_of_a_network_that_cannot_be_is_refused(tmp_path: object, wrong: dict[str, int]) -> None:
    from understudy.errors import ModelFileError

    shape = Architecture(3, 1, "tiny", "matte", "identity", False, plate=3)
    network = build_effect(shape)
    path = f"{tmp_path}/a.cat"
    given = header(shape, network.stride, network.reach)
    changed = given.model_copy(update={"architecture": {**given.architecture, **wrong}})
    save_model(path, changed, network)
    with pytest.raises(ModelFileError):
        load_model(path)
