"""Deadline 10: two files for each step, which is a job of its own there, and the plug-in that runs it."""

from __future__ import annotations

import math
import os
import re
from importlib.resources import files as resources
from pathlib import Path
from shlex import quote
from typing import Any

from understudy.cluster.farm.job import FarmJob, Step
from understudy.cluster.farm.programs import find_program, not_taken, run_program

PLUGIN = "Understudy"
PLUGIN_FILES = ("Understudy.py", "Understudy.param", "Understudy.options")
FRAMES = "<FRAMES>"
COMMAND = "deadlinecommand"
_ID = re.compile(r"^JobID=(\S+)", re.MULTILINE)


def check(job: FarmJob) -> None:
    """Deadline takes every job."""


def files(job: FarmJob) -> dict[str, str]:
    """The files of the job by name: ``STEP/job_info.job``, ``STEP/plugin_info.job``, and the plug-in."""
    made = {f"plugins/{PLUGIN}/{name}": _plugin_file(name) for name in PLUGIN_FILES}
    for step in job.steps:
        made[f"{step.name}/job_info.job"] = _lines(_job_info(job, step))
        made[f"{step.name}/plugin_info.job"] = _lines(_plugin_info(job, step))
    return made


def notes(job: FarmJob) -> tuple[str, ...]:
    """What Deadline does otherwise than was asked."""
    said = []
    if (job.needs.gpu or job.needs.memory) and not (job.group or job.pool):
        said.append("A job of Deadline asks for no GPU or memory: name machines that have it, by --group.")
    for step in job.steps:
        if step.size > 1 and not step.is_unbroken:
            said.append("The frames have gaps: each is a task of its own, so that none spans a gap.")
    return tuple(said)


def by_hand(folder: Path, job: FarmJob) -> tuple[str, ...]:
    """What hands the job over."""
    plugin = quote(str(folder / "plugins" / PLUGIN))
    lines = [f"cp -r {plugin} REPOSITORY/custom/plugins    # once for each version of understudy"]
    if len(job.steps) > 1:
        return (*lines, f"understudy farm submit {quote(str(folder))}")
    step = folder / job.steps[0].name
    files = [quote(str(step / name)) for name in ("job_info.job", "plugin_info.job")]
    return (*lines, f"{COMMAND} {' '.join(files)}")


def ready() -> None:
    """MissingPackageError where deadlinecommand is not there."""
    _command()


def submit(folder: Path, job: dict[str, Any]) -> tuple[str, ...]:
    """Hand over each step, as a job that waits for the one before; their ids. FarmError when Deadline takes
    one not."""
    command, ids = _command(), dict[str, str]()
    for step in job["steps"]:
        info = folder / step["name"] / "job_info.job"
        words = [command, str(info), str(folder / step["name"] / "plugin_info.job")]
        if step["after"]:
            waiting = info.with_name("job_info_submitted.job")
            waiting.write_bytes(
                encoded(decoded(info.read_bytes()) + f"JobDependencies={ids[step['after']]}\n")
            )
            words[1] = str(waiting)
        said = run_program(words, folder)
        found = _ID.search(said)
        if found is None:
            raise not_taken(folder, said.strip()[-500:] or "no JobID in its answer")
        ids[step["name"]] = found[1]
    return tuple(ids.values())


def encoded(text: str) -> bytes:
    """As Deadline reads it: UTF-16 where there are other letters than those of ASCII."""
    return text.encode("ascii") if text.isascii() else text.encode("utf-16")


def decoded(content: bytes) -> str:
    return content.decode("utf-16") if content[:2] in (b"\xff\xfe", b"\xfe\xff") else content.decode("ascii")


def _command() -> str:
    return find_program(
        COMMAND,
        folder=os.environ.get("DEADLINE_PATH", ""),
        remedy="Set DEADLINE_PATH to the folder bin of the Deadline client, or submit where there is one.",
    )


def _plugin_file(name: str) -> str:
    return (resources("understudy.cluster.farm") / "deadline_plugin" / name).read_text("utf-8")


def _lines(values: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _job_info(job: FarmJob, step: Step) -> dict[str, object]:
    several = len(job.steps) > 1
    values: dict[str, object] = {
        "Plugin": PLUGIN,
        "Name": f"{job.name}: {step.name}" if several else job.name,
        **({"BatchName": job.name} if several else {}),
        "Frames": _frames(step),
        "ChunkSize": step.size if step.is_unbroken and step.chunks else 1,
        "OverrideTaskFailureDetection": "true",
        "FailureDetectionTaskErrors": job.retries + 1,
    }
    given = {"Priority": job.priority, "Pool": job.pool or None, "Group": job.group or None}
    values |= {name: value for name, value in given.items() if value is not None}
    if job.after and not step.after:
        values["JobDependencies"] = ",".join(job.after)
    if job.needs.timeout:
        values |= {"TaskTimeoutMinutes": math.ceil(job.needs.timeout / 60), "OnTaskTimeout": "Error"}
    values |= {f"OutputDirectory{number}": path for number, path in enumerate(_outputs(step))}
    pairs = enumerate(job.environment.items())
    return values | {f"EnvironmentKeyValue{number}": f"{name}={value}" for number, (name, value) in pairs}


def _frames(step: Step) -> str:
    """All frames of the step; of one without, one that stands for the task."""
    if not step.chunks:
        return "0"
    if step.is_unbroken:
        return f"{step.numbers[0]}-{step.numbers[-1]}"
    return ",".join(map(str, step.numbers))


def _outputs(step: Step) -> list[str]:
    return list(dict.fromkeys(word.path for word in step.words if word.writes and word.path))


def _plugin_info(job: FarmJob, step: Step) -> dict[str, object]:
    words = [step.name, *(word.text(FRAMES) for word in step.words)]
    return {
        "Program": job.program,
        "Words": len(words),
        **{f"Word{number}": word for number, word in enumerate(words)},
    }
