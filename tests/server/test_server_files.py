"""ONNX and TorchScript files, with and without a file beside them, and folders that change while they are
watched.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import urllib.request
import warnings

import numpy as np
import pytest

from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear
from understudy.errors import ModelFileError
from understudy.server.log import ServerLog
from understudy.server.models.served import Call

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def save_onnx(path, nodes, inputs, outputs, constants=()):
    """A small ONNX file; inputs and outputs as (name, type, shape)."""
    from onnx import helper, numpy_helper

    def info(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        nodes,
        "test",
        [info(*each) for each in inputs],
        [info(*each) for each in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def gain_onnx(path, gain=2.0):
    """input [N,3,H,W] * gain"""
    from onnx import TensorProto, helper

    picture = [None, 3, None, None]
    return save_onnx(
        path,
        [helper.make_node("Mul", ["input", "gain"], ["output"])],
        [("input", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [("output", TensorProto.FLOAT, picture)],
        [("gain", np.float32([gain]))],
    )


def strength_onnx(path):
    """plate.1 [1,3,H,W], hint.1 [1,1,H,W], strength [1]: plate.1 + hint.1 * strength; pooled by 4 and
    back up, so that H and W
    must be multiples of 4."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Mul", ["hint.1", "strength"], ["scaled"]),
        helper.make_node("Add", ["plate.1", "scaled"], ["sum"]),
        helper.make_node("SpaceToDepth", ["sum"], ["deep"], blocksize=4),
        helper.make_node("DepthToSpace", ["deep"], ["result"], blocksize=4),
    ]
    return save_onnx(
        path,
        nodes,
        [
            ("plate.1", TensorProto.FLOAT, [1, 3, "h", "w"]),
            ("hint.1", TensorProto.FLOAT, [1, 1, "h", "w"]),
            ("strength", TensorProto.FLOAT, [1]),
        ],
        [("result", TensorProto.FLOAT, [1, 3, "h", "w"])],
    )


SIDE = """
label = "Add: a hint"
colour = "srgb"
range = 255.0
size_multiple = 4
[[inputs]]
name = "hint"
channels = 1
tensor = "hint.1"
[[inputs]]
name = "plate"
tensor = "plate.1"
[[options]]
name = "amount"
type = "float"
default = 0.5
minimum = 0.0
maximum = 1.0
tensor = "strength"
"""


def script(path):
    """A TorchScript file: forward(x, gain: float = 2, flip: bool = False)."""
    import torch

    class Effect(torch.nn.Module):
        def forward(self, x: torch.Tensor, gain: float = 2.0, flip: bool = False) -> torch.Tensor:
            if flip:
                x = torch.flip(x, [2])
            return x * gain

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Effect()), str(path))
    return path


@pytest.fixture
def planes(picture):
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


def onnx_model(path):
    from understudy.server.models.file_model import FileModel

    return FileModel(path, "cpu", ServerLog(io.StringIO()))


def answer(model, *pictures, linear=False, **options):
    call = Call(list(pictures), model.description.read_options(options, clamp=False), {}, linear)
    return model.run([call])[0].pictures


def test_an_onnx_file_says_itself_what_it_takes(tmp_path, planes):
    model = onnx_model(gain_onnx(tmp_path / "gain.onnx"))
    assert [(port.name, port.count) for port in model.description.inputs] == [("input", 3)]
    assert np.allclose(answer(model, planes)[0], planes * 2)
    assert model.max_batch > 1


def test_requests_that_run_as_one_batch_are_answered_each_for_itself(tmp_path, planes):
    model = onnx_model(gain_onnx(tmp_path / "gain.onnx"))
    answers = model.run([Call([planes]), Call([planes + 1]), Call([planes - 5])])
    for made, given in zip(answers, (planes, planes + 1, planes - 5), strict=True):
        assert np.allclose(made.pictures[0], given * 2)


def test_the_file_beside_gives_label_order_range_colour_size_and_options(tmp_path, planes):
    path = strength_onnx(tmp_path / "hint.onnx")
    (tmp_path / "hint.toml").write_text(SIDE)
    model = onnx_model(path)
    assert model.description.label == "Add a hint"
    assert [(port.name, port.count) for port in model.description.inputs] == [("hint", 1), ("plate", 3)]
    assert [(each.name, each.default, each.maximum) for each in model.description.options] == [
        ("amount", 0.5, 1.0)
    ]
    hint = np.full((1, *planes.shape[1:]), 0.25, np.float32)
    assert np.allclose(answer(model, hint, planes, amount=0.8)[0], planes + 0.2, atol=1e-4)
    linear = srgb_to_linear(linear_to_srgb(planes) + linear_to_srgb(hint) * 0.5)
    assert np.allclose(answer(model, hint, planes, linear=True)[0], linear, atol=1e-3)


