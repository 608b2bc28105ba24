"""The `vslnb` command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from vslnb.errors import InputError

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
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bars")]


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
def import_flickr8k(source: Path, dest: Path, device: Device = "auto", quiet: Quiet = False) -> None:
    """Flickr8k's photos, token file and official split, with EfficientNet-Lite0 features.

    Example: vslnb import flickr8k downloads/flickr8k data/flickr8k
    """
    from vslnb.data.importing.dataset import import_flickr8k as run
    from vslnb.data.importing.features import EfficientNetLite0
    from vslnb.device import resolve_device

    typer.echo(
        json.dumps(run(source, dest, EfficientNetLite0(str(resolve_device(device))), not quiet), indent=1)
    )


@importer.command("captions")
def import_captions(
    dest: Path,
    images: Annotated[Path, typer.Option(help="folder of photos")],
    captions: Annotated[Path, typer.Option(help="CSV, Flickr token file or Karpathy JSON")],
    captions_per_image: Annotated[int, typer.Option(help="captions every photo must have")] = 5,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Your own photos and captions.

    Example: vslnb import captions --images photos --captions captions.csv data/mine
    """
    from vslnb.data.importing.dataset import import_captions as run
    from vslnb.data.importing.features import EfficientNetLite0
    from vslnb.device import resolve_device

    backbone = EfficientNetLite0(str(resolve_device(device)))
    report = run(images, captions, dest, captions_per_image, backbone=backbone, progress=not quiet)
    typer.echo(json.dumps(report, indent=1))


