"""A .cat from anywhere: it is loaded exactly, or refused; it never runs, hangs or fills the memory."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from understudy.colour import LINEAR, PLAIN, SRGB
from understudy.errors import ModelFileError, WriteError
from understudy.network import model_file
from understudy.network.confidence import ConfidenceTable
from understudy.network.effect import Architecture, EffectNetwork
from understudy.network.model_file import (
    HEADER_KEY,
    ExtraInput,
    ModelHeader,
    load_model,
    read_header,
    save_model,
)
from understudy.network.unet import SIZES, Size


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))


def header_for(network: EffectNetwork, **changes: Any) -> ModelHeader:
    shape = network.architecture
    usual: dict[str, Any] = {
        "kind": shape.kind,
        "input_channels": ["R", "G", "B"],
        "output_channels": ["A"] if shape.kind == "matte" else ["R", "G", "B"],
        "colour_in": LINEAR,
        "colour_out": PLAIN if shape.kind == "matte" else LINEAR,
        "architecture": shape.to_dict(),
        "stride": network.stride,
        "reach": network.reach,
    }
    return ModelHeader(**{**usual, **changes})


def network_of(**changes: Any) -> EffectNetwork:
    network = EffectNetwork(
        Architecture(**{"inputs": 3, "outputs": 3, "size": "small", "fit_inputs": 3, **changes})
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(4))
    return network


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    network = network_of(fit="cubic")
    save_model(tmp_path / "good.cat", header_for(network), network)
    return tmp_path / "good.cat"


# -- what is written is what is read --------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fit": "linear"},
        {"fit": "cubic"},
        {"kind": "matte", "outputs": 1, "same_channels": False, "fit_inputs": 0},
    ],
    ids=["identity", "linear", "cubic", "matte"],
)
def test_a_network_comes_back_exactly(tmp_path: Path, changes: dict[str, Any]) -> None:
    network = network_of(**changes)
    header = header_for(
        network, precision={"bfloat16_difference": 0.25}, provenance={"steps": 7, "pairs": [{"frame": 1}]}
    )
    save_model(tmp_path / "a.cat", header, network)
    again, loaded = load_model(tmp_path / "a.cat")
    assert again == header == read_header(tmp_path / "a.cat")
    x = torch.rand(1, 3, 16, 32)
    assert torch.equal(loaded(x), network.eval()(x))


def test_a_network_that_enlarges_comes_back_exactly(tmp_path: Path) -> None:
    network = network_of(fit_inputs=0, scale=2)
    save_model(tmp_path / "a.cat", header_for(network, scale=2), network)
    x = torch.rand(1, 3, 16, 32)
    made = load_model(tmp_path / "a.cat")[1](x)
    assert made.shape == (1, 3, 32, 64) and torch.equal(made, network.eval()(x))


@pytest.mark.parametrize(
    "shape",
    [{"fit": "cubic"}, {"same_channels": False}, {"coarse": 2}, {"scale": 9}, {"scale": 2.0}],
    ids=str,
)
def test_a_network_that_enlarges_adds_to_the_plate_alone(tmp_path: Path, shape: dict[str, Any]) -> None:
    network = network_of(fit_inputs=0, scale=2)
    header = header_for(network, scale=2)
    header = header.model_copy(update={"architecture": {**header.architecture, **shape}})
    save_model(tmp_path / "a.cat", header, network)
    refused(tmp_path / "a.cat")


def test_how_sure_it_may_be_goes_with_the_network_and_need_not(tmp_path: Path) -> None:
    network = network_of()
    table = ConfidenceTable(doubt=(0.5, 2.0), right=(0.9, 0.25))
    save_model(tmp_path / "a.cat", header_for(network, confidence=table), network)
    assert read_header(tmp_path / "a.cat").confidence == table
    assert (
        ModelHeader.model_validate(header_for(network).model_dump(exclude={"confidence"})).confidence is None
    )


def test_half_precision_takes_half_the_space_and_is_float32_once_loaded(tmp_path: Path) -> None:
    network = network_of(fit="cubic")
    for name, half in (("whole.cat", False), ("half.cat", True)):
        save_model(tmp_path / name, header_for(network), network, half=half)
    whole, halved = (
        sum(each.nbytes for each in load_file(tmp_path / n).values()) for n in ("whole.cat", "half.cat")
    )
    assert halved < 0.55 * whole
    _, loaded = load_model(tmp_path / "half.cat")
    for name, tensor in loaded.state_dict().items():
        ours = network.state_dict()[name]
        rounded = ours.half().float() if name.startswith("unet") else ours
        assert tensor.dtype == torch.float32 and torch.equal(tensor, rounded), name


def test_weights_that_half_precision_cannot_hold_are_refused_when_they_are_written(tmp_path: Path) -> None:
    network = network_of()
    with torch.no_grad():
        network.unet.stem.weight.fill_(1e6)
    with pytest.raises(ModelFileError, match="half precision"):
        save_model(tmp_path / "a.cat", header_for(network), network, half=True)
    assert not any(tmp_path.iterdir())


CARD = {
    "name": "denoise",
    "title": "Denoise",
    "purpose": "Takes camera noise out of a frame.",
    "licence": "Apache-2.0",
    "sources": [
        {"title": "Harbour", "author": "A. Painter", "licence": "CC BY 4.0", "address": "https://a.example"}
    ],
    "trained": {"steps": 12000, "hours": 1.5, "processor": "two cores", "date": "2026-11-29"},
    "measured": [{"what": "Kodak, sigma 10", "score": 34.2, "beside": "BM3D 33.9 dB"}],
    "kind": ["network", "start"],
}


def test_a_card_goes_with_the_network_and_need_not(tmp_path: Path) -> None:
    network = network_of()
    save_model(tmp_path / "a.cat", header_for(network, card=CARD), network)
    card = read_header(tmp_path / "a.cat").card
    assert card is not None and (card.name, card.kind) == ("denoise", ["network", "start"])
    assert (card.sources[0].author, card.trained.steps, card.measured[0].score) == (
        "A. Painter",
        12000,
        "34.2",
    )
    assert ModelHeader.model_validate(header_for(network).model_dump(exclude={"card"})).card is None


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../up"},
        {"name": ""},
        {"kind": []},
        {"kind": ["toy"]},
        {"title": ""},
        {"purpose": "x" * 9999},
    ],
    ids=str,
)
def test_a_card_that_makes_no_sense_is_refused(cat: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    values = json.loads(read_header(cat).model_dump_json())
    values["card"] = {**CARD, **change}
    save_file(load_file(cat), tmp_path / "wrong.cat", {HEADER_KEY: json.dumps(values)})
    refused(tmp_path / "wrong.cat")


def test_extra_inputs_are_part_of_the_header(tmp_path: Path) -> None:
    network = network_of(inputs=5)
    extra = [ExtraInput(name="hint", channels=["Y", "Z"], colour=SRGB)]
    save_model(tmp_path / "a.cat", header_for(network, extra=extra), network)
    assert load_model(tmp_path / "a.cat")[0].extra == extra


def beside(*offsets: int, channels: int = 3) -> list[ExtraInput]:
    names = ["R", "G", "B", "A"][:channels]
    return [ExtraInput(name="n", channels=names, colour=LINEAR, offset=offset) for offset in offsets]


def test_frames_before_and_after_are_part_of_the_header(tmp_path: Path) -> None:
    network = network_of(inputs=9, plate=3, beside=2)
    save_model(tmp_path / "a.cat", header_for(network, extra=beside(-1, 1)), network)
    assert [extra.offset for extra in load_model(tmp_path / "a.cat")[0].extra] == [-1, 1]


@pytest.mark.parametrize(
    ("shape", "extra"),
    [
        ({"inputs": 9}, beside(-1, 1)),
        ({"inputs": 9, "plate": 3, "beside": 2}, beside(0, 0)),
        ({"inputs": 9, "plate": 3, "beside": 1}, beside(-1, 1)),
        ({"inputs": 9, "plate": 3, "beside": 1}, beside(0, 1)),
        ({"inputs": 9, "plate": 4, "beside": 2}, beside(-1, 1)),
        ({"inputs": 9, "plate": 3, "beside": 2}, beside(-1, channels=2) + beside(1, channels=4)),
        ({"inputs": 3, "plate": 3, "beside": 63}, []),
        ({"inputs": 9, "plate": -3, "beside": 2}, beside(-1, 1)),
    ],
)
def test_frames_before_and_after_that_do_not_add_up_are_refused(
    tmp_path: Path, shape: dict[str, int], extra: list[ExtraInput]
) -> None:
    network = network_of(inputs=shape["inputs"])
    header = header_for(network, extra=extra)
    header = header.model_copy(update={"architecture": {**header.architecture, **shape}})
    save_model(tmp_path / "a.cat", header, network)
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "a.cat")


def test_a_cat_of_a_later_minor_version_may_say_more(cat: Path, tmp_path: Path) -> None:
    values = json.loads(read_header(cat).model_dump_json())
    values["mood"] = "hopeful"
    save_file(load_file(cat), tmp_path / "more.cat", {HEADER_KEY: json.dumps(values)})
    assert load_model(tmp_path / "more.cat")[0] == read_header(cat)


def test_the_header_is_read_without_torch(cat: Path) -> None:
    code = "import sys; from understudy.network.model_file import read_header; "
    code += f"print(read_header({str(cat)!r}).kind, 'torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["image", "False"]


def test_what_cannot_be_written_leaves_the_old_file(cat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cat.read_bytes()

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("understudy.runs.files._write", full)
    with pytest.raises(WriteError):
        save_model(cat, read_header(cat), network_of())
    assert cat.read_bytes() == before and list(cat.parent.iterdir()) == [cat]


# -- what is no .cat ------------------------------------------------------------------------------------


def refused(path: Path) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert str(path) in caught.value.text and caught.value.exit_code == 2
    return caught.value


class Trap:
    """Whoever unpickles this runs it."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (exec, ("raise SystemExit('it ran')",))


