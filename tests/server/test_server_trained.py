"""The networks that come trained are served by name, and all of them where no model is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from tests.conftest import motion_network

from understudy.colour.scene_linear import linear_to_srgb
from understudy.errors import ModelFileError, RequestError
from understudy.inference.vectors import load_vectors
from understudy.network.model_file import ModelHeader, save_model
from understudy.server.http.app import make_app
from understudy.server.mlserver import is_listed
from understudy.server.models.served import Call
from understudy.server.repository import ModelRepository
from understudy.server.serving import start_models, trained_networks
from understudy.server.session import refuse_larger
from understudy.server.state import ServerSettings, ServerState

Trained = Callable[..., Path]
Serve = Callable[..., ServerState]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A function that serves models, named as on a command line in an empty folder, without its endpoints."""
    repositories: list[ModelRepository] = []
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def start(*models: str) -> ServerState:
        state = ServerState(ServerSettings(models=tuple(map(Path, models)), devices="cpu"))
        repositories.append(ModelRepository(state.settings.models or trained_networks(state), state))
        start_models(state, repositories[-1])
        return state

    yield start
    for repository in repositories:
        repository.close()


def names(state: ServerState) -> list[str]:
    return [model.description.name for model in state.registry.listed()]


def test_without_models_all_are_served_beside_the_built_in_ones(zoo: Trained, serve: Serve) -> None:
    zoo("denoise")
    zoo("keying", kind=["network"])
    zoo("matting", kind=["start"])
    state = serve()
    assert names(state) == ["blur", "motion_vectors", "denoise", "keying"]
    denoise = state.registry.get("denoise")
    assert denoise.description.label == "Denoise" and denoise.description.text == "Does denoise to a frame."
    assert [option.name for option in denoise.description.options][:2] == ["mix", "tile_size"]
    frame = np.random.default_rng(0).random((3, 20, 24), np.float32)
    (answer,) = denoise.run([Call([frame], denoise.description.defaults())])
    assert answer.pictures[0].shape == frame.shape and not np.array_equal(answer.pictures[0], frame)


def test_a_name_is_served_alone_and_what_has_it_in_the_folder_goes_first(zoo: Trained, serve: Serve) -> None:
    file = zoo("denoise")
    assert names(serve("denoise")) == ["denoise"]
    Path("denoise.cat").write_bytes(file.read_bytes())
    state = serve("denoise")
    assert state.registry.get("denoise").network.path == Path("denoise.cat").absolute()  # type: ignore[attr-defined]


def test_a_name_that_is_not_there_is_refused_with_the_nearest(zoo: Trained, serve: Serve) -> None:
    zoo("denoise")
    with pytest.raises(ModelFileError, match="Did you mean denoise"):
        serve("denoize")
    with pytest.raises(ModelFileError, match="does not exist"):
        serve("other/denoise.cat")


def test_a_damaged_one_does_not_keep_the_built_in_ones_from_being_served(zoo: Trained, serve: Serve) -> None:
    zoo("denoise").write_bytes(b"damaged")
    assert names(serve()) == ["blur", "motion_vectors"]


def test_one_that_enlarges_answers_with_a_larger_picture(zoo: Trained, serve: Serve) -> None:
    zoo("upscale", kind=["network"], scale=2)
    model = serve("upscale").registry.get("upscale")
    frames = [np.random.default_rng(n).random((3, 20, 24), np.float32) for n in (0, 1)]
    alone = [model.run([Call([frame], model.description.defaults())])[0].pictures[0] for frame in frames]
    together = model.run([Call([frame], model.description.defaults()) for frame in frames])
    assert [each.shape for each in alone] == [(3, 40, 48)] * 2
    for answer, wanted in zip(together, alone, strict=True):
        assert np.allclose(answer.pictures[0], wanted, atol=1e-5)


def test_one_that_keys_answers_with_straight_colours_and_alpha(zoo: Trained, serve: Serve) -> None:
    header = {"adapts": True, "output_channels": ["foreground.R", "foreground.G", "foreground.B", "alpha"]}
    zoo("keying", ["network"], header=header, spread=0.0, outputs=4, same_channels=False, screen=True)
    model = serve().registry.get("keying")
    assert [option.name for option in model.description.options][:2] == ["mix", "tile_size"]
    light = np.broadcast_to(np.float32([0.06, 0.5, 0.09])[:, None, None], (3, 40, 48)).copy()
    light[:, 10:30, 16:32] = np.float32([0.4, 0.36, 0.34])[:, None, None]
    for scene_linear, frame in ((True, light), (False, np.clip(linear_to_srgb(light), 0, 1))):
        call = Call([frame], model.description.defaults(), linear=scene_linear)
        made = model.run([call])[0].pictures[0]
        assert made.shape == (4, 40, 48)
        assert (made[3, :8] == 0).all() and (made[3, 12:28, 18:30] == 1).all()
        assert np.allclose(made[:3, 12:28, 18:30], frame[:, 12:28, 18:30], atol=2e-3)


