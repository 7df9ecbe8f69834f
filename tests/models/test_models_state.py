"""State of networks of others: which outputs go back in by their names, and what goes in first."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.errors import ModelFileError
from understudy.models.sidecar import Sidecar
from understudy.models.state import first_shape, first_value
from understudy.models.state_names import Spec, paired

ANY: Spec = ("tensor(float)", (1, "c", "h", "w"))


def found(inputs: str, outputs: str) -> dict[str, str]:
    given, made = inputs.split(), outputs.split()
    return paired(dict.fromkeys(given, ANY), dict.fromkeys(made, ANY), given[0])


@pytest.mark.parametrize(
    ("inputs", "outputs", "pairs"),
    [
        ("src r1i r2i ratio", "fgr pha r1o r2o", "r1i r1o r2i r2o"),
        ("input h_in c_in", "output h_out c_out", "h_in h_out c_in c_out"),
        ("x state", "y new_state", "state new_state"),
        ("frame h0 c0", "result hn cn", "h0 hn c0 cn"),
        ("image stateIn", "mask stateOut", "stateIn stateOut"),
        ("image input_state", "mask output_state", "input_state output_state"),
        ("image past_mem", "present_mem mask", "past_mem present_mem"),
        ("x prev_hidden", "y hidden", "prev_hidden hidden"),
        ("x hidden", "y next_hidden", "hidden next_hidden"),
        ("in hint", "out", ""),
        ("plate_in hint_in", "plate_out", ""),
        ("x1 x2", "y1 y2", ""),
        ("image mask", "image_out mask_edges", ""),
    ],
)
def test_states_are_known_by_what_they_are_called(inputs: str, outputs: str, pairs: str) -> None:
    names = pairs.split()
    assert found(inputs, outputs) == dict(zip(names[::2], names[1::2], strict=True))


def test_the_picture_itself_is_no_state_and_neither_is_what_does_not_fit() -> None:
    assert paired({"x_in": ANY, "h_in": ANY}, {"x_out": ANY, "h_out": ANY}, "x_in") == {"h_in": "h_out"}
    whole: Spec = ("tensor(int64)", (1, "c", "h", "w"))
    assert paired({"x": ANY, "h_in": ANY}, {"y": ANY, "h_out": whole}, "x") == {}
    one, other = (("tensor(float)", (1, count, "h", "w")) for count in (8, 16))
    assert paired({"x": ANY, "h_in": one}, {"y": ANY, "h_out": other}, "x") == {}
    assert paired({"x": ANY, "h_in": ANY}, {"y": ANY, "h_out": ANY}, "x", ["h_in"]) == {}


def side(**initial: object) -> Sidecar:
    return Sidecar.model_validate({"state": {"h": "n", "c": "m"}, "initial": initial})


def test_a_first_state_has_the_lengths_that_are_told_and_one_where_nothing_is() -> None:
    told = side(h=[1, 8, "height/4", "width"], c=0.5)
    path = Path("look.onnx")
    assert first_shape("h", (1, "c", "h", "w"), told, (31, 48), path) == [1, 8, 8, 48]
    assert first_shape("c", ("n", 16, None, 0), told, (31, 48), path) == [1, 16, 1, 1]
    assert (first_value("h", told), first_value("c", told)) == (0.0, 0.5)
    with pytest.raises(ModelFileError, match="too large"):
        first_shape("h", (), side(h=[60000, 60000, 1, 1]), (31, 48), path)


@pytest.mark.parametrize(
    "told",
    [
        {"state": {"h": 0}},
        {"state": {"h": 1.5}},
        {"state": {"h": ""}},
        {"state": {"h": "n", "lead_in": -1}},
        {"state": {"h": "n"}, "initial": {"h": ["depth"]}},
        {"state": {"h": "n"}, "initial": {"h": ["height/0"]}},
        {"state": {"h": "n"}, "initial": {"other": 1.0}},
        {"state": {"h": "n"}, "prompts": {"points": "p"}},
        {"frames": [1, 1]},
        {"frames": []},
        {"frames": {"a": [0, 99]}},
        {"stack": "rows"},
        {"output": ["only"]},
        {"output": ["a", "b"], "activation": "argmax", "classes": {"x": 1}},
        {"channels": ["R G"]},
        {"channels": ["A"], "classes": {"x": 1}},
        {"constants": {"ratio": [[1]]}},
    ],
)
def test_a_toml_that_makes_no_sense_is_refused(told: dict) -> None:
    with pytest.raises(ValueError, match="error"):
        Sidecar.model_validate(told)
