"""Each exporter: its file, run by its own runtime, gives what understudy gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from export_models import beside, depth, picture

import understudy
from understudy.colour import LINEAR, encoding_for, to_scene_linear
from understudy.errors import ChannelError, ColourError, ExportError, ModelFileError, SettingError
from understudy.export import effect as effect_room
from understudy.export.check import from_linear
from understudy.export.export import HOSTS, Exported, ExportSettings, export, runtimes
from understudy.export.metadata import read_info
from understudy.export.nk import read_script
from understudy.export.stages import Same
from understudy.export.torchscript_file import ScriptRuntime

SIZES = ((29, 43), (1, 1), (57, 1), (1, 33), (64, 48))


@dataclass(frozen=True)
class Made:
    model: Path
    result: Exported


@pytest.fixture(scope="session")
def made(model_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """A function that gives the export of a scene-linear model for a host; each is made once."""
    done: dict[str, Made] = {}

    def of(host: str) -> Made:
        if host not in done:
            model = model_of("linear", colour=LINEAR)
            settings = ExportSettings(str(model), host, tmp_path_factory.mktemp(host), "grade 01", full=False)
            done[host] = Made(model, export(settings))
        return done[host]

    return of


def assert_equal_to_apply(made: Made, linear: bool = False) -> None:
    """The one assertion of the family: at every size, in every way to run it, the same picture."""
    model = understudy.load(made.model, devices="cpu")
    info = read_info(made.result.file)
    for runtime in runtimes(info.host, made.result.file, info):
        allowed = 1e-4 if runtime.precision == "float32" else 1e-2
        for height, width in SIZES:
            given = picture(height, width, sum(len(names) for _, names in info.inputs))
            given = given.astype(np.float16).astype(np.float32)
            if linear:
                file = from_linear(given, model.header)
                wanted = model.infer(file, tile_size="none")
                if model.header.kind != "matte":
                    wanted = to_scene_linear(wanted, model.header.colour_out)
            else:
                wanted = model.infer(given, tile_size="none")
            found = runtime(given)
            assert found.shape == wanted.shape
            apart = np.abs(found - wanted) / np.maximum(1, np.abs(wanted))
            assert apart.max() <= allowed, (runtime.name, runtime.tag, height, width)


@pytest.mark.parametrize("host", HOSTS)
def test_every_export_gives_what_apply_gives_and_says_so(host: str, made: Callable[[str], Made]) -> None:
    """One test for all three, as each export takes seconds to make."""
    assert_equal_to_apply(made(host))
    assert_recorded(made(host))
    assert_described(made(host), host)


def assert_recorded(made: Made) -> None:
    """The comparison lies beside the file, and names nothing of this machine."""
    record = json.loads(made.result.record.read_text("utf-8"))
    assert record["passed"] and record["largest_difference"] == made.result.difference <= 1e-4
    tried = {each["frame"] for each in record["comparisons"]}
    assert tried >= {"odd size", "above 1 and below 0", "one pixel wide", "one pixel high", "one pixel"}
    assert record["file"] == made.result.file.name and len(record["sha256"]) == 64
    assert str(made.model.parent) not in json.dumps(record)


def assert_described(made: Made, host: str) -> None:
    """The file itself says what it is and where it came from."""
    info = read_info(made.result.file)
    assert (info.host, info.name, info.model_name) == (host, "grade 01", "linear.cat")
    assert info.values == ("scene-linear" if host == "nuke" else "file values")
    assert info.header.provenance["pairs"][0]["name"] == "plate.1001.exr"


@pytest.mark.parametrize(
    "space", ["srgb", "ACES2065-1", "ACEScct", "Gamma 2.2 Encoded Rec.709", "sRGB Encoded Rec.709 (sRGB)"]
)
def test_nuke_takes_scene_linear_whatever_the_space_of_the_files(
    space: str, model_of: Callable[..., Path], tmp_path: Path
) -> None:
    model = model_of("space_" + "".join(filter(str.isalnum, space)), colour=encoding_for(space))
    result = export(ExportSettings(str(model), "nuke", tmp_path, full=False))
    assert_equal_to_apply(Made(model, result), linear=True)


def test_a_space_that_is_more_than_matrix_and_curve_is_refused_in_words(
    model_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understudy.export import linear

    monkeypatch.setattr(linear, "matrix_and_curve", lambda space: None)
    model = model_of("space_cct", colour=encoding_for("ACEScct"))
    with pytest.raises(ColourError, match="a matrix and a curve"):
        export(ExportSettings(str(model), "nuke", tmp_path / "out", full=False))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("host", ["nuke", "torchscript"])
def test_a_matte_is_no_light_and_mixes_with_nothing(
    host: str, model_of: Callable[..., Path], tmp_path: Path
) -> None:
    model = model_of("matte", kind="matte")
    result = export(ExportSettings(str(model), host, tmp_path, full=False))
    assert_equal_to_apply(Made(model, result), linear=host == "nuke")
    runtime = ScriptRuntime(result.file)
    whole = runtime(picture(20, 30))
    runtime.module.mix = 0.25
    assert np.allclose(runtime(picture(20, 30)), whole * 0.25, atol=1e-6)


@pytest.mark.parametrize("host", HOSTS)
def test_a_network_that_knows_its_place_in_the_frame_knows_it_in_every_host(
    host: str, model_of: Callable[..., Path], tmp_path: Path
) -> None:
    model = model_of("placed", fit="placed", colour=LINEAR)
    result = export(ExportSettings(str(model), host, tmp_path, full=False))
    assert_equal_to_apply(Made(model, result), linear=host == "nuke")


@pytest.mark.parametrize("host", ["torchscript", "onnx"])
def test_extra_inputs_are_packed_into_one_tensor_or_given_apart(
    host: str, model_of: Callable[..., Path], tmp_path: Path
) -> None:
    model = model_of("depth", extra=(depth(),))
    result = export(ExportSettings(str(model), host, tmp_path, full=False))
    inputs = read_info(result.file).inputs
    assert inputs == (
        [("plate", ["R", "G", "B", "depth.Z"])]
        if host == "torchscript"
        else [("plate", ["R", "G", "B"]), ("extra_1", ["depth.Z"])]
    )
    assert_equal_to_apply(Made(model, result))


@pytest.mark.parametrize("host", ["nuke", "onnx", "openvino"])
def test_frames_before_and_after_are_inputs_with_names_of_their_own(
    host: str, model_of: Callable[..., Path], tmp_path: Path
) -> None:
    model = model_of("beside", extra=(*beside(), depth()))
    result = export(ExportSettings(str(model), host, tmp_path, full=False))
    before, after = (["before.R", "before.G", "before.B"], ["after.R", "after.G", "after.B"])
    plate = ["R", "G", "B"]
    assert read_info(result.file).inputs == (
        [("plate", [*plate, *before, *after, "depth.Z"])]
        if host == "nuke"
        else [("plate", plate), ("before", before), ("after", after), ("extra_1", ["depth.Z"])]
    )
    assert_equal_to_apply(Made(model, result), linear=host == "nuke")


def test_the_note_for_nuke_says_what_to_copy_where(model_of: Callable[..., Path], tmp_path: Path) -> None:
    export(ExportSettings(str(model_of("beside", extra=beside())), "nuke", tmp_path, full=False))
    note, creator, _ = read_script((tmp_path / "beside.nk").read_text())
    channels = dict(creator.knobs)["channelsIn"].split(", ")
    lines = dict(note.knobs)["label"].splitlines()
    assert f"{', '.join(channels[3:6])}: the plate through a TimeOffset of 1" in lines
    assert f"{', '.join(channels[6:9])}: the plate through a TimeOffset of -1" in lines


def test_mix_is_an_attribute_that_can_be_set_after_loading(made: Callable[[str], Made]) -> None:
    runtime = ScriptRuntime(made("torchscript").result.file)
    model = understudy.load(made("torchscript").model, devices="cpu")
    given = picture(21, 34)
    for mix in (0.0, 0.3, 1.0):
        runtime.module.mix = mix
        assert np.allclose(runtime(given), model.infer(given, mix=mix, tile_size="none"), atol=1e-4)


@pytest.mark.parametrize("host", ["nuke", "onnx", "openvino"])
def test_a_pixel_that_is_not_finite_keeps_the_plate_and_poisons_no_neighbour(
    host: str, made: Callable[[str], Made]
) -> None:
    file = made(host).result.file
    given = picture(40, 50)
    given[10, 20, 1], given[30, 5] = np.nan, np.inf
    found = runtimes(host, file, read_info(file))[0](given)
    assert np.isnan(found[10, 20, 1]) and np.isposinf(found[30, 5]).all()
    assert found[10, 20, 0] == given[10, 20, 0]
    assert np.isfinite(found).sum() == found.size - 4


def test_the_script_holds_no_operator_that_older_versions_of_torch_lack(made: Callable[[str], Made]) -> None:
    """benchmarks/check_torch_2_1.py tries it with an old torch; this keeps to what was tried there."""
    graph = ScriptRuntime(made("nuke").result.file).module.inlined_graph
    used = _kinds(graph)
    assert used - KNOWN_TO_OLD_TORCH == set()
    assert "aten::convolution" in used


OLD = (
    "Bool Float Int ScalarImplicit __contains__ __derive_index __floordiv__ __getitem__ __is__ __isnot__",
    "__not__ __range_length _unwrap_optional abs add alias append arange bool cat clamp clamp_max contiguous",
    "convolution dim div eq expm1 floordiv ge gt half index index_select is_cuda leaky_relu le len log1p",
    "logical_and lt maximum minimum mul ne neg ones_like permute pixel_shuffle pixel_unshuffle pow reshape",
    "searchsorted select sigmoid sign size slice sqrt stack sub tensor to type_as unbind unsqueeze",
    "upsample_bilinear2d view where zeros_like",
)
KNOWN_TO_OLD_TORCH = {f"aten::{name}" for line in OLD for name in line.split()}


def _kinds(graph: torch._C.Graph) -> set[str]:
    """All operators of a graph and its inner blocks."""
    found, waiting = set(), [graph]
    while waiting:
        for node in waiting.pop().nodes():
            found.add(node.kind())
            waiting += node.blocks()
    return {kind for kind in found if kind.startswith("aten::")}


def test_what_disagrees_leaves_nothing_behind(
    model_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effect_room, "Encode", lambda encoding: Same())
    model = model_of("linear", colour=LINEAR)
    with pytest.raises(ExportError, match="does not agree") as caught:
        export(ExportSettings(str(model), "nuke", tmp_path / "new" / "out", full=False))
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_what_disagrees_leaves_the_former_export_as_it_was(
    model_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of("linear", colour=LINEAR)
    settings = ExportSettings(str(model), "torchscript", tmp_path, full=False)
    result = export(settings)
    before = {path: path.read_bytes() for path in result.files}
    monkeypatch.setattr(effect_room, "Encode", lambda encoding: Same())
    with pytest.raises(ExportError):
        export(settings)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_export_for_one_program_is_not_replaced_by_one_for_another(made: Callable[[str], Made]) -> None:
    there = made("nuke").result.file
    settings = ExportSettings(str(made("nuke").model), "torchscript", there.parent, "grade 01", full=False)
    before = there.read_bytes()
    with pytest.raises(SettingError, match="another program"):
        export(settings)
    assert there.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["", "a/b", "../x", ".hidden", "a\\b", "shot.####", "take%04d", "a\nb", "x" * 300]
)
def test_a_name_that_cannot_be_one_is_refused(
    name: str, model_of: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(SettingError):
        export(
            ExportSettings(str(model_of("linear", colour=LINEAR)), "nuke", tmp_path / "o", name, full=False)
        )
    assert not (tmp_path / "o").exists()


def test_a_host_that_does_not_exist_and_a_model_that_is_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.cat").write_bytes(b"no model")
    with pytest.raises(SettingError, match="format"):
        export(ExportSettings(str(tmp_path / "no.cat"), "blender", tmp_path))
    with pytest.raises(ModelFileError):
        export(ExportSettings(str(tmp_path / "no.cat"), "nuke", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_more_channels_than_nuke_has_names_for_are_refused(
    model_of: Callable[..., Path], tmp_path: Path
) -> None:
    many = depth().model_copy(update={"channels": [f"layer.{n}" for n in range(20)]})
    with pytest.raises(ChannelError, match="Nuke"):
        export(ExportSettings(str(model_of("many", extra=(many,))), "nuke", tmp_path / "out", full=False))


@pytest.mark.gpu
def test_half_precision_on_an_accelerator_agrees(model_of: Callable[..., Path], tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no accelerator here")
    result = export(ExportSettings(str(model_of("linear", colour=LINEAR)), "nuke", tmp_path, full=False))
    assert {each.device for each in result.comparisons} == {"cpu", "cuda"}
