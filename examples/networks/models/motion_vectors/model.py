"""Motion vectors from this frame to the next one, by RAFT in raft.onnx beside this file."""

from pathlib import Path

import numpy as np
import onnxruntime

from ..baseModel import BaseModel
from ..common.util import linear_to_srgb

MULTIPLE = 8


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = "Motion Vectors (RAFT)"
        self.inputs = {"frame": 3, "next_frame": 3}
        self.outputs = {"vectors": 3}
        self.session = onnxruntime.InferenceSession(str(Path(__file__).with_name("raft.onnx")))

    def inference(self, image_list):
        """Red: pixels to the right; green: pixels up, as Nuke counts them."""
        height, width = image_list[0].shape[:2]
        names = [each.name for each in self.session.get_inputs()]
        pair = dict(zip(names, map(self.seen, image_list), strict=True))
        flow = self.session.run(None, pair)[-1][0, :, :height, :width]  # the last round is the finest
        return [np.dstack([flow[0], -flow[1], np.zeros_like(flow[0])])]

    @staticmethod
    def seen(image):
        """A frame as torchvision's RAFT takes it: display values from -1 to 1."""
        height, width = image.shape[:2]
        values = np.clip(linear_to_srgb(image), 0, 1) * 2 - 1
        wide = np.pad(values, [(0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0)], mode="edge")
        return np.ascontiguousarray(wide.transpose(2, 0, 1)[None], np.float32)
