"""On which machines the same seed gives the same bits, and what is compared there."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import torch
from safetensors.torch import load_file

from understudy.device import core_count


def machine() -> dict[str, str]:
    """What decides over the last bits: the processor, its instructions, the library and the threads."""
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "threads": str(core_count()),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    told = [line.partition(":")[2].strip() for line in lines if line.startswith(("model", "cpu family"))]
    return " ".join(dict.fromkeys(told))


def digest_of(path: Path) -> str:
    """Every weight of a .cat, by name."""
    mixed = hashlib.sha256()
    for name, tensor in sorted(load_file(path).items()):
        mixed.update(name.encode())
        mixed.update(tensor.contiguous().numpy().tobytes())
    return mixed.hexdigest()
