"""A working Python model to begin with: ``understudy serve --new-model NAME``."""

from __future__ import annotations

import re
from pathlib import Path

from understudy.errors import SettingError, WriteError
from understudy.runs.files import write_atomically

MODEL = '''"""{name}: a model of your own. Change ``inference`` and save: the server takes it by itself."""

import numpy as np

from ..baseModel import BaseModel
from ..common.util import linear_to_srgb, srgb_to_linear


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = "{label}"  # what the artist sees in the menu
        self.inputs = {{"input": 3}}  # name and number of channels of each input
        self.outputs = {{"output": 3}}

        self.amount = 1.0  # options are attributes: bool, int, float or str
        self.display_space = True
        self.options = ("amount", "display_space")

    def inference(self, image_list):
        """Float32 arrays (height, width, channels), the top row first, scene-linear; returns a list of
        such.
        """
        image = image_list[0]
        if self.display_space:
            image = linear_to_srgb(image)

        grey = image.mean(axis=2, keepdims=True)
        image = grey + (image - grey) * (1.0 + self.amount)  # your own work goes here

        if self.display_space:
            image = srgb_to_linear(image)
        return [image.astype(np.float32)]
'''

SIDE = """# What the server may know of this model beside model.py. All of it may be left out.
time_limit = 120.0        # seconds for one request; then the model is stopped and started again
# memory_limit = "4GB"    # default: half of the machine's memory
description = "Adds saturation."

[[options]]               # a range for the knob
name = "amount"
type = "float"
minimum = -1.0
maximum = 4.0
"""


def write_template(name: str, models: Path) -> str:
    """Write ``models/NAME`` and say how to go on. ``SettingError`` for a name that cannot be one, or is
    taken.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
        raise SettingError(
            "This name cannot be a model's.", found=name, expected="letters, digits and underscores"
        )
    folder = models / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise SettingError(
            "There is a model of this name already.", where=str(folder), remedy="Choose another name."
        ) from None
    except OSError as error:
        raise WriteError("The folder cannot be made.", found=str(error), where=str(folder)) from error
    write_atomically(
        folder / "model.py", MODEL.format(name=name, label=name.replace("_", " ").title()).encode()
    )
    write_atomically(folder / "model.toml", SIDE.encode())
    return (
        f"Wrote {folder / 'model.py'}\n\nServe it:            understudy serve {folder}\n"
        "Look at it:          http://127.0.0.1:8000/api/models\n"
        "In Nuke:             MLClient, host 127.0.0.1, port 55555, Connect\n"
        f"Change inference in {folder / 'model.py'} and save: the server takes it by itself."
    )