def test_nuke_takes_no_larger_picture_and_is_not_offered_one(zoo: Trained, serve: Serve) -> None:
    zoo("upscale", kind=["network"], scale=2)
    zoo("denoise")
    state = serve("upscale", "denoise")
    model = state.registry.get("upscale")
    assert not is_listed(model) and is_listed(state.registry.get("denoise"))
    call = Call([np.zeros((3, 20, 24), np.float32)])
    with pytest.raises(RequestError, match=r"48 x 40.*Nuke does not take that"):
        refuse_larger(model.description, call)
    refuse_larger(state.registry.get("denoise").description, call)


def test_room_is_kept_for_the_larger_answer_and_its_size_is_said(
    zoo: Trained, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo("upscale", kind=["network"], scale=2)
    zoo("denoise")
    state, asked = serve("upscale", "denoise"), []
    reserve = state.admission.reserve
    monkeypatch.setattr(
        state.admission, "reserve", lambda client, size: asked.append(size) or reserve(client, size)
    )
    frame = np.random.default_rng(0).random((1, 3, 160, 180), np.float32)
    head = {"name": "input", "datatype": "FP32", "shape": list(frame.shape)}
    head["parameters"] = {"binary_data_size": frame.nbytes}
    text = json.dumps({"inputs": [head], "parameters": {"binary_data_output": True}}).encode()
    body, headers = text + frame.tobytes(), {"Inference-Header-Content-Length": str(len(text))}

    async def ask() -> tuple[list[httpx.Response], dict[str, int]]:
        transport = httpx.ASGITransport(make_app(state, "1"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answers = [
                await client.post(f"/v2/models/{name}/infer", content=body, headers=headers)
                for name in ("upscale", "denoise")
            ]
            listed = (await client.get("/api/models")).json()
            return answers, {each["name"]: each["scale"] for each in listed}

    with ThreadPoolExecutor(1) as aside:  # a browser's loop may run in this thread
        answers, scales = aside.submit(lambda: asyncio.run(ask())).result()
    shapes = []
    for each in answers:
        assert each.status_code == 200, each.text
        size = int(each.headers["Inference-Header-Content-Length"])
        shapes.append(json.loads(each.content[:size])["outputs"][0]["shape"])
    assert shapes == [[1, 3, 320, 360], [1, 3, 160, 180]]
    assert asked == [5 * len(body), 2 * len(body)] and scales == {"upscale": 2, "denoise": 1}


# -- the network that finds motion -----------------------------------------------------------------------


@pytest.fixture
def motion(zoo: Trained, motion_header: ModelHeader, tmp_path: Path) -> Path:
    """One that comes trained."""
    save_model(tmp_path / "trained" / "motion-vectors.cat", motion_header, motion_network(), half=True)
    return tmp_path / "trained" / "motion-vectors.cat"


def test_the_network_that_finds_motion_is_a_method_of_the_built_in_model_beside_the_search(
    motion: Path, serve: Serve
) -> None:
    state = serve()
    assert names(state) == ["blur", "motion_vectors"]
    model = state.registry.get("motion_vectors")
    first, second = np.random.default_rng(0).random((2, 3, 40, 56), np.float32)
    learned, again, searched = (
        model.run([Call([first, second], model.description.read_options(options, clamp=False))])[0].pictures[
            0
        ]
        for options in ({"method": "learned"}, {"method": "learned"}, {})
    )
    wanted = load_vectors(motion, torch.device("cpu"))(
        *(np.ascontiguousarray(each.transpose(1, 2, 0)) for each in (first, second))
    )
    assert np.allclose(learned[0], wanted[..., 0], atol=1e-4)
    assert np.allclose(learned[1], -wanted[..., 1], atol=1e-4) and not learned[2].any()
    assert np.array_equal(learned, again) and not np.allclose(learned, searched)


def test_a_lower_quality_finds_motion_in_smaller_frames(
    motion: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("understudy.server.models.builtin.SIZES", (28, 56, 112))
    model = serve().registry.get("motion_vectors")
    frames = list(np.random.default_rng(0).random((2, 3, 40, 56), np.float32))
    coarse, fine, finest = (
        model.run([Call(frames, {"method": "learned", "quality": quality})])[0].pictures[0]
        for quality in (0, 1, 2)
    )
    assert coarse.shape == fine.shape and not np.allclose(coarse, fine) and np.array_equal(fine, finest)


def test_without_that_network_there_is_the_search_alone(zoo: Trained, serve: Serve) -> None:
    model = serve().registry.get("motion_vectors")
    assert [option.name for option in model.description.options] == ["quality"]
    frame = np.random.default_rng(0).random((3, 40, 56), np.float32)
    (answer,) = model.run([Call([frame, frame], model.description.defaults())])
    assert np.abs(answer.pictures[0]).max() < 0.5


def test_a_network_that_finds_motion_can_be_served_by_name_and_takes_grey_frames(
    motion: Path, serve: Serve
) -> None:
    state = serve("motion-vectors")
    assert names(state) == ["motion_vectors"]
    frames = list(np.random.default_rng(0).random((2, 1, 40, 56), np.float32))
    model = state.registry.get("motion_vectors")
    (answer,) = model.run([Call(frames, model.description.defaults())])
    assert answer.pictures[0].shape == (3, 40, 56) and np.isfinite(answer.pictures[0]).all()
