"""An Open Job Description: a template that any farm of that standard takes, in the form of a job bundle of
AWS Deadline Cloud.

``template.json`` is the job, ``parameter_values.json`` and ``asset_references.json`` belong to the bundle,
``job_parameters.json`` has the same values for ``openjd run``.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from understudy.cluster.farm.job import FarmJob, Needs, Step, Word
from understudy.cluster.farm.programs import find_program, run_program
from understudy.errors import SettingError

VERSION = "jobtemplate-2023-09"
MOST_TASKS = 1024
LONGEST_VALUE = 1024
MOST_FOLDERS = 48
NOTICE_SECONDS = 120
"""How long a task that is cancelled has to end its frame or step, and to keep everything."""
PROGRAM = "deadline"
_ID = re.compile(r"\bjob-[0-9a-f]{32}\b")


def check(job: FarmJob) -> None:
    """SettingError for what the standard has no words for, or more of than it allows."""
    for flag, value in (("--pool", job.pool), ("--group", job.group), ("--after", " ".join(job.after))):
        if value:
            raise SettingError(
                f"An Open Job Description has no words for {flag}.",
                found=value,
                where=flag,
                remedy="Leave it out. What is to come after a training, --then-apply puts into the same job.",
            )
    most = max(step.count for step in job.steps)
    if most > MOST_TASKS or any(len(each) > LONGEST_VALUE for step in job.steps for each in step.ranges):
        frames = max(len(step.numbers) for step in job.steps)
        raise SettingError(
            "An Open Job Description cannot have so many tasks of such frames.",
            expected=f"at most {MOST_TASKS} tasks, the frames of each in {LONGEST_VALUE} letters",
            found=f"{most} tasks",
            where="--frames-per-task",
            remedy=f"Give at least --frames-per-task {math.ceil(frames / MOST_TASKS)}, or fewer --frames.",
        )
    if len(_places(job)) > MOST_FOLDERS:
        raise SettingError(
            "An Open Job Description cannot name so many folders.",
            expected=f"at most {MOST_FOLDERS}",
            found=str(len(_places(job))),
            remedy="Put the shots into fewer folders.",
        )


def files(job: FarmJob) -> dict[str, str]:
    """The files of the bundle, by name."""
    places = _places(job)
    values = {"Program": job.program} | {name: path for path, (name, _) in places.items()}
    outputs = [path for path, (_, word) in places.items() if word.writes]
    bundle = [{"name": name, "value": value} for name, value in _of_cloud(job).items()]
    return {
        "template.json": _text(_template(job)),
        "job_parameters.json": _text(values),
        "parameter_values.json": _text(
            {"parameterValues": [*bundle, *({"name": n, "value": v} for n, v in values.items())]}
        ),
        "asset_references.json": _text(
            {
                "assetReferences": {
                    "inputs": {"filenames": [], "directories": []},
                    "outputs": {"directories": outputs},
                    "referencedPaths": [],
                }
            }
        ),
    }


def by_hand(folder: Path, job: FarmJob) -> tuple[str, ...]:
    """What hands the job over, and what runs it on this machine."""
    del job
    template, values = folder / "template.json", f"file://{folder / 'job_parameters.json'}"
    return (
        f"deadline bundle submit {quote(str(folder))}    # to AWS Deadline Cloud",
        f"openjd run {quote(str(template))} -p {quote(values)}    # on this machine",
    )


def ready() -> None:
    """MissingPackageError where the program that hands jobs over to AWS Deadline Cloud is not there."""
    find_program(PROGRAM, remedy="pip install deadline, or run the job with openjd run, as is said.")


def submit(folder: Path, job: dict[str, Any]) -> tuple[str, ...]:
    """Hand the bundle over to AWS Deadline Cloud; the id of the job. FarmError when it takes none."""
    del job
    ready()
    said = run_program([PROGRAM, "bundle", "submit", str(folder), "--yes"], folder)
    return tuple(_ID.findall(said)[-1:]) or ("",)


def _of_cloud(job: FarmJob) -> dict[str, Any]:
    """What AWS Deadline Cloud knows beside the standard."""
    given = {} if job.priority is None else {"deadline:priority": job.priority}
    return {**given, "deadline:maxRetriesPerTask": job.retries, "deadline:targetTaskRunStatus": "READY"}


def _text(values: Any) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _places(job: FarmJob) -> dict[str, tuple[str, Word]]:
    """Every folder and file of the job by its path: the name of its parameter, and the first word that it is
    in, which ``writes`` where any does."""
    first: dict[str, Word] = {}
    for word in (word for step in job.steps for word in step.words if word.path):
        known = first.setdefault(word.path, word)
        first[word.path] = replace(known, writes=known.writes or word.writes)
    return {path: (_name(word, number), word) for number, (path, word) in enumerate(first.items(), 1)}


def _name(word: Word, number: int) -> str:
    flag = word.before.lstrip("-").partition("=")[0]
    return "".join(part.title() for part in flag.split("-")) + str(number)


def _template(job: FarmJob) -> dict[str, Any]:
    places = _places(job)
    return {
        "specificationVersion": VERSION,
        "name": job.name,
        "parameterDefinitions": [
            {
                "name": "Program",
                "type": "STRING",
                "description": "What starts understudy on the farm's machines.",
            },
            *(_path_parameter(name, word, job) for name, word in places.values()),
        ],
        "jobEnvironments": [{"name": "Understudy", "variables": dict(job.environment)}],
        "steps": [_step(step, job.needs, places) for step in job.steps],
    }


def _path_parameter(name: str, word: Word, job: FarmJob) -> dict[str, Any]:
    users = [each for step in job.steps for each in step.words if each.path == word.path]
    flow = "OUT" if all(each.writes for each in users) else "INOUT" if word.writes else "IN"
    kind = "FILE" if word.is_file else "DIRECTORY"
    return {"name": name, "type": "PATH", "objectType": kind, "dataFlow": flow}


def _step(step: Step, needs: Needs, places: dict[str, tuple[str, Word]]) -> dict[str, Any]:
    action: dict[str, Any] = {
        "command": "{{Param.Program}}",
        "args": [step.name, *(_argument(word, places) for word in step.words)],
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": NOTICE_SECONDS},
    }
    if needs.timeout:
        action["timeout"] = math.ceil(needs.timeout)
    made: dict[str, Any] = {"name": step.name.title(), "script": {"actions": {"onRun": action}}}
    if step.after:
        made["dependencies"] = [{"dependsOn": step.after.title()}]
    if step.chunks:
        frames = {"name": "Frames", "type": "STRING", "range": list(step.ranges)}
        made["parameterSpace"] = {"taskParameterDefinitions": [frames]}
    amounts = _amounts(needs)
    return {**made, "hostRequirements": {"amounts": amounts}} if amounts else made


def _argument(word: Word, places: dict[str, tuple[str, Word]]) -> str:
    path = f"{{{{Param.{places[word.path][0]}}}}}" if word.path else ""
    return f"{word.before}{path}{word.after}" + ("{{Task.Param.Frames}}" if word.frames else "")


def _amounts(needs: Needs) -> list[dict[str, Any]]:
    amounts: list[dict[str, Any]] = [{"name": "amount.worker.gpu", "min": 1}] if needs.gpu else []
    if needs.memory:
        amounts.append({"name": "amount.worker.memory", "min": math.ceil(needs.memory * 1024)})
    return amounts
