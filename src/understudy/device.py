"""Which device, which precision, how much memory, how many threads: the only place that knows."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from understudy.errors import DeviceError

MOST_PROCESSES = 64  # of one machine's CPU
BESIDE_ACCELERATOR = 8  # threads
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP_BYTES = 1 << 30
NO_LIMIT = 1 << 62
OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",  # a CPU, on Windows
    "can't allocate memory",  # a CPU, elsewhere
    "_alloc_failed",
    "_allocation_failed",
)
"""What torch's allocators say, and the codes of cuBLAS and cuDNN, which take memory of their own."""
GROUP = Path("/sys/fs/cgroup")
"""Where Linux tells a container's limits."""

Precision = Literal["float32", "bfloat16"]


def resolve_devices(spec: str) -> list[torch.device]:
    """What ``--devices`` means: one torch device for each process that works.

    ``auto`` is the first GPU, else the CPU; ``cpu``, ``cpu:2`` (two processes), ``cuda``, ``cuda:1``,
    ``mps``, or GPU numbers such as ``0,1,2,3``. DeviceError when one of them is not on this machine.
    """
    text = spec.strip().lower()
    if text == "auto":
        return [_best_device()]
    if text == "cpu" or text.startswith("cpu:"):
        return [torch.device("cpu")] * _process_count(text)
    if text == "mps":
        return [_mps(spec)]
    items = [item.strip() for item in text.split(",")]
    if not all(items):
        raise _unknown(spec)
    return [_cuda(item, spec) for item in items]


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")


def _process_count(text: str) -> int:
    count = text.removeprefix("cpu").removeprefix(":") or "1"
    if not count.isdecimal() or not 1 <= int(count) <= MOST_PROCESSES:
        raise _unknown(text)
    return int(count)


def _mps(spec: str) -> torch.device:
    if not torch.backends.mps.is_available():
        raise _absent(spec, "no Apple GPU that torch can use")
    return torch.device("mps")


def _cuda(item: str, spec: str) -> torch.device:
    number = item.removeprefix("cuda").removeprefix(":") or "0"
    if not number.isdecimal():
        raise _unknown(spec)
    count = accelerator_count()
    if int(number) >= count:
        raise _absent(item, f"{count} NVIDIA or AMD GPUs that torch can use")
    return torch.device("cuda", int(number))


def accelerator_count() -> int:
    """NVIDIA or AMD GPUs that torch can use."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _unknown(spec: str) -> DeviceError:
    return DeviceError(
        "There is no such device.",
        expected="auto, cpu, cpu:2 and so on up to "
        f"cpu:{MOST_PROCESSES}, cuda, cuda:1, mps, or GPU numbers such as 0,1",
        found=spec,
        where="--devices",
        remedy="Name one of these, or leave --devices out.",
    )


def _absent(wanted: str, found: str) -> DeviceError:
    return DeviceError(
        "The device is not on this machine.",
        expected=wanted,
        found=found,
        where="--devices",
        remedy="Choose --devices auto or cpu, or install a build of torch for this GPU.",
    )


# -- precision ---------------------------------------------------------------------------------------------


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device computes convolutions faster in bfloat16 than in float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
    return False


def resolve_precision(request: Literal["auto"] | Precision, device: torch.device) -> Precision:
    """``float32`` or ``bfloat16`` for training; ``auto`` is bfloat16 where the hardware has it."""
    if request != "auto":
        return request
    return "bfloat16" if has_fast_bfloat16(device) else "float32"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    """The block in which convolutions compute in ``precision``."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last where convolutions are faster that way."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def can_capture_graphs(device: torch.device) -> bool:
    """Whether operations can be captured and replayed as CUDA graphs."""
    return device.type == "cuda"


def prepare(device: torch.device, threads: int | None = None) -> None:
    """Set the runtime up for long work on ``device``: thread count, allocator, exact float32."""
    if device.type == "cpu":
        torch.set_num_threads(threads or core_count())
        keep_freed_memory()
    else:  # what is left to the processor is little, and many threads wait for each other
        torch.set_num_threads(min(threads or core_count(), BESIDE_ACCELERATOR))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    keep_float32_exact()