ALIEN: dict[str, bytes] = {
    "nothing": b"",
    "seven bytes": b"1234567",
    "text": b"This is a letter to my grandmother, and a long one at that.",
    "a pickle": pickle.dumps(Trap()),
    "a zip": b"PK\x03\x04" + bytes(200),
    "a header without end": struct.pack("<Q", 2**63) + b"{}",
    "a header longer than the file": struct.pack("<Q", 4000) + b"{}" + bytes(100),
    "a header of two bytes": struct.pack("<Q", 2) + b"{}",
    "a header that is a list": struct.pack("<Q", 2) + b"[]",
    "a header nested without end": struct.pack("<Q", 200_000) + b"[" * 200_000,
    "metadata that is a number": struct.pack("<Q", 19) + b'{"__metadata__": 3} '[:19],
    "no text": struct.pack("<Q", 16) + b"\xff" * 64,
}


@pytest.mark.parametrize("what", ALIEN)
def test_alien_files_are_refused(tmp_path: Path, what: str) -> None:
    (tmp_path / "alien.cat").write_bytes(ALIEN[what])
    refused(tmp_path / "alien.cat")


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.cat")
    refused(tmp_path)


def test_safetensors_of_another_program_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.cat")
    refused(tmp_path / "other.cat")
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.cat", {HEADER_KEY: "{}"})
    refused(tmp_path / "other.cat")


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "a version to come": lambda h: h.update(version=99),
    "another format": lambda h: h.update(format="understudy.ost"),
    "another kind": lambda h: h.update(kind="movie"),
    "a kind that the network is not": lambda h: h.update(kind="matte"),
    "no inputs": lambda h: h.update(input_channels=[]),
    "inputs without end": lambda h: h.update(input_channels=["R"] * 100_000),
    "one input too many": lambda h: h.update(input_channels=["R", "G", "B", "A"]),
    "one output too few": lambda h: h.update(output_channels=["R"]),
    "a stride of nothing": lambda h: h.update(stride=0),
    "another stride": lambda h: h.update(stride=8),
    "another reach": lambda h: h.update(reach=1),
    "a scale of a thousand": lambda h: h.update(scale=1000),
    "no architecture": lambda h: h.update(architecture={}),
    "an unknown architecture": lambda h: h["architecture"].update(depth=4),
    "a size that there is not": lambda h: h["architecture"].update(size="__class__"),
    "inputs below nothing": lambda h: h["architecture"].update(inputs=-3),
    "a million outputs": lambda h: h["architecture"].update(outputs=10**6),
    "text for a number": lambda h: h["architecture"].update(inputs="3"),
    "a fit of more than there is": lambda h: h["architecture"].update(fit_inputs=60),
    "a fit that there is not": lambda h: h["architecture"].update(fit="quintic"),
    "another fit": lambda h: h["architecture"].update(fit="linear"),
    "a coarse view of a third": lambda h: h["architecture"].update(coarse=3),
    "a coarse view of nothing": lambda h: h["architecture"].update(coarse=0),
    "a coarse view of yes": lambda h: h["architecture"].update(coarse=True),
    "a giant coarse view": lambda h: h["architecture"].update(coarse=1 << 20),
    "a million features": lambda h: h["architecture"].update(coarse=2, features=10**6),
    "a scale that the architecture has not": lambda h: h.update(scale=2),
    "an architecture that enlarges and a header that does not": lambda h: h["architecture"].update(scale=2),
    "a scale of yes": lambda h: h["architecture"].update(scale=True),
    "another size": lambda h: h["architecture"].update(size="medium"),
}


