"""The networks that come trained are served by name, and all of them where no model is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from understudy.errors import ModelFileError
from understudy.server.models.served import Call
from understudy.server.repository import ModelRepository
from understudy.server.serving import start_models, trained_networks
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
    assert [option.name for option in denoise.description.options] == ["mix", "tile_size"]
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
