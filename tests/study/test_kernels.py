"""Notebooks run in this Python, whatever other kernels of the machine are called."""

import json

from test_notebooks import tiny_project

import vslnb.study.reproduce
from vslnb.study.reproduce import reproduce


def test_a_foreign_kernel_called_python3_is_not_used(tmp_path, monkeypatch):
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    content = {"argv": ["false"], "display_name": "Python 3", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(content))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    reproduce(tiny_project(tmp_path, {"00_a": "open(run + '/ran', 'w').write('x')"}))
    assert (tmp_path / "out" / "ran").exists()
