"""understudy import"""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from understudy.cli.json_flag import JsonFlag


def command(
    file: Path,
    /,
    *,
    output: Annotated[Path, Parameter(metavar="DIR")] = Path("models"),
    name: str | None = None,
    settings: Annotated[Path | None, Parameter(metavar="FILE.toml")] = None,
    json: JsonFlag = False,
) -> int:
    """Bring in an image network of another program, so that apply and serve can use it.

    A TorchScript file is a program: bring in only those whose makers you trust.

    Parameters
    ----------
    file:
        An ONNX file (.onnx) or a TorchScript file (.pt).
    output:
        The folder for the model and the TOML that describes it.
    name:
        What the model is called; the file's name by default.
    settings:
        What the network takes and gives, where the file itself does not say; default: the .toml beside it.
    """
    from understudy.export.importing import import_network

    made = import_network(file, output, name, settings)
    if json:
        print(json_module.dumps({"event": "imported", "model": str(made.model), "toml": str(made.sidecar)}))
        return 0
    for sentence in made.found:
        print(sentence)
    print(f"Wrote {made.model}\nWrote {made.sidecar}")
    return 0
