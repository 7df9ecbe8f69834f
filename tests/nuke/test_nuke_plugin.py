"""The plug-in for Nuke, driven through a stand-in of Nuke's Python."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "export"))

from nuke_stand_in import Node, Nuke, PythonPanel

from understudy.cli.main import run
from understudy.colour import SpaceDecision, convert_between
from understudy.export.channels import LEGAL
from understudy.frames import read_image_file, write_image_file
from understudy.nuke.write import PLUGIN, write_plugin

FILES = sorted(PLUGIN.rglob("*.py"))
OLD_LIBRARY = {"__future__", "functools", "glob", "json", "os", "re", "shutil", "socket", "subprocess"}
OLD_LIBRARY |= {"sys", "threading", "time", "webbrowser", "nuke", "nukescripts", "understudy_nuke"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_every_file_is_good_for_python_3_7_and_imports_nothing_else(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 7))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= OLD_LIBRARY
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None and node.module.partition(".")[0] in OLD_LIBRARY


class House(SimpleNamespace):
    """Nuke, the plug-in's modules, and its folder."""

    nuke: Nuke
    folder: Path

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"understudy_nuke.{name}")

    def choose(self, item: str) -> Any:
        """What a click in the menu does."""
        return self.nuke.main_menu.items["Understudy"].items[item]()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_shot: Callable[..., Any]) -> Iterator[House]:
    """The plug-in, written and loaded as Nuke loads it, its plates made by hand."""
    shot = make_shot("source", suffix=".exr", size=(48, 32))
    sides = {"Plate": shot.plate_file, "Painted": shot.truth_file}

    def render(node: Node, path: str, frame: int) -> None:
        shutil.copyfile(sides[node.name()](frame), path)

    nuke = Nuke(render)
    nukescripts = ModuleType("nukescripts")
    nukescripts.PythonPanel = PythonPanel  # type: ignore[attr-defined]
    folder = tmp_path / "plug in [1] ü"
    write_plugin(folder)
    monkeypatch.setitem(sys.modules, "nuke", nuke)
    monkeypatch.setitem(sys.modules, "nukescripts", nukescripts)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("UNDERSTUDY", raising=False)
    exec(compile((folder / "menu.py").read_text("utf-8"), "menu.py", "exec"), {})
    nuke.chosen = [Node("RotoPaint", "Painted"), Node("Read", "Plate", {"first": 1001, "last": 1005})]
    yield House(nuke=nuke, folder=folder, shot=shot)
    for name in [name for name in sys.modules if name.partition(".")[0] == "understudy_nuke"]:
        del sys.modules[name]


def fill(panel: Any, folder: Path, **more: str) -> bool:
    """What an artist types."""
    panel.frames.setValue("1001,1003-1005x2")
    panel.data_directory.setValue(str(folder))
    panel.run_name.setValue("night")
    panel.time_limit.setValue("")
    panel.model_size.setValue("small")
    for name, value in more.items():
        getattr(panel, name).setValue(value)
    return True


def test_the_menu_has_all_that_is_promised(house: House) -> None:
    assert list(house.nuke.main_menu.items["Understudy"].items) == [
        "Train from selected Input and Ground Truth",
        "Suggest frames",
        "Correct",
        "Apply run to selected Read",
        "Train on the farm",
        "Apply on the farm",
        "Create Inference from run",
        "Create MLClient from run",
        "Create Inference from trained network",
        "Create MLClient from trained networks",
        "Open monitor",
    ]


def test_training_renders_the_chosen_frames_and_goes_on_in_a_process_of_its_own(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PythonPanel, "accept", staticmethod(lambda panel: fill(panel, tmp_path / "runs [x]")))
    training = house.module("training")
    made = training.arguments
    monkeypatch.setattr(
        training,
        "arguments",
        lambda *given: [
            *made(*given),
            "--max-steps",
            "12",
            "--crop-size",
            "32",
            "--devices",
            "cpu",
            "--contact-sheet-interval",
            "5",
        ],
    )
    panel = house.choose("Train from selected Input and Ground Truth")
    assert house.nuke.messages == []
    frames = [
        (1001, "Plate"),
        (1003, "Plate"),
        (1005, "Plate"),
        (1001, "Painted"),
        (1003, "Painted"),
        (1005, "Painted"),
    ]
    assert [(frame, name) for name, _, frame in house.nuke.rendered] == frames
    assert house.nuke.allNodes() == [] and house.nuke.Undo.depth == 0
    assert panel.shown_count == 1 and panel.training.process.poll() is None, "it trains beside Nuke"
    panel.training.process.wait(120)
    panel.update()
    assert panel.state.value().startswith("finished, step 12 of 12"), panel.training.last_words()
    assert "night_contact_" in panel.picture.value() and panel.picture.value().startswith('<img src="')
    panel.over.set()