@app.command()
def check(data: Path) -> None:
    """Every integrity check of a data set; exit 1 on a fault.

    Example: vslnb check data/world
    """
    from vslnb.data.check import check_dataset

    rows = check_dataset(data)
    for what, passed, detail in rows:
        typer.echo(f"{'ok   ' if passed else 'FAULT'}  {what:<16}  {detail}")
    if not all(passed for _, passed, _ in rows):
        raise typer.Exit(1)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="such as world-saf-vsl or flickr8k-sgr")],
    data: Annotated[Path, typer.Option(help="data set in the SCAN layout")],
    run: Annotated[Path, typer.Option(help="folder of the run")],
    settings: Annotated[list[str] | None, typer.Option("--set", help="PART.NAME=VALUE, repeatable")] = None,
    seed: Annotated[int, typer.Option(help="seed of weights, order and dropout")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the run that is there")] = False,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Train one run and evaluate its best weights; Ctrl-C saves, --resume goes on.

    Example: vslnb train world-saf-vsl --data data/world --run runs/saf-vsl --set loss.beta=5

    Example: torchrun --nproc-per-node 4 -m -- vslnb train coco-sgr --data data/coco_precomp --run runs/sgr
    """
    from vslnb import distributed
    from vslnb.device import resolve_device
    from vslnb.evaluation.tables import recall_table
    from vslnb.recipes import recipe as find_recipe
    from vslnb.training.guard import TrainingError
    from vslnb.training.loop import train as start

    changes: dict[str, object] = {"seed": seed}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting}", "no value", "Write NAME=VALUE, for example loss.beta=10.")
        changes[name] = value
    config = find_recipe(recipe).with_settings(changes)
    try:
        with distributed.process_group(resolve_device(device)):
            results = start(config, data, run, device, resume, not quiet)
            first = distributed.process_index() == 0
    except TrainingError as fault:
        _stop(f"stopped: {fault}")
    except KeyboardInterrupt as stop:
        _stop(str(stop) or "interrupted; go on with --resume", 130)
    if first:
        typer.echo(recall_table({str(run): results["test"]}))


@app.command()
def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="run folders, or released .pth.tar checkpoints")],
    data: Annotated[
        Path | None, typer.Option(help="data set in the SCAN layout; default the runs' own")
    ] = None,
    split: Annotated[str, typer.Option(help="train, dev, test or testall")] = "test",
    ensemble: Annotated[bool, typer.Option("--ensemble", help="also the mean of their matrices")] = False,
    folds: Annotated[int, typer.Option(help="5 gives the COCO 1K protocol", min=1)] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="keep the similarity matrices here; a second call goes on with them")
    ] = None,
    shortlist: Annotated[
        int, typer.Option(help="compare in full only the best 1/N of a query's gallery; 1 is exact", min=1)
    ] = 1,
    precision: Precision = "float32",
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Recall of trained runs or released checkpoints; SGRAF is an ensemble of an SGR and a SAF run.

    Example: vslnb evaluate runs/sgr runs/saf --data data/flickr8k --ensemble

    Example: vslnb evaluate sgr.pth.tar --data data/coco_precomp --split testall --keep scores
    """
    from vslnb.evaluation.tables import further_lines, recall_table
    from vslnb.training.saved_runs import evaluate_saved_runs

    options = (ensemble, folds, keep, shortlist, precision, device, not quiet)
    found = evaluate_saved_runs(runs, data, split, *options)
    if not found:  # not the first process
        return
    typer.echo(recall_table({name: evaluation.recall for name, evaluation in found.items()}))
    for name, evaluation in found.items():
        for line in further_lines(evaluation):
            typer.echo(f"{name}: {line}")


@app.command()
def search(
    run: Annotated[Path, typer.Argument(help="folder of a trained run")],
    query: Annotated[str | None, typer.Argument(help="what the picture shows")] = None,
    image: Annotated[Path | None, typer.Option(help="a photo, to find captions for")] = None,
    data: Annotated[Path | None, typer.Option(help="data set to search; default the run's own")] = None,
    split: Annotated[str, typer.Option(help="train, dev, test or testall")] = "test",
    top: Annotated[int, typer.Option(help="how many", min=1)] = 10,
) -> None:
    """Pictures for a sentence, or captions for a photo; the first search encodes the split and keeps that.

    Example: vslnb search runs/saf "two dogs in the snow"
    """
    from vslnb.data.precomp import load_split, load_vocabulary
    from vslnb.retrieval import gallery
    from vslnb.retrieval.similarity import encode_captions, encode_images
    from vslnb.training.run import data_of, load_matcher

    if (query is None) == (image is None) or (query is not None and not query.strip()):
        raise InputError("search", "one query is needed", 'Give a "sentence" or --image PHOTO.')
    if not run.is_dir():
        raise InputError(run, "this is no run's folder", "Make one with `vslnb train`.")
    data = data or data_of([run])
    part, vocabulary = load_split(data, split), load_vocabulary(data)
    model = load_matcher(run, part, vocabulary, "cpu")
    if image is None:
        (asked,) = encode_captions(model, *vocabulary.encode_all([query or ""]))
    else:
        (asked,) = encode_images(model, [gallery.features_of(image, part)])
    kind = "captions" if image else "images"
    items, scores = gallery.search(model, gallery.gallery_of(run, model, part, vocabulary, kind), asked, top)
    pictures = part.pictures() or part.ids
    for rank, (item, score) in enumerate(zip(items, scores), start=1):
        shown = part.captions[item] if image else pictures[item]
        typer.echo(f"{rank:3}  {score:.3f}  {shown}")


@app.command()
def export(
    runs: Annotated[list[Path], typer.Argument(help="one or two folders of trained runs, then OUT")],
    data: Annotated[Path | None, typer.Option(help="data set; default the runs' own")] = None,
    split: Annotated[str, typer.Option(help="train, dev, test or testall")] = "test",
    most: Annotated[int, typer.Option(help="queries of a list", min=1)] = 12,
    quiet: Quiet = False,
) -> None:
    """Curated rankings with attention as a folder of pages, which need no network and no kernel.

    Example: vslnb export runs/saf runs/saf-vsl pages
    """
    from vslnb.browser.static_pages import export as start

    if len(runs) < 2:
        raise InputError("vslnb export", "a run and a folder to write are needed", "vslnb export RUN OUT")
    typer.echo(f"open {start(runs[:-1], runs[-1], data, split, most, not quiet)}")


@app.command()
def reproduce(
    profile: Annotated[
        str, typer.Argument(help="demo, world, flickr8k, f30k, coco, or a YAML file of parameters")
    ],
    run: Annotated[Path | None, typer.Option(help="where results go; default runs/PROFILE")] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="also copy figures and JSON to figures/")
    ] = False,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu; default the profile's")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="dask scheduler whose workers train, such as tcp://host:8786")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="run the notebooks alone whose names begin so, such as 03")
    ] = None,
) -> None:
    """Every notebook through papermill, then report.html; what is done is kept.

    Example: vslnb reproduce demo

    Example: vslnb reproduce flickr8k --only 03 --only 08
    """
    from vslnb.study.reproduce import reproduce as start

    report = start(profile, run, figures, device, cluster, only or ())
    typer.echo(f"open {report}")


def main() -> None:
    """Run the command; a fault in what was given becomes one readable line."""
    try:
        app()
    except SystemExit as end:
        if end.code or os.environ.get("WORLD_SIZE", "1") == "1":
            raise
        from vslnb.distributed import exit_process

        exit_process()
    except InputError as fault:
        _stop(f"error: {fault}")
    except OSError as fault:  # a full disk, a folder that may not be written
        _stop(f"error: {fault.filename or 'disk'}: {fault.strerror or fault}")
    except RuntimeError as fault:
        if type(fault).__name__ != "ProcessLost":  # by name: its module would load torch before it is needed
            raise
        _say(f"error: {fault}. Start again, with any number of processes; `train` wants --resume.")
        sys.exit(1)


def _stop(message: str, code: int = 1) -> None:
    """Say why and end; of several processes that all have one reason, the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        _say(message)
    sys.exit(code)


def _say(message: str) -> None:
    typer.secho(message, fg="red", err=True)