def test_a_file_of_an_earlier_version_which_gives_a_larger_reach_is_loaded(tmp_path: Path) -> None:
    network = network_of(fit="cubic")
    header = header_for(network).model_copy(update={"reach": network.reach + 30})
    save_model(tmp_path / "earlier.cat", header, network)
    assert load_model(tmp_path / "earlier.cat")[1].reach == network.reach


@pytest.mark.parametrize("what", WRONG)
def test_headers_that_make_no_sense_are_refused(cat: Path, tmp_path: Path, what: str) -> None:
    values = json.loads(read_header(cat).model_dump_json())
    WRONG[what](values)
    save_file(load_file(cat), tmp_path / "wrong.cat", {HEADER_KEY: json.dumps(values)})
    refused(tmp_path / "wrong.cat")


Tensors = dict[str, torch.Tensor]
SPOILED: dict[str, Callable[[Tensors], object]] = {
    "a tensor too few": lambda t: t.pop("low"),
    "a tensor too many": lambda t: t.update(more=torch.zeros(3)),
    "another shape": lambda t: t.update(low=torch.zeros(4)),
    "NaN": lambda t: t["unet.stem.weight"].fill_(float("nan")),
    "Inf": lambda t: t["fit_weights"][0].fill_(float("inf")),
    "a range without width": lambda t: t["high"].copy_(t["low"]),
}


