"""Runs of several data sets in one call: each is evaluated on its own."""

import shutil
import warnings

import pytest
from typer.testing import CliRunner

from conftest import write_dataset
from vslnb.browser.load import load_browser
from vslnb.cli import app
from vslnb.errors import InputError
from vslnb.recipes import recipe
from vslnb.training.loop import train
from vslnb.training.run import Run, UnfinishedRun, data_of, runs_by_data


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of one data set and one of another, of other sizes and words."""
    home = tmp_path_factory.mktemp("several")
    first = write_dataset(home / "first", {"train": 16, "dev": 4, "test": 8})
    second = write_dataset(home / "second", {"train": 20, "dev": 4, "test": 6}, width=7, seed=1)
    settings = {"training.epochs": 1, "training.batch_size": 20, "model.embed_dim": 6}
    plan = recipe("world-cosine").with_settings(settings)
    train(plan, first, home / "a", "cpu", progress=False)
    train(plan, second, home / "b", "cpu", progress=False)
    shutil.copytree(home / "a", home / "c")
    return [home / name for name in "abc"]


def evaluated(*arguments):
    return CliRunner().invoke(app, ["evaluate", "--quiet", "--device", "cpu", *map(str, arguments)])


def test_each_run_is_evaluated_on_its_own_data(runs):
    a, b, c = runs
    together, alone = evaluated(a, b, c), evaluated(b)
    assert together.exit_code == 0, together.output
    assert [len(group) for group in runs_by_data(runs).values()] == [2, 1]
    heads = [line for line in together.output.splitlines() if line.startswith("On ")]
    assert [head.rpartition("/")[2] for head in heads] == ["first:", "second:"]
    assert together.output.endswith(alone.output)
    assert together.output.count("rsum minus that of the first run") == 1  # of c, beside a


def test_what_needs_one_data_set_says_so(runs):
    a, b, _ = runs
    assert "A mean needs runs of one data set" in str(evaluated(a, b, "--ensemble").exception)
    for several in (lambda: data_of([a, b]), lambda: load_browser([a, b])):
        with pytest.raises(InputError, match="one view shows one data set.*Take each run alone"):
            several()


def test_a_checkpoint_that_knows_no_data_goes_with_the_one_there_is(runs, tmp_path):
    a, b, _ = runs
    assert list(runs_by_data([tmp_path, a]).values()) == [[tmp_path, a]]
    with pytest.raises(InputError, match="does not say which data set"):
        runs_by_data([a, b, tmp_path])


def test_a_run_that_has_not_ended_is_read_with_a_word(runs, tmp_path):
    cut = shutil.copytree(runs[0], tmp_path / "cut")
    (cut / "results.json").unlink()
    with pytest.warns(UnfinishedRun, match="cut: its training has not ended: 1 of 1 epochs are done"):
        said = evaluated(cut)
    assert said.exit_code == 0
    with pytest.warns(UnfinishedRun, match="--resume"):
        load_browser([cut])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert evaluated(runs[0]).exit_code == 0


def test_a_folder_of_other_files_is_no_place_for_a_run(runs, tmp_path):
    plan, data = recipe("world-cosine"), runs[0].parent / "first"
    (tmp_path / "config.json.tmp").touch()  # what a kill leaves is no reason
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(InputError, match="no run's, such as thesis.docx. Choose a new folder"):
        train(plan, data, tmp_path, "cpu", progress=False)
    assert not (tmp_path / "config.json").exists()
    (tmp_path / "thesis.docx").unlink()
    Run(tmp_path).claim(plan, data, resume=True)
    assert (tmp_path / "config.json").exists()


def test_a_run_that_went_wrong_is_not_told_to_go_on(runs, tmp_path):
    wrong = shutil.copytree(runs[0], tmp_path / "wrong")
    (wrong / "results.json").rename(wrong / "stopped.json")
    said = Run(wrong).unfinished()
    assert "went wrong" in said and "stopped.json" in said and "resume" not in said


def test_a_data_set_that_is_not_there_is_named_before_its_splits(runs, tmp_path):
    for folder, words in ((tmp_path / "none", "no such folder"), (tmp_path, "no data set is here")):
        assert words in str(evaluated(runs[0], "--data", folder).exception)
