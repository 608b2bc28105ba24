"""`make other-photos`: the runs of Flickr8k on photos that chose nothing of theirs, into figures/flickr8k/other_photos.json.

Asked after the verdict on test: the interval over seeds knows nothing of other photos. Dev has 1,000; the first 250
chose the best epoch of every run. On the other 750, as a gallery of their own, the same weights are asked once more
(the settings were chosen on all of dev, with the pilot's runs alone). Nothing is trained.
"""

from __future__ import annotations

from tqdm.auto import tqdm

from store import read
from trained import unasked
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.evaluation.recall_at_k import recall
from vslnb.recipes import recipe
from vslnb.retrieval.similarity import split_scores
from vslnb.storage import write_json
from vslnb.study.profiles import ROOT, load_profile
from vslnb.training.run import load_run

STORE = ROOT / "figures" / "flickr8k" / "other_photos.json"


def main() -> None:
    """Whatever run's weights are there, a whole seed before the next."""
    profile = load_profile("flickr8k")
    data = ROOT / profile["data"]
    rest = load_split(data, "dev").rest(recipe("flickr8k-saf").training.dev_images)
    vocabulary = load_vocabulary(data)
    listed = read("flickr8k/other_photos")
    waiting = sorted(unasked(profile, listed), key=lambda asked: (asked[0]["seed"] or 99, asked[0]["module"]))
    for run, folder, weights in tqdm(waiting, desc="runs"):
        found = recall(split_scores(load_run(folder, "cpu")[0], rest, vocabulary), rest.captions_per_image)
        listed[run["config_hash"]] = {"name": run["name"], "weights": weights, "dev": found}
        write_json(STORE, listed)


if __name__ == "__main__":
    main()
