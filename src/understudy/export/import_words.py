"""What import says of a network: what it takes and gives, and how frames come into it."""

from __future__ import annotations

from understudy.export.trial import Trial
from understudy.models.imported import names_of
from understudy.models.sidecar import Sidecar

BEYOND = 0.05
"""How far a matte may lie outside of 0 to 1 before that is said."""


def sentences(side: Sidecar) -> tuple[str, ...]:
    """On what a sidecar says."""
    takes = "; ".join(f"{port.name}: {', '.join(names_of(port.channels))}" for port in side.inputs)
    gives = "; ".join(f"{port.name}: {_count(port.channels)}" for port in side.outputs)
    return (
        f"It takes {takes}.",
        f"It gives {gives}.",
        *_frame_words(side),
        f"Values are {side.colour}, and {_range_words(side)} to the network.",
        _size_words(side),
        *([f"It makes a picture {side.scale} times larger."] if side.scale > 1 else []),
    )


def hints(side: Sidecar, trial: Trial) -> tuple[str, ...]:
    """On what nobody has said, and what came out of noise: what a stranger would look for in vain."""
    said = []
    if "colour" not in side.model_fields_set:
        said.append(
            "Nothing says what its values mean, so they are taken for scene-linear. One that learned from "
            'photographs takes display values: colour = "srgb" in the TOML.'
        )
    is_matte = trial.outputs == 1 != trial.counts[0] and not side.output_black and side.output_span == 1
    if is_matte and side.activation == "none" and (trial.smallest < -BEYOND or trial.largest > 1 + BEYOND):
        end = trial.smallest if trial.smallest < -BEYOND else trial.largest
        said.append(
            f"What came out goes as far as {end:.3g}, and a matte is 0 to 1: "
            'activation = "sigmoid" makes one of logits, normalise = true of any values.'
        )
    return tuple(said)


def _frame_words(side: Sidecar) -> list[str]:
    """What it takes beside the frame itself."""
    said = []
    if side.frames:
        told = side.frames if isinstance(side.frames, dict) else {side.inputs[0].name: side.frames}
        said.append(f"It sees frames about each one: {'; '.join(f'{k}: {v}' for k, v in told.items())}.")
    if side.constants:
        said.append(f"Given with each frame: {', '.join(f'{k} = {v}' for k, v in side.constants.items())}.")
    if side.has_state:
        shapes = ", ".join(f"{name} = {told}" for name, told in side.initial.items())
        said.append(f"Its state begins with {shapes or 'zeros'}, and anew at cuts and gaps.")
    return said


def _range_words(side: Sidecar) -> str:
    words = f"1.0 is {side.black + side.span:g}"
    return f"0 is {side.black:g}, {words}" if side.black else words


def _size_words(side: Sidecar) -> str:
    if not side.size:
        return f"Sizes are padded to multiples of {side.size_multiple}."
    width, height = side.size
    how = {
        "resize": f"Frames are resized to {width} x {height}, and what it makes back to the frame's size",
        "pad": f"Frames are fitted into {width} x {height} in their own proportions, and what it makes back",
        "tile": f"Frames are worked on in tiles of {width} x {height}",
    }[side.fit or "resize"]
    return f"{how} (fit = resize, tile or pad)."


def _count(channels: int) -> str:
    return "1 channel" if channels == 1 else f"{channels} channels"
