"""Jobs for render farms, written from the page and through the API by the program's own command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from monitor_stage import until

from understudy.network.model_file import save_model


@pytest.fixture
def shot(make_shot: Any, tmp_path: Path) -> Any:
    (tmp_path / "footage").mkdir(exist_ok=True)
    return make_shot("footage/shot", numbers=range(1001, 1026), truth_numbers=(1001, 1013), suffix=".exr")


@pytest.fixture
def values(shot: Any, data: Path, tmp_path: Path) -> dict[str, Any]:
    """Settings of an apply, with a network of random weights in the data directory."""
    import torch

    from understudy.colour import SRGB
    from understudy.network.effect import Architecture, EffectNetwork
    from understudy.network.model_file import ModelHeader

    torch.manual_seed(1)
    network = EffectNetwork(Architecture(inputs=3, plate=3, outputs=3, size="small"))
    header = ModelHeader(
        kind="image",
        input_channels=["R", "G", "B"],
        output_channels=["R", "G", "B"],
        colour_in=SRGB,
        colour_out=SRGB,
        architecture=network.architecture.to_dict(),
        stride=network.stride,
        reach=network.reach,
    )
    save_model(data / "look.cat", header, network)
    output = tmp_path / "footage" / "out" / "out.####.exr"
    return {"model": str(data / "look.cat"), "plate": shot.plate, "output": str(output)}


def post(api: Any, what: str, settings: dict[str, Any], **farm: Any) -> Any:
    return api.post("/api/farm", json={"what": what, "settings": settings, "farm": farm})


def test_a_job_is_written_under_the_data_directory_and_told(api: Any, values: Any, data: Path) -> None:
    answer = post(api, "apply", values, to="openjd", frames_per_task=5, memory="2")
    assert answer.status_code == 201, answer.text
    job = answer.json()
    folder = Path(job["folder"])
    assert folder.parent == data / ".understudy" / "farm" and job["tasks"] == 5
    step = json.loads((folder / "template.json").read_text("utf-8"))["steps"][0]
    assert step["hostRequirements"]["amounts"] == [{"name": "amount.worker.memory", "min": 2048}]
    assert job["submitted"] is None and any("openjd run" in line for line in job["by_hand"])


def test_a_training_and_what_comes_after_it_are_written_too(
    api: Any, shot: Any, data: Path, tmp_path: Path
) -> None:
    settings = {"input": [shot.plate], "ground_truth": [shot.truth], "max_steps": 5, "name": "a"}
    then = str(tmp_path / "footage" / "out" / "out.####.exr")
    answer = post(api, "train", settings, to="deadline", then_apply=then)
    assert answer.status_code == 201, answer.text
    words = (Path(answer.json()["folder"]) / "train" / "plugin_info.job").read_text()
    assert f"=--data-directory={data}\n" in words and "=--name=a\n" in words


@pytest.mark.parametrize(
    ("what", "changes", "farm", "hint"),
    [
        ("apply", {"plate": "/etc/plate.####.exr"}, {"to": "openjd"}, "outside"),
        ("apply", {}, {}, "Farm is missing"),
        ("apply", {}, {"to": "openjd", "pool": "a"}, "--pool"),
        ("apply", {}, {"to": "openjd", "program": "rm"}, "program"),
        ("apply", {}, {"to": "openjd", "job_folder": "/tmp/x"}, "job_folder"),
        ("apply", {}, {"to": "openjd", "overwrite": True}, "overwrite"),
        ("apply", {}, {"to": "openjd", "frames_per_task": 0}, "Frames Per Task"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    what: str, changes: Any, farm: Any, hint: str, api: Any, values: Any, data: Path
) -> None:
    answer = post(api, what, {**values, **changes}, **farm)
    assert answer.status_code in (403, 404, 409, 422), answer.text
    assert hint in json.dumps(answer.json()["error"])
    assert not (data / ".understudy" / "farm").exists() or not os.listdir(data / ".understudy" / "farm")


def test_what_comes_after_a_training_stays_within_the_folders(api: Any, shot: Any) -> None:
    settings = {"input": [shot.plate], "ground_truth": [shot.truth], "max_steps": 5}
    answer = post(api, "train", settings, to="openjd", then_apply="/etc/out.####.exr")
    assert "outside of the folders" in answer.json()["error"]["message"]


@pytest.mark.browser
def test_the_page_writes_a_training_for_the_farm_and_tells_how_to_hand_it_over(page: Any, stage: Any) -> None:
    page.get_by_role("button", name="New Training").click()
    large = page.locator(".us-large:visible")
    large.get_by_label("Input", exact=True).fill(stage.plate)
    large.get_by_label("Ground Truth", exact=True).fill(stage.truth)
    large.get_by_role("button", name="On the Farm").click()
    dialog = page.locator(".us-farm:visible")
    dialog.get_by_text("Train on the Farm").wait_for()
    dialog.get_by_label("Retries", exact=True).fill("1")
    dialog.get_by_role("button", name="Write Job").click()
    dialog.locator(".us-farm-words", has_text="openjd run").wait_for(timeout=90_000)
    farm = Path(stage.data) / ".understudy" / "farm"
    until(lambda: any((folder / "template.json").is_file() for folder in farm.iterdir()))


@pytest.mark.browser
def test_what_the_farm_cannot_do_is_said_in_the_dialog(page: Any, stage: Any) -> None:
    page.locator(".us-head").get_by_role("button", name="Apply", exact=True).first.click()
    page.locator(".us-large:visible").get_by_role("button", name="On the Farm").click()
    dialog = page.locator(".us-farm:visible")
    dialog.get_by_text("Apply on the Farm").wait_for()
    dialog.get_by_role("button", name="Write Job").click()
    dialog.locator(".us-farm-words", has_text="is missing").wait_for()
