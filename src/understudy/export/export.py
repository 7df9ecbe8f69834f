"""THE JOB: a trained network -> a file for another program, proven equal before it stays.

Everything is made in a hidden folder beside its place and run there with its own runtime. Only what agrees
with ``understudy apply`` is moved to where it was asked for; otherwise nothing is left behind.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from understudy import file_system
from understudy.errors import ExportError, ModelFileError, SettingError
from understudy.export.check import Compared, Runtime, compare
from understudy.export.effect import ExportedEffect
from understudy.export.flame_file import flame_values
from understudy.export.frames import plate_for, trials
from understudy.export.last_touch import baked, nearest_touched, touch_like
from understudy.export.linear import into_file, out_of_file
from understudy.export.metadata import ExportInfo, export_info, read_info
from understudy.export.nuke_files import check_name, write_nuke_files
from understudy.export.onnx_file import OnnxRuntime, need_onnx, write_onnx
from understudy.export.openvino_file import OpenVinoRuntime, need_openvino, write_openvino
from understudy.export.torchscript_file import ScriptRuntime, write_torchscript
from understudy.inference.finish import not_default
from understudy.models.opening import describe
from understudy.models.sidecar import is_imported
from understudy.runs.files import write_error
from understudy.settings import FinishingSettings

HOSTS = ("nuke", "torchscript", "onnx", "flame", "openvino")
ENDINGS = {"nuke": ".pt", "torchscript": ".pt", "onnx": ".onnx", "flame": ".onnx", "openvino": ".xml"}
RECORD = ".check.json"


@dataclass(frozen=True)
class ExportSettings:
    """``model``: a .cat, a run, or the name of a network that comes trained. ``to``: one of HOSTS.
    ``output``: a folder, made where it is missing.

    ``name``: of the files; the model's by default. ``plate``: a shot whose frames it is tried on; by default
    the one that the run learned from, where it is still there. ``full``: also on the whole plate and on 4K.
    ``like``: a result of apply whose last touch the export is to have.
    """

    model: str
    to: str
    output: Path
    name: str | None = None
    plate: str | None = None
    full: bool = True
    like: str | None = None


@dataclass(frozen=True)
class Exported:
    """``file``: what the host loads. ``files``: everything written. ``record``: the comparison, as JSON.
    ``difference``: the largest in float32. ``notes``: what an artist should know."""

    file: Path
    files: tuple[Path, ...]
    record: Path
    difference: float
    comparisons: tuple[Compared, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    settings: ExportSettings
    path: Path
    info: ExportInfo
    effect: ExportedEffect
    report: Callable[[Compared], None]
    asked: FinishingSettings
    notes: tuple[str, ...] = ()


def export(
    settings: ExportSettings,
    report: Callable[[Compared], None] = lambda each: None,
    begin: Callable[[str], None] = lambda name: None,
) -> Exported:
    """Make the files for one host, and prove them. ``report`` is called with each comparison as it is made,
    ``begin`` with the name of the file once nothing speaks against it any more: writing it takes minutes for
    some networks.

    Raises before anything is written: ModelFileError, SettingError, ChannelError, ColourError,
    MissingPackageError. ExportError, with nothing left behind, when the file does not agree with apply;
    WriteError when it cannot be written.
    """
    job = _prepare(settings, report)
    folder = Path(os.path.abspath(settings.output))
    made_folder = _first_missing(folder)
    begin(job.info.name + ENDINGS[settings.to])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder) as hidden:
            return _make(job, Path(hidden), folder)
    except OSError as error:
        raise write_error(folder / job.info.name, error) from error
    finally:
        _remove_if_empty(made_folder, folder)


def _prepare(settings: ExportSettings, report: Callable[[Compared], None]) -> _Job:
    """Refuse what cannot work, and build the effect."""
    from understudy.models.finding import find_model
    from understudy.models.opening import open_model
    from understudy.network.model_file import read_header

    _check_host(settings.to)
    found = find_model(settings.model)
    path = found.path
    _refuse_of_others(path, settings.to)
    header = read_header(path)  # what an export carries of the .cat that it was made from
    description, network = open_model(path, "cpu")
    info = export_info(header, path, settings.to, _name(settings, path))
    asked, notes = touch_like(settings.like, settings.to, description)
    info.last_touch = not_default(asked)
    linear = info.values == "scene-linear"
    steps = (into_file(description), out_of_file(description)) if linear else (None, None)
    effect = ExportedEffect(description, network, *steps, baked(asked, settings.to)).eval()
    job = _Job(settings, path, info, effect, report, asked, (*found.notes, *notes))
    _refuse_early(job)
    return job


def _refuse_of_others(path: Path, host: str) -> None:
    """ModelFileError for a network of another program, which is a file for hosts already."""
    if not is_imported(path):
        return
    carries = describe(path).state
    why = ", and what it carries from frame to frame has no place in a host's node" if carries else ""
    raise ModelFileError(
        f"This network is of another program: it is not exported{why}.",
        expected="a .cat, a run, or a network that comes trained",
        found=path.name,
        where=f"--to {host}",
        remedy="Write its frames with understudy apply, or use it in Nuke through understudy serve.",
    )


def _check_host(host: str) -> None:
    if host not in HOSTS:
        raise SettingError("There is no such format.", expected=", ".join(HOSTS), found=host, where="--to")
    if host in ("onnx", "flame"):
        need_onnx()
    if host == "openvino":
        need_openvino()


def _name(settings: ExportSettings, path: Path) -> str:
    name = settings.name if settings.name is not None else path.stem
    safe = (
        name
        and name == Path(name).name
        and name[0] != "."
        and name.isprintable()
        and not set(name) & set('\\/:*?"<>|')
    )
    if not safe or len(name.encode()) > 200:
        raise SettingError(
            "This cannot be the name of files.",
            expected="a short name without slashes",
            found=name,
            where="--name",
            remedy="Choose another --name.",
        )
    return name


def _refuse_early(job: _Job) -> None:
    """What the host cannot have is said before the work."""
    host, name = job.settings.to, job.info.name
    if host == "nuke":
        from understudy.export.nuke_files import script_nodes

        check_name(name)
        script_nodes(job.info)
    if host == "flame":
        flame_values(job.info)
    there = Path(job.settings.output) / (name + ENDINGS[host])
    if there.exists() and _made_for(there) not in (host, None):
        raise SettingError(
            f"{there.name} is there already, made for another program.",
            expected=f"no such file, or one made with --to {host}",
            found=f"one made with --to {_made_for(there)}",
            where=str(there.parent),
            remedy="Give another --name or another --output.",
        )


def _made_for(path: Path) -> str | None:
    try:
        return read_info(path).host
    except ModelFileError:
        return None


def _make(job: _Job, hidden: Path, folder: Path) -> Exported:
    """Write, try, record, and move what passed into place."""
    file = hidden / (job.info.name + ENDINGS[job.settings.to])
    notes = _write(job, file)
    skipped: list[str] = []
    comparisons = _try(job, file, skipped)
    worst = max((each for each in comparisons), key=lambda each: each.difference / each.tolerance)
    record = file.with_name(file.name + RECORD)
    record.write_text(_record_text(job, file, comparisons, skipped), encoding="utf-8")
    if not all(each.passed for each in comparisons):
        raise _disagrees(job, worst)
    moved = _move(hidden, folder)
    notes = [*job.notes, *notes]
    notes += [f"Not tried: {each}." for each in skipped]
    plain = max(each.difference for each in comparisons if each.precision == "float32")
    return Exported(folder / file.name, moved, folder / record.name, plain, comparisons, tuple(notes))


def _write(job: _Job, file: Path) -> list[str]:
    host, info = job.settings.to, job.info
    if host in ("nuke", "torchscript"):
        write_torchscript(file, job.effect, info)
    if host == "nuke":
        write_nuke_files(file.parent, info)
    if host == "openvino":
        write_openvino(file, job.effect, info)
    if host in ("onnx", "flame"):
        opset = write_onnx(file, job.effect, info)
        if host == "flame":
            text = json.dumps(flame_values(info), indent=2, ensure_ascii=False) + "\n"
            file.with_suffix(".json").write_text(text, encoding="utf-8")
        return [f"ONNX operator set {opset}, any height and width."]
    return []


def _try(job: _Job, file: Path, skipped: list[str]) -> tuple[Compared, ...]:
    from understudy.inference.model import load

    model = load(str(job.path), devices="cpu", precision="float32", engine="torch")
    plate = plate_for(job.info.description, job.path, job.settings.plate)
    job.info.made_with["tried_on"] = plate.source
    found = []
    linear = job.info.values == "scene-linear"
    frames = trials(job.info.description, plate, job.settings.full, linear)
    ways = runtimes(job.settings.to, file, job.info)
    for each in compare(model, ways, linear, frames, skipped.append, _touched(job)):
        job.report(each)
        found.append(each)
    return tuple(found)


def _touched(job: _Job) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What the file is held to: what it has baked in is done to apply's matte too."""
    in_file = baked(job.asked, job.settings.to) is not None
    return lambda found, made: nearest_touched(found, made, job.asked) if in_file else made