def test_stop_ends_the_training_after_its_step(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PythonPanel, "accept", staticmethod(lambda panel: fill(panel, tmp_path / "runs")))
    panel = house.choose("Train from selected Input and Ground Truth")
    until = time.time() + 100
    while not panel.training.state().get("step") and time.time() < until:
        time.sleep(0.1)
    panel.knobChanged(panel.stop_button)
    panel.training.process.wait(120)
    assert panel.training.state()["state"] == "stopped" and panel.training.ended()
    panel.over.set()


def test_a_training_that_is_refused_says_why(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = lambda panel: fill(panel, tmp_path / "runs", time_limit="soon")  # noqa: E731
    monkeypatch.setattr(PythonPanel, "accept", staticmethod(wrong))
    panel = house.choose("Train from selected Input and Ground Truth")
    panel.training.process.wait(60)
    panel.update()
    assert panel.state.value().startswith("failed: ") and "soon" in panel.state.value()
    assert "Traceback" not in panel.state.value()
    panel.over.set()


def test_the_one_selected_first_is_the_input_and_they_can_be_swapped(house: House) -> None:
    training, panels = house.module("training"), house.module("panels")
    plate, truth = training.selected()
    assert (plate.name(), truth.name()) == ("Plate", "Painted")
    panel = panels.TrainPanel(plate, truth)
    panel.swap.setValue(True)
    panel.knobChanged(panel.swap)
    assert panel.which.value() == "Input: Painted    Ground Truth: Plate"
    assert panel.wish()["input"].name() == "Painted"


@pytest.mark.parametrize("count", [0, 1])
def test_a_wrong_selection_is_said_in_words(count: int, house: House) -> None:
    house.nuke.chosen = [Node("Read", f"Read{number}") for number in range(count)]
    assert house.choose("Train from selected Input and Ground Truth") is None
    assert "Select two nodes" in house.nuke.messages[0] and str(count) in house.nuke.messages[0]


def test_several_painted_nodes_are_mattes_by_their_names(house: House, tmp_path: Path) -> None:
    training, panels = house.module("training"), house.module("panels")
    plate, truth = training.selected()
    other = Node("Roto", "car 1")
    house.nuke.chosen = [other, truth, plate]  # the last selected first
    panel = panels.TrainPanel(*training.selected())
    assert panel.which.value() == "Input: Plate    Mattes: Painted, car 1"
    assert panel.wish()["channels"] == "alpha"
    sides = training.sides(panel.wish()["ground_truth"])
    assert [(name, side) for name, side, _ in sides] == [
        ("Painted=", "ground_truth_Painted"),
        ("car_1=", "ground_truth_car_1"),
    ]
    wish = {"data_directory": "runs", "channels": "alpha", "time_limit": "", "model_size": ""}
    words = training.arguments(wish, "plate.exr", ["Painted=p.exr", "car_1=c.exr"], "both")
    assert words[3:7] == ["--ground-truth", "Painted=p.exr", "--ground-truth", "car_1=c.exr"]
    with pytest.raises(house.module("trouble").Trouble, match="one name"):
        training.sides((truth, truth))


def test_several_mattes_of_an_inference_are_copied_into_their_layers(house: House) -> None:
    nodes = house.module("nodes")
    plate = Node("Read", "Plate")
    mattes = " ".join(f"{LEGAL[n]}=m{n}.alpha" for n in range(5))
    inference = Node("Inference", "Both", {"mattes": mattes})
    inference.inputs = [plate]
    first, second = nodes.into_layers(inference)
    assert (first.inputs, second.inputs) == ([plate, inference], [first, inference])
    assert (first["from1"].value(), first["to1"].value()) == ("rgba.green", "m1.alpha")
    assert second["to0"].value() == "m4.alpha" and second["to1"].value() == ""
    assert house.nuke.layers["m4"] == ["m4.alpha"]
    assert nodes.into_layers(Node("Inference", "One")) == []


def test_cancelling_does_nothing(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PythonPanel, "accept", staticmethod(lambda panel: False))
    assert house.choose("Train from selected Input and Ground Truth") is None
    assert house.nuke.rendered == [] and house.nuke.messages == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1001", [1001]),
        ("1-3, 7", [1, 2, 3, 7]),
        ("1001-1009x4,1005", [1001, 1005, 1009]),
        ("-3--1", [-3, -2, -1]),
    ],
)
def test_frames_are_written_as_everywhere_else(text: str, numbers: list[int], house: House) -> None:
    assert house.module("frames").parse(text) == numbers


