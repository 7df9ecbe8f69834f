"""Writes the plug-in into a folder, with the way to this installation of understudy in it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from understudy.runs.files import write_atomically

PLUGIN = Path(__file__).with_name("plugin")
ICON = Path(__file__).parent.parent / "export" / "icon.png"
README = """# Understudy in Nuke

This folder belongs into Nuke's plug-in path. In `~/.nuke/init.py`:

    nuke.pluginAddPath("{folder}")

or set `NUKE_PATH` to it before Nuke starts. A menu *Understudy* appears:

- *Train from selected Input and Ground Truth*: select the plate, then the painted version. The chosen frames
  are rendered to EXR in the working space, and `understudy train` starts as a separate process: Nuke is not
  locked. A panel shows the state and the newest contact sheet, and has a Stop button. Closing Nuke does not
  end the training; `understudy monitor` shows it too.
- *Create Inference from run*: exports the run (checked against `understudy apply`) and makes a CatFileCreator
  and an Inference. Making the .cat needs NukeX; the Inference runs on any Nuke.
- *Create MLClient from run*: serves the run and makes an MLClient, for Nukes that have that plug-in.
- *Create Inference from trained network*: the same of a network that comes trained (`understudy models`).
  What it
  exports lies in `~/.nuke/understudy`.
- *Create MLClient from trained networks*: serves all of these.
- *Open monitor*: the page with all runs of a data directory.

It needs nothing but Nuke's own Python, 3.7 or newer, and starts this program:

    {command}

Another one may be named in the environment variable `UNDERSTUDY`.

## What was tried, and what was not

The plug-in is tested against a small stand-in of the `nuke` module, and its syntax against Python 3.7. It was
not tried in a real Nuke. In particular not tried: how the panels look, the picture within a text knob,
pressing the CatFileCreator's hidden button `create` from Python, and the MLClient node.
"""


def write_plugin(folder: Path, command: list[str] | None = None) -> tuple[Path, ...]:
    """Write the plug-in into ``folder``, over an older one; the files, README first. WriteError.

    ``command``: the words that start understudy; this Python and this installation by default.
    """
    words = command or [sys.executable, "-m", "understudy"]
    folder = folder.resolve()
    readme = folder / "README.md"
    sources = sorted(each for each in PLUGIN.rglob("*.py") if each != PLUGIN / "__init__.py")
    written = [readme]
    for source in sources:
        written.append(_copy(source, folder / source.relative_to(PLUGIN)))
    written.append(_copy(ICON, folder / "understudy.png"))
    settings = folder / "understudy_nuke" / "settings.json"
    write_atomically(settings, json.dumps({"command": words}, ensure_ascii=False, indent=1) + "\n")
    write_atomically(readme, README.format(folder=folder.as_posix(), command=" ".join(words)))
    return (*written, settings)


def _copy(source: Path, target: Path) -> Path:
    from understudy.runs.files import write_error

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(target, error) from error
    write_atomically(target, lambda path: shutil.copyfile(source, path))
    return target
