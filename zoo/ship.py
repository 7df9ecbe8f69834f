"""From a training to the file that comes with the program: half precision, and a card that says all of it.

python -m zoo.ship denoise --folder zoo_runs/denoise --data ../shared/photographs [--measured FILE.json]
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
from datetime import date
from pathlib import Path
from typing import Any

import torch

from understudy.colour import PLAIN, SRGB
from understudy.device import autocast
from understudy.errors import UnderstudyError
from understudy.network.card import Measured, ModelCard, Source
from understudy.network.card import Trained as TrainedWords
from understudy.network.kinds import MOTION
from understudy.network.model_file import ExtraInput, ModelHeader, read_metadata, save_model
from understudy.network.motion import MotionArchitecture
from zoo.command import in_words
from zoo.credits import CREDITS, environment_credits, training_credits
from zoo.kinds import training_of
from zoo.pictures import load_pictures
from zoo.recipe import Recipe
from zoo.training import CPU, CURVE, PROGRESS, Training, effect_of, held_batches

LICENCE = "Apache-2.0"
HOUR, CODES = 3600.0, 255


def card_of(training: Training, data: Path, measured: list[dict[str, Any]]) -> ModelCard:
    """What the network says of itself."""
    recipe, at = training.recipe, training.at
    lit = environment_credits(data, recipe.lit)
    return ModelCard(
        name=recipe.name,
        title=recipe.title,
        purpose=recipe.purpose,
        licence=LICENCE,
        sources=[
            Source(title=each.title, author=each.author, licence=each.licence, address=each.place)
            for each in [*training_credits(data), *lit]
        ]
        + list(recipe.sources),
        trained=TrainedWords(
            steps=at.step,
            hours=round(at.seconds / HOUR, 2),
            processor=f"one core, {platform.machine()}",
            date=date.today().isoformat(),
        ),
        measured=[Measured(**row) for row in measured],
        kind=list(recipe.kinds),
    )


def bfloat16_difference(training: Training, pictures: Any) -> float:
    """The largest difference that bfloat16 makes on a few crops of the recipe, in 8-bit code values."""
    (batch, *_) = held_batches(training.recipe, pictures, 4)
    with torch.no_grad():
        exact = training.average(batch.input)
        with autocast(CPU, "bfloat16"):
            quick = training.average(batch.input)
    return round(float((quick - exact).abs().max()) * CODES, 3)


def header_of(recipe: Recipe, network: Any, card: ModelCard, difference: float) -> ModelHeader:
    """Display-referred values as they are, and scene-linear ones, or those of the recipe's own colour."""
    architecture = effect_of(recipe)
    return ModelHeader(
        kind=architecture.kind,
        input_channels=["R", "G", "B"],
        output_channels=list(recipe.output_channels),
        extra=list(recipe.extra),
        colour_in=recipe.colour,
        colour_out=PLAIN if architecture.kind == "matte" else recipe.colour,
        premultiplied=True,
        scale=architecture.scale,
        adapts=recipe.colour == SRGB,
        architecture=architecture.to_dict(),
        stride=network.stride,
        reach=network.reach,
        precision={"bfloat16_difference": difference},
        card=card,
    )


def motion_header_of(recipe: Recipe, card: ModelCard) -> ModelHeader:
    """A frame and the next one, of display-referred values as they are, and the motion from the one to the
    other."""
    architecture = recipe.architecture
    assert isinstance(architecture, MotionArchitecture)
    colours = ["R", "G", "B"]
    return ModelHeader(
        kind=MOTION,
        input_channels=colours,
        extra=[ExtraInput(name="next", channels=colours, colour=SRGB, offset=1)],
        output_channels=list(recipe.output_channels),
        colour_in=SRGB,
        colour_out=PLAIN,
        premultiplied=True,
        adapts=True,
        architecture=architecture.to_dict(),
        stride=architecture.stride,
        reach=0,
        card=card,
    )


def ship(
    training: Training,
    output: Path,
    data: Path,
    measured: list[dict[str, Any]],
    renders: Path | None = None,
) -> None:
    """Write the .cat."""
    card, network = card_of(training, data, measured), training.average
    if isinstance(training.recipe.architecture, MotionArchitecture):
        header = motion_header_of(training.recipe, card)
    else:
        pictures = _pictures(training.recipe, data, renders)
        header = header_of(training.recipe, network, card, bfloat16_difference(training, pictures))
    save_model(output, header, network, half=True)


def _pictures(recipe: Recipe, data: Path, renders: Path | None) -> Any:
    """What it is judged by. UnderstudyError where it learned from renders and none are named."""
    if not recipe.renders:
        return load_pictures(data, "validation", 2)
    if renders is None:
        raise UnderstudyError(
            f"{recipe.name} learned from what was rendered.",
            expected="its folder",
            remedy="Name it with --renders.",
        )
    return recipe.renders(data, renders, "validation")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m zoo.ship", description="Write the network of a training."
    )
    parser.add_argument("name", help="of the recipe")
    parser.add_argument("--folder", type=Path, help="where the training lives; zoo_runs/NAME")
    parser.add_argument("--data", type=Path, required=True, help="the folder of photographs")
    parser.add_argument("--renders", type=Path, help="what was rendered for it, where it learned from that")
    parser.add_argument("--measured", type=Path, help="figures as zoo.measure --json writes them")
    parser.add_argument("--output", type=Path, help="in place of the one that comes with the program")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--begun-from", type=Path, nargs="*", default=[], help="trainings that went before it"
    )
    flags = parser.parse_args()
    in_words(lambda: run(flags))


def run(flags: argparse.Namespace) -> None:
    """Write the network of a training, and say where."""
    recipe: Recipe = importlib.import_module(f"zoo.{flags.name.replace('-', '_')}").RECIPE
    training = training_of(recipe, flags.seed)
    folder = flags.folder or Path("zoo_runs") / recipe.name
    training.resume(folder)
    for earlier in flags.begun_from:
        told = json.loads(read_metadata(earlier / PROGRESS)["progress"])
        training.at.step += int(told["step"])
        training.at.seconds += float(told["seconds"])
    rows = json.loads(flags.measured.read_text())[recipe.name] if flags.measured else []
    output = flags.output or CREDITS.with_name(f"{recipe.name}.cat")
    ship(training, output, flags.data, rows, flags.renders)
    print(
        f"{output}: {output.stat().st_size / 1e6:.2f} MB, {training.at.step} steps; curve: {folder / CURVE}"
    )


if __name__ == "__main__":
    main()
