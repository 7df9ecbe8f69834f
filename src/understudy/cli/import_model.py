"""understudy import"""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from understudy.cli.json_flag import JsonFlag

if TYPE_CHECKING:
    from understudy.export.readings import Readings


def command(
    file: Path,
    /,
    *,
    output: Annotated[Path, Parameter(metavar="DIR")] = Path("models"),
    name: str | None = None,
    settings: Annotated[Path | None, Parameter(metavar="FILE.toml")] = None,
    try_picture: Annotated[Path | None, Parameter(name="--try", metavar="PICTURE")] = None,
    json: JsonFlag = False,
) -> int:
    """Bring in an image network of another program, so that apply and serve can use it.

    A TorchScript file is a program: bring in only those whose makers you trust.

    Parameters
    ----------
    file:
        A network: .onnx, TorchScript (.pt), torch.export (.pt2), TensorFlow Lite (.tflite), OpenVINO (.xml),
        or weights of a known architecture (.safetensors).
    output:
        The folder for the model and the TOML that describes it.
    name:
        What the model is called; the file's name by default.
    settings:
        What the network takes and gives, where the file itself does not say; default: the .toml beside it.
    try_picture:
        Bring nothing in, but show what the network makes of a picture when it is read as RGB or BGR, in the
        common ranges: a sheet NAME.readings.png in the folder where you are, which one is likely, its TOML.
    """
    if try_picture is not None:
        return _show_readings(file, try_picture, settings, json)
    from understudy.export.importing import import_network

    made = import_network(file, output, name, settings)
    if json:
        print(json_module.dumps({"event": "imported", "model": str(made.model), "toml": str(made.sidecar)}))
        return 0
    for sentence in made.found:
        print(sentence)
    print(f"Wrote {made.model}\nWrote {made.sidecar}")
    return 0


def _show_readings(file: Path, picture: Path, settings: Path | None, json: bool) -> int:
    from understudy.export.readings import try_readings

    found = try_readings(file, picture, Path(f"{file.stem}.readings.png"), settings)
    if json:
        rows = [{"toml": each.toml, "why": each.why} for each in found.all]
        likely = {"likely": found.likely + 1, "sheet": str(found.sheet)}
        print(json_module.dumps({"event": "readings", "readings": rows, **likely}))
        return 0
    for number, each in enumerate(found.all, 1):
        mark = "  <- likely" if number == found.likely + 1 else ""
        print(f"{number}  {each.toml.replace(chr(10), ', ')}: {each.why}{mark}")
    if found.alike:
        others = ", ".join(str(each + 1) for each in found.alike)
        print(f"Nearly the same: {others}. Look at the sheet, and at what its maker says.")
    print(f"Wrote {found.sheet}")
    chosen = _asked(found)
    print(f"For a TOML, to be given with --settings:\n\n{found.all[chosen].toml}\n")
    return 0


def _asked(found: Readings) -> int:
    """Which reading is meant: asked on a terminal, the likely one elsewhere."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return found.likely
    try:
        answer = input(f"Which one? 1 to {len(found.all)}, Enter for {found.likely + 1}: ").strip()
    except EOFError:
        return found.likely
    right = answer.isdigit() and 1 <= int(answer) <= len(found.all)
    return int(answer) - 1 if right else found.likely
