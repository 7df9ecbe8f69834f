"""How a run will go: how many steps, of how many crops of which size, at which rate.

The plan is stored with the run. With it, and the same files, a run takes the same course again.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from understudy.network.confidence import ConfidenceTable
from understudy.network.model_file import COARSE_VIEWS, MOST_OFFSET, MOST_WHOLE
from understudy.training.resolutions import factor_at, steps_left, total_that_fits
from understudy.training.teaching.lesson import Lesson

WARM_UP = 40
RATE = 0.012
MANY_RATE = 0.004
"""The rate where many pictures are learned from; with ``RATE`` the loss runs away there."""
PROBE = 0.35
PROBES = (0.12, 0.24, PROBE)
UNKNOWN = 1 << 40
MOST_CROPS = 4096
COARSE_SIDE = 640
COARSE_SHARE = 0.75
"""The part of the run in which the coarse view learns; in the rest of it the fine one does."""
FINE_RATE = 0.3
"""The rate of the fine view, as a share of that of the coarse one."""
DETAILS = 0.75
"""Crops of a step of the fine view, as a share of those that would cost as much without a coarse one."""
STEP_PIXELS = {"cpu": 60_000, "mps": 300_000, "cuda": 600_000}
QUICK_CPU_PIXELS = 120_000
LARGE_EVERY = 3
WHOLE_SHARE = 0.75
"""The share of steps on whole pictures, where crops of them show much the same."""
CORE_SECONDS = {"float32": 480.0, "bfloat16": 180.0}
"""Seconds of one core in which Medium takes some 1000 steps; with far fewer it is behind Small."""

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Vary = Literal["", "auto", "always", "never"]
Side = Annotated[int, Field(ge=1, le=1024)]


class Plan(BaseModel):
    """``totals`` is [step, total steps planned from that step on], more than one where a time limit had to
    be turned into other numbers; ``timed``: the clock, or a new end without a time, has decided how many, so
    that a run that goes on needs no time limit any more; ``rate_factor`` falls when the loss ran away;
    ``held_out`` is the index of the pair kept apart, until ``joined`` (None: it has not been taken in yet; it
    never is when ``apart``);
    ``judged`` counts its validations; from ``turned`` on crops are varied more, which
    ``wants_turn`` asks all processes for; ``vary``: whether they may be, or are from the start ("" in runs
    that were begun before it was kept here: mattes from the start); ``turns``: in how many steps every matrix
    has had its turn in the optimiser (2 in runs that were begun before it was kept here); ``loss``: its
    terms, also where they were chosen automatically ("" in runs that were begun before they were kept);
    ``focus``: the share of crops that are drawn where there is most to learn (None in such runs); ``evenly``:
    whether the others show the borders of a frame as often as its middle;
    ``neighbours``: how many frames before and after the plate's own go in; ``coarse``: how many times smaller
    than the frame the coarse view of it is, 1 where there is none; ``lesson``: the corrections that are
    learned, or were learned last; ``agreement``: how much frames that follow each other are to agree;
    ``whole``: how many pixels a side the network sees of whole frames, 0 where it sees frames as they are;
    ``whole_share``: the share of steps that are taken on such pictures, and not on crops; ``accumulate``:
    how many parts a batch is taken in; ``multi_resolution``: whether crops are smaller at first;
    ``without_gain``: how many validations in a row were no better than the best before them;
    ``confidence``: how often the network's pixels were right on the pair that is kept apart, when it was
    looked at last, or did best; ``taught``: how many steps were those of lessons that are over, and that were
    taken for corrections alone; ``many``: of the pairs no more than a sample was looked at; ``dealing``: in
    which order they come, ``epochs``: each once in an epoch, or "": by the size of crops; ``half``: which
    views of them are stored in 16 bits (1 the pairs, 2 their coarse view, 4 whole pictures), None where all
    of them tell it; ``left_out``: the pairs that cannot be read, by index; ``screen``: the network is a keyer
    (``understudy.network.keying``), as the one that it began from."""

    model_config = ConfigDict(extra="ignore")

    totals: list[tuple[Count, Count]] = Field(default_factory=list)
    batch_size: int = Field(ge=1, le=MOST_CROPS)
    crop: tuple[Side, Side]
    size: str
    precision: Literal["float32", "bfloat16"]
    threads: int = Field(ge=1, le=4096)
    small: int = Field(default=0, ge=0, le=1024)
    device: str = Field(pattern=r"^(cpu|mps|cuda)(:\d{1,3})?$")
    seed: Count
    turns: int = Field(default=2, ge=1, le=64)
    loss: str = Field(default="", max_length=1000)
    neighbours: int = Field(default=0, ge=0, le=MOST_OFFSET)
    vary: Vary = ""
    focus: float | None = Field(default=None, ge=0, le=1)
    evenly: bool = False
    coarse: int = Field(default=1, ge=1, le=COARSE_VIEWS[-1])
    whole: int = Field(default=0, ge=0, le=MOST_WHOLE)
    whole_share: float = Field(default=0.0, ge=0, le=1)
    accumulate: int = Field(default=1, ge=1, le=1024)
    multi_resolution: bool = False
    rate: float = Field(default=RATE, gt=0, le=1)
    rate_factor: float = Field(default=1.0, gt=0, le=1)
    held_out: int | None = Field(default=None, ge=0)
    apart: bool = False
    joined: int | None = Field(default=None, ge=0)
    judged: int = Field(default=0, ge=0)
    turned: int | None = Field(default=None, ge=0)
    wants_turn: bool = False
    timed: bool = True
    lesson: Lesson | None = None
    agreement: float = Field(default=0.0, ge=0, le=1)
    confidence: ConfidenceTable | None = None
    without_gain: int = Field(default=0, ge=0)
    taught: int = Field(default=0, ge=0)
    many: bool = False
    dealing: Literal["", "epochs"] = ""
    half: int | None = Field(default=None, ge=0, le=15)
    left_out: list[Count] = Field(default_factory=list)
    screen: bool = False

    @property
    def begun_earlier(self) -> bool:
        """Whether the run was begun before version 0.2.0."""
        return self.vary == ""

    @property
    def total_steps(self) -> int:
        """Total Steps as they are planned now; a very large number before the speed is known."""
        return self.totals[-1][1] if self.totals else UNKNOWN

    def total_at(self, step: int) -> int:
        """Total Steps as they were planned when ``step`` was done."""
        return next((total for start, total in reversed(self.totals) if start <= step), UNKNOWN)

    def crops_of(self, step: int) -> tuple[int, tuple[int, int]]:
        """How many crops of which size make a step. Where the batch size is automatic, two of three steps
        take more and smaller crops instead: they vary more, the large ones teach what needs context."""
        count = self.batch_size
        if self.is_whole(step):
            return count, (self.whole, self.whole)
        if self.coarse > 1 and not self.is_coarse(step):
            count = max(1, round(count * DETAILS))  # the coarse view is asked, too, for what lies around
        if not self.small or _is_large(self._steps_of_crops(step)):
            return count, self.crop
        area = self.batch_size * self.crop[0] * self.crop[1]
        return max(1, round(count / self.batch_size * area / self.small**2)), (self.small, self.small)

    def shrinks(self, step: int) -> int:
        """How many times smaller the crops, or whole pictures, of a step are made: where that is wanted, a
        quarter of the size for half of the steps, then half, then all."""
        if not self.multi_resolution or self.teaches(step):
            return 1
        return factor_at(step / self.total_at(step - 1))

    def total_that_fits(self, step: int, left: int, stride: int) -> int:
        """The number of all steps, where after ``step`` of them ``left`` more fit at the pace of the last."""
        if not self._grows:
            return step + left
        return total_that_fits(step, step / self.total_at(step - 1), left, self._usual_size, stride)

    def steps_left(self, step: int, stride: int) -> float:
        """How many steps that take as long as the last one are as long as what is left."""
        total = self.total_steps
        return steps_left(step, total, self._usual_size, stride) if self._grows else total - step

    @property
    def _grows(self) -> bool:
        """Whether later steps take longer."""
        return self.multi_resolution and self.coarse == 1 and self.lesson is None

    @property
    def _usual_size(self) -> tuple[int, int]:
        return (self.whole, self.whole) if self.whole_share > 0.5 else self.crop

    def is_whole(self, step: int) -> bool:
        """Whether a step is taken on whole pictures."""
        return self._steps_of_pictures(step) > self._steps_of_pictures(step - 1)

    def _steps_of_pictures(self, step: int) -> int:
        """How many of the first ``step`` steps are taken on whole pictures."""
        return math.floor(step * self.whole_share) if self.whole else 0

    def _steps_of_crops(self, step: int) -> int:
        return step - self._steps_of_pictures(step)

    def is_coarse(self, step: int) -> bool:
        """Whether the coarse view learns in a step, where there is one: what is where comes first. Where
        corrections are learned, both views learn by turns."""
        if self.teaches(step) and self.coarse > 1 and step % 2:
            return True
        return not self._is_taught_alone(step) and step <= self._coarse_steps(step)

    def teaches(self, step: int) -> bool:
        """Whether corrections are learned in a step."""
        return self.lesson is not None and self.lesson.lasts(step)

    def own_steps(self, step: int) -> int:
        """How many of the first ``step`` steps were not taken for corrections alone."""
        lesson = self.lesson
        under_way = lesson is not None and lesson.alone and lesson.ended is None
        return step - self.taught - (step - lesson.step if lesson is not None and under_way else 0)

    def end_lesson(self, step: int) -> None:
        """The lesson under way, if any, is over."""
        lesson = self.lesson
        if lesson is None or lesson.ended is not None:
            return
        lesson.ended = step
        if lesson.alone:
            self.taught += step - lesson.step

    def _is_taught_alone(self, step: int) -> bool:
        return self.lesson is not None and self.lesson.alone and self.lesson.lasts(step)

    def _coarse_steps(self, step: int) -> int:
        """How many steps are the coarse view's, as it was planned before ``step``."""
        return round(COARSE_SHARE * self.total_at(step - 1)) if self.coarse > 1 else 0

    def drawn_before(self, step: int) -> int:
        """How many crops of the size of this step's the steps before have taken."""
        count = self.crops_of(step)[0]
        if self.is_whole(step):
            return (self._steps_of_pictures(step) - 1) * count
        step = self._steps_of_crops(step)
        large = step // LARGE_EVERY if self.small else 0
        alike = large if self.small and _is_large(step) else step - large
        return (alike - 1) * count

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, from 1: warm-up, then half a cosine down to nothing; where there is a
        coarse view, once for that and once for the fine one. Corrections are learned at a rate of their own,
        or at no lower one."""
        if self.lesson is None or not self.lesson.lasts(step):
            return self._usual_rate_at(step)
        own = self.lesson.rate_at(step, self.total_at(step - 1)) * self.rate_factor
        own *= 1.0 if self.coarse == 1 or self.is_coarse(step) else FINE_RATE
        return own if self.lesson.alone else max(own, self._usual_rate_at(step))

    def _usual_rate_at(self, step: int) -> float:
        total, coarse, rate = self.total_at(step), self._coarse_steps(step), self.rate
        if step <= coarse:
            total = coarse
        else:
            step, total = step - coarse, max(1, total - coarse)
            rate *= FINE_RATE if coarse else 1.0
        warm = min(1.0, step / min(WARM_UP, max(1, total // 4)))
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, (step - 1) / total)))
        return rate * self.rate_factor * warm * fall

    @property
    def marks(self) -> tuple[float, ...]:
        """The parts of the run after which the pair that is kept apart is looked at."""
        if self.apart:
            return tuple(index / 10 for index in range(1, 11))
        return tuple(probe * COARSE_SHARE for probe in PROBES) if self.coarse > 1 else PROBES

    def look_again(self, step: int) -> None:
        """After the end was moved: the marks that ``step`` has not come to are to come."""
        self.judged = sum(step >= round(mark * self.total_steps) for mark in self.marks)

    def is_validation_due(self, step: int) -> bool:
        """Whether ``step`` has come to the next of the marks."""
        if self.held_out is None or self.joined is not None or self.judged >= len(self.marks):
            return False
        if self._is_taught_alone(step):
            return False
        return step >= max(1, round(self.marks[self.judged] * self.total_steps))

    def learned_pairs(self, step: int, count: int) -> list[int]:
        """The pairs that ``step`` may draw from."""
        out = self.held_out
        if out is None or (self.joined is not None and step > self.joined):
            return list(range(count))
        return [index for index in range(count) if index != out]


def _is_large(step: int) -> bool:
    return step % LARGE_EVERY == 0


def step_pixels(device: str, precision: str, matte: bool = False) -> int:
    """How many pixels make a good step. Many small steps teach more than few large ones, until each costs
    more in its own right than in pixels: a slow processor takes one crop, a GPU many."""
    if device == "cpu" and precision == "bfloat16" and not matte:
        return QUICK_CPU_PIXELS
    return STEP_PIXELS.get(device, STEP_PIXELS["cpu"])


def choose_size(device: str, precision: str, seconds: float | None, cores: int) -> str:
    """What ``auto`` is among the model sizes: small where a CPU has too little time for medium."""
    few = device == "cpu" and seconds is not None and seconds * cores < CORE_SECONDS[precision]
    return "small" if few else "medium"


def choose_batch_size(
    requested: int | str, crop: tuple[int, int], pixels: int, free: int, bytes_each: int
) -> int:
    """The requested one; ``auto``: as many crops as make a step of about so many ``pixels`` and fit half the
    free memory."""
    if requested != "auto":
        return int(requested)
    wanted = max(1, round(pixels / (crop[0] * crop[1])))
    return max(1, min(wanted, 64, free // 2 // max(1, bytes_each)))


def choose_crop(requested: int, sizes: list[tuple[int, int]], stride: int) -> tuple[int, int]:
    """A square of the requested size on the stride, or as much of it as half of the frames have; a smaller
    one is mirrored at its edges."""
    height, width = (sorted(sides)[(len(sides) - 1) // 2] for sides in zip(*sizes, strict=True))
    most = max(1, requested // stride)
    fit = [min(most, max(1, side // stride)) * stride for side in (height, width)]
    side = min(fit) if min(fit) >= 4 * stride else None
    return (side, side) if side else (fit[0], fit[1])


def choose_coarse(sizes: list[tuple[int, int]]) -> int:
    """How much smaller the coarse view is: the least power of two that makes the frames no larger than those
    that a crop tells all of."""
    side = sorted(max(size) for size in sizes)[len(sizes) // 2]
    return next((coarse for coarse in COARSE_VIEWS if side / coarse <= COARSE_SIDE), COARSE_VIEWS[-1])


def choose_small_crop(requested: int | str, crop: tuple[int, int], stride: int) -> int:
    """The side of the smaller crops: about half of ``crop``; 0 where the batch size is the artist's, or the
    crops are small already."""
    side = round(min(crop) / 2 / stride) * stride
    return side if requested == "auto" and side >= 4 * stride else 0


def choose_held_out(
    requested: int | str, numbers: list[int], telling: list[bool] | None = None
) -> tuple[int | None, bool]:
    """The index of the pair to keep apart, and whether it is kept apart to the end.

    ``auto``: none of up to three pairs; of up to eleven the middle one, until the run has been judged by it;
    of more, the middle one to the end. A pair that is not ``telling``, as its matte is empty, is passed over
    where there is another one.
    """
    if requested == "none" or (requested == "auto" and len(numbers) < 4):
        return None, False
    if requested == "auto":
        middle = len(numbers) // 2
        some = [index for index, tells in enumerate(telling or []) if tells] or [middle]
        return min(some, key=lambda index: abs(index - middle)), len(numbers) >= 12
    return numbers.index(int(requested)), True


def crop_bytes(crop: tuple[int, int], pixel: int) -> int:
    """About what one crop needs while it is learned from: activations kept for the way back, so many bytes
    for each ``pixel``."""
    return int(crop[0] * crop[1] * pixel)


def choose_whole_share(requested: float | str, whole: int, sizes: list[tuple[int, int]]) -> float:
    """The share of steps that are taken on whole pictures of ``whole`` pixels a side; ``auto``: all where
    frames are so much larger that a crop shows nothing that the network will see."""
    if not whole:
        return 0.0
    if requested != "auto":
        return float(requested)
    side = sorted(max(size) for size in sizes)[len(sizes) // 2]
    return 1.0 if side > 2 * whole else WHOLE_SHARE