@pytest.mark.parametrize("text", ["", "abc", "1-", "1x2", "1-2x0", "1-99999999"])
def test_frames_that_are_none_are_refused(text: str, house: House) -> None:
    with pytest.raises(house.module("trouble").Trouble):
        house.module("frames").parse(text)


def test_a_node_that_does_not_render_leaves_no_write_behind(house: House, tmp_path: Path) -> None:
    def fail(node: Node, path: str, frame: int) -> None:
        raise RuntimeError("no license")

    house.nuke._render = fail
    with pytest.raises(house.module("trouble").Trouble, match="no license"):
        house.module("frames").render(house.nuke.chosen[1], [1], str(tmp_path / "f"), "input", "rgb")
    assert house.nuke.allNodes() == [] and house.nuke.Undo.depth == 0


def test_a_run_becomes_a_cat_file_creator_and_an_inference_with_whole_paths(
    house: House, tmp_path: Path
) -> None:
    import understudy

    shot = house.shot
    trained = understudy.train(
        input=shot.plate, ground_truth=shot.truth, data_directory=tmp_path / "runs [y]", name="night ü",
        max_steps=4, crop_size=32, model_size="small", devices="cpu", precision="float32",
    )  # fmt: skip
    house.nuke.answer = str(trained.run.path)
    house.choose("Create Inference from run").join(120)
    assert house.nuke.messages == []
    nodes = {node.Class(): node for node in house.nuke.allNodes()}
    script = nodes["CatFileCreator"]["torchScriptFile"].value()
    plain = script.replace("\\[", "[").replace("\\]", "]")
    assert Path(plain).is_file() and Path(plain).parent == trained.run.path / "nuke"
    assert nodes["Inference"]["modelFile"].value() == nodes["CatFileCreator"]["catFile"].value()
    assert nodes["CatFileCreator"]["create"].presses == 1


