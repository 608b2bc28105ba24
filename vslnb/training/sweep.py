"""Many runs side by side: a list of configurations over a pool of processes, one thread each."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from pathlib import Path

from vslnb.config import Config
from vslnb.device import resolve_device
from vslnb.errors import InputError
from vslnb.recipes import run_name
from vslnb.training.guard import TrainingError
from vslnb.training.loop import train
from vslnb.training.run import Run
from vslnb.training.signals import end_with_parent

ATTEMPTS = 3
ONE_AT_A_TIME = threading.Lock()  # the random state belongs to a process: its threads take turns


def sweep(
    configs: Sequence[Config],
    data: str | Path,
    results: str | Path,
    device: str = "auto",
    cluster: str = "",
    known: Sequence[dict] = (),
) -> Iterator[dict]:
    """Train what is missing and yield every results.json, with the seconds it took, in the order in which runs are whole.

    A run has one thread: its numbers then do not depend on how many run beside it. A complete run is kept;
    one that was cut short, also by the death of its worker, goes on from what it last saved.

    Args:
        configs: runs, each to a folder of its own below `results`, see `recipes.run_name`.
        data: a folder in the SCAN layout.
        results: where the runs live.
        device: `auto`, `cuda`, `mps` or `cpu`.
        cluster: address of a dask scheduler whose workers see these folders; here, a process a core, without.
        known: results of runs that need not be trained again, found by their `config_hash`; their folders stay empty.

    Raises:
        TrainingError: after all others are done, naming the runs that went wrong.
        InputError: for a cluster that is not there.
    """
    by_hash = {result["config_hash"]: result for result in known}
    waiting = {}
    for config in configs:
        run = Run(Path(results) / run_name(config))
        if known_one := by_hash.get(config.hash):
            yield known_one
        elif done := run.results_if_complete(config, Path(data)):
            yield done | {"seconds": run.seconds()}
        else:
            waiting[run_name(config)] = config
    faults: list[str] = []
    for attempt in range(1, ATTEMPTS + 1 if waiting else 1):
        try:
            with _workers(cluster, len(waiting), device) as executor:
                for name, outcome in _outcomes(executor, waiting, Path(data), Path(results), device):
                    del waiting[name]
                    if isinstance(outcome, Exception):
                        faults.append(f"{name}: {outcome}")
                    else:
                        yield outcome | {"seconds": Run(Path(results) / name).seconds()}
            break
        except BrokenExecutor:  # a worker was killed, and its pool with it
            if attempt == ATTEMPTS:
                faults += [f"{name}: its worker died {ATTEMPTS} times" for name in waiting]
    if faults:
        raise TrainingError("; ".join(faults))


@contextlib.contextmanager
def _workers(cluster: str, runs: int, device: str) -> Iterator[Executor]:
    if not cluster:
        # A fresh process: one that is forked from a program with threads can hang.
        context = multiprocessing.get_context("spawn")
        workers = min(runs, os.cpu_count() or 1) if resolve_device(device).type == "cpu" else 1
        with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
            yield pool
        return
    try:
        from distributed import Client

        client = Client(cluster, timeout=10)
    except ImportError:
        raise InputError("--cluster", "dask is not installed", "pip install 'vslnb[cluster]'") from None
    except (OSError, ValueError) as fault:
        raise InputError(
            f"--cluster {cluster}", str(fault), "Start one: dask scheduler; dask worker ADDRESS."
        ) from None
    with client, client.get_executor(pure=False) as executor:
        yield executor


def _outcomes(
    executor: Executor, configs: dict[str, Config], data: Path, results: Path, device: str
) -> Iterator[tuple[str, dict | Exception]]:
    """Names of runs and their results, or what went wrong with them."""
    data, results = data.resolve(), results.resolve()  # a worker may stand elsewhere
    running = {
        executor.submit(_one, config, data, results / name, device): name for name, config in configs.items()
    }
    for done in as_completed(running):
        try:
            yield running[done], done.result()
        except BrokenExecutor:
            raise
        except Exception as fault:  # also what no one foresaw: the others are not to suffer
            yield running[done], fault


def _one(config: Config, data: str | Path, run: Path, device: str) -> dict:
    import torch

    torch.set_num_threads(1)
    try:
        with ONE_AT_A_TIME:
            return train(config, data, run, device, resume=True, progress=False)
    except KeyboardInterrupt:
        os._exit(1)  # all is saved; a pool that lost a worker ends the others so, and waits for them
