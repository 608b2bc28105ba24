"""Trained runs as a `Browser`: models, similarity matrices and encoded images, read or made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vslnb.browser.rankings import Browser
from vslnb.data.changes import notice_changes
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.retrieval.gallery import gallery_of
from vslnb.retrieval.similarity import kept_scores
from vslnb.training.run import data_of, load_matcher


def load_browser(
    runs: Sequence[str | Path], data: str | Path | None = None, split: str = "test", progress: bool = True
) -> Browser:
    """A browser over trained runs; matrices and galleries are kept beside the runs, for the next time.

    Args:
        runs: folders of trained runs.
        data: their data set, by default the one they were trained on.
        split: whose images and captions are the queries.
        progress: show progress bars.

    Raises:
        InputError: for no run, two folders of one name, a folder without a trained run, or a data set that the
            models do not fit.
    """
    paths = [Path(run) for run in runs]
    if not paths:
        raise InputError("runs", "none is given", "Give the folders of one or more trained runs.")
    if len({path.name for path in paths}) < len(paths):
        names = ", ".join(path.name for path in paths)
        raise InputError(f"runs {names}", "two have the same name", "Give each run once, or rename a folder.")
    data = data or data_of(paths)
    notice_changes(data, needed=True)
    part, vocabulary = load_split(data, split), load_vocabulary(data)
    models = {path.name: load_matcher(path, part, vocabulary, "cpu") for path in paths}
    scores, galleries = {}, {}
    for path in paths:
        model = models[path.name]
        scores[path.name] = kept_scores(path, model, part, vocabulary, progress)
        galleries[path.name] = gallery_of(path, model, part, vocabulary, "images")
    return Browser(part, vocabulary, models, scores, galleries)