def test_scalar_inputs_become_options_without_a_file_beside(tmp_path, planes):
    model = onnx_model(strength_onnx(tmp_path / "hint.onnx"))
    assert [(each.name, each.kind) for each in model.description.options] == [("strength", "float")]


@pytest.mark.parametrize(
    "side",
    [
        "nonsense = 1",
        "label = 7",
        "colour = 'moon'",
        "range = 0",
        "[[inputs]]\nname = 'a'\n[[inputs]]\nname = 'b'",
        "[[options]]\nname = 'host'",
        "[[options]]\nname = 'a b'",
        "[[options]]\nname = 'extra'",
        "not toml",
        "size_multiple = 10000",
        "[[inputs]]\nname = 'a'\ntensor = 'other'",
        "[[options]]\nname = 'x'\ntype = 'int'\ndefault = 'a'",
    ],
)
def test_a_file_beside_that_does_not_fit_is_refused(tmp_path, side):
    path = gain_onnx(tmp_path / "gain.onnx")
    (tmp_path / "gain.toml").write_text(side)
    with pytest.raises(ModelFileError):
        onnx_model(path)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08" * 1000])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    from understudy.models.torchscript_file import load_script

    for name in ("a.onnx", "a.pt"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFileError):
        onnx_model(tmp_path / "a.onnx")
    with pytest.raises(ModelFileError):
        load_script(tmp_path / "a.pt")


def test_a_torchscript_file_says_itself_what_it_takes(tmp_path, planes):
    import io

    from understudy.server.log import ServerLog
    from understudy.server.models.file_model import FileModel

    model = FileModel(script(tmp_path / "gain.pt"), "cpu", ServerLog(io.StringIO()))
    assert [port.name for port in model.description.inputs] == ["x"]
    assert [(each.name, each.kind, each.default) for each in model.description.options] == [
        ("gain", "float", 2.0),
        ("flip", "bool", False),
    ]
    assert np.allclose(answer(model, planes)[0], planes * 2)
    assert np.allclose(answer(model, planes, gain=3.0, flip=True)[0], planes[:, ::-1] * 3)


def test_a_watched_folder_follows_its_files(serve, until, picture, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    gain_onnx(folder / "double.onnx")
    script(folder / "script.pt")
    (folder / "broken.onnx").write_bytes(b"rubbish")
    (folder / "notes.txt").write_text("no model")
    server = serve(folder)

    def names():
        return {model.name for model in server.models()}

    assert names() == {"double", "script"}
    assert "broken" in str(server.log)
    assert "failed" in server.infer("broken", picture).error
    assert np.allclose(server.infer("double", picture).picture(), picture * 2)
    assert np.allclose(server.infer("script", picture, gain=0.5).picture(), picture * 0.5)

    gain_onnx(tmp_path / "new.onnx", 3.0)
    half = (tmp_path / "new.onnx").read_bytes()
    (folder / "triple.onnx").write_bytes(half[: len(half) // 2])  # a copy that has just begun
    (folder / "triple.onnx").write_bytes(half)
    until(lambda: "triple" in names())
    assert np.allclose(server.infer("triple", picture).picture(), picture * 3)

    gain_onnx(folder / "double.onnx", 5.0)
    until(lambda: np.allclose(server.infer("double", picture).picture(), picture * 5))
    os.remove(folder / "script.pt")
    until(lambda: "script" not in names())
    assert "no model" in server.infer("script", picture).error
    shutil.rmtree(folder)
    until(lambda: not names())
    assert server.is_alive()


def test_the_list_stays_short_pinned_first_then_the_newest_and_names_are_unique(serve, picture, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    for number in range(30):
        gain_onnx(folder / f"a_model_with_quite_a_long_name_{number:02d}.onnx")
    for place, gain in (("a", 2.0), ("b", 3.0)):
        (tmp_path / place).mkdir()
        gain_onnx(tmp_path / place / "look.onnx", gain)
    server = serve(folder, tmp_path / "a" / "look.onnx", tmp_path / "b" / "look.onnx")
    models = server.models()
    names = [model.name for model in models]
    assert names[:2] == ["look", "look_2"]
    assert len({model.label for model in models}) == len(models)
    assert np.allclose(server.infer("look_2", picture).picture(), picture * 3)
    assert 10 < len(names) < 32
    assert names[2] == "a_model_with_quite_a_long_name_29"
    assert not server.infer("a_model_with_quite_a_long_name_00", picture).error
    left_out = server.wait_for("models left out of the ML-Server list, which must stay short")["models"]
    assert len(left_out) + len(names) == 32
    everything = json.load(urllib.request.urlopen(server.url + "/api/models"))
    assert len(everything) == 32
    assert {each["name"] for each in everything if each["in_ml_server_list"]} == set(names)
