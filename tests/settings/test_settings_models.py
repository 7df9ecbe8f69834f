"""Settings: said once, checked once, with one kind of error."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import settings as s
from understudy import toml_text
from understudy.durations import parse_duration
from understudy.errors import SettingError
from understudy.settings.field import setting

NEEDED = {"input": "plate.####.exr", "ground_truth": "painted.####.exr", "data_directory": "runs"}


def train(**values: object) -> s.TrainSettings:
    return s.TrainSettings(**{**NEEDED, **values})


def test_the_defaults_are_copycats() -> None:
    settings = train()
    assert settings.schedule.planned_epochs == 10_000
    assert (settings.augmentation.crop_size, settings.checkpoints.checkpoint_interval) == (256, 1000)
    assert (settings.preview.contact_sheet_interval, settings.schedule.batch_size) == (100, "auto")
    assert (settings.network.model_size, settings.network.initial_weights) == ("auto", "none")


def test_a_time_limit_or_max_steps_replaces_epochs_unless_both_are_given() -> None:
    assert train(time_limit="10m").schedule.planned_epochs is None
    assert train(max_steps=5).schedule.planned_epochs is None
    assert train(time_limit="10m", epochs=7).schedule.planned_epochs == 7


@pytest.mark.parametrize("crop_size", [32, 48, 64, 128, 256, 512, 1024])
def test_every_multiple_of_sixteen_up_to_1024_is_a_crop_size(crop_size: int) -> None:
    assert train(crop_size=crop_size).augmentation.crop_size == crop_size


WRONG = {
    "crop_size": ["16", 1040, 100, "large"],
    "epochs": [0, -1, 1.5, "many"],
    "batch_size": [0, "some", 5000],
    "learning_rate": [0, -1, "nan", "inf", 2],
    "model_size": ["huge"],
    "time_limit": ["soon", 0, -5, "nan", "1h 30"],
    "held_out": ["first"],
    "seed": [-1, 2**63],
    "devices": [""],
    "input": [(), [""]],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG.items() for v in values])
def test_a_value_that_does_not_fit_says_what_was_expected_found_where_and_what_to_do(
    name: str, value: object
) -> None:
    with pytest.raises(SettingError) as caught:
        train(**{name: value})
    error = caught.value
    assert error.expected and error.found and error.remedy
    assert "--" + name.replace("_", "-") in error.where
    assert "pydantic" not in str(error) and error.exit_code == 2


def test_a_setting_that_does_not_exist_gets_a_hint_at_the_one_that_was_meant() -> None:
    with pytest.raises(SettingError, match="Did you mean crop_size"):
        train(cropsize=64)


def test_a_missing_setting_names_its_flag() -> None:
    with pytest.raises(SettingError, match="Give --ground-truth"):
        s.TrainSettings(input="a", data_directory="d")


def test_plates_and_truths_come_in_pairs() -> None:
    assert train(input=["a", "b"], ground_truth=["c", "d"]).data.input == ("a", "b")
    with pytest.raises(SettingError, match="in pairs"):
        train(input=["a", "b"])


def test_python_callers_may_pass_paths_numbers_and_lists() -> None:
    settings = train(input=Path("a.exr"), frames=[1001, 1005], batch_size="8", held_out="-3")
    assert settings.data.input == ("a.exr",)
    assert (settings.data.frames, settings.data.held_out) == ("1001,1005", -3)
    assert settings.schedule.batch_size == 8
    assert train(frames=1001).data.frames == "1001"


def test_settings_cannot_be_changed_but_replaced() -> None:
    settings = train(seed=3)
    with pytest.raises(Exception, match="frozen"):
        settings.augmentation.seed = 4  # type: ignore[misc]
    with pytest.raises(Exception, match="cannot assign"):
        settings.augmentation = s.AugmentationSettings()  # type: ignore[misc]
    assert settings.replace(max_steps="9").schedule.max_steps == 9
    assert settings.replace(max_steps=9).augmentation.seed == 3
    with pytest.raises(SettingError):
        settings.replace(seed=-1)


def test_anchored_settings_mean_the_same_from_any_folder(tmp_path: Path) -> None:
    settings = train(preview="/shots/b.####.exr").anchored(tmp_path)
    assert settings.data.input == (str(tmp_path / "plate.####.exr"),)
    assert settings.preview.preview == "/shots/b.####.exr"
    assert settings.run.data_directory == tmp_path / "runs"
    assert settings.network.initial_weights == "none"


def test_every_setting_explains_itself_and_its_default_is_allowed() -> None:
    for model in (s.TrainSettings, s.ApplySettings):
        for info in s.settings_of(model):
            assert info.help.endswith(".") and info.label and info.expected
            assert info.label[0].isupper()
            assert info.default is None or info.required or _fits(model, info)


def _needed(model: type[s.Settings]) -> dict[str, str]:
    """A list as input: it needs no ground truth beside it."""
    return {info.name: "x.csv" for info in s.settings_of(model) if info.required}


def _fits(model: type[s.Settings], info: s.SettingInfo) -> bool:
    return model(**_needed(model), **{info.name: info.default}).flat()[info.name] == info.default


def test_no_two_settings_of_a_job_have_one_name() -> None:
    for model in (s.TrainSettings, s.ApplySettings):
        names = [info.name for info in s.settings_of(model)]
        assert len(names) == len(set(names)) == len(model(**_needed(model)).flat())


class MoreNetwork(s.NetworkSettings):
    enlarge: int = setting(1, "Enlarge", "How much larger the result is.", advanced=True)


@dataclass(frozen=True, init=False)
class More(s.TrainSettings):
    network: MoreNetwork


def test_a_new_setting_is_written_in_one_place(tmp_path: Path) -> None:
    asked = More(**NEEDED, enlarge="4", model_size="large")
    assert asked.network == MoreNetwork(enlarge=4, model_size="large")
    info = {info.name: info for info in s.settings_of(More)}["enlarge"]
    assert (info.flag, info.section, info.kind) == ("--enlarge", "network", "whole")
    assert asked.flat()["enlarge"] == 4 and asked.given()["enlarge"] == 4 and asked.as_json()["enlarge"] == 4
    (tmp_path / "more.toml").write_text(s.to_toml(asked))
    assert More(**s.load_settings_file(tmp_path / "more.toml", More)) == asked


def test_what_faces_need_to_know_is_derived_from_the_models() -> None:
    infos = {info.name: info for info in s.settings_of(s.TrainSettings)}
    assert (infos["crop_size"].minimum, infos["crop_size"].maximum, infos["crop_size"].step) == (32, 1024, 16)
    assert infos["batch_size"].choices == ("auto",) and infos["batch_size"].number == "whole"
    assert infos["model_size"].choices == ("auto", "small", "medium", "large")
    assert infos["input"].several and infos["input"].required and not infos["preview"].several
    assert infos["ground_truth"].flag == "--ground-truth"
    switches = [i.name for i in s.settings_of(s.ApplySettings) if i.kind == "yes-no"]
    assert switches == ["confidence", "overwrite", "update", "invert", "premultiply"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("120s", 120),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5 h", 5400),
        ("2D", 172800),
        (45.5, 45.5),
        ("3min", 180),
    ],
)
def test_lengths_of_time_are_read_as_people_write_them(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@given(st.text(max_size=20))
def test_no_text_makes_the_reading_of_time_fail_otherwise_than_with_its_error(text: str) -> None:
    try:
        assert 0 < parse_duration(text) <= 366 * 86400
    except SettingError as error:
        assert error.expected


flat = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), flat))
def test_what_is_written_as_toml_is_read_back_the_same(values: dict[str, object]) -> None:
    assert tomllib.loads(toml_text.to_toml(values, ["a comment"])) == values


def load(path: Path, text: str) -> dict[str, object]:
    (path / "settings.toml").write_text(text, encoding="utf-8")
    return s.load_settings_file(path / "settings.toml")


def test_settings_survive_their_file(tmp_path: Path) -> None:
    settings = train(name='a "quoted" \\ name\n', time_limit="1h", extra=["d.exr"], batch_size=4, loss="l1")
    assert s.TrainSettings(**load(tmp_path, s.to_toml(settings))) == settings


def test_a_settings_file_has_a_table_for_each_section_that_says_something() -> None:
    tables = tomllib.loads(s.to_toml(train(colour="srgb", time_limit="1h")))
    assert list(tables) == list(s.sections_of(s.TrainSettings))
    assert tables["colour"] == {"colour": "srgb"} and tables["schedule"]["time_limit"] == 3600
    apply = s.ApplySettings(model="m", plate="p", output="o")
    assert tomllib.loads(s.to_toml(apply))["model"] == {"model": "m"}


def test_a_file_without_tables_sets_the_same(tmp_path: Path) -> None:
    settings = train(time_limit="1h", colour="srgb", devices="cpu", preview="b.exr", loss="l1", frames="1-9")
    flat = toml_text.to_toml(settings.as_json())
    assert "[" not in {line[0] for line in flat.splitlines()}
    assert s.TrainSettings(**load(tmp_path, flat)) == settings


def test_settings_may_stand_above_the_tables(tmp_path: Path) -> None:
    values = load(tmp_path, 'colour = "srgb"\n[schedule]\nmax-steps = 5\n')
    assert values == {"colour": "srgb", "max_steps": 5}


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("[shedule]\nmax_steps = 5\n", "no table called [shedule]", "Did you mean [schedule]?"),
        ("[a.b]\nmax_steps = 5\n", "no table called [a]", "Leave it out."),
        ("[schedule]\nmax_step = 5\n", "no setting called 'max_step'", "Did you mean max_steps?"),
        ("[data]\nmax_steps = 5\n", "max_steps is in the wrong table", "Move it to [schedule]."),
        ("max_steps = 4\n[schedule]\nmax_steps = 5\n", "max_steps is there twice", "Leave one of them out."),
        ("max_steps = 4\nmax-steps = 5\n", "max_steps is there twice", "Leave one of them out."),
    ],
)
def test_what_a_file_says_in_a_wrong_place_is_refused(
    tmp_path: Path, text: str, message: str, remedy: str
) -> None:
    with pytest.raises(SettingError) as caught:
        load(tmp_path, text)
    assert message in caught.value.message and caught.value.remedy == remedy
    assert str(tmp_path / "settings.toml") in caught.value.where


@pytest.mark.parametrize(
    "text", ["crop_size = ", "crop_size = 1\ncrop_size = 2", "[[" * 50, "\x00", "a = " + "[" * 5000]
)
def test_a_damaged_settings_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingError, match=r"settings\.toml"):
        s.load_settings_file(path)


def test_a_settings_file_may_use_hyphens_and_may_not_invent_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("crop-size = 64\n")
    assert s.load_settings_file(path) == {"crop_size": 64}
    path.write_text("cropsize = 64\n")
    with pytest.raises(SettingError, match="Did you mean crop_size"):
        s.load_settings_file(path)


def test_a_giant_or_missing_settings_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        s.load_settings_file(tmp_path / "none.toml")
    with (tmp_path / "giant.toml").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(SettingError, match="megabyte"):
        s.load_settings_file(tmp_path / "giant.toml")