def write_matte(folder: Path) -> Path:
    """The .cat of a matte that nobody trained."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
    from export_models import write_model

    return write_model(folder / "key.cat", kind="matte")


def test_a_matte_comes_with_a_group_whose_knobs_are_its_last_touch(house: House, tmp_path: Path) -> None:
    write_matte(tmp_path)
    run(["export", str(tmp_path / "key.cat"), "--to", "nuke", "--output", str(tmp_path), "--check", "quick"])
    made = house.module("nodes").create_inference(str(tmp_path / "key.pt"))
    group = next(node for node in made if node.Class() == "Group")
    assert group["grow"].value() == "0" and group["gamma"].value() == "1"
    assert [node.Class() for node in group.inside[1:-1]] == [
        "Grade", "FilterErode", "Blur", "Grade", "Invert", "Premult",
    ]  # fmt: skip
    blur = group.inside[3]
    assert "parent.soften" in blur.linked["size"] and blur.linked["disable"] == "{parent.soften==0}"


def test_a_run_is_applied_to_a_read_with_its_last_touch_and_comes_back_as_a_read(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.frames import read_provenance
    from understudy.runs import RunFolder, RunState

    (tmp_path / "runs").mkdir()
    trained = RunFolder.create(tmp_path / "runs", "key")
    trained.write_state(RunState(state="finished"))
    said = [f'input = ["{house.shot.plate}"]', f'ground_truth = ["{house.shot.truth}"]']
    trained.settings_path.write_text("\n".join([*said, f'data_directory = "{tmp_path}"']))
    shutil.move(write_matte(tmp_path), trained.cat_path(20))
    house.nuke.chosen = [Node("Read", "Plate", {"file": house.shot.plate, "first": 1001, "last": 1005})]
    output = tmp_path / "out" / "out.####.exr"

    def fill_in(panel: Any) -> bool:
        panel.run_folder.setValue(str(trained.path))
        panel.output.setValue(str(output))
        panel.frames.setValue("1001-1002")
        panel.numbers["grow"].setValue(0.5)
        panel.numbers["despeckle"].setValue(12.0)
        panel.switches["invert"].setValue(True)
        panel.motion_blur.setValue(" 0.5 ")
        return True

    monkeypatch.setattr(PythonPanel, "accept", staticmethod(fill_in))
    house.choose("Apply run to selected Read").join(120)
    assert house.nuke.messages == []
    made = json.loads(read_provenance(tmp_path / "out" / "out.1002.exr")["finishing"])
    assert made == {"despeckle": 12, "grow": 0.5, "motion_blur": 0.5, "invert": True}
    read = house.nuke.nodes_there[-1]
    assert (read.Class(), read["first"].value(), read["last"].value()) == ("Read", 1001, 1002)
    assert read["file"].value().endswith("out.####.exr")


def test_a_network_is_told_by_position_knobs_whose_y_counts_from_the_bottom(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    from prompted_networks import bring_in_sam

    from understudy.frames import open_shot, read_provenance

    with open_shot(house.shot.plate) as plate:
        height = plate.read(1001).display_window.height
    model = bring_in_sam(tmp_path)
    knobs = {"file": house.shot.plate, "first": 1001, "last": 1005, "height": height}
    house.nuke.chosen = [Node("Read", "Plate", knobs)]

    def fill_in(panel: Any) -> bool:
        panel.run_folder.setValue(str(model))
        panel.output.setValue(str(tmp_path / "out" / "out.####.exr"))
        panel.frames.setValue("1001")
        panel.subject.setValue([10.5, 4.0])
        panel.not_subject.setValue([3.0, height - 1.0])
        panel.box.setValue([2.0, 3.0, 20.0, 30.0])
        return True

    monkeypatch.setattr(PythonPanel, "accept", staticmethod(fill_in))
    house.choose("Apply run to selected Read").join(120)
    assert house.nuke.messages == []
    made = read_provenance(tmp_path / "out" / "out.1001.exr")
    assert made["points"] == f"10.5,{height - 4},1;3,1,0"
    assert made["box"] == f"2,{height - 30},20,{height - 3}"


def test_an_apply_without_an_output_or_a_run_is_said_in_words(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house.nuke.chosen = [Node("Read", "Plate", {"file": house.shot.plate, "first": 1001, "last": 1005})]
    house.choose("Apply run to selected Read")
    assert "Give an Output" in house.nuke.messages[0]

    def fill_in(panel: Any) -> bool:
        panel.output.setValue(str(tmp_path / "out.####.exr"))
        return True

    monkeypatch.setattr(PythonPanel, "accept", staticmethod(fill_in))
    house.choose("Apply run to selected Read")
    assert "This is no run" in house.nuke.messages[1]


def apply_on_farm(
    house: House, monkeypatch: pytest.MonkeyPatch, model: Path, output: Path, **wanted: str
) -> None:
    """Fill in both panels of the menu's entry, the second with what is ``wanted``, and wait for the job."""
    house.nuke.chosen = [Node("Read", "Plate", {"file": house.shot.plate, "first": 1001, "last": 1005})]

    def fill_in(panel: Any) -> bool:
        if hasattr(panel, "run_folder"):
            panel.run_folder.setValue(str(model))
            panel.output.setValue(str(output / "out.####.exr"))
        else:
            for name, value in wanted.items():
                getattr(panel, name).setValue(value)
        return True

    monkeypatch.setattr(PythonPanel, "accept", staticmethod(fill_in))
    house.choose("Apply on the farm").join(120)


def test_a_run_is_applied_on_the_farm_and_what_to_do_with_the_job_is_told(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zoo: Callable[..., Path]
) -> None:
    model = zoo("denoise")
    apply_on_farm(house, monkeypatch, model, tmp_path / "out", frames_per_task="2")
    (said,) = house.nuke.messages
    assert "3 tasks, in " in said and "openjd run " in said
    (folder,) = (tmp_path / "out" / "understudy_farm").iterdir()
    step = json.loads((folder / "template.json").read_text("utf-8"))["steps"][0]
    assert step["parameterSpace"]["taskParameterDefinitions"][0]["range"] == [
        "1001-1002",
        "1003-1004",
        "1005",
    ]
    assert f"--plate={house.shot.plate}" not in step["script"]["actions"]["onRun"]["args"]  # a parameter


