"""What is known of the machine: how much memory there is, and what running out of it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from understudy import device as machine

GIGABYTE = 1 << 30


def container(folder: Path, limit: str, current: int, stat: str | None) -> Path:
    """A folder that says what a container's does."""
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{current}\n")
    if stat is not None:
        (folder / "memory.stat").write_text(stat)
    return folder


def stat_of(inactive: int) -> str:
    return f"anon 5\nfile {inactive + 7}\ninactive_anon 3\ninactive_file {inactive}\nactive_file 7\n"


@pytest.mark.parametrize(
    ("current", "stat", "free"),
    [
        (9 * GIGABYTE, stat_of(6 * GIGABYTE), 7 * GIGABYTE),
        (10 * GIGABYTE, stat_of(0), 0),
        (11 * GIGABYTE, stat_of(0), 0),
        (1 * GIGABYTE, stat_of(3 * GIGABYTE), 10 * GIGABYTE),
        (4 * GIGABYTE, None, 6 * GIGABYTE),
        (4 * GIGABYTE, "inactive_file\n", 6 * GIGABYTE),
        (4 * GIGABYTE, "inactive_file many\n", 6 * GIGABYTE),
    ],
    ids=["files kept", "full", "over", "told at two moments", "no statistics", "no number", "a word"],
)
def test_files_that_a_container_keeps_are_not_taken_for_used_memory(
    tmp_path: Path, current: int, stat: str | None, free: int
) -> None:
    assert machine._available_in_group(container(tmp_path, str(10 * GIGABYTE), current, stat)) == free


def test_a_container_without_a_limit_or_without_a_word_has_none(tmp_path: Path) -> None:
    assert machine._available_in_group(tmp_path) == machine.NO_LIMIT
    assert machine._available_in_group(container(tmp_path, "max", 5, stat_of(1))) == machine.NO_LIMIT


@pytest.mark.parametrize(
    "words",
    [
        "[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: not enough memory: you tried to allocate 8",
        "MPS backend out of memory (MPS allocated: 8 GB, other allocations: 1 GB, max allowed: 9 GB)",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    ],
)
def test_a_lack_of_memory_is_known_by_its_words(words: str) -> None:
    assert machine.is_out_of_memory(RuntimeError(words))
    assert not machine.is_out_of_memory(ValueError(words))


def test_a_real_lack_of_memory_of_this_machine_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 46)
    assert machine.is_out_of_memory(caught.value), caught.value


def test_other_failures_of_a_device_are_no_lack_of_memory() -> None:
    for words in (
        "CUDNN_STATUS_EXECUTION_FAILED",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED",
        "device lost",
    ):
        assert not machine.is_out_of_memory(RuntimeError(words))


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_cached_blocks_of_an_accelerator_are_given_back(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[str] = []
    for each in ("cuda", "mps"):
        monkeypatch.setattr(getattr(torch, each), "empty_cache", lambda each=each: given_back.append(each))
    machine.release_memory(torch.device(kind))
    assert given_back == [kind]
