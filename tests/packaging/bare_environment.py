"""A virtual environment with the wheel in it and what a plain ``pip install`` of it brings along, no more.

Nothing is downloaded: the packages are links to those that these tests run with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections import defaultdict
from email.parser import Parser
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE")


def build_wheel(folder: Path) -> Path:
    """The wheel, built from a copy of the sources, so that nothing of an earlier build gets into it."""
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:
        shutil.copy(REPOSITORY / name, sources / name)
    leave_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY / "src", sources / "src", ignore=leave_out)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(sources))
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path, wheel: Path) -> Path:
    """A new environment in ``folder`` with the wheel and its dependencies; the path of its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    python = folder / "bin" / "python"
    _pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    found = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    link_packages(Path(found.stdout.strip()), needed(requirements_of(wheel)))
    return python


def run(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run that Python in ``folder``, with nothing of this environment but its threads."""
    own = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def requirements_of(wheel: Path) -> list[Requirement]:
    """What the wheel says that it needs, extras left out."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    return _that_apply(metadata.get_all("Requires-Dist") or [], frozenset())


def _that_apply(texts: list[str], extras: frozenset[str]) -> list[Requirement]:
    requirements = [Requirement(text) for text in texts]
    return [
        one
        for one in requirements
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
    ]


def needed(requirements: list[Requirement]) -> dict[str, Distribution]:
    """The packages that ``requirements`` come to, with what those need in turn, by name."""
    found: dict[str, Distribution] = {}
    left = [(one.name, frozenset(one.extras)) for one in requirements]
    seen = set(left)
    while left:
        name, extras = left.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # one that is not needed on this system; an import will tell if it is
        found[canonicalize_name(name)] = package
        for one in _that_apply(package.requires or [], extras):
            more = (one.name, frozenset(one.extras))
            if more not in seen:
                seen.add(more)
                left.append(more)
    return found


def link_packages(target: Path, packages: dict[str, Distribution]) -> None:
    """Links in ``target`` to every module of ``packages``; of folders that others share, to their parts."""
    root = Path(sysconfig.get_path("purelib"))
    tops = {_name(package): _tops(package, 1) for package in distributions()}
    owners: dict[str, set[str]] = defaultdict(set)
    for name, folders in tops.items():
        for folder in folders:
            owners[folder].add(name)
    for name, package in packages.items():
        alone = {top for top in tops[name] if owners[top] <= packages.keys()}
        parts = {part for part in _tops(package, 2) if part.split("/")[0] not in alone}
        assert alone | parts, f"{name} does not say what it consists of"
        for link in sorted(alone | parts):
            if not (target / link).exists():
                (target / link).parent.mkdir(exist_ok=True)
                (target / link).symlink_to(root / link)


def _name(package: Distribution) -> str:
    return canonicalize_name(package.metadata["Name"])


def _tops(package: Distribution, depth: int) -> set[str]:
    """The files and folders of a package, ``depth`` deep; without its scripts, and what is compiled."""
    files = (str(file).split("/")[:depth] for file in package.files or ())
    return {"/".join(parts) for parts in files if parts[0] not in ("..", "__pycache__")}