def test_a_training_on_the_farm_is_rendered_here_and_written_as_a_job(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_in(panel: Any) -> bool:
        if hasattr(panel, "data_directory"):
            return fill(panel, tmp_path / "runs")
        panel.farm.setValue("deadline")
        panel.needs_gpu.setValue(True)
        return True

    monkeypatch.setattr(PythonPanel, "accept", staticmethod(fill_in))
    house.choose("Train on the farm").join(120)
    (said,) = house.nuke.messages
    assert "1 task, in " in said and "deadlinecommand " in said and "by --group" in said
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.name.endswith("_farm"))
    words = (folder / "train" / "plugin_info.job").read_text("utf-8")
    assert "_frames/input.####.exr" in words and "=--resume\n" in words
    assert len(house.nuke.rendered) == 6 and not (tmp_path / "runs" / folder.name[:-5]).exists()


def test_what_the_farm_refuses_is_shown_in_words(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zoo: Callable[..., Path]
) -> None:
    model = zoo("denoise")
    apply_on_farm(house, monkeypatch, model, tmp_path / "out", group="gpu")
    assert "no words for --group" in house.nuke.messages[0]
    assert not (tmp_path / "out").exists()


class Printed:
    """A process that has printed this."""

    def __init__(self, text: str) -> None:
        self.text = text

    def communicate(self) -> tuple[bytes, None]:
        return self.text.encode(), None


def test_a_network_that_comes_trained_is_chosen_by_what_it_is_for_and_exported(
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    zoo: Callable[..., Path],
    motion_file: Path,
) -> None:
    zoo("denoise")
    zoo("matting", kind=["start"])
    shutil.copy(motion_file, zoo("motion-vectors"))  # has two inputs, and makes no picture
    monkeypatch.setenv("HOME", str(tmp_path))
    started: list[list[Any]] = []

    def start(words: list[Any], log: str | None = None) -> Printed:
        started.append(words)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert run([str(word) for word in words]) == 0
        return Printed(said.getvalue())

    nodes = house.module("nodes")
    monkeypatch.setattr(nodes.processes, "start", start)
    monkeypatch.setattr(nodes.processes, "in_background", lambda function, *given: function(*given))
    monkeypatch.setattr(Printed, "returncode", 0, raising=False)
    offered: list[str] = []
    monkeypatch.setattr(
        PythonPanel, "accept", staticmethod(lambda panel: bool(offered.extend(panel.network.values) or True))
    )
    house.choose("Create Inference from trained network")
    assert house.nuke.messages == [] and offered == ["denoise: Does denoise to a frame."]
    assert [words[:2] for words in started] == [["models", "--json"], ["export", "denoise"]]
    creator = next(node for node in house.nuke.allNodes() if node.Class() == "CatFileCreator")
    assert creator["torchScriptFile"].value() == f"{tmp_path}/.nuke/understudy/denoise/denoise.pt"


def test_where_none_come_trained_it_is_said(
    house: House, monkeypatch: pytest.MonkeyPatch, zoo: Callable[..., Path]
) -> None:
    monkeypatch.setattr(house.module("processes"), "start", lambda words, log=None: Printed("None here.\n"))
    house.choose("Create Inference from trained network")
    assert house.nuke.messages == ["No networks come trained with this version.\nNone here."]


