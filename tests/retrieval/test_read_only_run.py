"""A run that belongs to somebody else is searched, exported and browsed without a write beside it."""

import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from vslnb.cli import app
from vslnb.data.world.build import build_world
from vslnb.recipes import recipe
from vslnb.training.loop import train

TRIED = """
import sys, tempfile
from pathlib import Path
from typer.testing import CliRunner
from vslnb.browser.widget import RetrievalBrowser
from vslnb.cli import app

tempfile.tempdir = sys.argv[3]
run, data = map(Path, sys.argv[1:3])
try:
    (run / "new").write_text("")
    sys.exit("the run can be written")
except PermissionError:
    pass
for command in (["search", str(run), "a dog outside"], ["evaluate", str(run)], ["export", str(run), sys.argv[3] + "/pages", "--most", "1"]):
    result = CliRunner().invoke(app, [*command, "--data", str(data)])
    assert result.exit_code == 0, (command, result.output, result.exception)
RetrievalBrowser([run], data)
"""


def without_root(command: list[str]) -> list[str]:
    """A command without root's right to write everywhere."""
    return ["setpriv", "--bounding-set", "-dac_override", *command] if os.geteuid() == 0 else command


@pytest.mark.parametrize("searched_before", [False, True])
def test_a_run_one_may_only_read(tmp_path, searched_before):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("setpriv, which takes root's rights away, is not here")
    data, run, own = tmp_path / "data", tmp_path / "run", tmp_path / "own"
    build_world(data, {"train": 24, "dev": 6, "test": 8}, progress=False)
    settings = {"training.epochs": 1, "model.embed_dim": 8}
    train(recipe("world-cosine").with_settings(settings), data, run, "cpu", progress=False)
    if searched_before:
        assert CliRunner().invoke(app, ["search", str(run), "a dog", "--data", str(data)]).exit_code == 0
    own.mkdir()
    there = sorted(run.rglob("*"))
    for path in (run, *there):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        command = [sys.executable, "-c", TRIED, str(run), str(data), str(own)]
        tried = subprocess.run(without_root(command), capture_output=True, text=True, check=False)
    finally:
        for path in (run, *there):
            path.chmod(0o755)
    assert tried.returncode == 0, tried.stderr
    assert sorted(run.rglob("*")) == there
    assert [path.name for path in own.iterdir()] == ["pages"]  # what was encoded for this once is gone
