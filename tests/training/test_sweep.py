import json
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from test_loop import tiny

from vslnb.errors import InputError
from vslnb.recipes import recipe, run_name
from vslnb.study.profiles import ROOT
from vslnb.training.loop import TrainingError, train
from vslnb.training.sweep import sweep


def train_alone(configs, dataset, home):
    """The same runs one after the other, in this process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the sweep: another number of threads adds in another order
    try:
        for config in configs:
            train(config, dataset, home / run_name(config), progress=False, device="cpu")
    finally:
        torch.set_num_threads(threads)


def weights_of(config, home):
    return (home / run_name(config) / "best.safetensors").read_bytes()


def test_a_sweep_equals_single_runs_and_keeps_what_is_done(dataset, tmp_path):
    configs = [tiny("world-cosine"), tiny("world-cosine-vsl"), tiny("world-cosine", seed=1)]
    results = list(sweep(configs, dataset, tmp_path / "runs", device="cpu"))
    assert {(r["arm"], r["seed"]) for r in results} == {("triplet", 0), ("vsl-paper", 0), ("triplet", 1)}
    train_alone(configs, dataset, tmp_path / "alone")
    for config in configs:
        assert weights_of(config, tmp_path / "runs") == weights_of(config, tmp_path / "alone")
    there = tmp_path / "runs" / run_name(configs[1]) / "best.safetensors"
    before = there.stat().st_mtime_ns
    assert sorted(map(str, sweep(configs, dataset, tmp_path / "runs", device="cpu"))) == sorted(
        map(str, results)
    )
    assert there.stat().st_mtime_ns == before


def test_a_run_that_fails_is_named_after_the_others_are_done(dataset, tmp_path):
    name, other = (run_name(tiny(recipe)) for recipe in ("world-cosine", "world-cosine-vsl"))
    broken = tmp_path / "runs" / name
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{}")
    with pytest.raises(TrainingError, match=f"{name}: .*config.json: not the settings of a run"):
        list(
            sweep([tiny("world-cosine"), tiny("world-cosine-vsl")], dataset, tmp_path / "runs", device="cpu")
        )
    assert (tmp_path / "runs" / other / "results.json").exists()


def test_a_fault_crosses_from_a_worker_whole():
    fault = InputError("file", "problem", "remedy")
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)


def test_workers_end_when_their_parent_is_killed(dataset, tmp_path):
    code = (
        "from vslnb.recipes import recipe; from vslnb.training.sweep import sweep\n"
        "if __name__ == '__main__':\n"
        f"    long = recipe('world-cosine').with_settings({{'training.epochs': 100000}})\n"
        f"    list(sweep([long], {str(dataset)!r}, {str(tmp_path / 'runs')!r}, device='cpu'))\n"
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], cwd=ROOT)
    log = tmp_path / "runs" / "cosine-triplet-epochs=100000-s0" / "metrics.jsonl"
    _until(log.exists)
    parent.kill()
    parent.wait()

    def silent() -> bool:
        size = log.stat().st_size
        time.sleep(1)
        return log.stat().st_size == size

    _until(silent)


SHORT = {"training.epochs": 2, "model.embed_dim": 16, "model.word_dim": 12}
ARMS = [("", 0), ("-vsl", 0), ("", 1), ("-vsl", 1), ("", 2)]  # more than workers: some wait when one dies
KILLS = """
import os, signal, sys
from pathlib import Path
import vslnb.training.loop
from vslnb.recipes import recipe
from vslnb.training.sweep import sweep

plain = vslnb.training.loop.save_checkpoint
def save_and_die(run, *rest):
    plain(run, *rest)
    if not (mark := run.folder.parent.parent / "killed").exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
vslnb.training.loop.save_checkpoint = save_and_die

if __name__ == "__main__":
    settings, arms = SETTINGS
    plans = [recipe("world-cosine" + arm).with_settings(settings | {"seed": seed}) for arm, seed in arms]
    print(len(list(sweep(plans, sys.argv[1], sys.argv[2], device="cpu"))), "whole")
"""


def test_the_run_of_a_killed_worker_is_done_again_and_no_other(dataset, tmp_path):
    (tmp_path / "parent.py").write_text(KILLS.replace("SETTINGS", repr((SHORT, ARMS))))
    (tmp_path / "killed").mkdir()
    command = [sys.executable, tmp_path / "parent.py", dataset, tmp_path / "killed" / "runs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "5 whole" in done.stdout and (tmp_path / "killed" / "killed").exists()
    configs = [recipe(f"world-cosine{arm}").with_settings(SHORT | {"seed": seed}) for arm, seed in ARMS]
    train_alone(configs, dataset, tmp_path / "whole")
    for config in configs:
        assert weights_of(config, tmp_path / "killed" / "runs") == weights_of(config, tmp_path / "whole")
        again = tmp_path / "killed" / "runs" / run_name(config)
        epochs = [
            line["epoch"]
            for line in map(json.loads, (again / "metrics.jsonl").read_text().splitlines())
            if "dev" in line
        ]
        assert epochs == [0, 1]


def cluster_library():
    """Dask, which is an extra: a test without it says so, and fails in CI."""
    return __import__("distributed") if os.environ.get("CI") == "true" else pytest.importorskip("distributed")


def test_a_dask_cluster_gives_the_same_runs(dataset, tmp_path):
    distributed = cluster_library()
    configs = [tiny("world-cosine"), tiny("world-cosine-vsl")]
    train_alone(configs, dataset, tmp_path / "here")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        address = cluster.scheduler_address
        results = list(sweep(configs, dataset, tmp_path / "there", device="cpu", cluster=address))
    assert len(results) == 2
    for config in configs:
        assert weights_of(config, tmp_path / "here") == weights_of(config, tmp_path / "there")
    with pytest.raises(InputError, match="tcp://127.0.0.1:1"):
        list(sweep([tiny("world-cosine", seed=9)], dataset, tmp_path / "there", cluster="tcp://127.0.0.1:1"))


def test_a_killed_worker_of_a_cluster_costs_nothing_but_time(dataset, tmp_path):
    distributed = cluster_library()
    configs = [tiny("world-cosine", training__epochs=25, seed=seed) for seed in range(3)]
    train_alone(configs, dataset, tmp_path / "here")
    runs = tmp_path / "there"
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        with ThreadPoolExecutor(1) as beside:
            going = beside.submit(lambda: list(sweep(configs, dataset, runs, device="cpu", cluster=address)))
            _until(lambda: any(runs.glob("*/last/*.json")))
            assert not any(runs.glob("*/results.json"))  # in the middle of its run
            os.kill(cluster.workers[0].pid, signal.SIGKILL)
            assert len(going.result(timeout=300)) == 3
    for config in configs:
        assert weights_of(config, tmp_path / "here") == weights_of(config, runs)
        lines = map(json.loads, (runs / run_name(config) / "metrics.jsonl").read_text().splitlines())
        assert [line["epoch"] for line in lines if "dev" in line] == list(range(25))


def _until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