def test_the_networks_that_come_trained_are_served_without_a_run(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    nodes, started = house.module("nodes"), []
    monkeypatch.setattr(nodes, "listens", lambda: bool(started))
    monkeypatch.setattr(nodes.processes, "start", lambda words, log=None: started.append((words, log)))
    house.choose("Create MLClient from trained networks").join(20)
    ((words, log),) = started
    assert words == ["serve", "--host", "127.0.0.1", "--port", 55555]
    assert log == str(tmp_path / ".nuke" / "understudy" / "serve.log")
    assert [node.Class() for node in house.nuke.allNodes()] == ["MLClient"]


def test_initial_weights_go_to_the_training_unless_there_are_none(house: House) -> None:
    training = house.module("training")
    wish = {"data_directory": "runs", "channels": "rgb", "time_limit": "", "model_size": "auto"}
    words = training.arguments({**wish, "initial_weights": "denoise"}, "p", "t", "night")
    assert words[-2:] == ["--initial-weights", "denoise"]
    assert "--initial-weights" not in training.arguments({**wish, "initial_weights": ""}, "p", "t", "night")


def test_what_is_no_run_is_said_in_words(house: House, tmp_path: Path) -> None:
    house.nuke.answer = str(tmp_path)
    house.choose("Create Inference from run")
    assert "This is no run" in house.nuke.messages[0]
    house.nuke.answer = None
    assert house.choose("Create MLClient from run") is None and len(house.nuke.messages) == 1


def test_an_mlclient_is_connected_to_the_server(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = house.module("nodes")
    monkeypatch.setattr(nodes, "listens", lambda: True)
    monkeypatch.setattr(nodes, "_ask_for_run", lambda: "somewhere")
    house.choose("Create MLClient from run").join(20)
    (node,) = house.nuke.allNodes()
    assert (node["host"].value(), node["port"].value(), node["connect"].presses) == ("127.0.0.1", 55555, 1)


def test_a_nuke_without_mlclient_is_told_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(kind: str) -> Node:
        raise RuntimeError("Unknown command")

    monkeypatch.setattr(house.nuke, "createNode", missing)
    assert house.module("nodes").create_mlclient() is None
    assert "no MLClient" in house.nuke.messages[0]


def test_suggested_frames_are_marked_with_keys_on_the_read(house: House) -> None:
    read = Node("Read", "Plate", {"first": 1001, "last": 1005, "file": house.shot.plate})
    house.nuke.chosen = [read]
    house.choose("Suggest frames").join(120)
    keys = read["understudy_suggested"].keys
    assert keys and set(keys) <= {1001, 1002, 1003, 1004, 1005}
    (message,) = house.nuke.messages
    assert message.startswith("Paint these frames") and all(str(frame) in message for frame in keys)
    house.choose("Suggest frames").join(120)
    assert read["understudy_suggested"].keys == keys, "asking again marks anew"


def test_frames_of_a_plate_that_is_not_there_are_not_suggested_and_it_says_why(
    house: House, tmp_path: Path
) -> None:
    file = str(tmp_path / "gone.####.exr")
    house.nuke.chosen = [Node("Read", "Plate", {"first": 1, "last": 2, "file": file})]
    house.choose("Suggest frames").join(120)
    assert "gone" in house.nuke.messages[0] and "Traceback" not in house.nuke.messages[0]
    house.nuke.chosen = []
    assert house.choose("Suggest frames") is None and "Select one Read" in house.nuke.messages[1]


def test_painted_frames_and_where_they_count_go_to_the_command(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "night"
    run.mkdir()
    (run / "state.json").write_text("{}")
    artist, started = house.module("artist"), []

    def fill(panel: Any) -> bool:
        panel.run_folder.setValue(str(run) + "/")
        panel.frames.setValue("1001,1003")
        return True

    def start(words: list[str], log: str) -> Any:
        started.append(words)
        Path(log).write_text('{"event": "refused", "message": "No such run."}')
        return subprocess.Popen([sys.executable, "-c", f"raise SystemExit({len(words) > 7:d})"])

    monkeypatch.setattr(PythonPanel, "accept", staticmethod(fill))
    monkeypatch.setattr(artist.processes, "start", start)
    house.choose("Correct").join(60)  # the plate was selected first, and counts where the other's alpha says
    (words,) = started
    truth, strokes = (words[words.index(flag) + 1] for flag in ("--ground-truth", "--strokes"))
    assert words[:2] == ["correct", str(run)] and words[-3:] == ["--time-limit", "20s", "--json"]
    assert {Path(path).name for path in (truth, strokes)} == {"truth.####.exr", "strokes.####.exr"}
    assert house.nuke.rendered == [
        ("Plate", "rgb", 1001),
        ("Plate", "rgb", 1003),
        ("Painted", "alpha", 1001),
        ("Painted", "alpha", 1003),
    ]
    assert house.nuke.messages == ["No such run."]
    house.nuke.chosen = house.nuke.chosen[:1]
    house.choose("Correct").join(60)
    assert "--strokes" not in started[1] and started[1][:2] == words[:2]
    house.nuke.chosen = []
    assert house.choose("Correct") is None and "Select the painted node" in house.nuke.messages[-1]


def test_frames_painted_in_nuke_correct_a_run_of_integer_plates_in_the_plates_own_values(
    house: House, tmp_path: Path, make_shot: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import understudy

    shot = make_shot("integers", truth_numbers=(1001, 1002), size=(48, 32))
    run = understudy.train(
        input=shot.plate, ground_truth=shot.truth, data_directory=tmp_path / "runs", name="night",
        max_steps=2, crop_size=32, batch_size=1, model_size="small", devices="cpu", neighbours=0,
    ).run.path  # fmt: skip
    painted = read_image_file(shot.plate_file(1004)).planes("RGB") * np.float32(0.5)

    def render(node: Node, path: str, frame: int) -> None:
        """As Nuke writes with raw on: scene-linear floats."""
        like = read_image_file(shot.plate_file(frame))
        linear = convert_between(painted, SpaceDecision("srgb", ""), SpaceDecision("linear", ""))
        write_image_file(Path(path), like.with_planes("RGB", linear), depth="float")

    house.nuke._render = render
    house.nuke.chosen = [Node("RotoPaint", "Painted")]
    artist = house.module("artist")
    made = artist.correction
    quick = ["--max-steps", "1"]
    monkeypatch.setattr(artist, "correction", lambda *given: [*made(*given), *quick])

    def fill(panel: Any) -> bool:
        panel.run_folder.setValue(str(run))
        panel.frames.setValue("1004")
        return True

    monkeypatch.setattr(PythonPanel, "accept", staticmethod(fill))
    house.choose("Correct").join(300)
    assert house.nuke.messages == ["The run has learned the correction."]
    kept = read_image_file(run / "corrections" / "0001" / "truth.1004.exr").planes("RGB")
    assert np.abs(kept - painted).max() < 1e-4


def test_only_plates_that_are_no_exr_need_to_be_told_what_nuke_renders(house: House, tmp_path: Path) -> None:
    artist, run = house.module("artist"), tmp_path / "night"
    run.mkdir()
    (run / "state.json").write_text("{}")
    assert artist.colour(str(run)) == ["--ground-truth-colour", "linear"]  # nobody knows
    for plate, words in (("a.####.exr", []), ("a.####.dpx", ["--ground-truth-colour", "linear"])):
        (run / "settings.toml").write_text(f'[data]\ninput = ["{plate}"]\n')
        assert artist.colour(str(run)) == words


def test_nukes_own_libraries_do_not_reach_the_other_process(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "/nuke")
    found = house.module("processes").environment()
    assert "/nuke" not in found.values() and found["PATH"] == os.environ["PATH"]


def test_the_program_is_found_by_the_environment_then_by_the_settings(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = house.module("processes")
    assert processes.command() == [sys.executable, "-m", "understudy"]
    monkeypatch.setenv("UNDERSTUDY", "/opt/understudy")
    assert processes.command() == ["/opt/understudy"]


def test_a_program_that_is_not_there_is_said_in_words(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = house.folder / "understudy_nuke" / "settings.json"
    settings.write_text(json.dumps({"command": ["/nowhere/python"]}), encoding="utf-8")
    monkeypatch.setenv("PATH", "/nowhere")
    house.nuke.answer = str(house.folder)
    house.choose("Open monitor")
    assert "was not found" in house.nuke.messages[0]


def test_the_monitor_is_opened_where_it_says_it_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    processes, opened = house.module("processes"), []
    monkeypatch.setattr(processes.webbrowser, "open", opened.append)
    process = subprocess.Popen(
        [sys.executable, "-c", "print('Open http://127.0.0.1:8420/?t=1'); print('x' * 100000)"],
        stdout=subprocess.PIPE,
    )
    processes._open_page(process)
    assert opened == ["http://127.0.0.1:8420/?t=1"] and process.wait(20) == 0


def test_the_command_writes_a_folder_that_says_how_to_use_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "for nuke"
    assert run(["nuke-plugin", "--output", str(folder)]) == 0
    assert f'nuke.pluginAddPath("{folder.as_posix()}")' in capsys.readouterr().out
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names >= {"README.md", "init.py", "menu.py", "understudy.png", "understudy_nuke/menu.py"}
    assert "__init__.py" not in names and "understudy_nuke/__init__.py" in names
    readme = (folder / "README.md").read_text("utf-8")
    assert folder.as_posix() in readme and "not tried in a real Nuke" in readme
    assert run(["nuke-plugin", "--output", str(folder)]) == 0, "writing it again brings it up to date"


def test_a_folder_that_cannot_be_written_is_an_error_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert run(["nuke-plugin", "--output", str(tmp_path / "file" / "folder")]) == 1
    assert "could not be written" in capsys.readouterr().err
