"""The container, the compose file and the manifests: valid by their own rules, and true to the program."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from understudy.cli.main import app_for, commands

yaml = pytest.importorskip("yaml")
REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def containers(path: Path) -> list[dict[str, Any]]:
    """The containers of every manifest in a file."""
    found: list[dict[str, Any]] = []
    for each in documents(path):
        spec = each["spec"].get("predictor") or each["spec"].get("template", {}).get("spec", {})
        found += spec.get("containers", [])
    return found


def lines_of_commands() -> list[list[str]]:
    """Every command line that is written down."""
    found = [
        shlex.split(words.replace(",", " ")) for words in re.findall(r"^CMD \[(.*)\]$", CONTAINERFILE, re.M)
    ]
    found += [
        each["command"]
        for each in documents(DEPLOY / "compose.yaml")[0]["services"].values()
        if "command" in each
    ]
    return found + [each["args"] for path in MANIFESTS for each in containers(path)]


@pytest.mark.parametrize("words", lines_of_commands(), ids=" ".join)
def test_every_command_line_is_one_of_the_programs(words: list[str]) -> None:
    command = next(each for each in commands() if each.name == words[0])
    app = app_for(command, importlib.import_module(command.module))
    app.parse_args(words[1:], exit_on_error=False, print_error=False)
    with pytest.raises(Exception, match="no-such-flag"):
        app.parse_args([*words[1:], "--no-such-flag"], exit_on_error=False, print_error=False)


def test_the_compose_file_fits_its_schema() -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, str(DEPLOY / "compose.yaml")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_is_no_server_is_asked_at_its_own_port_whether_it_works() -> None:
    """The image asks the server's port; a service that does something else would count as broken for ever."""
    services = documents(DEPLOY / "compose.yaml")[0]["services"]
    others = {name: each for name, each in services.items() if each.get("command", ["serve"])[0] != "serve"}
    assert list(others) == ["monitor"]
    for each in others.values():
        assert each["ports"][0].split(":")[1] in " ".join(each["healthcheck"]["test"])


def test_the_manifests_fit_their_schemas() -> None:
    validator = pytest.importorskip("kubernetes_validate")
    checked = [each for path in MANIFESTS for each in documents(path) if "kserve" not in each["apiVersion"]]
    assert [each["kind"] for each in checked] == ["Deployment", "Service"]
    for each in checked:
        validator.validate(each, validator.latest_version(), strict=True)


def test_the_inference_service_has_what_kserve_asks_for() -> None:
    (service,) = documents(DEPLOY / "kubernetes" / "inference_service.yaml")
    assert service["apiVersion"] == "serving.kserve.io/v1beta1" and service["kind"] == "InferenceService"
    (container,) = service["spec"]["predictor"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    port = container["args"][container["args"].index("--http-port") + 1]
    assert (
        int(port) == container["ports"][0]["containerPort"] == container["readinessProbe"]["httpGet"]["port"]
    )


def test_the_container_installs_extras_that_there_are_from_files_that_there_are() -> None:
    extras = re.search(r"^ARG EXTRAS=(.*)$", CONTAINERFILE, re.M)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert extras and set(extras[1].split(",")) <= set(project["optional-dependencies"])
    for line in re.findall(r"^COPY (?:--\S+ )?(.*)$", CONTAINERFILE, re.M):
        assert all((REPOSITORY / name).exists() for name in line.split()[:-1])
    exposed = re.search(r"^EXPOSE (.*)$", CONTAINERFILE, re.M)
    assert exposed and exposed[1].split() == ["55555", "8000", "8001", "8420"]