@pytest.mark.parametrize("what", SPOILED)
def test_tensors_that_do_not_fit_are_refused(cat: Path, tmp_path: Path, what: str) -> None:
    tensors = load_file(cat)
    SPOILED[what](tensors)
    save_file(tensors, tmp_path / "spoiled.cat", {HEADER_KEY: read_header(cat).model_dump_json()})
    refused(tmp_path / "spoiled.cat")


@pytest.mark.parametrize(
    "kind",
    ["float8_e4m3fn", "float8_e8m0fnu", "bfloat16", "float64", "complex64", "bool", "int32"],
)
def test_tensors_of_another_type_than_float32_and_float16_are_refused_by_its_name(
    cat: Path, tmp_path: Path, kind: str
) -> None:
    tensors = load_file(cat)
    tensors["unet.stem.weight"] = tensors["unet.stem.weight"].to(getattr(torch, kind))
    save_file(tensors, tmp_path / "other.cat", {HEADER_KEY: read_header(cat).model_dump_json()})
    assert kind in refused(tmp_path / "other.cat").found


def test_a_file_cut_short_anywhere_is_refused(cat: Path, tmp_path: Path) -> None:
    whole = cat.read_bytes()
    for length in [0, 4, 8, 9, 100, len(whole) // 3, len(whole) // 2, len(whole) - 4096, len(whole) - 1]:
        (tmp_path / "cut.cat").write_bytes(whole[:length])
        refused(tmp_path / "cut.cat")


def test_a_file_that_goes_on_after_its_end_is_refused(cat: Path, tmp_path: Path) -> None:
    (tmp_path / "long.cat").write_bytes(cat.read_bytes() + b"more")
    refused(tmp_path / "long.cat")


def test_weights_that_a_disk_has_changed_are_refused(cat: Path, tmp_path: Path) -> None:
    """They are numbers still, of the right shape; only the checksum tells."""
    whole = bytearray(cat.read_bytes())
    whole[-400:-200] = bytes(200)
    (tmp_path / "damaged.cat").write_bytes(whole)
    assert "not the ones that were written" in refused(tmp_path / "damaged.cat").found


def test_a_cat_from_before_there_were_checksums_is_loaded(cat: Path, tmp_path: Path) -> None:
    save_file(load_file(cat), tmp_path / "old.cat", {HEADER_KEY: read_header(cat).model_dump_json()})
    assert torch.equal(load_model(tmp_path / "old.cat")[1].low, load_model(cat)[1].low)


_GOOD: dict[str, bytes] = {}


@settings(max_examples=150)
@given(st.data())
def test_a_file_with_any_byte_changed_is_loaded_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Nothing but a network that fits, or ModelFileError, comes of it; never another error, never a crash."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", Size((4, 4), (1, 1), (1,)))
        folder = tmp_path_factory.getbasetemp()
        if not _GOOD:
            network = network_of()
            save_model(folder / "base.cat", header_for(network), network)
            _GOOD["bytes"] = (folder / "base.cat").read_bytes()
        spoiled = bytearray(_GOOD["bytes"])
        (length,) = struct.unpack("<Q", spoiled[:8])
        for _ in range(data.draw(st.integers(1, 4))):
            spoiled[data.draw(st.integers(0, 8 + length - 1))] = data.draw(st.integers(0, 255))
        path = folder / "spoiled.cat"
        path.write_bytes(spoiled)
        try:
            header, network = load_model(path)
        except ModelFileError:
            return
        with torch.inference_mode():
            assert network(torch.rand(1, 3, 16, 16)).shape[1] == len(header.output_channels)


def test_no_file_is_ever_unpickled() -> None:
    source = Path(model_file.__file__).read_text()
    assert (
        "torch.load" not in source and "pickle" not in source and "eval(" not in source.replace(".eval()", "")
    )
