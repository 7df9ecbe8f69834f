"""Answers that stand still: with those before them in the same sequence, and with no other."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from understudy.colour import PLAIN
from understudy.server.log import ServerLog
from understudy.server.models.network import Network
from understudy.server.models.standing import MOST, Sequences

sys.path.insert(0, str(Path(__file__).parent.parent / "export"))
from export_models import write_model

NAMES = ["R", "G", "B"]
MODEL = SimpleNamespace(
    description=SimpleNamespace(
        input_channels=NAMES, output_channels=NAMES, colour_in=PLAIN, colour_out=PLAIN
    ),
    plate_of=lambda pixels: pixels,
)


def picture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((64, 96)).astype(np.float32)
    plane = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.repeat(((plane - plane.min()) / np.ptp(plane) * 0.8 + 0.1)[..., None], 3, 2)


def boil(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(0, 0.05, (64, 96, 3)).astype(np.float32)


def ask(sequences: Sequences, number: int, seed: int = 0, **options: object) -> float:
    """The error of an answer."""
    plate = picture(seed)
    found = sequences.steadied(MODEL, plate, plate + boil(number), {"stabilise": 1.0, **options})
    return float((found - plate).std())


def test_a_frame_is_averaged_with_those_before_it() -> None:
    sequences = Sequences()
    errors = [ask(sequences, number) for number in range(5)]
    assert errors[0] > 0.045 and errors[1] < 0.8 * errors[0]
    assert max(errors[2:]) < 0.7 * errors[0]


def test_sequences_and_shots_keep_apart_and_few_are_remembered() -> None:
    sequences = Sequences()
    ask(sequences, 1, sequence="a")
    assert ask(sequences, 2, sequence="b") > 0.045
    assert ask(sequences, 3, seed=5, sequence="a") > 0.045
    for number in range(2 * MOST):
        ask(sequences, number, sequence=str(number))
    assert len(sequences._answered) == MOST


def test_a_frame_that_is_asked_for_again_has_the_answer_that_it_had() -> None:
    sequences = Sequences()
    ask(sequences, 1)
    assert ask(sequences, 2) == ask(sequences, 2)


def test_a_network_says_the_options_and_answers_as_before_without_them(tmp_path: Path) -> None:
    write_model(tmp_path / "look.cat")
    network = Network(tmp_path / "look.cat", ServerLog())
    options = {option.name: option.default for option in network.description.options}
    assert options["stabilise"] == 0.0 and options["sequence"] == ""
    plain = network.infer([picture()], {"mix": 1.0}, "cpu")[0]
    assert (network.infer([picture()], options, "cpu")[0] == plain).all()
    first = network.infer([picture()], {"stabilise": 1.0, "mix": 0.5}, "cpu")[0]
    assert first == pytest.approx(0.5 * (plain + picture()), abs=1e-5)
