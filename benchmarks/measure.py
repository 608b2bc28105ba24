"""Time and peak memory of a call, in a process of its own or beside others in one."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import platform
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024  # ru_maxrss counts KiB on Linux


def alone(function: Callable, *arguments) -> dict:
    """What `function(*arguments)` returns, a dict, with the process's `peak_mib` added."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_call, function, arguments).result()


def _call(function: Callable, arguments: tuple) -> dict:
    result = function(*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**result, "peak_mib": round(peak / MIB)}


def peak_mib() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def resident_mib() -> float:
    """Resident memory of this process now."""
    return psutil.Process().memory_info().rss / 2**20


def extra_mib(action: Callable) -> float:
    """Peak resident memory during a call above what was there before it (Linux with glibc).

    What earlier calls freed goes back to the system first, so that the order of calls changes nothing.
    """
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = resident_mib()
    action()
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) / MIB - before


def seconds(action: Callable) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def read(name: str) -> dict:
    """What `figures/NAME.json` says, or nothing."""
    path = ROOT / "figures" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def rows_under(name: str, about: dict) -> dict:
    """The rows of `figures/NAME.json` if they were measured under these conditions, else none."""
    before = read(name)
    return before["rows"] if about.items() <= before.items() else {}


def write(name: str, content: dict) -> None:
    """`figures/NAME.json`, with the machine's word for itself."""
    path = ROOT / "figures" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    content = {"processor": platform.machine(), "python": platform.python_version(), **content}
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"wrote figures/{name}.json")
