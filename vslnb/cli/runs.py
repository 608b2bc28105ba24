"""Commands that train, evaluate, search and show runs, and `reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vslnb.cli.app import Device, Precision, Quiet, app, stop
from vslnb.errors import InputError

CHANCE = "by chance"
RECALL = "Recall at 1, 5 and 10 on {}, in percent; rsum is the sum of the six, at most 600."


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

    Example: vslnb train flickr8k-saf-vsl --data data/mine --run runs/mine

    Example: vslnb train flickr8k-saf-vsl --data data/mine --run runs/mine --resume

    Example: vslnb train world-saf-vsl --data data/world --run runs/saf-vsl --set loss.beta=5

    Example: vslnb train world-sgr-ncr --data data/world --run runs/ncr --set training.noise_ratio=0.4

    Example: torchrun --nproc-per-node 4 -m -- vslnb train coco-sgr --data data/coco_precomp --run runs/sgr
    """
    from vslnb import distributed
    from vslnb.device import resolve_device
    from vslnb.evaluation.recall_at_k import recall_by_chance
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
        stop(f"stopped: {fault}")
    except KeyboardInterrupt as interruption:
        stop(str(interruption) or "interrupted; go on with --resume", 130)
    if first:
        from vslnb.data.precomp import load_split

        part = load_split(data, "test")
        test = len(part)
        typer.echo(f"{run}: trained; the weights of the epoch that was best on dev are kept.")
        if test > 1:
            rows = {str(run): results["test"], CHANCE: recall_by_chance(test, part.captions_per_image)}
            typer.echo(f"{RECALL.format('test')}\n{recall_table(rows)}")
        warn_of_few_photos(test, "test", "`vslnb evaluate` gives intervals.")


@app.command()
def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="run folders, or released .pth.tar checkpoints")],
    data: Annotated[
        Path | None, typer.Option(help="data set in the SCAN layout; default each run's own")
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
    from vslnb.evaluation.recall_at_k import recall_by_chance
    from vslnb.evaluation.tables import TERMS, further_lines, recall_table
    from vslnb.training.run import runs_by_data
    from vslnb.training.saved_runs import evaluate_saved_runs, open_split

    groups = {data: runs} if data else runs_by_data(runs)
    if ensemble and len(groups) > 1:
        problem = f"the runs have several data sets: {', '.join(map(str, groups))}"
        raise InputError("--ensemble", problem, "A mean needs runs of one data set.")
    for folder, members in groups.items():
        part = open_split(folder, split)
        options = (ensemble, folds, keep, shortlist, precision, device, not quiet)
        found = evaluate_saved_runs(members, part, *options)
        if not found:  # not the first process
            continue
        if len(groups) > 1:
            typer.echo(f"On {folder}:")
        warn_of_few_photos(len(part), split, "Read the intervals." if folds == 1 else "Compare with care.")
        if len(part) == 1:
            continue
        typer.echo(RECALL.format(split))
        rows = {name: evaluation.recall for name, evaluation in found.items()}
        if folds == 1:
            rows[CHANCE] = recall_by_chance(len(part), part.captions_per_image)
        typer.echo(recall_table(rows))
        lines = {name: further_lines(evaluation) for name, evaluation in found.items()}
        if any(lines.values()):
            typer.echo(TERMS)
        for name, further in lines.items():
            for line in further:
                typer.echo(f"{name}: {line}")


@app.command()
def search(
    run: Annotated[Path, typer.Argument(help="folder of a trained run")],
    query: Annotated[str | None, typer.Argument(help="what the picture shows")] = None,
    image: Annotated[Path | None, typer.Option(help="a photo, to find captions for")] = None,
    data: Annotated[Path | None, typer.Option(help="data set to search; default the run's own")] = None,
    split: Annotated[str, typer.Option(help="all, train, dev, test or testall")] = "all",
    photos: Annotated[
        Path | None, typer.Option(help="a folder of photos without captions, to be searched instead")
    ] = None,
    top: Annotated[int, typer.Option(help="how many", min=1)] = 10,
) -> None:
    """Pictures for a sentence, or captions for a photo; the first search encodes everything and keeps that.

    Example: vslnb search runs/saf "two dogs in the snow"

    Example: vslnb search runs/saf --image photo.jpg

    Example: vslnb search runs/saf "two dogs in the snow" --photos holiday
    """
    from vslnb.browser.photo_search import search_photos
    from vslnb.training.run import data_of

    if query is not None and image is not None:
        raise InputError("search", "a sentence and a photo are two queries", "Give one of them.")
    if image is None and (query is None or not query.strip()):
        raise InputError("search", "one query is needed", 'Give a "sentence" or --image PHOTO.')
    if image is not None and photos is not None:
        raise InputError("--photos", "these photos have no captions to be found", 'Give a "sentence".')
    if not run.is_dir():
        raise InputError(run, "this is no run's folder", "Make one with `vslnb train`.")
    found = search_photos(run, data or data_of([run]), split, query, image, photos, top)
    if found.unknown:
        words = ", ".join(found.unknown)
        typer.echo(f"not in the model's vocabulary, so ignored: {words}", err=True)
    for rank, (score, shown) in enumerate(found.rows, start=1):
        typer.echo(f"{rank:3}  {score:.3f}  {shown}")
    typer.echo(f"the best {len(found.rows)} of {found.total:,} {found.what}")


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
    plan: Annotated[
        bool, typer.Option("--plan", help="say what would run, its hours, disk and memory here; run nothing")
    ] = False,
) -> None:
    """Every notebook through papermill, then report.html; what is done is kept.

    Example: vslnb reproduce demo

    Example: vslnb reproduce flickr8k --only 03 --only 08

    Example: vslnb reproduce coco --plan
    """
    from vslnb.study.reproduce import plan as say_plan
    from vslnb.study.reproduce import reproduce as start

    if plan:
        typer.echo("measuring a step of each kind of run that was not timed yet ...", err=True)
        typer.echo(say_plan(profile, run, device))
        return
    report = start(profile, run, figures, device, cluster, only or ())
    typer.echo(f"open {report}")


def warn_of_few_photos(photos: int, split: str, remedy: str) -> None:
    """A word where so few photos are searched that a result says little, or nothing."""
    if photos == 1:
        typer.echo(
            f"{split} has one photo: no recall, as there is no other to take it for. Add photos to measure."
        )
    elif photos < 100:
        typer.echo(
            f"{split} has {photos} photos: among so few even a model that knows nothing finds many, "
            f"and another draw of photos moves results by many points. {remedy}"
        )
