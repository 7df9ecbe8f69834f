"""understudy export"""

from __future__ import annotations

import json as json_module
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from understudy.cli.json_flag import JsonFlag

Host = Literal["nuke", "torchscript", "onnx", "flame", "openvino"]


def command(
    model: str,
    /,
    *,
    to: Annotated[Host, Parameter(metavar="HOST")],
    output: Annotated[Path, Parameter(metavar="DIR")],
    name: str | None = None,
    plate: Annotated[str | None, Parameter(metavar="SHOT")] = None,
    check: Literal["full", "quick"] = "full",
    like: Annotated[str | None, Parameter(metavar="RESULT")] = None,
    json: JsonFlag = False,
) -> int:
    """Make files that another program loads, and prove them: they are run at once beside understudy apply.

    The largest difference is printed and stored beside the file. Above 1e-4 (float32) or 1e-2 (half)
    nothing is left behind.

    Parameters
    ----------
    model:
        A .cat, a run, which means its best checkpoint, or the name of a network that comes trained.
    to:
        The program that shall load it. nuke takes scene-linear pixels, the others the values of files.
    output:
        The folder for the files; made where it is missing.
    name:
        What the files are called; the model's name by default.
    plate:
        A shot to try the files on; by default the one that the run learned from.
    check:
        quick leaves out the whole plate and 4K.
    like:
        A result of apply whose last touch the export is to have: Nuke as a Group of its own nodes, the others
        baked in. What the host cannot have is refused.
    """
    from understudy.export.export import ExportSettings, export

    settings = ExportSettings(model, to, output, name, plate, check == "full", like)
    made = export(settings, _tell_json) if json else export(settings, _table(), _begin)
    _end_json(made) if json else _end(made)
    return 0


command.usage = "MODEL --to HOST --output DIR [OPTIONS]"  # type: ignore[attr-defined]


def _begin(name: str) -> None:
    print(f"Making {name} ...", flush=True)


def _table() -> Callable[[Any], None]:
    """Rows as they come, below a heading once there is one."""
    begun: list[bool] = []

    def tell(each: Any) -> None:
        if not begun:
            print("Each file beside understudy apply, on the same frame; the largest difference stands last:")
            begun.append(True)
        _tell(each)

    return tell


def _tell(each: Any) -> None:
    size = f"{each.width} x {each.height}"
    print(
        f"  {each.frame:<20} {size:<12} {each.device:<5} {each.precision:<20} {each.difference:.2e}",
        flush=True,
    )


def _end(made: Any) -> None:
    for note in made.notes:
        print(note)
    for file in made.files:
        print(f"Wrote {file}")
    print(
        f"Largest difference from understudy apply, in float32: {made.difference:.2e} "
        "(at most 1e-04 is allowed; 1e-02 in half precision)."
    )


def _tell_json(each: Any) -> None:
    print(json_module.dumps({"event": "compared", **each.as_values()}), flush=True)


def _end_json(made: Any) -> None:
    values = {
        "event": "exported",
        "file": str(made.file),
        "files": [str(file) for file in made.files],
        "record": str(made.record),
        "largest_difference": made.difference,
        "notes": list(made.notes),
    }
    print(json_module.dumps(values, ensure_ascii=False), flush=True)
