"""The command's two groups, the options that several commands share, and how a command speaks."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Image-text retrieval with and without Visual Semantic Loss. Start with: vslnb reproduce demo",
)
importer = typer.Typer(no_args_is_help=True, help="Make a data set from photos and captions.")
app.add_typer(importer, name="import")
Device = Annotated[str, typer.Option(help="auto, cuda, mps or cpu")]
Precision = Annotated[Literal["float32", "bfloat16"], typer.Option(help="of the products")]
BackboneName = Annotated[
    str | None,
    typer.Option(help="efficientnet-lite0 (default), or faster-rcnn: a detector, extra `detector`"),
]
Weights = Annotated[Path | None, typer.Option(help="file with the detector's weights")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bars")]


def stop(message: str, code: int = 1) -> NoReturn:
    """Say why and end; of several processes that all have one reason, the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        say(message)
    sys.exit(code)


def say(message: str) -> None:
    """A line in red on the error stream."""
    typer.secho(message, fg="red", err=True)
