"""Halation: light that spills out of highlights, warm, as in film. A whole model for the server."""

import numpy as np

from ..baseModel import BaseModel


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = "Halation"  # what the artist sees in the menu

        # Options are attributes. The type of the value is the type of the knob: bool, int, float or str.
        self.threshold = 1.0
        self.size = 12
        self.strength = 0.3
        self.only_spill = False
        self.options = ("threshold", "size", "strength", "only_spill")

        # Names and channels of what comes and goes.
        self.inputs = {"input": 3}
        self.outputs = {"output": 3}

    def inference(self, image_list):
        """Float32 arrays (height, width, channels), top row first, scene-linear; returns a list of such."""
        image = image_list[0]
        bright = np.clip(image - self.threshold, 0, None)
        spill = blur(blur(bright, self.size), self.size)
        spill *= np.float32([1.0, 0.35, 0.1]) * self.strength
        return [spill if self.only_spill else image + spill]


def blur(image, size):
    """A box blur by running sums, which costs the same for every size."""
    for axis in (0, 1):
        pad = [(0, 0), (0, 0), (0, 0)]
        pad[axis] = (size + 1, size)
        sums = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis, dtype=np.float64)
        sums = np.moveaxis(sums, axis, 0)
        width = 2 * size + 1
        image = np.moveaxis((sums[width:] - sums[:-width]) / width, 0, axis)
    return image.astype(np.float32)
