"""`vslnb reproduce PROFILE`: every notebook through papermill, then one report."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import papermill
import typer
from traitlets.config import Config

from vslnb.data.precomp import MANIFEST
from vslnb.errors import InputError
from vslnb.storage import read_json, write_json
from vslnb.study.profiles import ROOT, load_profile
from vslnb.study.report import write_report
from vslnb.training.signals import end_with_parent

KERNEL = "vslnb-own-python"
TELL_EVERY = 60  # seconds between two looks at which runs are done
LONGEST_SOCKET = 90  # letters of a path; systems take a little more, and a number is added
NOTEBOOKS, PACKAGE = ROOT / "notebooks", ROOT / "vslnb"


def reproduce(
    profile: str,
    run: Path | None = None,
    figures: bool = False,
    device: str | None = None,
    cluster: str | None = None,
    only: Sequence[str] = (),
) -> Path:
    """Run every notebook with a profile's parameters and write the report.

    Args:
        profile: a name or a YAML file.
        run: results folder; the profile's own `run` where none is given.
        figures: also copy the figures and JSON drawn (with `only`, by those) to figures/PROFILE/.
        device: `auto`, `cuda`, `mps` or `cpu`; the profile's own where none is given.
        cluster: address of a dask scheduler that trains; the profile's own where none is given.
        only: prefixes of the names of the notebooks to run, such as "03"; of the others those kept are shown.

    Notebooks run in the order of their names. Those that need no run of another (`vslnb.reads` of their metadata: they
    only read data and what is committed) run beside them, one after the other, in a process that gives way to training.

    What is done is kept: a notebook that ran to its end with the same parameters, code and data is not run
    again, and no run is trained twice.

    Returns:
        The path of report.html.

    Raises:
        InputError: after the report is written, if a notebook failed; for `only` that names none.
    """
    parameters, notebooks = load_profile(profile), sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    if not notebooks:
        problem = "no notebooks are here; a wheel holds the package alone"
        raise InputError(NOTEBOOKS, problem, "Run it in a copy of the repository: `pip install -e .` there.")
    for name in only:
        if not any(path.stem.startswith(name) for path in notebooks):
            raise InputError(
                f"--only {name}", "no notebook has a name that begins so", "For example --only 03."
            )
    parameters = _placed(parameters, run, device, cluster)
    folder = Path(parameters["run"])
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    with _telling_time_left(parameters):
        rows = sorted(_rows(notebooks, folder, parameters, tuple(only)), key=lambda row: row["notebook"])
    write_json(folder / "reproduce.json", rows)
    report = write_report(folder, profile, rows, ROOT / parameters["data"])
    failed = [row["notebook"] for row in rows if row["fault"]]
    if failed:
        raise InputError(report, f"{', '.join(failed)} failed", "Open the report; what is done is kept.")
    if figures:
        target = ROOT / "figures" / Path(profile).stem
        target.mkdir(parents=True, exist_ok=True)
        drawn = sorted((folder / "figures").glob("*"))
        for file in drawn if only else [folder / "reproduce.json", *drawn]:
            if file.name.startswith(tuple(only) or ""):
                shutil.copy(file, target)
    return report


def plan(profile: str, run: Path | None = None, device: str | None = None) -> str:
    """What `reproduce` would train with these arguments, and what it takes here; see `vslnb.study.plan_report`."""
    from vslnb.study.plan_report import plan_text

    return plan_text(_placed(load_profile(profile), run, device, None), ROOT)


def _placed(parameters: dict, run: Path | None, device: str | None, cluster: str | None) -> dict:
    """A profile's parameters with what the command line says instead."""
    folder, home = Path(run).resolve() if run else ROOT / parameters["run"], Path(parameters["run"])
    if run and Path(parameters["data"]).is_relative_to(home):  # the bundled world goes where its run goes
        parameters["data"] = str(folder / Path(parameters["data"]).relative_to(home))
    parameters["run"] = str(folder)
    parameters |= {"device": device} if device else {}
    return parameters | ({"cluster": cluster} if cluster else {})


def _rows(notebooks: list[Path], folder: Path, parameters: dict, only: tuple[str, ...]) -> Iterator[dict]:
    """A row a notebook, as they are done; what was not asked for has one if it is kept."""
    asked = []
    for notebook in notebooks:
        if row := _kept(notebook, folder, parameters):
            typer.echo(f"{notebook.stem} ... kept")
            yield row
        elif not only or notebook.stem.startswith(only):
            asked.append(notebook)
    reading = [notebook for notebook in asked if _metadata(notebook).get("reads")]
    training = [notebook for notebook in asked if notebook not in reading]
    if not training:
        training, reading = reading, []
    connection = _started(reading, folder, parameters) if reading else None
    for notebook in training:
        typer.echo(f"{notebook.stem} begins")
        yield _said(_execute(notebook, folder, parameters))
        while connection and reading and (connection.poll() or notebook == training[-1]):
            yield _said(_row_from(connection, reading.pop(0)))


def _said(row: dict) -> dict:
    typer.echo(f"{row['notebook']} ... {row['fault'] or format(row['seconds'], '.0f') + ' s'}")
    return row


