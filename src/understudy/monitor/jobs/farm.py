"""Jobs for render farms, written and handed over for the page by ``understudy farm``."""

from __future__ import annotations

import secrets
import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from understudy.monitor.jobs.asking import ask
from understudy.monitor.jobs.commands import Commands
from understudy.settings import (
    FarmApplySettings,
    FarmTrainSettings,
    Settings,
    flags_of,
    flattened,
    sections_of,
)
from understudy.settings.info import unknown_setting

What = Literal["apply", "train"]
KINDS: dict[What, type[Settings]] = {"apply": FarmApplySettings, "train": FarmTrainSettings}
LEFT_OUT = ("job_folder", "program")
"""Of a farm's options those that are no business of whoever uses the page: where files are written here, and
what is started on the farm's machines."""
FOLDER = (".understudy", "farm")


class SentFarmJob(BaseModel):
    """A job that was written into ``folder``; ``by_hand`` are the lines that hand it over. ``submitted``: the
    farm's ids of the jobs, None where it was not handed over."""

    model_config = ConfigDict(extra="ignore")

    name: str
    farm: str
    folder: str
    tasks: int
    notes: list[str] = []
    by_hand: list[str] = []
    submitted: list[str] | None = None


def send(commands: Commands, what: What, values: dict[str, Any], farm: dict[str, Any]) -> SentFarmJob:
    """Write a job that applies, or trains, with the settings ``values`` (text as from a form); ``farm`` has
    ``to`` and the other options of ``understudy farm``.

    SettingError and PathNotAllowed as for a job on this machine, RunError for what the command refuses.
    """
    kind = KINDS[what]
    plain = commands.apply_settings(values) if what == "apply" else commands.train_settings(values)
    chosen = {name: value for name, value in flattened(farm, kind).items() if value not in (None, "", [])}
    _check_own(chosen, kind)
    if chosen.get("then_apply"):
        chosen["then_apply"] = commands.allowed.spec(str(chosen["then_apply"]))
    stamp = f"{time.strftime('%y%m%d_%H%M%S')}_{secrets.token_hex(2)}"
    folder = commands.data_directory.joinpath(*FOLDER, stamp)
    settings = kind(**plain.given(), **chosen, job_folder=folder)
    return SentFarmJob(**ask(["farm", what, *flags_of(settings)], "The job could not be written."))


def _check_own(chosen: dict[str, Any], kind: type[Settings]) -> None:
    """SettingError for what is none of the farm's options, or not to be chosen here."""
    known = farm_names(kind)
    for name in chosen:
        if name not in known:
            raise unknown_setting(name, known, "farm")


def farm_names(kind: type[Settings]) -> tuple[str, ...]:
    """The options of a farm that can be chosen here."""
    own = [section for name, section in sections_of(kind).items() if name in ("farm", "then")]
    return tuple(name for section in own for name in section.model_fields if name not in LEFT_OUT)
