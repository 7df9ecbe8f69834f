"""Settings: said once, checked once, with one kind of error."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import settings as s
from understudy.errors import SettingError

NEEDED = {"input": "plate.####.exr", "ground_truth": "painted.####.exr", "data_directory": "runs"}


def train(**values: object) -> s.TrainSettings:
    return s.TrainSettings(**{**NEEDED, **values})


def test_the_defaults_are_copycats() -> None:
    settings = train()
    assert settings.planned_epochs == 10_000
    assert (settings.crop_size, settings.checkpoint_interval, settings.contact_sheet_interval) == (
        256,
        1000,
        100,
    )
    assert (settings.model_size, settings.batch_size, settings.initial_weights) == ("auto", "auto", "none")


def test_a_time_limit_or_max_steps_replaces_epochs_unless_both_are_given() -> None:
    assert train(time_limit="10m").planned_epochs is None
    assert train(max_steps=5).planned_epochs is None
    assert train(time_limit="10m", epochs=7).planned_epochs == 7


@pytest.mark.parametrize("crop_size", [32, 48, 64, 128, 256, 512, 1024])
def test_every_multiple_of_sixteen_up_to_1024_is_a_crop_size(crop_size: int) -> None:
    assert train(crop_size=crop_size).crop_size == crop_size


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
    assert train(input=["a", "b"], ground_truth=["c", "d"]).input == ("a", "b")
    with pytest.raises(SettingError, match="in pairs"):
        train(input=["a", "b"])


def test_python_callers_may_pass_paths_numbers_and_lists() -> None:
    settings = train(input=Path("a.exr"), frames=[1001, 1005], batch_size="8", held_out="-3")
    assert settings.input == ("a.exr",)
    assert (settings.frames, settings.batch_size, settings.held_out) == ("1001,1005", 8, -3)
    assert train(frames=1001).frames == "1001"


def test_settings_cannot_be_changed_but_replaced() -> None:
    settings = train(seed=3)
    with pytest.raises(Exception, match="frozen"):
        settings.seed = 4  # type: ignore[misc]
    assert settings.replace(max_steps="9").max_steps == 9
    assert settings.replace(max_steps=9).seed == 3
    with pytest.raises(SettingError):
        settings.replace(seed=-1)


def test_anchored_settings_mean_the_same_from_any_folder(tmp_path: Path) -> None:
    settings = train(preview="/shots/b.####.exr").anchored(tmp_path)
    assert settings.input == (str(tmp_path / "plate.####.exr"),)
    assert settings.preview == "/shots/b.####.exr"
    assert settings.data_directory == tmp_path / "runs"
    assert settings.initial_weights == "none"


def test_every_setting_explains_itself_and_its_default_is_allowed() -> None:
    for model in (s.TrainSettings, s.ApplySettings):
        for info in s.settings_of(model):
            assert info.help.endswith(".") and info.label and info.expected
            assert info.label[0].isupper()
            assert info.default is None or info.required or _fits(model, info)


def _fits(model: type[s.Settings], info: s.SettingInfo) -> bool:
    needed = {i.name: "x" for i in s.settings_of(model) if i.required}
    return getattr(model(**needed, **{info.name: info.default}), info.name) == info.default


def test_what_faces_need_to_know_is_derived_from_the_models() -> None:
    infos = {info.name: info for info in s.settings_of(s.TrainSettings)}
    assert (infos["crop_size"].minimum, infos["crop_size"].maximum, infos["crop_size"].step) == (32, 1024, 16)
    assert infos["batch_size"].choices == ("auto",) and infos["batch_size"].number == "whole"
    assert infos["model_size"].choices == ("auto", "small", "medium", "large")
    assert infos["input"].several and infos["input"].required and not infos["preview"].several
    assert infos["ground_truth"].flag == "--ground-truth"
    assert [i.name for i in s.settings_of(s.ApplySettings) if i.kind == "yes-no"] == ["overwrite"]


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
    assert s.parse_duration(text) == seconds


@given(st.text(max_size=20))
def test_no_text_makes_the_reading_of_time_fail_otherwise_than_with_its_error(text: str) -> None:
    try:
        assert 0 < s.parse_duration(text) <= 366 * 86400
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
    assert tomllib.loads(s.to_toml(values, ["a comment"])) == values


def test_settings_survive_their_file(tmp_path: Path) -> None:
    settings = train(name='a "quoted" \\ name\n', time_limit="1h", extra=["d.exr"], batch_size=4)
    (tmp_path / "settings.toml").write_text(s.to_toml(settings), encoding="utf-8")
    assert s.TrainSettings(**s.load_settings_file(tmp_path / "settings.toml")) == settings


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
