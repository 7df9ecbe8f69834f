"""A network that gives lists of what it found, as mattes: one for each, the best first, and their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.errors import ModelFileError
from understudy.models.adapted import AdaptedFile
from understudy.models.call import NetworkCall
from understudy.models.fitting import Filter, entered, resample
from understudy.models.further_tables import InstanceText
from understudy.models.onnx_file import OnnxFile
from understudy.models.sidecar import Sidecar

if TYPE_CHECKING:
    from torch import Tensor

    from understudy.models.fitting import Size

INSTANCES = "instances"
"""What a call finds: a list of ``Instance``, in the order of their mattes."""
HALF = 0.5
"""The coverage from which on a pixel has the id of an instance."""
BY = Filter("linear")


@dataclass(frozen=True)
class Instance:
    """One thing that was found. ``box``: left, top, right, bottom, in pixels of the frame."""

    label: int
    name: str
    score: float
    box: tuple[float, float, float, float]

    def moved(self, right: float, down: float) -> Instance:
        """The same, counted from a place so much further left and up."""
        left, top, far, low = self.box
        return replace(self, box=(left + right, top + down, far + right, low + down))


class InstancesFile(AdaptedFile):
    """The function in a file that gives boxes, labels, scores and masks. Its result is a matte for each of
    the best, the best first, then the ids: the number of the matte that counts at a pixel, 0 where there is
    none."""

    def __init__(self, file: OnnxFile, side: Sidecar, told: InstanceText) -> None:
        super().__init__(file, side)
        self._function, self.told = file, told
        self.takes_batches, self.sees_whole = False, True

    def ask(self, images: Sequence[Tensor], options: Mapping[str, Any], call: NetworkCall) -> list[Tensor]:
        """Mattes and ids (1, limit + 1, H, W) for images (1, C, H, W)."""
        frame = images[0].shape[-2], images[0].shape[-1]
        given, inner, sent = self._brought(images)
        _, lists = self._function.with_feeds(given, options, {})
        boxes, scores, masks, labels = self._read(lists)
        kept = self._kept(np.where(np.isfinite(boxes).all(1), scores, -np.inf), labels)
        boxes = _corners(boxes[kept], self.told.form)
        if self.told.coordinates == "unit":
            boxes = boxes * [sent[1], sent[0], sent[1], sent[0]]
        boxes = boxes * ([frame[1] / inner[1], frame[0] / inner[0]] * 2)
        mattes = self._mattes(masks[kept], boxes, frame, inner, sent)
        call.found[INSTANCES] = [
            Instance(
                int(labels[index]),
                self._name(int(labels[index])),
                float(scores[index]),
                _four(box),
            )
            for index, box in zip(kept, boxes, strict=True)
        ]
        return [images[0].new_tensor(with_ids(mattes, self.told.limit))[None]]

    def _brought(self, images: Sequence[Tensor]) -> tuple[list[Tensor], Size, Size]:
        """Pictures as the file takes them, the size of the frame in them, and their own. To reach the
        multiple that a file of any size wants, 0 is put beside them, after mean and deviation."""
        from torch.nn.functional import pad

        placed, inner = list(images), (images[0].shape[-2], images[0].shape[-1])
        if self.size is not None:
            placed, inner = entered(images, self.size, self._filter, self.side.fit or "resize")
        given = [self._entered(each, spec) for each, spec in zip(placed, self.file.inputs, strict=True)]
        if self.size is not None:
            return given, inner, self.size
        below, right = (-length % self.side.size_multiple for length in inner)
        sides = (0, 0, 0, right, 0, below) if self.channels_last else (0, right, 0, below)
        return [pad(each, sides) for each in given], inner, (inner[0] + below, inner[1] + right)

    def _read(self, lists: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        """Boxes (N, 4), scores (N), masks (N, H, W) and labels (N). ModelFileError where they are none."""
        told = self.told
        scores = np.asarray(lists[told.scores], np.float32).reshape(-1)
        labels = np.rint(lists[told.labels]).reshape(-1) if told.labels else np.zeros(len(scores))
        boxes, masks = lists[told.boxes], lists[told.masks]
        count = len(scores)
        fits = boxes.size == 4 * count and labels.size == count and masks.ndim >= 3
        if not fits or np.prod(masks.shape[:-2]) != count:
            raise ModelFileError(
                "The network's lists do not belong to each other.",
                expected=f"for {count} scores as many boxes (N, 4), labels (N) and masks (N, 1, H, W)",
                found=f"boxes {boxes.shape}, labels {labels.shape}, masks {masks.shape}",
                where=str(self.path.with_suffix(".toml")),
                remedy="Name the outputs that are boxes, labels, scores and masks under [instances].",
            )
        boxes = np.asarray(boxes, np.float64).reshape(count, 4)
        return boxes, scores, masks.reshape(count, *masks.shape[-2:]).astype(np.float32), labels

    def _kept(self, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The places of the best, the best first."""
        told = self.told
        wanted = {told.names.index(each) if isinstance(each, str) else each for each in told.only}
        good = [n for n in range(len(scores)) if scores[n] >= told.threshold]
        good = [n for n in good if not wanted or int(labels[n]) in wanted]
        return np.asarray(sorted(good, key=lambda n: -scores[n])[: told.limit], np.int64)

    def _name(self, label: int) -> str:
        return self.told.names[label] if 0 <= label < len(self.told.names) else ""

    def _mattes(
        self, masks: np.ndarray, boxes: np.ndarray, frame: Size, inner: Size, sent: Size
    ) -> np.ndarray:
        """Coverage (N, H, W) of each, 0 to 1, at the frame's size."""
        import torch

        if self.told.activation == "sigmoid":
            masks = 1 / (1 + np.exp(-np.clip(masks, -60, 60)))
        masks = np.clip(np.nan_to_num(masks), 0, 1)
        pastes = tuple(masks.shape[1:]) != sent if self.told.paste is None else self.told.paste
        if pastes:
            made = [pasted(mask, box, frame) for mask, box in zip(masks, boxes, strict=True)]
            return np.stack(made) if made else np.zeros((0, *frame), np.float32)
        rows = max(1, round(masks.shape[1] * inner[0] / sent[0]))
        columns = max(1, round(masks.shape[2] * inner[1] / sent[1]))
        cut = torch.from_numpy(np.ascontiguousarray(masks[:, :rows, :columns]))[None]
        return resample(cut, frame, BY)[0].numpy() if len(masks) else np.zeros((0, *frame), np.float32)