def keep_float32_exact() -> None:
    """Let NVIDIA GPUs compute float32 as such, in this whole process; nothing else changes.

    Otherwise convolutions round to TF32, which has no more digits than half precision: float32 was asked for
    where those are too few.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def keep_freed_memory() -> None:
    """Tell glibc to keep large blocks that are freed instead of giving them back to the system.

    Every activation is large; taken from the system anew, its pages are cleared and mapped one by one, which
    makes elementwise operations several times slower. Elsewhere than on Linux with glibc this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, KEEP_BYTES)
        mallopt(M_TRIM_THRESHOLD, 2 * KEEP_BYTES - 1)


def core_count() -> int:
    """Cores that this process may use: its affinity, and the quota of its container."""
    if os.environ.get("OMP_NUM_THREADS", "").isdecimal():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _quota_in_group()))


def _quota_in_group() -> int:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (GROUP / "cpu.max").read_text().split()
        if quota != "max":
            return max(1, int(quota) // int(period))
    return NO_LIMIT


# -- to the device and back ---------------------------------------------------------------------------------


def upload(planes: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the CPU on the device. A GPU fetches it by itself, while the processor goes on."""
    if device.type == "cuda":
        with contextlib.suppress(RuntimeError):  # little memory can be pinned in some containers
            return planes.pin_memory().to(device, non_blocking=True)
    return planes.to(device)


def download(planes: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Begin to bring a tensor to the CPU. What comes back, when called, waits for it and gives it."""
    if planes.device.type == "cuda":
        with contextlib.suppress(RuntimeError):  # as above
            return _download_pinned(planes)
    here = planes.cpu()
    return lambda: here


def _download_pinned(planes: torch.Tensor) -> Callable[[], torch.Tensor]:
    here = torch.empty(planes.shape, dtype=planes.dtype, pin_memory=True)
    arrived = torch.cuda.Event(blocking=True)
    with torch.cuda.device(planes.device):  # this thread may stand on another GPU
        here.copy_(planes, non_blocking=True)
        arrived.record()

    def wait() -> torch.Tensor:
        arrived.synchronize()
        return here.clone()  # so that no more is pinned than is on its way

    return wait


# -- memory ------------------------------------------------------------------------------------------------


def free_memory(device: torch.device) -> int:
    """Bytes that can be taken on the device without pushing anything out."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return max(int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()), 0)
    return min(_available_on_machine(), _available_in_group())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in OUT_OF_MEMORY)


def release_memory(device: torch.device) -> None:
    """Give cached blocks back: after memory ran out, or when much is freed that will not be needed again."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if device.type == "mps":
        torch.mps.empty_cache()
    if device.type == "cpu" and sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _available_on_machine() -> int:
    found = _number_of("MemAvailable:", Path("/proc/meminfo"))
    return 8_000_000_000 if found is None else found * 1024


def _available_in_group(group: Path = GROUP) -> int:
    """What a container's limit leaves, in bytes; no limit is a very large number.

    Files that were read and are kept in case they are read again count as used there, but make way for
    whatever else wants the memory. So they count as free here: after a few large plates nothing would be
    left.
    """
    try:
        limit = (group / "memory.max").read_text().strip()
        if limit == "max":
            return NO_LIMIT
        used = int((group / "memory.current").read_text()) - _kept_files(group)
        return max(int(limit) - max(used, 0), 0)
    except (OSError, ValueError):
        return NO_LIMIT


def _kept_files(group: Path) -> int:
    """Bytes of files that nobody has used for a while; 0 where the system does not say."""
    return max(_number_of("inactive_file", group / "memory.stat") or 0, 0)


def _number_of(name: str, file: Path) -> int | None:
    """The number after ``name`` in a file of names and numbers; None where it does not stand there."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in file.read_text().splitlines():
            if line.split()[:1] == [name]:
                return int(line.split()[1])
    return None
