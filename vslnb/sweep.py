"""Many runs side by side: a list of configurations over a pool of processes, one thread each."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from pathlib import Path

from vslnb.config import Config
from vslnb.errors import InputError
from vslnb.training import TrainingError, train


def run_name(config: Config) -> str:
    """The folder of a run inside its profile's.

    >>> from vslnb.config import recipe
    >>> run_name(recipe("world-saf-vsl"))
    'saf-vsl-paper-s0'
    """
    return f"{config.model.module}-{config.arm}-s{config.seed}"


def sweep(
    configs: Sequence[Config],
    data: str | Path,
    results: str | Path,
    executor: Executor | None = None,
    device: str = "auto",
) -> Iterator[dict]:
    """Train what is missing and yield every results.json, in the order in which runs are whole.

    A run has one thread: its numbers then do not depend on how many run beside it. A complete run is kept;
    one that was cut short goes on from its last whole epoch.

    Args:
        configs: runs, each to a folder of its own below `results`, see `run_name`.
        data: a folder in the SCAN layout.
        results: where the runs live.
        executor: anything with `submit`; a process for every core where none is given.
        device: `auto`, `cuda`, `mps` or `cpu`.

    Raises:
        TrainingError: after all others are done, naming the runs that went wrong.
    """
    if executor is None:
        # A fresh process: one that is forked from a program with threads can hang.
        context = multiprocessing.get_context("spawn")
        workers = min(len(configs), os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
            yield from sweep(configs, data, results, pool, device)
        return
    running = {
        executor.submit(_one, config, data, Path(results) / run_name(config), device): run_name(config)
        for config in configs
    }
    faults = []
    for done in as_completed(running):
        try:
            yield done.result()
        except (TrainingError, InputError) as fault:
            faults.append(f"{running[done]}: {fault}")
    if faults:
        raise TrainingError("; ".join(faults))


def _end_with_parent() -> None:
    """A worker whose parent was killed would otherwise train on, and a second start beside it."""

    def watch() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _one(config: Config, data: str | Path, run: Path, device: str) -> dict:
    import torch

    torch.set_num_threads(1)
    return train(config, data, run, device, resume=True, progress=False)
