"""Instance masks by Mask R-CNN in maskrcnn.onnx beside this file: what there is, each thing for itself."""

from pathlib import Path

import numpy as np
import onnxruntime

from ..baseModel import BaseModel
from ..common.util import linear_to_srgb


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = "Instance Masks"
        self.threshold = 0.5
        self.category = 0  # a class of COCO, such as 1 for people; 0: all
        self.instance = 0  # 1: the surest, 2: the next; 0: all
        self.options = ("threshold", "category", "instance")
        self.outputs = {"masks": 3}
        self.session = onnxruntime.InferenceSession(str(Path(__file__).with_name("maskrcnn.onnx")))

    def inference(self, image_list):
        """Red: coverage; green: the number of the thing; blue: its class."""
        image = np.clip(linear_to_srgb(image_list[0]), 0, 1)
        given = {self.session.get_inputs()[0].name: np.ascontiguousarray(image.transpose(2, 0, 1))}
        _, labels, scores, masks = self.session.run(["boxes", "labels", "scores", "masks"], given)
        found = [n for n in np.argsort(-scores) if scores[n] >= self.threshold]
        found = [n for n in found if self.category in (0, labels[n])]
        made = np.zeros_like(image)
        for number, n in reversed(list(enumerate(found, 1))):  # the surest lies on top
            if self.instance in (0, number):
                made[..., 0] = np.maximum(made[..., 0], masks[n, 0])
                made[..., 1:][masks[n, 0] > 0.5] = number, labels[n]
        return [made]