def _started(notebooks: list[Path], folder: Path, parameters: dict) -> Connection:
    """Where the rows of notebooks will come from, which a process of its own executes; it ends with this one."""
    typer.echo(f"beside the others: {', '.join(notebook.stem for notebook in notebooks)}")
    # A fork would lose the threads through which kernels speak.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    arguments = theirs, list(notebooks), folder, parameters
    context.Process(target=_execute_beside, args=arguments, daemon=True).start()
    theirs.close()  # so that ours ends when the process does
    return ours


def _execute_beside(connection: Connection, notebooks: list[Path], folder: Path, parameters: dict) -> None:
    # Ctrl-C reaches both processes: this one ends without a word, and the other says what there is to say.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(19)  # what trains goes first
    for notebook in notebooks:
        connection.send(_execute(notebook, folder, parameters))


def _row_from(connection: Connection, notebook: Path) -> dict:
    try:
        return connection.recv()
    except EOFError:
        fault = "its process ended before the notebook did"
        return {"notebook": notebook.stem, "began": time.time(), "seconds": 0.0, "fault": fault}


@contextlib.contextmanager
def _telling_time_left(parameters: dict) -> Iterator[None]:
    """Meanwhile, whenever another run is done, say what is left over all."""
    stop = threading.Event()

    def tell() -> None:
        said = ""
        while not stop.wait(TELL_EVERY):
            # Here, because it takes a second, for which a kept reproduce would wait.
            from vslnb.study.plan_report import time_left_here

            word = time_left_here(parameters, ROOT)
            if word and word.partition(" runs")[0] != said.partition(" runs")[0]:
                typer.echo(f"  {word}")
                said = word

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        stop.set()
        teller.join()


@contextlib.contextmanager
def own_kernel() -> Iterator[dict]:
    """What papermill is to be told of a kernel that is this Python, whatever other kernels of the machine are called.

    It speaks through sockets in a folder of its own. Ports are chosen before they are taken, so that two programs
    which start at once may choose the same one; the kernel then dies, and who waits for it waits forever.
    """
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "kernels" / KERNEL
        place.mkdir(parents=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        write_json(place / "kernel.json", {"argv": command, "display_name": "vslnb", "language": "python"})
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (folder, before)))
        try:
            own: dict = {"kernel_name": KERNEL}
            socket = str(Path(folder) / "socket")
            if os.name == "posix" and len(socket) <= LONGEST_SOCKET:
                own["config"] = Config(KernelManager={"transport": "ipc", "ip": socket})
            yield own
        finally:
            os.environ.pop("JUPYTER_PATH")
            if before is not None:
                os.environ["JUPYTER_PATH"] = before


def _execute(notebook: Path, folder: Path, parameters: dict) -> dict:
    """Run one notebook; a note beside it records the state of everything it came from.

    Its row says when it `began`, in seconds since 1970, and how many seconds it took.
    """
    output, began, fault = folder / "notebooks" / notebook.name, time.time(), ""
    note = output.with_suffix(".json")
    note.unlink(missing_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    try:
        with own_kernel() as own:
            papermill.execute_notebook(
                notebook,
                output,
                _declared(notebook, parameters),
                cwd=ROOT,
                progress_bar=False,
                extra_arguments=["--log-level=CRITICAL"],  # its notes on shutdown stay out of our output
                **own,
            )
    except papermill.PapermillExecutionError as error:
        fault = f"{error.ename}: {error.evalue}"
    except RuntimeError as error:  # the kernel died
        fault = f"{type(error).__name__}: {error}"
    times = {"began": round(began, 1), "seconds": round(time.time() - began, 1)}
    row = {"notebook": notebook.stem, **times, "fault": fault}
    if not fault:
        write_json(note, {"state": _state(notebook, parameters), **row})
    return row


def _declared(notebook: Path, parameters: dict) -> dict:
    """Those of a profile's parameters that a notebook's cell of defaults names: it holds what the notebook uses."""
    names = papermill.inspect_notebook(str(notebook))
    return {name: value for name, value in parameters.items() if name in names}


def _kept(notebook: Path, folder: Path, parameters: dict) -> dict | None:
    """The note of a notebook that was run to its end in exactly this state, or None."""
    note = folder / "notebooks" / f"{notebook.stem}.json"
    if not all(path.exists() for path in (note, note.with_suffix(".ipynb"), folder / "figures")):
        return None
    row = read_json(note, "Remove it; the notebook is run again.", ("state", "notebook", "seconds", "fault"))
    return row if row.pop("state") == _state(notebook, parameters) else None


def _state(notebook: Path, parameters: dict) -> str:
    """A hash of the notebook and its inputs, its parameters, the package and the data set's manifest."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    code = [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".py", ".js", ".css")]
    known = sorted((ROOT / parameters["known"]).glob("*runs.json")) if parameters["known"] else []
    for path in [notebook, *code, *known, *_inputs(notebook), ROOT / parameters["data"] / MANIFEST]:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def _inputs(notebook: Path) -> list[Path]:
    """The files that a notebook reads whatever its profile: `vslnb.inputs` of its metadata, from the root."""
    return [ROOT / path for path in _metadata(notebook).get("inputs", [])]


def _metadata(notebook: Path) -> dict:
    return json.loads(notebook.read_text(encoding="utf-8"))["metadata"].get("vslnb", {})
