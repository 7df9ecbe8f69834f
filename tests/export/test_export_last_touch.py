"""The last touch in exports: baked in where it is exact, as nodes in Nuke, else refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_models import picture

import understudy
from understudy.errors import SettingError
from understudy.export.export import ExportSettings, export, runtimes
from understudy.export.metadata import read_info
from understudy.export.nk import Node, Raw, read_script
from understudy.finishing import finish_matte
from understudy.inference.model import load
from understudy.settings import FinishingSettings

BAKED: dict[str, Any] = {"clip_black": 0.2, "clip_white": 0.9, "gamma": 1.4, "invert": True}
NODES: dict[str, Any] = {**BAKED, "grow": -0.5, "soften": 1.5, "premultiply": True}


@pytest.fixture
def result(
    model_of: Callable[..., Path], tmp_path: Path, make_shot: Callable[..., Any]
) -> Callable[..., str]:
    """``result(**touch)``: a frame that a matte's network made with that last touch."""

    def make(**touch: Any) -> str:
        shot, output = make_shot("shot", (1001,), suffix=".exr", size=(40, 32)), tmp_path / "made.1001.exr"
        understudy.apply(model_of("matte", kind="matte"), shot.plate, output, overwrite=True, **touch)
        return str(output)

    return make


@pytest.mark.parametrize("host", ["torchscript", "onnx"])
def test_what_is_each_pixels_own_affair_is_baked_in(
    host: str, model_of: Callable[..., Path], result: Callable[..., str], tmp_path: Path
) -> None:
    model = model_of("matte", kind="matte")
    settings = ExportSettings(str(model), host, tmp_path / "out", like=result(**BAKED, mix=0.5), full=False)
    made = export(settings)
    info = read_info(made.file)
    assert info.last_touch == BAKED and "mix" in made.notes[0]
    pixels = picture(37, 45, low=0.0, high=1.0)
    plain = load(str(model), engine="torch").infer(pixels)[..., 0]
    wanted = finish_matte(plain, FinishingSettings(**BAKED))
    found = runtimes(host, made.file, info)[0](pixels)[..., 0]
    assert np.abs(wanted - plain).max() > 0.1
    assert np.abs(found - wanted).max() < 1e-3


@pytest.mark.parametrize(
    "touch", [{"despeckle": 40}, {"grow": 1.0}, {"soften": 1.0, "invert": True}], ids=str
)
def test_what_the_host_cannot_have_is_refused_and_nothing_is_written(
    touch: dict[str, Any], model_of: Callable[..., Path], result: Callable[..., str], tmp_path: Path
) -> None:
    model, output = str(model_of("matte", kind="matte")), tmp_path / "out"
    host = "nuke" if "despeckle" in touch else "onnx"
    with pytest.raises(SettingError) as caught:
        export(ExportSettings(model, host, output, like=result(**touch), full=False))
    assert next(iter(touch)) in caught.value.found and not output.exists()


def test_a_picture_that_apply_did_not_make_is_nothing_to_be_like(
    model_of: Callable[..., Path], make_shot: Callable[..., Any], tmp_path: Path
) -> None:
    shot, model = make_shot(numbers=(1001,)), str(model_of("matte", kind="matte"))
    with pytest.raises(SettingError, match="not known"):
        export(ExportSettings(model, "onnx", tmp_path / "out", like=shot.plate))


def inside(nodes: tuple[Node, ...]) -> tuple[Node, list[Node]]:
    """The group of a script, and the nodes in it."""
    first = [node.kind for node in nodes].index("Group")
    last = [node.kind for node in nodes].index("end_group")
    return nodes[first], list(nodes[first + 1 : last])


def test_nuke_gets_a_group_of_its_own_nodes_with_the_same_values(
    model_of: Callable[..., Path], result: Callable[..., str], tmp_path: Path
) -> None:
    model = str(model_of("matte", kind="matte"))
    made = export(ExportSettings(model, "nuke", tmp_path / "out", "key", like=result(**NODES), full=False))
    group, nodes = inside(read_script((tmp_path / "out" / "key.nk").read_text("utf-8")))
    values = {name: value for name, value in group.knobs if name in FinishingSettings.model_fields}
    assert values == {
        "clip_black": "0.2", "clip_white": "0.9", "grow": "-0.5", "soften": "1.5", "gamma": "1.4",
        "invert": "true", "premultiply": "true",
    }  # fmt: skip
    kinds = [node.kind for node in nodes]
    assert kinds == ["Input", "Grade", "FilterErode", "Blur", "Grade", "Invert", "Premult", "Output"]
    assert dict(nodes[2].knobs)["size"] == Raw("{-parent.grow}")
    for knob in values:  # each is linked, and off where it does nothing
        assert any(f"parent.{knob}" in node.knob("disable") for node in nodes[1:-1])
    assert any("near" in note for note in made.notes)


def test_without_a_result_to_be_like_the_group_does_nothing_and_images_have_none(
    model_of: Callable[..., Path], tmp_path: Path
) -> None:
    export(ExportSettings(str(model_of("matte", kind="matte")), "nuke", tmp_path, "key", full=False))
    group, _ = inside(read_script((tmp_path / "key.nk").read_text("utf-8")))
    plain = FinishingSettings()
    for name, value in group.knobs:
        if name in FinishingSettings.model_fields:
            assert value == str(getattr(plain, name)).lower() or float(value) == getattr(plain, name)
    export(ExportSettings(str(model_of("image")), "nuke", tmp_path, "look", full=False))
    assert "Group {" not in (tmp_path / "look.nk").read_text("utf-8")
