"""Beside the TorchScript for Nuke: a script that makes the .cat, and a folder for the Cattery menu."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from understudy.errors import ExportError, SettingError
from understudy.export.channels import nuke_channels, nuke_outputs
from understudy.export.last_touch import touch_nodes
from understudy.export.metadata import ExportInfo
from understudy.export.nk import Node, Raw, literal, read_script, write_script
from understudy.frames.matte_names import MATTE
from understudy.models.channels import makes_mattes
from understudy.settings import FinishingSettings

ICON = Path(__file__).with_name("icon.png")
HERE = "[file dirname [value root.name]]"
OLDEST_NUKE = 14.0
PACKAGE_VERSION = 1
MIX_HELP = "0 gives the plate, 1 the full effect."


def check_name(name: str) -> None:
    """SettingError for a name that Nuke would take for a frame number."""
    if "#" in name or "%" in name:
        raise SettingError(
            "Nuke would read a frame number into this name.",
            expected="a name without # and %",
            found=name,
            where="--name",
            remedy="Choose another --name.",
        )


def node_name(name: str) -> str:
    """A name that a node can have: letters, digits and underscores."""
    made = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
    return made if made and not made[0].isdigit() else f"Understudy_{made}".rstrip("_")


def cattery_folder(folder: Path, name: str) -> Path:
    """Where the package of the Cattery menu lies."""
    return folder / "Cattery" / name


def write_nuke_files(folder: Path, info: ExportInfo) -> None:
    """Write NAME.nk and Cattery/NAME into ``folder``, beside NAME.pt. ExportError when the script, read
    back, does not say what was meant."""
    nodes = script_nodes(info)
    text = write_script(nodes, f"Made by understudy {info.made_with['understudy']}")
    if read_script(text) != nodes:
        raise ExportError("The Nuke script does not read back as it was meant.", where=f"{info.name}.nk")
    (folder / f"{info.name}.nk").write_text(text, encoding="utf-8", newline="\n")
    package = cattery_folder(folder, info.name)
    package.mkdir(parents=True)
    (package / "cat.json").write_text(
        json.dumps(package_values(info), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    shutil.copyfile(ICON, package / f"{info.name}.png")


def script_nodes(info: ExportInfo, here: str = HERE) -> tuple[Node, ...]:
    """A note, the CatFileCreator, the Inference, and for a matte a Group for its last touch. ``here``: how a
    file knob names the script's folder."""
    script = f"{here}/{literal(info.name)}.pt"
    cat = f"{here}/Cattery/{literal(info.name)}/{literal(info.name)}.cat"
    channels = nuke_channels([name for _, names in info.inputs for name in names])
    made = nuke_outputs(info.description.kind, info.description.output_channels)
    note = (
        f"{info.name}\n1. Open this script from its own folder, in NukeX.\n"
        "2. CatFileCreator: Create .cat file and Inference.\n3. Use the Inference below."
        + _beside_text(info, channels)
        + _mattes_text(info, made)
    )
    return (
        Node("StickyNote", (("inputs", "0"), ("name", "Understudy_note"), ("label", note), *_at(-60, -120))),
        Node(
            "CatFileCreator",
            (
                ("inputs", "0"),
                ("torchScriptFile", script),
                ("catFile", cat),
                ("channelsIn", ", ".join(channels)),
                ("channelsOut", ", ".join(made)),
                ("modelId", node_name(info.name)),
                *_output_scale(info),
                ("name", "CatFileCreator_" + node_name(info.name)),
                ("addUserKnob", Raw("20 Understudy")),
                ("addUserKnob", Raw(f'7 mix l Mix t "{MIX_HELP}" R 0 1')),
                ("mix", "1"),
                *_at(0, 0),
            ),
        ),
        Node(
            "Inference",
            (
                ("inputs", "0"),
                ("modelFile", cat),
                ("name", node_name(info.name)),
                *_mattes_knobs(info, made),
                *_at(0, 80),
            ),
        ),
        *_last_touch(info),
    )


def _last_touch(info: ExportInfo) -> tuple[Node, ...]:
    if info.description.kind != "matte" or len(info.description.output_channels) > 1:
        return ()
    asked = FinishingSettings(**info.last_touch)
    return touch_nodes(f"Last_touch_{node_name(info.name)}", asked, _at(0, 160))


def _output_scale(info: ExportInfo) -> tuple[tuple[str, Raw], ...]:
    """How many times larger the result is, across and down, where it is."""
    scale = info.description.scale
    return () if scale == 1 else (("outputScale", Raw(f"{scale} {scale}")),)


def _beside_text(info: ExportInfo, channels: Sequence[str]) -> str:
    """Which channels the frames before and after have to be copied into, and with what."""
    at, lines = len(info.description.input_channels), []
    for extra in info.description.extra:
        own = channels[at : at + len(extra.channels)]
        at += len(extra.channels)
        if extra.offset:
            lines.append(f"{', '.join(own)}: the plate through a TimeOffset of {-extra.offset}")
    if not lines:
        return ""
    text = "The network sees other frames of the plate too. Copy their channels into the plate's:"
    return "\n4. " + "\n".join([text, *lines])


def nuke_layer(channel: str) -> str:
    """What Nuke calls a matte's channel: ``hero.alpha`` for ``hero.A``, as it reads it from an EXR."""
    layer, _, short = channel.rpartition(".")
    return f"{layer}.alpha" if short == MATTE else channel


def _mattes_text(info: ExportInfo, made: Sequence[str]) -> str:
    """Which of several mattes comes out where."""
    if not makes_mattes(info.description):
        return ""
    pairs = zip(made, info.description.output_channels, strict=True)
    lines = [f"{ours}: {nuke_layer(name)}" for ours, name in pairs]
    return "\n" + "\n".join(["The mattes are in these channels; a Copy puts them into layers:", *lines])


def _mattes_knobs(info: ExportInfo, made: Sequence[str]) -> tuple[tuple[str, str | Raw], ...]:
    """A knob that says it to programs: channel=layer, with spaces between."""
    if not makes_mattes(info.description):
        return ()
    pairs = zip(made, info.description.output_channels, strict=True)
    said = " ".join(f"{ours}={nuke_layer(name)}" for ours, name in pairs)
    return (
        ("addUserKnob", Raw("20 Understudy")),
        ("addUserKnob", Raw('1 mattes l Mattes t "Which matte comes out in which channel."')),
        ("mattes", said),
    )


def _at(x: int, y: int) -> tuple[tuple[str, str], ...]:
    return ("xpos", str(x)), ("ypos", str(y))


def package_values(info: ExportInfo) -> dict[str, object]:
    """What Nuke's Cattery menu reads; its .cat is put beside it by the CatFileCreator."""
    takes = ", ".join(name for _, names in info.inputs for name in names)
    text = f"{info.name}: learned with Understudy from {_pairs(info)}. Takes {takes}, scene-linear."
    return {
        "minimum_nuke_version_required": OLDEST_NUKE,
        "version": PACKAGE_VERSION,
        "category": "Segmentation" if info.description.kind == "matte" else "Other",
        "description": text,
        "cats": [{"filepath": f"{info.name}.cat", "name": info.name, "icon": f"{info.name}.png"}],
    }


def _pairs(info: ExportInfo) -> str:
    count = len(info.description.provenance.get("pairs", ()))
    return f"{count} pairs" if count != 1 else "1 pair"
