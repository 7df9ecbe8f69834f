"""Dense pose by DensePose in densepose.onnx beside this file: which part of a body, and where on it."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from ..baseModel import BaseModel
from ..common.util import linear_to_srgb

NAMES = ["pred_boxes", "scores", "coarse_segm", "fine_segm", "u", "v"]


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = "Dense Pose"
        self.threshold = 0.8
        self.options = ("threshold",)
        self.outputs = {"parts": 3}
        self.session = onnxruntime.InferenceSession(str(Path(__file__).with_name("densepose.onnx")))

    def inference(self, image_list):
        """Red: the part, 1 to 24; green and blue: u and v on it."""
        image = np.clip(linear_to_srgb(image_list[0]), 0, 1)[..., ::-1] * 255  # blue first, 0 to 255
        given = {self.session.get_inputs()[0].name: np.ascontiguousarray(image.transpose(2, 0, 1))}
        people = zip(*self.session.run(NAMES, given), strict=True)
        made = np.zeros(image.shape, np.float32)
        for box, _, *maps in sorted((p for p in people if p[1] >= self.threshold), key=lambda p: p[1]):
            left, top, right, bottom = np.rint(box).astype(int).clip(0, np.tile(image.shape[1::-1], 2))
            if right > left and bottom > top:
                size = (int(right - left), int(bottom - top))
                body, parts, u, v = (cv2.resize(each.transpose(1, 2, 0), size) for each in maps)
                part = parts.argmax(-1) * (body.argmax(-1) > 0)
                places = [np.take_along_axis(each, part[..., None], -1)[..., 0] for each in (u, v)]
                seen = part > 0
                made[top:bottom, left:right][seen] = np.stack([part, *places], -1)[seen]
        return [made]
