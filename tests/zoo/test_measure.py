"""What is measured is what it says, and what ships says of itself what it is."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tests.zoo.conftest import painted
from zoo.degrade.light import Film
from zoo.measure import (
    ISOS,
    KEYING_SIDE,
    LENGTHS,
    SEED,
    deblur_rows,
    denoise_rows,
    keying_rows,
    middle,
    overshoot,
    upscale_rows,
)
from zoo.pictures import load_pictures
from zoo.ship import ship
from zoo.stream import make_batch
from zoo.training import Training

from understudy.network.model_file import load_model
from understudy.runs.files import write_atomically
from zoo import denoise, keying, rivals


@pytest.fixture
def data(tmp_path):
    for folder, names in {"photographs": ["a.jpg", "b.jpg"], "test_kodak": ["kodim01.png"]}.items():
        (tmp_path / folder).mkdir()
        for number, name in enumerate(names):
            cv2.imwrite(str(tmp_path / folder / name), painted(number, 120, 160))
    (tmp_path / "split.json").write_text(json.dumps({"training": ["a.jpg"], "validation": ["b.jpg"]}))
    row = "| a.jpg | A | o/n | 12 | Ann | [CC BY 4.0](https://c) | LICENSE | 1 | 1 |\n"
    write_atomically(tmp_path / "SOURCES.md", row)
    return tmp_path


def _db(text):
    return float(text.split(" dB")[0].rpartition(" ")[2])


def test_what_does_nothing_measures_as_nothing_done(data, monkeypatch):
    monkeypatch.setattr(rivals, "HAS_BM3D", False)
    rows = [*denoise_rows(lambda values: values, data, 1), *deblur_rows(lambda values: values, data, 1)]
    assert len(rows) == len(ISOS) + len(LENGTHS)
    for row in rows:
        assert _db(row.score) == _db(row.beside)
    assert rivals.NO_BM3D in rows[0].beside
    noise = [_db(row.score) for row in rows[: len(ISOS)]]
    assert noise == sorted(noise, reverse=True)
    assert all(_db(row.score) < 45 for row in rows[len(ISOS) :])


def test_bicubic_measures_as_bicubic(data):
    (row,) = upscale_rows(lambda values: rivals.bicubic(values, 2), data, 1)
    assert _db(row.score) == _db(row.beside)


def test_bicubic_is_that_of_other_programs():
    picture = np.random.default_rng(1).random((20, 24, 3)).astype(np.float32)
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None]
    torch_like = torch.nn.functional.interpolate(planes, scale_factor=2, mode="bicubic")
    assert np.allclose(rivals.bicubic(picture, 2, -0.75), torch_like[0].permute(1, 2, 0), atol=1e-5)
    smooth = torch.nn.functional.interpolate(planes, scale_factor=2, mode="bicubic", antialias=True)
    inner = slice(6, -6)
    assert np.allclose(
        rivals.bicubic(picture, 2)[inner, inner], smooth[0].permute(1, 2, 0)[inner, inner], atol=1e-5
    )


def test_ringing_is_what_lies_beyond_the_truth_around_it():
    edge = np.zeros((20, 20, 3), np.float32)
    edge[:, 10:] = 0.5
    assert overshoot(edge, edge) == 0
    assert overshoot(cv2.GaussianBlur(edge, (0, 0), 1), edge) == 0
    ringing = edge.copy()
    ringing[:, 11] += 0.1
    assert overshoot(ringing, edge) == pytest.approx(1 / 20)


def test_the_middle_has_even_sides_and_lies_in_the_middle():
    picture = np.arange(9 * 21).reshape(9, 21)
    assert middle(picture, 8).shape == (8, 8)
    assert middle(picture, 100).shape == (8, 20)
    assert middle(picture, 8)[0, 0] == picture[0, 6]


def test_what_ships_is_small_and_tells_whose_photographs_it_learned_from(data, pictures):
    training = Training(replace(denoise.RECIPE, side=32, crops=1), seed=1)
    training.step(make_batch(training.recipe, pictures, 1, 1), 0.0)
    row = {"what": "Kodak", "score": "30 dB", "beside": "BM3D: 29 dB"}
    ship(training, data / "denoise.cat", data, [row])
    assert (data / "denoise.cat").stat().st_size < 2_000_000
    header, network = load_model(data / "denoise.cat")
    (source,) = header.card.sources
    assert (source.title, source.author, source.licence) == ("A", "Ann", "CC BY 4.0")
    assert header.card.trained.steps == 1 and header.card.measured[0].score == "30 dB"
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(network(x), training.average(x), atol=2e-3)


def test_a_colour_difference_keyer_keys_an_even_screen_and_takes_its_spill():
    screen = np.float32([0.05, 0.5, 0.08])
    alpha = np.linspace(0, 1, 40, dtype=np.float32)[None].repeat(10, 0)
    foreground = np.float32([0.4, 0.2, 0.1])
    light = alpha[..., None] * foreground + (1 - alpha[..., None]) * screen
    found = rivals.best_key(light, screen, 1, alpha)
    assert np.abs(found - alpha).mean() < 0.05
    straight = rivals.despilled(light, alpha, screen, 1, 1.0)
    assert np.allclose(straight[alpha > 0.1], foreground, atol=1e-3)
    spilt = light + alpha[..., None] * np.float32([0, 0.4, 0])
    assert rivals.despilled(spilt, alpha, screen, 1, 1.0)[..., 1].max() <= 0.41


def test_a_perfect_key_has_no_error_and_a_flat_one_more_than_the_rival(data):
    pictures = load_pictures(data, "validation")
    random = np.random.default_rng([SEED, 0])
    crop = keying.make_before(random, pictures, KEYING_SIDE, Film(False), keying.draw_key(random))
    alpha, colour = keying_rows(lambda values: crop.truth, data, 1)
    assert float(alpha.score) == 0 and float(alpha.beside.split()[-1]) > 0
    assert float(colour.score) == 0
    flat, _ = keying_rows(lambda values: np.full((*values.shape[:2], 4), 0.5), data, 1)
    assert float(flat.score) > float(flat.beside.split()[-1])


@pytest.mark.parametrize("command", [["zoo.measure", "--only", "upscale"], ["zoo.ship", "denoise"]])
def test_a_folder_that_is_not_there_is_told_and_ends_with_two(command, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [*command, "--data", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(command[0]).main()
    told = capsys.readouterr().err
    assert ended.value.code == 2 and "what to do" in told and "Traceback" not in told
