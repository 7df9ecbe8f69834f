"""``farm train``: pairs -> a job that trains, and then, where asked, applies what was learned."""

from __future__ import annotations

import os
from pathlib import Path

from understudy.cluster.farm.apply_job import apply_step
from understudy.cluster.farm.base import job_of
from understudy.cluster.farm.job import FarmJob, Step, Word
from understudy.cluster.farm.words import anchored, words_of
from understudy.errors import RunError, SettingError
from understudy.frames import open_shot, open_sink
from understudy.runs import check_name, default_name
from understudy.settings import NO_WEIGHTS, ApplySettings, FarmTrainSettings, TrainSettings, without_farm

GO_ON = "--resume"


def train_job(settings: FarmTrainSettings) -> FarmJob:
    """The job that trains in one task, which goes on where it stopped when it is tried again, and then
    applies the run in tasks of a few frames, where ``--then-apply`` asks for it.

    PairingError and SequenceError for pairs that there are not, ModelFileError, RunError for a run that is
    there already, SettingError for what the farm cannot do.
    """
    asked = anchored(without_farm(settings, TrainSettings))
    asked = asked.replace(name=check_name(asked.run.name or default_name()))
    run = _free(asked)
    notes = _check_pairs(asked)
    train = Step("train", (*words_of(asked), Word(GO_ON)))
    steps, said = [train], list[str]()
    if settings.then.then_apply:
        step, said = _apply_after(settings, asked, run)
        steps.append(step)
    return job_of(settings.farm.job_name or run.name, tuple(steps), settings.farm, [*notes, *said])


def _free(settings: TrainSettings) -> Path:
    """The folder of the run. RunError where there is one already."""
    run = Path(settings.run.data_directory) / str(settings.run.name)
    if os.path.lexists(run):
        raise RunError(
            f"A run called {run.name} exists already.",
            where=str(run),
            remedy="Choose another --name, or go on with it here: understudy resume.",
        )
    return run


def _check_pairs(settings: TrainSettings) -> list[str]:
    """What training would refuse at once; sentences on what is left over."""
    from understudy.dataset.matching import match
    from understudy.models.finding import find_model

    weights = settings.network.initial_weights
    if weights != NO_WEIGHTS:
        find_model(weights, start=True)
    _, notes = match(settings.data)
    if settings.preview.preview:
        open_shot(settings.preview.preview).close()
    return notes


def _apply_after(settings: FarmTrainSettings, asked: TrainSettings, run: Path) -> tuple[Step, list[str]]:
    if len(asked.data.input) != 1:
        raise SettingError(
            "What is trained on several shots is applied to each by a job of its own.",
            expected="one --input with --then-apply",
            found=f"{len(asked.data.input)}",
            where="--then-apply",
            remedy="Leave out --then-apply, and use farm apply once the run is trained.",
        )
    output = anchored(settings).then.then_apply
    later = ApplySettings(
        model=str(run), plate=asked.data.input[0], output=str(output), extra=asked.data.extra
    )
    with open_shot(later.plate.plate) as plate:
        movie = open_sink(later.output.output, like=plate).is_movie
        why = "A movie is written from its first frame to its last: it is one task." if movie else ""
        return apply_step(later, plate, settings.farm, why, after="train")
