"""The last touch in a job: what it asks of a frame, and its way into the result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from understudy.errors import ChannelError, SettingError
from understudy.finishing import Motion, add_grain, check_clip, finish_matte, matte_reach, measure_grain
from understudy.frames import Frame, FrameSink, Window, fill_nonfinite
from understudy.frames.alpha import multiplied
from understudy.frames.frame import is_colour
from understudy.inference.motion import PlateMotion
from understudy.inference.region import slices
from understudy.settings import FinishingSettings

FINISHING = "finishing"
OF_IMAGES = ("grain",)
_ALPHA = ("a", "alpha")


def in_provenance(asked: FinishingSettings) -> dict[str, str]:
    """What a frame says of its last touch: a JSON object of what is not the default; nothing without."""
    said = not_default(asked)
    return {FINISHING: json.dumps(said)} if said else {}


def not_default(asked: FinishingSettings) -> dict[str, Any]:
    """What is asked for, by name."""
    fields = type(asked).model_fields
    return {name: value for name, value in asked if value != fields[name].default}


def of_provenance(made: Mapping[str, str]) -> dict[str, Any]:
    """The settings that a frame was finished with. ValueError where it names what there is not."""
    said = json.loads(made.get(FINISHING, "{}"))
    if not isinstance(said, dict) or said.keys() - FinishingSettings.model_fields.keys():
        raise ValueError("not settings of a last touch")
    return said


def check_finishing(
    asked: FinishingSettings, kind: str, sink: FrameSink, outputs: int = 1, keys: bool = False
) -> None:
    """SettingError where what is asked for is nothing for what the network makes, which has so many
    ``outputs``, or for the output. ``keys``: what it makes are colours and their alpha, which can be
    premultiplied as a matte's can."""
    check_kind(asked.model_copy(update={"premultiply": False}) if keys else asked, kind, outputs)
    if asked.premultiply and sink.is_straight:
        raise SettingError(
            "The output's files cannot hold premultiplied colours: they hold straight ones.",
            expected="a format that holds premultiplied RGBA, such as EXR or TIFF",
            found=sink.spec,
            where="--premultiply (Premultiply)",
            remedy="Write .exr files, or leave --premultiply out.",
        )


def check_kind(asked: FinishingSettings, kind: str, outputs: int = 1) -> None:
    """SettingError where what is asked for is nothing for what the network makes, or contradicts itself."""
    others = [name for name in not_default(asked) if (name in OF_IMAGES) == (kind == "matte")]
    if others:
        flags = ", ".join("--" + name.replace("_", "-") for name in others)
        image, matte = ("images", "a matte") if kind == "matte" else ("mattes", "an image")
        raise SettingError(
            f"This last touch is for {image}.",
            expected=f"a network that makes {image}",
            found=f"one that makes {matte}",
            where=flags,
            remedy=f"Leave {flags} out.",
        )
    check_clip(asked)
    if asked.premultiply and kind == "matte" and outputs > 1:
        raise SettingError(
            "Colours can be multiplied by one matte only.",
            expected="a network that makes one matte",
            found=f"one that makes {outputs}",
            where="--premultiply (Premultiply)",
            remedy="Leave --premultiply out, and multiply by the matte that is meant when compositing.",
        )


