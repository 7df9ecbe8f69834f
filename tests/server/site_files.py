"""Files of a server for a site: tokens, and certificates."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

ALICE, BOB = "alice-alice-alice", "bob-bob-bob-bob-bob"


def written(folder: Path, text: str) -> Path:
    path = folder / "tokens.toml"
    path.write_text(text, "utf-8")
    return path


def both(alice: str = "", bob: str = "") -> str:
    digest = hashlib.sha256(BOB.encode()).hexdigest()
    return f'[alice]\ntoken = "{ALICE}"\n{alice}\n[bob]\nsha256 = "{digest}"\n{bob}\n'


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not on this machine")
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    asked = f"req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={name} -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *asked.split(), *files], check=True, capture_output=True)
    return certificate, key
