"""What a lesson is learned from: corrected frames, and frames that are to stay as they are."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from understudy.dataset.corrected import FrameReader, Place, Plate, Told
from understudy.dataset.packing import Further, Packed, pack_beside
from understudy.dataset.pairs import Pair
from understudy.dataset.unmix import known_of
from understudy.frames.matte import spread
from understudy.measure import psnr
from understudy.network.effect import EffectNetwork
from understudy.runs.corrections import Correction
from understudy.training.contact_sheet import as_seen
from understudy.training.evaluation import predict
from understudy.training.prepare import Job
from understudy.training.teaching.appearance import of_places, unlike
from understudy.training.teaching.lesson import Lesson

HELD_PIXELS = 2_000_000
FEWEST_HELD, MOST_HELD = 3, 12
AROUND = 0.15
"""How much the frame around strokes counts, as a part of what they do."""
CODES = 2.0 / 255.0


@dataclass(frozen=True)
class Seen:
    """A frame of a plate, and what the network makes of it."""

    plate: Plate
    answer: np.ndarray


@dataclass(frozen=True)
class Judged:
    """A frame that is compared before and after: ``mask`` (H, W, 1), where; ``before``: the answer of the
    network from before the lesson; ``truth``: what it should be."""

    input: np.ndarray
    truth: np.ndarray
    mask: np.ndarray
    before: np.ndarray


@dataclass(frozen=True)
class Material:
    """``packed``: all pairs; ``groups``: which of them were there before, are new, and are held; ``judged``:
    the new ones; ``held``: those that are to stay; ``graded``: of new
    frames, how much of a grade of their own was left out of their truths, in network values;
    ``changed``: frames of the plate that are others than when they were corrected, by the correction."""

    packed: Packed
    groups: tuple[list[int], list[int], list[int]]
    judged: list[Judged]
    held: list[Judged]
    digest: str
    graded: dict[int, float] = field(default_factory=dict)
    changed: dict[int, list[int]] = field(default_factory=dict)


@dataclass
class _Gathering:
    """What has been made so far, the newest correction first. ``taken``: where newer corrections of a frame
    count, so that older ones do not."""

    further: list[Further] = field(default_factory=list)
    older: list[int] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    taken: dict[Place, np.ndarray] = field(default_factory=dict)
    looks: list[np.ndarray] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    kept: list[Judged] = field(default_factory=list)
    graded: dict[int, float] = field(default_factory=dict)
    changed: dict[int, list[int]] = field(default_factory=dict)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)


class MaterialMaker:
    """Makes the material of a lesson. ``reference``: the network that tells what is to stay; None where it
    is not known any more: then nothing is held. ``seen``: what it makes of frames, as far as that is known
    already."""

    def __init__(
        self,
        job: Job,
        reader: FrameReader,
        lesson: Lesson,
        reference: EffectNetwork | None,
        seen: Mapping[Place, Seen],
    ) -> None:
        self.seen = seen
        self.job, self.reader, self.lesson, self.reference = job, reader, lesson, reference
        self.matte = job.matte
        self._seen = len(job.data.input_channels)

    def make(self, corrections: Sequence[Correction]) -> Material:
        """Read everything. Raises what reading frames raises, and RunError for a damaged correction."""
        found = _Gathering()
        for correction in reversed(corrections):
            for number in correction.learned_frames:
                self._add_corrected(found, correction, (correction.plate, number))
        looks = np.concatenate(found.looks) if found.looks else np.zeros((0, 2 * self._seen))
        for place in self.lesson.held if self.reference is not None else []:
            self._add_held(found, place, looks)
        counts = self._overruled(found)
        first = self.job.data.count
        assert self.job.packed is not None  # Lessons takes up none otherwise
        packed = pack_beside(self.job.packed, found.further, counts)
        older, new, held = (
            [first + index for index in each] for each in (found.older, found.new, found.held)
        )
        base = [index for index in range(first) if index not in counts or bool(counts[index].any())]
        groups, digest = ([*base, *older], new, held), found.digest.hexdigest()
        return Material(packed, groups, found.judged, found.kept, digest, found.graded, found.changed)

    def _overruled(self, found: _Gathering) -> dict[int, Tensor]:
        """Of the run's own pairs whose frames were corrected: what of them still counts."""
        origins = self.job.origins
        return {
            index: torch.from_numpy(1 - found.taken[place])
            for index, place in enumerate(origins)
            if place in found.taken
        }

    def _add_corrected(self, found: _Gathering, correction: Correction, place: Place) -> None:
        plate = self.reader.read(place)
        told = self.reader.told(correction, place[1], plate)
        if correction.is_changed(place[1], plate.frame.content):
            found.changed.setdefault(correction.id, []).append(place[1])
        for part in (told.truth, told.mask):
            found.digest.update(np.ascontiguousarray(part).data)
        found.digest.update(plate.hash.encode())
        free = 1 - found.taken.get(place, np.zeros_like(told.mask))
        mask = (told.mask * free).astype(np.float32)
        new = correction.id in self.lesson.new
        partly = correction.kind == "strokes"
        answer = self._answer(plate) if new or partly else None
        truth = self._without_grade(found, correction, plate, told, answer)
        if answer is not None and new:
            self._look(found, plate, truth, mask, answer)
        (found.new if new else found.older).append(len(found.further))
        found.further.append(self._further(plate, truth, mask, free, answer if partly else None, partly))
        found.taken[place] = np.maximum(found.taken.get(place, mask), mask)

    def _without_grade(
        self, found: _Gathering, correction: Correction, plate: Plate, told: Told, answer: np.ndarray | None
    ) -> np.ndarray:
        """What was painted, without what this frame alone has of a grade that was set frame by frame: it is
        not true of the others."""
        drifting = self.job.drifting
        if drifting is None or correction.kind not in ("strokes", "ground-truth"):
            return told.truth
        if correction.kind == "ground-truth":
            steadied = drifting.of_frame(plate.input, told.truth, told.mask)
        elif answer is None:
            return told.truth
        else:
            beside = plate.known * (told.mask == 0)
            steadied = drifting.of_strokes(plate.input, told.truth, beside, answer)
        if steadied.most > CODES and correction.id in self.lesson.new:
            found.graded[plate.frame.number] = steadied.most
        return steadied.truth

    def _answer(self, plate: Plate) -> np.ndarray | None:
        return None if self.reference is None else answer_of(self.job, self.reference, plate)

    def _look(
        self, found: _Gathering, plate: Plate, truth: np.ndarray, mask: np.ndarray, answer: np.ndarray
    ) -> None:
        """Remember how the corrected place looks, and what it was before."""
        wrong = ((np.abs(answer - truth) > 4 * CODES) & (mask > 0)).any(2)
        found.looks.append(of_places(plate.input[..., : self._seen], wrong.astype(np.float32)))
        found.judged.append(Judged(plate.input, truth, mask, answer))

    def _further(
        self,
        plate: Plate,
        truth: np.ndarray,
        mask: np.ndarray,
        free: np.ndarray,
        answer: np.ndarray | None,
        partly: bool,
    ) -> Further:
        """Where the mask is, the correction counts; of a frame of which only a part was corrected, the rest
        is lightly held to what it was."""
        weight = mask
        if answer is not None:
            truth = np.where(mask > 0, truth, answer)
            around = AROUND * self._sureness(answer) * free * plate.known
            weight = np.maximum(mask, np.where(mask > 0, 0, around)).astype(np.float32)
        pair = Pair(plate.frame.path.name, plate.frame.number, plate.input, truth, weight)
        drawn = torch.from_numpy(np.ascontiguousarray(mask.max(2))) if partly and mask.any() else None
        return Further(self.job.make_material(None, pair), drawn)

    def _add_held(self, found: _Gathering, place: Place, looks: np.ndarray) -> None:
        seen = self.seen.get(place)
        plate = seen.plate if seen else self.reader.read(place)
        answer = seen.answer if seen else self._answer(plate)
        assert answer is not None
        weight = self._sureness(answer) * unlike(plate.input[..., : self._seen], looks) * plate.known
        pair = Pair(plate.frame.path.name, place[1], plate.input, answer, weight.astype(np.float32))
        if not weight.any():
            return
        found.digest.update(plate.hash.encode())
        found.held.append(len(found.further))
        found.further.append(Further(self.job.make_material(None, pair)))
        found.kept.append(Judged(plate.input, answer, plate.known, answer))

    def _sureness(self, answer: np.ndarray) -> np.ndarray:
        """(H, W, 1): 1 where a matte is all black or white, 0 where it could be either; of an image 1. Of the
        parts of what is taken apart (H, W, C): how much each shows."""
        layers = self.job.data.layers
        if layers.unmix != "off":
            place = layers.outputs.index("alpha")
            return known_of(answer[..., place : place + 1], layers.outputs)
        if not self.matte:
            return np.ones((*answer.shape[:2], 1), np.float32)
        return np.square(2 * answer - 1).astype(np.float32)


