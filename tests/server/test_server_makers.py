"""Networks of real makers from a real server, by both of its doors, against the makers' own pipelines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.client import Client
from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from understudy.export.importing import import_network

sys.path.insert(0, str(Path(__file__).parent.parent / "export"))

from real_networks import NETWORKS, RealNetwork

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="module")
def server(serve_long: Any, shelf: Path) -> Any:
    return serve_long(shelf, "--devices", "cpu", "--patience", "60s")


@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: each.name)
def test_both_doors_answer_what_the_maker_makes(
    server: Any, shelf: Path, tmp_path: Path, network: RealNetwork, until: Any
) -> None:
    file, pixels = network.file(), network.picture()
    (tmp_path / "told.toml").write_text("\n".join(network.lines) + "\n")
    name = network.name.replace("-", "_")
    import_network(file, shelf, name, tmp_path / "told.toml")
    client, given = Client(server.url), pixels.astype(np.float32) / 255
    until(lambda: name in [each["name"] for each in client.list_models() if each["state"] == "ready"], 150)
    wanted = network.wanted(file, pixels)
    by_http = np.asarray(client.infer(name, [given])[0]) * 255
    assert by_http.shape == wanted.shape and np.abs(by_http - wanted).max() <= network.closest
    answer = server.infer(name, srgb_to_linear(given))
    if wanted.shape[:2] != pixels.shape[:2]:
        assert "size" in answer.error, "Nuke's node cannot take larger pictures"
        return
    made = answer.picture()
    by_node = made[..., :1] if wanted.shape[2] == 1 else linear_to_srgb(made)
    assert np.abs(by_node * 255 - wanted).max() <= 2
