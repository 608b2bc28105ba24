"""Notebooks run in this Python, whatever other kernels of the machine are called."""

import json
import os

import pytest
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


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such sockets")
def test_a_kernel_takes_no_port_that_another_program_may_take(tmp_path, monkeypatch):
    monkeypatch.setattr(vslnb.study.reproduce, "NOTEBOOKS", tmp_path)
    code = "from ipykernel.kernelapp import IPKernelApp as A; open(run + '/by', 'w').write(A.instance().transport)"
    reproduce(tiny_project(tmp_path, {"00_a": code}))
    assert (tmp_path / "out" / "by").read_text() == "ipc"
    monkeypatch.setattr(vslnb.study.reproduce, "LONGEST_SOCKET", 0)
    reproduce(tiny_project(tmp_path, {"00_b": code}))
    assert (tmp_path / "out" / "by").read_text() == "tcp"
