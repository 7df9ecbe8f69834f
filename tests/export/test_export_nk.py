"""Nuke scripts: what is written reads back, here and in Tcl, whatever the names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.colour import LINEAR
from understudy.errors import ChannelError
from understudy.export.channels import LEGAL, nuke_channels
from understudy.export.export import ExportSettings, export
from understudy.export.nk import Node, Raw, ScriptError, literal, quote, read_script, write_script

NAMES = [
    "plain",
    "with a space",
    "[v2] final",
    "größer",
    "夜景_01",
    'quote"d',
    "dollar$HOME",
    "back\\slash",
    "{brace",
    "a;b",
    "tab\tbed",
]
WORDS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from('[]{}"\\$; #\n\t'), max_size=30
)


@pytest.mark.parametrize("text", NAMES)
def test_a_value_of_any_characters_reads_back(text: str) -> None:
    node = Node("Read", (("file", text), ("name", "Read1")))
    assert read_script(write_script([node], "a head")) == (node,)


@given(WORDS)
def test_any_text_reads_back(text: str) -> None:
    node = Node("Read", (("before", "1"), ("file", text), ("after", "2")))
    assert read_script(write_script([node, node])) == (node, node)


def tcl() -> object:
    """Tcl itself, the language of these scripts; skips where Python has none."""
    tkinter = pytest.importorskip("tkinter")
    return tkinter.Tcl()


@pytest.mark.parametrize("text", NAMES)
def test_tcl_reads_the_same_value(text: str) -> None:
    interpreter = tcl()
    interpreter.eval("proc Read body { uplevel #0 $body }; proc file_is value { set ::found $value }")
    interpreter.eval(write_script([Node("Read", (("file_is", text),))]))
    assert interpreter.eval("set ::found") == text


@pytest.mark.parametrize("text", [name for name in NAMES if '"' not in name])
def test_a_file_knob_takes_a_literal_path_as_it_is_written(text: str) -> None:
    interpreter = tcl()
    interpreter.eval("proc value knob { return {/shots/[a b]/x.nk} }")
    knob = "[file dirname [value root.name]]/" + literal(text) + ".pt"
    assert interpreter.eval(f"subst {quote(knob)}") == f"/shots/[a b]/{text}.pt"


def test_braces_quotes_and_comments_that_never_end_are_refused() -> None:
    for text in ("Read {\n file 1\n", 'Read {\n file "abc\n}\n', "Read {\n file {a\n}\n"):
        with pytest.raises(ScriptError):
            read_script(text)


def test_a_script_of_nukes_own_reads() -> None:
    text = (
        "#! C:/Nuke/nuke-15.1 -nx\nversion 15.1 v1\ndefine_window_layout_xml {<?xml?>\n<a/>}\n"
        "Root {\n inputs 0\n name /a/b.nk\n}\nset cut_paste_input [stack 0]\npush 0\n"
        "Grade {\n white {1 2 3 1}\n multiply {{curve x1 0 x2 1}}\n name Grade1\n selected true\n}\n"
    )
    nodes = {node.kind: node for node in read_script(text)}
    assert nodes["Grade"].knob("white") == "1 2 3 1"
    assert nodes["Grade"].knobs[1] == ("multiply", Raw("{curve x1 0 x2 1}"))
    assert nodes["Root"].knob("name") == "/a/b.nk"


@pytest.mark.parametrize("name", ["plain", "夜景 [v2] größer", "it's $5 {a}"])
def test_the_script_of_an_export_names_its_files_by_its_own_folder(
    name: str, model_of: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "show [a b]" / "日本"
    result = export(ExportSettings(str(model_of("linear", colour=LINEAR)), "nuke", folder, name, full=False))
    nodes = {node.kind: node for node in read_script((folder / f"{name}.nk").read_text("utf-8"))}
    interpreter = tcl()
    interpreter.setvar("root", str(folder / f"{name}.nk"))
    interpreter.eval("proc value knob { return $::root }")

    def path(text: str) -> Path:
        interpreter.setvar("text", text)
        return Path(interpreter.eval("subst $text"))

    creator = nodes["CatFileCreator"]
    assert path(creator.knob("torchScriptFile")) == result.file and result.file.is_file()
    package = folder / "Cattery" / name
    assert (
        path(creator.knob("catFile")) == package / f"{name}.cat" == path(nodes["Inference"].knob("modelFile"))
    )
    assert str(tmp_path) not in (folder / f"{name}.nk").read_text("utf-8")
    assert creator.knob("channelsIn") == "rgba.red, rgba.green, rgba.blue"
    assert ("mix", "1") in creator.knobs
    values = json.loads((package / "cat.json").read_text("utf-8"))
    assert values["cats"] == [{"filepath": f"{name}.cat", "name": name, "icon": f"{name}.png"}]
    assert (package / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_channels_keep_the_names_that_nuke_has_for_them() -> None:
    assert nuke_channels(["R", "G", "B", "A"]) == LEGAL[:4]
    assert nuke_channels(["beauty.R", "beauty.G", "beauty.B", "depth.Z"]) == (*LEGAL[:3], "depth.Z")
    assert nuke_channels(["forward.u", "forward.v"]) == ("forward.u", "forward.v")


def test_channels_without_a_name_of_their_own_travel_under_spare_ones() -> None:
    names = nuke_channels(["R", "G", "B", "normal.R", "normal.G", "normal.B", "Y"])
    assert names[:3] == LEGAL[:3]
    assert len(set(names)) == 7 and set(names) <= set(LEGAL)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=19))
def test_up_to_nineteen_channels_all_get_legal_names_of_their_own(names: list[str]) -> None:
    found = nuke_channels(names)
    assert len(set(found)) == len(names) and set(found) <= set(LEGAL)


def test_a_twentieth_channel_is_refused() -> None:
    with pytest.raises(ChannelError):
        nuke_channels([f"c{n}" for n in range(20)])