def runtimes(host: str, file: Path, info: ExportInfo) -> list[Runtime]:
    """All ways in which the host may run the file on this machine."""
    if host in ("onnx", "flame"):
        return [OnnxRuntime(file, info)]
    if host == "openvino":
        return [OpenVinoRuntime(file, info)]
    made: list[Runtime] = [ScriptRuntime(file)]
    if host == "nuke":
        made += [ScriptRuntime(file, "cpu", "float16"), ScriptRuntime(file, "cpu", "float16", halved=True)]
    if torch.cuda.is_available():
        made += [ScriptRuntime(file, "cuda"), ScriptRuntime(file, "cuda", "float16")]
        made += [ScriptRuntime(file, "cuda", "float16", halved=True)]
    return made


def _record_text(job: _Job, file: Path, comparisons: tuple[Compared, ...], skipped: list[str]) -> str:
    values: dict[str, Any] = {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "to": job.info.host,
        "values": job.info.values,
        "model": job.info.model_name,
        "model_sha256": job.info.model_hash,
        "compared_with": "understudy apply, the whole frame in one tile, float32",
        "tried_on": job.info.made_with["tried_on"],
        "runtime": runtimes(job.info.host, file, job.info)[0].name,
        "largest_difference": max(each.difference for each in comparisons if each.precision == "float32"),
        "passed": all(each.passed for each in comparisons),
        "comparisons": [each.as_values() for each in comparisons],
        "not_tried": skipped,
        "date": job.info.date,
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _disagrees(job: _Job, worst: Compared) -> ExportError:
    return ExportError(
        "The exported file does not agree with understudy apply, so nothing was left of it.",
        expected=f"a difference of at most {worst.tolerance:g} ({worst.precision})",
        found=f"{worst.difference:.3g} on {worst.frame}, {worst.width} x {worst.height}, {worst.device}",
        where=str(job.path),
        remedy="Report it, with the model file; meanwhile use understudy apply or understudy serve.",
    )


def _move(hidden: Path, folder: Path) -> tuple[Path, ...]:
    """All files to their places; what a host looks at first comes last, so that it finds the others."""
    files = sorted((each for each in hidden.rglob("*") if each.is_file()), key=_importance)
    moved = []
    for file in files:
        target = folder / file.relative_to(hidden)
        target.parent.mkdir(parents=True, exist_ok=True)
        file_system.replace(file, target)
        moved.append(target)
    return tuple(moved)


def _importance(file: Path) -> tuple[bool, str]:
    return file.suffix in (".nk", ".xml", ".json"), file.name


def _first_missing(folder: Path) -> Path | None:
    """The highest folder that would have to be made."""
    missing = None
    while not folder.exists():
        missing, folder = folder, folder.parent
    return missing


def _remove_if_empty(made: Path | None, folder: Path) -> None:
    """Take away folders that were made for files that are not there now."""
    if made is None or not made.exists():
        return
    if not any(each.is_file() for each in made.rglob("*")):
        shutil.rmtree(made, ignore_errors=True)