@dataclass(frozen=True)
class Finisher:
    """The last touch of one job. ``unmeasured``: frames whose grain could not be told. ``motion``: how the
    plate moves, where a motion blur is asked for."""

    asked: FinishingSettings = field(default_factory=FinishingSettings)
    unmeasured: list[int] = field(default_factory=list)
    motion: PlateMotion | None = None

    @property
    def bytes_per_pixel(self) -> float:
        """About what it takes beside the result."""
        wide = self.asked.grain == "match" or self.motion is not None
        return 150.0 if wide else 20.0 if not_default(self.asked) else 0.0

    def needed(self, shown: Window, whole: Window) -> Window:
        """What of the ``whole`` frame has to be computed for what is ``shown``; grain is measured in all, and
        motion carried on from anywhere."""
        if shown.is_empty or self.asked.grain == "match" or self.motion is not None:
            return shown if shown.is_empty else whole
        reach = matte_reach(self.asked)
        wide = Window(shown.x - reach, shown.y - reach, shown.width + 2 * reach, shown.height + 2 * reach)
        return whole.intersect(wide)

    def matte(self, result: np.ndarray, known: Window, motion: Motion | None = None) -> np.ndarray:
        """Mattes (height, width, mattes), which are known in a window of them, finished there, each by
        itself."""
        place = slices(known)
        planes = [np.ascontiguousarray(result[place][..., index]) for index in range(result.shape[2])]
        finished = [finish_matte(plane, self.asked, motion) for plane in planes]
        if all(new is old for new, old in zip(finished, planes, strict=True)):
            return result
        out = result.copy()
        out[place] = np.stack(finished, 2)
        return out

    def image(self, frame: Frame, under: tuple[str, ...], result: np.ndarray, window: Window) -> np.ndarray:
        """A result (height, width, channels) in the values of the frame's file, with grain in the colours
        that the frame had: ``under`` names them."""
        if self.asked.grain != "match":
            return result
        own = [index for index, name in enumerate(under) if _is_own_colour(frame, name)]
        plate = fill_nonfinite(frame.planes([under[index] for index in own], window))[0]
        grained = with_grain(plate, result, own, frame.number)
        if grained is None:
            self.unmeasured.append(frame.number)
            return result
        return grained

    def colours(self, frame: Frame, under: tuple[str, ...], matte: np.ndarray, window: Window) -> np.ndarray:
        """A matte as what is written: where it is to be premultiplied, the plate's colours multiplied by it
        come first; ``under`` names them, and what lies under the matte."""
        if not self.asked.premultiply:
            return matte
        return np.concatenate([multiplied(frame.planes(under[:-1], window), matte), matte], axis=-1)


def with_grain(plate: np.ndarray, result: np.ndarray, own: Sequence[int], seed: int) -> np.ndarray | None:
    """A result (height, width, channels) with the grain of ``plate`` in its channels ``own``, which ``plate``
    (height, width, len(own)), of numbers alone, has too; None where none could be measured."""
    made = fill_nonfinite(result[..., own])[0]
    grain = measure_grain(plate, made) if own else None
    if grain is None:
        return None
    out = result.copy()
    added = add_grain(plate, made, grain, seed)
    out[..., own] = np.where(added == made, out[..., own], added)
    return out


def premultiplied_channels(frame: Frame, names: tuple[str, ...], alpha: tuple[str, ...]) -> tuple[str, ...]:
    """The colours of the layer that ``names`` are of, and its ``alpha``, or what a new one is to be called.
    ChannelError where it has no colours."""
    layer, dot, _ = names[0].rpartition(".")
    colours = tuple(
        name
        for name in frame.part.channels
        if name.rpartition(".")[0] == layer and is_colour(name) and not _is_alpha(name)
    )
    if not colours:
        raise ChannelError(
            "The plate has no colours to premultiply.",
            expected="colours beside what the network takes",
            found=", ".join(frame.channels),
            where="--premultiply (Premultiply)",
            remedy="Leave --premultiply out.",
        )
    return (*colours, *(alpha or (f"{layer}{dot}A",)))


def rgba_targets(frame: Frame, names: tuple[str, ...], layer: str | None) -> tuple[str, ...]:
    """The channels that colours and alpha fill: ``names`` and the alpha of the layer that they are of, or,
    of these names, those of a new ``layer``."""
    own, dot, _ = names[0].rpartition(".")
    alphas = [name for name in frame.part.channels if _is_alpha(name) and name.rpartition(".")[0] == own]
    channels = (*names, *(alphas[:1] or [f"{own}{dot}A"]))
    return channels if layer is None else tuple(f"{layer}.{name.rpartition('.')[2]}" for name in channels)


def keyed_as(header: Any, asked: FinishingSettings, sink: FrameSink) -> str:
    """Whether what a network keys becomes one RGBA, ``straight`` or ``premultiplied``, as is asked for, or as
    files hold it that have no room for layers; empty where it becomes layers, and of all other networks."""
    if not header.keys or header.kind == "matte" or (sink.has_layers and not asked.premultiply):
        return ""
    return "straight" if sink.is_straight else "premultiplied"


def multiplied_by_last(result: np.ndarray) -> np.ndarray:
    """(H, W, C) with all channels multiplied by the last, but that one itself."""
    return np.concatenate([multiplied(result[..., :-1], result[..., -1:]), result[..., -1:]], axis=-1)


def _is_own_colour(frame: Frame, name: str) -> bool:
    return is_colour(name) and not _is_alpha(name) and name not in frame.added


def _is_alpha(name: str) -> bool:
    return name.rpartition(".")[2].lower() in _ALPHA
