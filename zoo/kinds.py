"""Which kind of training a recipe asks for."""

from __future__ import annotations

from understudy.network.motion import MotionArchitecture
from zoo.matte_training import MatteTraining
from zoo.meta_training import MetaTraining
from zoo.motion_training import MotionTraining
from zoo.recipe import Recipe
from zoo.training import Training


def training_of(recipe: Recipe, seed: int = 0, precision: str = "auto") -> Training:
    """The training that a recipe asks for."""
    if isinstance(recipe.architecture, MotionArchitecture):
        return MotionTraining(recipe, seed, precision)
    if recipe.shot:
        return MetaTraining(recipe, seed, precision)
    kind = MatteTraining if recipe.architecture.kind == "matte" else Training
    return kind(recipe, seed, precision)
