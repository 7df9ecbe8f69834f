"""How much larger than the plate the result is: as the network makes it, or that several times over."""

from __future__ import annotations

from dataclasses import replace

from understudy.errors import SettingError
from understudy.models.description import ModelDescription
from understudy.settings import FinishingSettings, OutputSettings

AUTO = "auto"
MOST = 16


def passes_for(model: ModelDescription, scale: int | str) -> int:
    """How many times the frame goes through the network to become ``scale`` times larger. SettingError where
    that cannot be."""
    if scale in (AUTO, model.scale):
        return 1
    passes, made = 1, model.scale
    while 1 < made < int(scale):
        passes, made = passes + 1, made * model.scale
    if made != scale:
        raise _cannot(model, int(scale))
    if model.extra or model.input_channels != model.output_channels:
        raise SettingError(
            "A network that takes something else than it gives makes the frame larger once only.",
            expected=f"{model.scale}, or auto",
            found=str(scale),
            where="--scale (Scale)",
            remedy="Leave --scale out.",
        )
    return passes


def enlarging(model: ModelDescription, scale: int | str) -> ModelDescription:
    """The description of a model whose result is ``scale`` times larger than the plate. SettingError."""
    return replace(model, scale=model.scale ** passes_for(model, scale)) if scale != AUTO else model


def _cannot(model: ModelDescription, scale: int) -> SettingError:
    if model.scale == 1:
        possible, message = "1, or auto", "This network does not make the frame larger."
        remedy = "Leave --scale out, or choose a network that enlarges: understudy models."
    else:
        steps = [model.scale**count for count in range(1, 5)]
        possible = ", ".join(str(each) for each in steps if each <= MOST)
        message = f"This network makes the frame {model.scale} times larger each time."
        remedy = f"Give one of these, or leave --scale out for {model.scale}."
    return SettingError(
        message,
        expected=possible,
        found=str(scale),
        where="--scale (Scale)",
        remedy=remedy,
    )


def check_enlarged(
    model: ModelDescription, finishing: FinishingSettings, output: OutputSettings | None = None
) -> None:
    """SettingError for what a result of another size than the plate's cannot have."""
    asked = {
        "--confidence (Confidence)": output is not None and output.confidence,
        "--stabilise (Stabilise)": output is not None and output.stabilise != 0,
        "--motion-blur (Motion Blur)": finishing.motion_blur != "none",
        "--grain match (Grain)": finishing.grain == "match",
    }
    wanted = [where for where, given in asked.items() if given]
    if model.scale == 1 or not wanted:
        return
    raise SettingError(
        "A result that is larger than the plate cannot be compared with it pixel by pixel.",
        expected="a network that keeps the size of the plate",
        found=f"one that makes it {model.scale} times larger",
        where=wanted[0],
        remedy=f"Leave {wanted[0].partition(' (')[0].partition(' ')[0]} out.",
    )
