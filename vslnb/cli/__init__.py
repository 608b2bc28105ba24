"""The `vslnb` command."""

from __future__ import annotations

import os
import sys
import warnings

from vslnb.cli import data, runs  # noqa: F401  (they register their commands)
from vslnb.cli.app import app, say, stop
from vslnb.errors import InputError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command; a fault in what was given becomes one readable line."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter shows a question mark for it
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if not sys.stderr.isatty():  # a file keeps every state of a progress bar, so it gets two a minute
        os.environ.setdefault("TQDM_MININTERVAL", "30")
    warnings.filterwarnings("ignore", module="PIL")  # of damaged EXIF and the like, without the photo's name
    warnings.formatwarning = lambda message, *_, **__: f"note: {message}\n"
    try:
        app()
    except SystemExit as end:
        if end.code or os.environ.get("WORLD_SIZE", "1") == "1":
            raise
        from vslnb.distributed import exit_process

        exit_process()
    except InputError as fault:
        stop(f"error: {fault}")
    except OSError as fault:  # a full disk, a folder that may not be written
        stop(f"error: {fault.filename or 'disk'}: {fault.strerror or fault}")
    except RuntimeError as fault:
        if type(fault).__name__ != "ProcessLost":  # by name: its module would load torch before it is needed
            raise
        say(f"error: {fault}. Start again, with any number of processes; `train` wants --resume.")
        sys.exit(1)
