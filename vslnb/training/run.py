"""A run: its settings, results and trained model, read from its folder (`vslnb.run_folder`)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from vslnb.config import NOT_HASHED, Config
from vslnb.data.precomp import MANIFEST, Split, file_hash
from vslnb.data.vocabulary import Vocabulary
from vslnb.device import resolve_device
from vslnb.errors import InputError
from vslnb.models import Matcher, build_model, load_released
from vslnb.run_folder import RunFolder
from vslnb.storage import aside_of, read_json, write_json
from vslnb.training.checkpoint import PROGRESS, fill, read_tensors

REMEDY = "Remove the run and train it again, or choose another --run."


class UnfinishedRun(UserWarning):
    """A run that is read before its training has ended."""


class Run(RunFolder):
    """The folder of a run and what is read from it."""

    def config(self) -> Config:
        """The settings of the run.

        Raises:
            InputError: for a config.json that is missing, damaged or of a program with other settings.
        """
        content = read_json(self.config_file, REMEDY)
        try:
            return Config.from_dict(content)
        except InputError as fault:
            where, problem, _ = fault.args
            problem = f"not the settings of a run ({where}: {problem})"
            raise InputError(self.config_file, problem, REMEDY) from None

    def results(self) -> dict:
        """The content of results.json.

        Raises:
            InputError: if it is missing or damaged.
        """
        return read_json(self.results_file, REMEDY, ("config_hash", "dev", "test"))

    def results_if_complete(self, config: Config, data: Path) -> dict | None:
        """The results of a run that is complete, of these settings and of this data set; None where it is not."""
        if not self.results_file.exists() or not self.environment_file.exists():
            return None
        results, there = self.results(), read_json(self.environment_file, REMEDY).get("data")
        same = (results.get("config_hash"), there) == (config.hash, hash_of_data(data))
        return results if same else None

    def unfinished(self) -> str:
        """How far the training of a run came that has not ended; nothing for one that has.

        Raises:
            InputError: for a damaged checkpoint.
        """
        if self.results_file.exists():
            return ""
        progress = self.last_folder / PROGRESS
        done = read_json(progress, REMEDY, ("epochs",))["epochs"] if progress.exists() else 0
        far = f"{done} of {self.config().training.epochs} epochs are done, and these are its best weights so far"
        if self.stopped_file.exists():
            return f"its training went wrong, as {self.stopped_file} says: {far}"
        return f"its training has not ended: {far}. Let it end, or go on with --resume, before it is compared"

    def seconds(self) -> float:
        """What the epochs took together; results hold no clock time, so that the same run has the same bytes."""
        return read_json(self.last_folder / PROGRESS, REMEDY, ("seconds",))["seconds"]

    def load_best(self, model: Matcher) -> None:
        """Put the best weights into a model.

        Raises:
            InputError: for weights that are damaged or of another shape.
        """
        fill(model.load_state_dict, read_tensors(self.best_file, REMEDY), self.best_file, REMEDY)

    def claim(self, config: Config, data: Path, resume: bool) -> None:
        """Write the settings, or refuse a folder whose run, or whose other files, are somebody else's.

        Raises:
            InputError: if a run is here and `resume` is false, it has other settings or other data, or no run is here
                but something else.
        """
        if self.config_file.exists():
            self._check_same(config, data, resume)
        else:
            self._check_empty()
        write_json(self.config_file, config.to_dict())

    def _check_empty(self) -> None:
        aside = aside_of(self.config_file)  # what a kill at the first write leaves
        names = sorted(path.name for path in self.folder.iterdir() if path != aside)
        if others := [name for name in names if not name.startswith(".")]:
            problem = f"files are here that are no run's, such as {others[0]}"
            raise InputError(self.folder.resolve(), problem, "Choose a new folder for --run.")

    def _check_same(self, config: Config, data: Path, resume: bool) -> None:
        if not resume:
            problem, remedy = (
                "a run is already here",
                "Add --resume to go on with it, or choose another --run.",
            )
            raise InputError(self.folder, problem, remedy)
        there, asked = self.config(), config
        changed = {
            name: f"{name}: {there.settings()[name]} there, {value} asked"
            for name, value in asked.settings().items()
            if value != there.settings()[name] and name not in NOT_HASHED
        }
        changed |= {
            name: f"{name}: {getattr(there, name)} there, {getattr(asked, name)} asked"
            for name in ("recipe", "seed")
            if getattr(there, name) != getattr(asked, name)
        }
        if changed:
            raise InputError(
                self.config_file,
                "other settings: " + "; ".join(changed.values()),
                "Use the same, or choose another --run.",
            )
        if self.environment_file.exists():
            data_hash = hash_of_data(data)
            if read_json(self.environment_file, REMEDY).get("data", data_hash) != data_hash:
                problem = "the data set has changed since this run was trained"
                raise InputError(self.folder, problem, "Remove the run, or choose another --run.")


def hash_of_data(data: Path) -> dict[str, str]:
    """What distinguishes a data set: its manifest's hash, nothing for the field's own folders."""
    return {name: file_hash(data / name) for name in [MANIFEST] if (data / name).exists()}


def load_run(folder: str | Path, device: str = "auto") -> tuple[Matcher, Config]:
    """The best model of a run, in eval mode, and its configuration.

    Raises:
        InputError: if the folder holds no trained run, or a damaged one.
    """
    run = Run(Path(folder))
    if not run.best_file.exists():
        remedy = "Make it with `vslnb train RECIPE --data DATA --run RUN`."
        raise InputError(run.folder, "no trained run here", remedy)
    config = run.config()
    try:
        model = build_model(config.model)
    except (TypeError, ValueError, RuntimeError, MemoryError) as fault:
        reason = " ".join(str(fault).split())[:200]
        raise InputError(run.config_file, f"no model has these sizes ({reason})", REMEDY) from None
    run.load_best(model)
    return model.to(resolve_device(device)).eval(), config


def load_matcher(path: str | Path, split: Split, vocabulary: Vocabulary, device: str = "auto") -> Matcher:
    """A run's best model or a released checkpoint, checked against the data it is to read; warns of an unfinished run.

    Raises:
        InputError: if vocabulary, number or width of the regions are not those the model was trained on, or
            the data set has changed since. Whether its photos have is for `notice_changes` to say, once.
    """
    path = Path(path)
    model = load_run(path, device)[0] if path.is_dir() else load_released(path).to(resolve_device(device))
    config, (_, regions, features) = model.config, split.features.shape
    wanted = (config.vocab_size, config.num_regions, config.feature_dim)
    if wanted != (len(vocabulary), regions, features):
        raise InputError(
            path,
            f"trained on {wanted[0]} words and {wanted[1]} regions of {wanted[2]}, but {split.folder} has "
            f"{len(vocabulary)} words and {regions} regions of {features}",
            "Give the data set and vocabulary this model was trained with.",
        )
    if path.is_dir():
        _check_data(Run(path), split.folder, vocabulary)
        if so_far := Run(path).unfinished():
            warnings.warn(UnfinishedRun(f"{path}: {so_far}."), stacklevel=2)
    return model


def _check_data(run: Run, data: Path, vocabulary: Vocabulary) -> None:
    """Refuse another vocabulary than the run's, and a data set that was made anew in the run's folder.

    Raises:
        InputError: with what to do.
    """
    path = run.environment_file
    known = read_json(path, REMEDY) if path.exists() else {}
    remedy = "Put the data set back as it was, or train again with another --run."
    if known.get("vocabulary", vocabulary.digest) != vocabulary.digest:
        raise InputError(data, f"not the vocabulary that {run.folder} was trained with", remedy)
    own = isinstance(known.get("folder"), str) and Path(known["folder"]).resolve() == data.resolve()
    if own and known.get("data", hash_of_data(data)) != hash_of_data(data):
        raise InputError(data, f"the data set was made anew after {run.folder} was trained on it", remedy)


def data_of(runs: Sequence[str | Path]) -> Path:
    """The one data set of several runs, as those say that know it.

    Raises:
        InputError: as `runs_by_data`, or if the runs have several.
    """
    first, *others = runs_by_data(runs).items()
    if others:
        other, members = others[0]
        problem = (
            f"it was trained on {other}, but {first[1][0]} on {first[0]}, and one view shows one data set"
        )
        raise InputError(members[0], problem, "Take each run alone, or name one data set for both.")
    return first[0]


def runs_by_data(runs: Sequence[str | Path]) -> dict[Path, list[Path]]:
    """Runs by the data set they were trained on; where all others have one, a checkpoint that knows none has it too.

    Raises:
        InputError: for a run that does not say its data set (a released checkpoint does not), or whose has gone.
    """
    paths = [Path(run) for run in runs]
    known = {path: folder for path in paths if (folder := _data_of(Run(path)))}
    places = {folder.resolve(): folder for folder in reversed(known.values())}
    found: dict[Path, list[Path]] = {}
    for path in paths:
        if path not in known and len(places) != 1:
            raise InputError(path, "it does not say which data set it belongs to", "Give --data DATA.")
        folder = known[path] if path in known else next(iter(known.values()))
        found.setdefault(places[folder.resolve()], []).append(path)
    return found


def _data_of(run: Run) -> Path | None:
    path = run.environment_file
    if not path.exists() or "folder" not in (content := read_json(path, "Give --data DATA.")):
        return None
    folder = Path(str(content["folder"]))
    if not folder.is_dir():
        raise InputError(path, f"its data set is not at {folder} any more", "Give --data DATA.")
    return folder
