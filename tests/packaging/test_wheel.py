"""The wheel, installed without extras into an empty environment: what it promises there, it does."""

from __future__ import annotations

import re
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).parent))
from bare_environment import REPOSITORY, build_wheel, make_environment, run

import understudy

EXTRAS = ("av", "onnx", "onnxscript", "onnxruntime", "openvino", "prometheus_client")
slow = pytest.mark.slow
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", wheel)


@slow
def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    source = REPOSITORY / "src"
    files = {
        path.relative_to(source).as_posix()
        for path in (source / "understudy").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert files == {name for name in archive.namelist() if ".dist-info/" not in name}
    assert wheel.name == f"understudy-{understudy.__version__}-py3-none-any.whl"


@slow
def test_the_environment_has_no_extra_and_not_this_source(python: Path, tmp_path: Path) -> None:
    """Or the tests below would prove nothing."""
    look = "import importlib.util as u, understudy; print(understudy.__file__); "
    look += f"print([name for name in {EXTRAS} if u.find_spec(name)])"
    done = run(python, "-c", look, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    where, extras = done.stdout.splitlines()
    assert where.startswith(str(python.parents[1])) and extras == "[]"


@slow
def test_without_extras_it_helps_learns_and_applies(python: Path, tmp_path: Path, make_shot: Any) -> None:
    shot = make_shot()
    program = str(python.with_name("understudy"))
    told = run(python, program, "--help", folder=tmp_path)
    assert told.returncode == 0 and "train" in told.stdout, told.stderr
    learned = run(
        python,
        *(program, "train", "--input", shot.plate, "--ground-truth", shot.truth),
        *("--data-directory", "runs", "--name", "look", "--max-steps", "5", "--devices", "cpu"),
        *("--model-size", "small", "--crop-size", "32", "--batch-size", "2"),
        folder=tmp_path,
    )
    assert learned.returncode == 0, learned.stdout + learned.stderr
    assert (tmp_path / "runs" / "look" / "look_0000005.cat").is_file()
    applied = run(python, program, "apply", "runs/look", shot.plate, "out/out.####.png", folder=tmp_path)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert len(list((tmp_path / "out").glob("out.*.png"))) == len(shot.numbers)
    described = run(python, program, "info", "runs/look", folder=tmp_path)
    assert described.returncode == 0 and "look" in described.stdout, described.stderr


@slow
def test_the_page_needs_no_extra(python: Path, tmp_path: Path) -> None:
    imports = "import understudy.monitor.server, understudy.monitor.page.main"
    done = run(python, "-c", imports, folder=tmp_path)
    assert done.returncode == 0, done.stderr


@slow
@pytest.mark.parametrize(
    ("arguments", "extra"),
    [(["serve"], "server"), (["export", "old.cat", "--to", "onnx", "--output", "out"], "onnx")],
)
def test_what_needs_an_extra_says_which(
    python: Path, tmp_path: Path, arguments: list[str], extra: str
) -> None:
    (old,) = (REPOSITORY / "tests" / "data" / "old_runs").glob("*/grade_small.cat")
    (tmp_path / "old.cat").write_bytes(old.read_bytes())
    done = run(python, str(python.with_name("understudy")), *arguments, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"[{extra}]" in done.stderr and "Traceback" not in done.stderr


def test_everything_that_make_installs_is_held_to_versions_that_were_tested() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {Requirement(text).name for group in groups for text in group} - {"understudy"}
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    held = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert wanted <= {one.name for one in held if re.search("==|<", str(one.specifier))}
