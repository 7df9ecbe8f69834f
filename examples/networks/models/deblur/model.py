"""Deblur: a network that gives the picture it takes, in display values, from deblur.onnx beside this file."""

from pathlib import Path

import numpy as np
import onnxruntime

from ..baseModel import BaseModel
from ..common.util import linear_to_srgb, srgb_to_linear

MULTIPLE = 16  # of SRN-DeblurNet and NAFNet: height and width have to be multiples of it


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = "Deblur"
        self.mix = 1.0
        self.options = ("mix",)
        self.session = onnxruntime.InferenceSession(str(Path(__file__).with_name("deblur.onnx")))

    def inference(self, image_list):
        image = linear_to_srgb(image_list[0])
        seen = np.clip(image, 0, 1)  # what is brighter than white is added again
        height, width = image.shape[:2]
        wide = np.pad(seen, [(0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0)], mode="edge")
        name = self.session.get_inputs()[0].name
        made = self.session.run(None, {name: wide.transpose(2, 0, 1)[None]})[0][0, :, :height, :width]
        return [srgb_to_linear(image + (made.transpose(1, 2, 0) - seen) * self.mix)]
