"""Settings of a training: loss."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from understudy.errors import SettingError
from understudy.settings.field import Text, setting
from understudy.settings.sections import Section


class LossSettings(Section):
    """What the network is to make small."""

    loss: Text = setting(
        "auto",
        "Loss",
        "What counts as close to the ground truth: auto, or a sum such as l1+structure:0.2, of l1, l2, "
        "charbonnier, gradient, structure, perceptual, dice, jaccard and, for mattes, bce and edges; and "
        "features, with a perceptual network.",
        advanced=True,
    )
    perceptual_network: Text | None = setting(
        None,
        "Perceptual Network",
        "A network whose view of result and truth the term features of the loss compares: a .cat, a run, "
        "the name of one that comes trained, or a TorchScript file.",
        kind="model",
        advanced=True,
    )

    @property
    def has_features(self) -> bool:
        """Whether the term features is part of the loss."""
        return any(item.partition(":")[0].strip() == "features" for item in self.loss.split("+"))

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if self.has_features == (self.perceptual_network is not None):
            return self
        raise SettingError(
            "The term features of the loss and a perceptual network go together.",
            expected="--loss l1+features:0.1 --perceptual-network FILE, or neither",
            found=f"--loss {self.loss}, and " + ("no network" if self.has_features else "a network"),
            where="--perceptual-network",
        )

    agreement: Annotated[float, Field(ge=0, le=1)] = setting(
        0.0,
        "Agreement along motion",
        "How much the results of frames that follow each other are to agree along the plate's motion, 0 to "
        "1. Frames that nobody painted take part: a matte crawls less, and steps take up to twice as long.",
        advanced=True,
    )
