"""THE JOB of this room: settings -> the files of a job for a farm, and, where asked, the farm has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from understudy.cluster.farm.farms import FARMS, notes_of
from understudy.cluster.farm.folder import JOB, check_folder, job_file, read_job, write_folder
from understudy.cluster.farm.job import FarmJob
from understudy.errors import SettingError
from understudy.settings import FarmApplySettings, FarmSettings, FarmTrainSettings


@dataclass(frozen=True)
class SentJob:
    """``folder`` has the files, ``by_hand`` the lines that hand it over. ``submitted``: the farm's ids of the
    jobs, none where it was not handed over."""

    name: str
    farm: str
    folder: Path
    tasks: int
    notes: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    submitted: tuple[str, ...] | None = None


def farm_apply(settings: FarmApplySettings) -> SentJob:
    """Write the job that applies a network to a plate on a farm, and hand it over where that is asked.

    Raises, before a file is written, what ``apply`` raises before its first frame, SettingError for what the
    farm cannot do, MissingPackageError where nothing here can hand it over; then WriteError, and FarmError
    where the farm does not take it.
    """
    from understudy.cluster.farm.apply_job import apply_job

    _check(settings.farm)
    return _send(apply_job(settings), settings.farm)


def farm_train(settings: FarmTrainSettings) -> SentJob:
    """The same for a training, and what is to come after it."""
    from understudy.cluster.farm.train_job import train_job

    _check(settings.farm)
    return _send(train_job(settings), settings.farm)


def submit_folder(folder: Path) -> SentJob:
    """Hand over a job that was written before. SettingError where there is none in ``folder``."""
    job = read_job(folder)
    farm = FARMS.get(str(job["farm"]))
    if farm is None:
        raise SettingError("This farm is not known.", found=str(job["farm"]), where=str(folder / JOB))
    ids = farm.submit(folder.absolute(), job)
    tasks = sum(int(step["tasks"]) for step in job["steps"])
    return SentJob(str(job["name"]), str(job["farm"]), folder, tasks, submitted=ids)


def _check(farm: FarmSettings) -> None:
    check_folder(farm.job_folder)
    if farm.submit:
        FARMS[farm.to].ready()


def _send(job: FarmJob, settings: FarmSettings) -> SentJob:
    farm = FARMS[settings.to]
    farm.check(job)
    files = {**farm.files(job), JOB: job_file(settings.to, job)}
    folder = write_folder(settings.job_folder, job.name, files)
    ids = farm.submit(folder, read_job(folder)) if settings.submit else None
    notes = (*job.notes, *notes_of(settings.to, job))
    return SentJob(job.name, settings.to, folder, job.count, notes, farm.by_hand(folder, job), ids)