def choose_held(
    reader: FrameReader,
    painted: Iterable[Place],
    corrected: Collection[Place],
    plates: Iterable[int],
    pixels: int,
) -> list[Place]:
    """Frames of the plates that nobody painted, evenly spread over them; fewer where they are large. In the
    place of one that was ``corrected`` the nearest one that was not: one more correction changes little."""
    known = set(painted)
    places = [(plate, number) for plate in plates for number in reader.shot(plate).numbers]
    places = [place for place in places if place not in known]
    free = [index for index, place in enumerate(places) if place not in corrected]
    most = max(FEWEST_HELD, min(MOST_HELD, HELD_PIXELS // max(1, pixels)))
    chosen: list[int] = []
    for wanted in spread(range(len(places)), most) if places else []:
        left = [index for index in free if index not in chosen]
        chosen += [min(left, key=lambda index: abs(index - wanted))] if left else []
    return [places[index] for index in sorted(chosen)]


def answer_of(job: Job, network: EffectNetwork, plate: Plate) -> np.ndarray:
    """What a network makes of a frame, in network values."""
    return predict(network, plate.input, job.learner.device, job.plan.precision)


def network_of(job: Job, tensors: dict[str, Tensor]) -> EffectNetwork:
    """The network that a progress file would have evaluated and saved."""
    network = copy.deepcopy(job.learner.average)
    own = {name[8:]: tensor for name, tensor in tensors.items() if name.startswith("average.")}
    network.load_state_dict(own)
    return network


@dataclass(frozen=True)
class Outcome:
    """``right``, ``before``: the share of the corrected pixels that are right, now and before the lesson;
    ``moved``: the largest share of pixels that changed in one of the other frames; ``decibels``: of images,
    how close the corrected place is to its truth, before and now."""

    right: float
    before: float
    moved: float
    decibels: tuple[float, float] | None = None


def judge(job: Job, material: Material) -> Outcome | None:
    """How the lesson has gone; None where there is nothing to judge it by."""
    if not material.judged:
        return None
    now = [_answer(job, each) for each in material.judged]
    counts = [float((each.mask > 0.5).any(2).sum()) for each in material.judged]
    whole = max(1.0, sum(counts))
    right = sum(_right(job, each, answer) for each, answer in zip(material.judged, now, strict=True)) / whole
    before = sum(_right(job, each, each.before) for each in material.judged) / whole
    moved = max((_moved(job, each) for each in material.held), default=0.0)
    return Outcome(right, before, moved, None if job.matte else _decibels(material.judged, now))


def _answer(job: Job, each: Judged) -> np.ndarray:
    return predict(job.learner.average, each.input, job.learner.device, job.plan.precision)


def _right(job: Job, each: Judged, answer: np.ndarray) -> float:
    """How many pixels of the mask are on the right side of a half, or within two codes of 255."""
    good = (answer > 0.5) == (each.truth > 0.5) if job.matte else np.abs(answer - each.truth) <= CODES
    counts = each.mask > 0.5
    return float(((good | ~counts).all(2) & counts.any(2)).sum())


def _moved(job: Job, each: Judged) -> float:
    answer, before = (as_seen(job.data.layers, part) for part in (_answer(job, each), each.before))
    apart = (answer > 0.5) != (before > 0.5) if job.matte else np.abs(answer - before) > CODES
    return float(apart.any(2).mean())


def _decibels(judged: Sequence[Judged], now: Sequence[np.ndarray]) -> tuple[float, float]:
    """Over all corrected pixels."""
    masks = [np.broadcast_to(each.mask > 0.5, each.truth.shape) for each in judged]
    truth, before = (
        np.concatenate([getattr(each, name)[mask] for each, mask in zip(judged, masks, strict=True)])
        for name in ("truth", "before")
    )
    after = np.concatenate([answer[mask] for answer, mask in zip(now, masks, strict=True)])
    return float(psnr(before, truth)), float(psnr(after, truth))
