"""The device of a computation, the precision of its matrix products, and what its process keeps in memory."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from vslnb.config import PRECISIONS
from vslnb.errors import InputError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc not to hand large blocks back to the system after each use, a third of a step's time.

    Memory in use is the same; what was freed is reused. Returns whether it took effect (Linux with glibc).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 2**30) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def resolve_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA, else Apple's mps, else the CPU.

    Raises:
        InputError: for a device that is unknown or not there.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as fault:
            reason = str(fault).splitlines()[0]
            raise InputError(f"device {name!r}", reason, "Use auto, cpu, cuda or mps.") from None
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    """Matrix products in `float32`, or with both factors rounded to `bfloat16` and float32 sums.

    Everything else stays in float32. On CUDA `bfloat16` rounds less, to TF32; where the hardware has no such
    product, it changes nothing. Outside of this, torch's own settings hold: on CUDA, a GRU in TF32.

    Raises:
        ValueError: for another precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    before, cudnn_before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("highest" if precision == "float32" else "medium")
        torch.backends.cudnn.allow_tf32 = precision != "float32"  # of the GRU
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = cudnn_before


def processor() -> str:
    """The name of this machine's processor."""
    about = Path("/proc/cpuinfo")  # of Linux
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line for line in lines if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.machine()