def _four(box: np.ndarray) -> tuple[float, float, float, float]:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])


def _corners(boxes: np.ndarray, form: str) -> np.ndarray:
    """Boxes (N, 4) as left, top, right, bottom."""
    a, b, c, d = boxes.T
    corners = {
        "xyxy": (a, b, c, d),
        "yxyx": (b, a, d, c),
        "xywh": (a, b, a + c, b + d),
        "cxcywh": (a - c / 2, b - d / 2, a + c / 2, b + d / 2),
    }
    return np.stack(corners[form], 1)


def pasted(mask: np.ndarray, box: np.ndarray, frame: Size) -> np.ndarray:
    """A mask (h, w) of a box alone, laid into a frame: linear between the middles of its pixels, 0 beyond
    them."""
    import cv2

    made = np.zeros(frame, np.float32)
    if not np.isfinite(box).all() or min(box[2] - box[0], box[3] - box[1]) <= 0:
        return made
    left, top = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    right, bottom = min(frame[1], int(np.ceil(box[2]))), min(frame[0], int(np.ceil(box[3])))
    if right <= left or bottom <= top:
        return made
    x = (np.arange(left, right) + 0.5 - box[0]) / (box[2] - box[0]) * mask.shape[1] - 0.5
    y = (np.arange(top, bottom) + 0.5 - box[1]) / (box[3] - box[1]) * mask.shape[0] - 0.5
    wide = np.pad(mask, 1)
    across, down = np.meshgrid(x.astype(np.float32) + 1, y.astype(np.float32) + 1)
    made[top:bottom, left:right] = cv2.remap(
        wide, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return made


def with_ids(mattes: np.ndarray, limit: int) -> np.ndarray:
    """Mattes (N, H, W), the best first, and empty ones up to the limit; then the ids."""
    made = np.zeros((limit + 1, *mattes.shape[1:]), np.float32)
    made[: len(mattes)] = mattes
    made[limit] = ids_of(mattes, range(1, len(mattes) + 1))
    return made


def ids_of(mattes: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """At each pixel the number of the first matte that covers at least half of it, else 0."""
    ids = np.zeros(mattes.shape[1:], np.float32)
    for matte, number in reversed(list(zip(mattes, numbers, strict=True))):
        ids[matte >= HALF] = number
    return ids
