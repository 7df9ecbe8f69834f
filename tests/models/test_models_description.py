"""One description for every kind of model, and what this version refuses of what it can say."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.colour import LINEAR, PLAIN, SRGB
from understudy.errors import ModelFileError, RequestError
from understudy.models.cat_file import describe_header
from understudy.models.description import ModelDescription
from understudy.models.imported import describe_imported, open_file
from understudy.models.opening import describe, describe_effect, open_model
from understudy.models.options import Option
from understudy.models.sidecar import read_sidecar
from understudy.network.model_file import ExtraInput, ModelHeader


def header() -> ModelHeader:
    return ModelHeader(
        kind="matte",
        input_channels=["R", "G", "B"],
        output_channels=["A"],
        extra=[
            ExtraInput(name="before", channels=["R", "G", "B"], colour=LINEAR, offset=-1),
            ExtraInput(channels=["Z"], colour=PLAIN),
        ],
        colour_in=LINEAR,
        colour_out=PLAIN,
        architecture={},
        stride=16,
        reach=40,
        precision={"bfloat16_difference": 0.25},
        provenance={"steps": 12},
    )


def script(path: Path) -> Path:
    class Mix(torch.nn.Module):
        def forward(self, x: torch.Tensor, hint: torch.Tensor, amount: float = 0.5) -> torch.Tensor:
            return x + hint * amount

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Mix()).save(str(path))
    return path


SIDE = """
label = "Mix"
colour = "srgb"
range = 255.0
size_multiple = 8
[[inputs]]
name = "plate"
[[inputs]]
name = "hint"
channels = 1
[[outputs]]
name = "mixed"
"""


def test_a_header_is_described_with_all_that_it_says() -> None:
    found = describe_header(header(), "my look")
    assert (found.name, found.label, found.format, found.kind) == ("my_look", "my look", "network", "matte")
    assert [(each.name, each.channels, each.offset) for each in found.inputs] == [
        ("input", ("R", "G", "B"), 0),
        ("before", ("R", "G", "B"), -1),
        ("extra_2", ("Z",), 0),
    ]
    assert [each.colour for each in found.inputs] == [LINEAR, LINEAR, PLAIN]
    assert (found.offsets, found.stride, found.reach, found.scale) == ((-1,), 16, 40, 1)
    assert (found.precision, found.provenance) == ({"bfloat16_difference": 0.25}, {"steps": 12})


def test_apply_and_the_server_are_told_the_same_of_one_file(tmp_path: Path) -> None:
    path = script(tmp_path / "mix.pt")
    path.with_suffix(".toml").write_text(SIDE)
    side = read_sidecar(path.with_suffix(".toml"))
    served = describe_imported(path, side, open_file(path, side))
    applied = describe_effect(path)
    for name in ("name", "label", "format", "kind", "stride", "reach", "space", "colour_in", "colour_out"):
        assert getattr(served, name) == getattr(applied, name) == getattr(describe(path), name), name
    assert served.inputs == applied.inputs and served.outputs == applied.outputs
    assert served.options == (Option("amount", "float", 0.5),)
    assert applied.colour_in == SRGB.model_copy(update={"scale": 1 / 255})


def test_a_description_comes_with_the_function_behind_it(tmp_path: Path) -> None:
    path = script(tmp_path / "mix.pt")
    path.with_suffix(".toml").write_text(SIDE)
    description, network = open_model(path, "cpu")
    x = torch.rand(1, 4, 16, 8)
    assert torch.allclose(network(x), x[:, :3] + x[:, 3:] * 0.5, atol=1e-6)
    assert (network.stride, network.reach) == (description.stride, description.reach)


def test_state_and_frames_about_are_described_by_the_toml_as_by_the_file(tmp_path: Path) -> None:
    class Two(torch.nn.Module):
        def forward(
            self, x: torch.Tensor, last: torch.Tensor, memory: torch.Tensor | None = None, gain: float = 1.0
        ) -> tuple[torch.Tensor, torch.Tensor]:
            kept = x if memory is None else memory
            return x + last + kept, kept * gain

    path = tmp_path / "two.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Two()).save(str(path))
    path.with_suffix(".toml").write_text(
        '[[inputs]]\nname = "plate"\n[[inputs]]\nname = "last"\n[[outputs]]\nname = "made"\n'
        "[frames]\nlast = -1\n[constants]\ngain = 0.5\n[state]\nmemory = 2\nlead_in = 4\n"
    )
    side = read_sidecar(path.with_suffix(".toml"))
    for found in (describe_imported(path, side, open_file(path, side)), describe_effect(path)):
        assert [(each.name, each.offset) for each in found.inputs] == [("plate", 0), ("last", -1)]
        assert [(each.name, each.tensor) for each in found.state] == [("memory", "2")]
        assert (found.lead_in, found.options, found.offsets) == (4, (), (-1,))


def test_options_are_checked_by_type_and_range_and_the_rest_is_at_its_default() -> None:
    model = ModelDescription(
        "look", "Look", options=(Option("mix", "float", 1.0, 0.0, 1.0), Option("n", "int", 3))
    )
    assert (
        model.read_options({"mix": 0}, clamp=False)
        == {"mix": 0.0, "n": 3}
        == {**model.defaults(), "mix": 0.0}
    )
    assert model.read_options({"mix": 7.0}, clamp=True)["mix"] == 1.0
    for given in ({"mix": 7.0}, {"n": "3"}, {"other": 1}):
        with pytest.raises(RequestError):
            model.read_options(given, clamp=False)


def test_a_toml_with_an_option_that_the_file_lacks_is_refused(tmp_path: Path) -> None:
    path = script(tmp_path / "mix.pt")
    path.with_suffix(".toml").write_text(SIDE + '[[options]]\nname = "strength"\n')
    with pytest.raises(ModelFileError, match="amount"):
        open_model(path, "cpu")


def test_an_option_of_the_toml_has_its_default_in_apply_as_in_the_server(tmp_path: Path) -> None:
    path = script(tmp_path / "mix.pt")
    path.with_suffix(".toml").write_text(SIDE + '[[options]]\nname = "amount"\ndefault = 0.25\n')
    _, network = open_model(path, "cpu")
    x = torch.rand(1, 4, 8, 8)
    assert np.allclose(network(x), x[:, :3] + x[:, 3:] * 0.25, atol=1e-6)
