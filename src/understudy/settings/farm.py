"""What a job for a render farm needs to know, beside what it is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from understudy.settings.apply import ApplySettings
from understudy.settings.field import Seconds, Text, Texts, setting
from understudy.settings.sections import Section, Settings, sections_of
from understudy.settings.train import TrainSettings

S = TypeVar("S", bound=Settings)
FarmName = Literal["openjd", "deadline", "opencue"]
FramesPerTask = Annotated[int, Field(ge=1, le=1_000_000)]


class FarmSettings(Section):
    """The job: for which farm, cut into what, and what its tasks need."""

    to: FarmName = setting(
        ...,
        "Farm",
        "The farm: openjd is an Open Job Description, also for AWS Deadline Cloud; deadline is Deadline 10; "
        "opencue is OpenCue.",
    )
    frames_per_task: Literal["auto"] | FramesPerTask = setting(
        "auto",
        "Frames Per Task",
        "How many frames a task applies the network to. Each opens the network anew, in some seconds; "
        "auto takes 10, more where there would be over 1000 tasks.",
        unit="frames",
    )
    job_name: Text | None = setting(
        None, "Job Name", "What the farm calls the job; left out, it is made from the run and the plate."
    )
    job_folder: Path | None = setting(
        None,
        "Job Folder",
        "A new folder for the files of the job; left out, farm/NAME here.",
        kind="folder",
    )
    priority: Annotated[int, Field(ge=0, le=100)] | None = setting(
        None, "Priority", "How urgent the job is, in the farm's own measure; left out, what the farm takes."
    )
    needs_gpu: bool = setting(False, "Needs GPU", "Only machines with a GPU get tasks.")
    memory: Annotated[float, Field(gt=0, le=65536)] | None = setting(
        None, "Memory", "How much memory of the machine a task needs.", unit="GB"
    )
    retries: Annotated[int, Field(ge=0, le=1000)] = setting(
        2,
        "Retries",
        "How often a task that failed is tried again, where it stopped.",
        unit="times",
    )
    task_timeout: Seconds = setting(
        None,
        "Task Timeout",
        "A task that takes longer has failed.",
        unit="seconds, or 10m, 1h30m",
        kind="seconds",
        advanced=True,
    )
    pool: Text | None = setting(None, "Pool", "The pool of the job, in Deadline.", advanced=True)
    group: Text | None = setting(
        None,
        "Group",
        "Only these machines: a group of Deadline, a tag of OpenCue.",
        advanced=True,
    )
    after: Texts = setting(
        (),
        "After",
        "A job, by the farm's own id or name, that has to be done before this one begins. Deadline and "
        "OpenCue know that.",
    )
    program: Text = setting(
        "understudy",
        "Program",
        "What starts understudy on the farm's machines: a name on their path, or a whole path.",
        advanced=True,
    )
    submit: bool = setting(False, "Submit", "Hand the job over to the farm as well.")


class ThenApplySettings(Section):
    """What the job does once the run is trained."""

    then_apply: Text | None = setting(
        None,
        "Then Apply",
        "Apply the trained run to the plate as well, in tasks that wait for the training; the finished "
        "frames go here, such as out/shot.####.exr.",
        kind="shot",
    )


@dataclass(frozen=True, init=False)
class FarmApplySettings(ApplySettings):
    """Applying on a farm: all that apply needs, and the job."""

    farm: FarmSettings


@dataclass(frozen=True, init=False)
class FarmTrainSettings(TrainSettings):
    """Training on a farm: all that train needs, what comes after it, and the job."""

    then: ThenApplySettings
    farm: FarmSettings


def without_farm(settings: Settings, model: type[S]) -> S:
    """Those of ``settings`` that the command itself takes: ``model`` is ApplySettings or TrainSettings."""
    names = {name for section in sections_of(model).values() for name in section.model_fields}
    return model(**{name: value for name, value in settings.given().items() if name in names})
