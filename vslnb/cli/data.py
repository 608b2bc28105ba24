"""Commands that make and check data sets: `world`, `import`, `check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vslnb.cli.app import BackboneName, Device, Quiet, Weights, app, importer


@app.command()
def world(
    dest: Annotated[Path, typer.Argument(help="folder to write")],
    seed: Annotated[int, typer.Option(help="another seed, another world")] = 0,
    quiet: Quiet = False,
) -> None:
    """Write the bundled data set: pictures, captions, features, and the planted truth.

    Example: vslnb world data/world
    """
    from vslnb.data.world.build import build_world

    manifest = build_world(dest, seed=seed, progress=not quiet)
    counts = ", ".join(f"{name} {split['images']}" for name, split in manifest["splits"].items())
    typer.echo(f"{dest}: {counts} images")


@importer.command("flickr8k")
def import_flickr8k(
    source: Annotated[
        Path, typer.Argument(help="folder with the photos, the token file and the split files")
    ],
    dest: Annotated[Path, typer.Argument(help="folder to write")],
    device: Device = "auto",
    backbone: BackboneName = None,
    weights: Weights = None,
    quiet: Quiet = False,
) -> None:
    """Flickr8k's photos, token file and official split, with EfficientNet-Lite0 features.

    Example: vslnb import flickr8k downloads/flickr8k data/flickr8k
    """
    from vslnb.data.importing.dataset import import_flickr8k as run

    _imported(dest, run(source, dest, _backbone(backbone, device, weights), not quiet, typer.echo))


@importer.command("captions")
def import_captions(
    dest: Annotated[Path, typer.Argument(help="folder to write")],
    images: Annotated[Path, typer.Option(help="folder of photos")],
    captions: Annotated[
        Path, typer.Option(help="CSV or TSV, Flickr token file, JSON of Karpathy or COCO, metadata.jsonl")
    ],
    captions_per_image: Annotated[
        str | None,
        typer.Option(
            metavar="N|all",
            help="N: so many of each photo, photos with fewer are left out; all: all captions of all photos; "
            "default five where every photo has five, else all",
        ),
    ] = None,
    longest_caption: Annotated[int, typer.Option(help="words after which a caption is cut", min=1)] = 100,
    device: Device = "auto",
    backbone: BackboneName = None,
    weights: Weights = None,
    quiet: Quiet = False,
) -> None:
    """Your own photos and captions.

    Example: vslnb import captions --images photos --captions captions.csv data/mine
    """
    from vslnb.data.importing.dataset import import_captions as run

    wanted: int | str | None = captions_per_image
    if captions_per_image and captions_per_image.strip().isdecimal():
        wanted = int(captions_per_image)
    report = run(images, captions, dest, wanted, backbone=_backbone(backbone, device, weights),
                 progress=not quiet, longest=longest_caption, say=typer.echo)  # fmt: skip
    _imported(dest, report)


@importer.command("relocate")
def import_relocate(
    data: Annotated[Path, typer.Argument(help="data set")],
    photos: Annotated[Path, typer.Argument(help="where its folder of photos is now")],
) -> None:
    """Say where the photos of a data set are now, after their folder was moved or renamed.

    Example: vslnb import relocate data/mine photos_2024
    """
    from vslnb.data.changes import relocate

    typer.echo(f"{data}: {relocate(data, photos):,} of its photos are in {photos}")


def _backbone(name: str | None, device: str, weights: Path | None):
    from vslnb.data.importing.backbones import backbone_by_name
    from vslnb.device import resolve_device

    return backbone_by_name(name, str(resolve_device(device)), weights)


def _imported(dest: Path, report: dict) -> None:
    """The end of an import, as the summary began it."""
    images = ", ".join(f"{name} {number:,}" for name, number in report["images"].items())
    if "already complete" in report.get("note", ""):
        typer.echo(f"{dest}: {images} photos. {report['note'].capitalize()}.")
        if (dest / "import.txt").exists():
            typer.echo(f"What it found then is in {dest / 'import.txt'}.")
        return
    typer.echo(f"{dest}: {images} photos, features made in {report['seconds']:.0f} s.")
    full_list = dest / "left_out.tsv"
    if full_list.exists() and len(full_list.read_text(encoding="utf-8").splitlines()) > 1:
        typer.echo(f"What was left out is listed in {full_list}.")
    typer.echo(f"Check the data set: vslnb check {dest}")


@app.command()
def check(data: Annotated[Path, typer.Argument(help="folder of a data set")]) -> None:
    """Every integrity check of a data set; exit 1 on a fault.

    Example: vslnb check data/world
    """
    from vslnb.data.check import check_dataset

    rows = check_dataset(data)
    for what, passed, detail in rows:
        typer.echo(f"{'ok   ' if passed else 'FAULT'}  {what:<16}  {detail}")
    if not all(passed for _, passed, _ in rows):
        raise typer.Exit(1)
