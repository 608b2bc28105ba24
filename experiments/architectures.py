"""`make architectures`: every architecture on Flickr8k with the triplet alone, at the rate that dev preferred.

One seed, 0, on which tuning.py chose the rates, so no claim: a look at whether all of them train well here. Where the
runs of `make tuning` are, nothing is trained again. Into figures/flickr8k/architectures.json, a run an architecture,
with `dev_whole`, the recall on all 1,000 photos of dev by which the rate was chosen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from store import read
from tuning import TUNED, ZOO, baselines, best
from vslnb.storage import write_json
from vslnb.study.profiles import ROOT, known_results
from vslnb.training.sweep import sweep

STORE = ROOT / "figures" / "flickr8k" / "architectures.json"


def main() -> None:
    """The run of the best rate of every architecture whose three rates are known."""
    data, home = Path(sys.argv[1]), Path(sys.argv[2])
    rates = {one["config_hash"]: one for one in read("flickr8k/tuning") or []}
    tried = {model: baselines(model) for model in (*TUNED, *ZOO)}
    plans = {
        best(configs, rates).hash: (model, best(configs, rates))
        for model, configs in tried.items()
        if all(config.hash in rates for config in configs)
    }
    # Their folders have the names that the rates had then.
    trained = [json.loads(path.read_text()) for path in home.glob("*/results.json")]
    kept = [*(read("flickr8k/architectures") or []), *trained, *known_results("figures/flickr8k")]
    listed = []
    for result in sweep([config for _, config in plans.values()], data, home, known=kept):
        model, config = plans[result["config_hash"]]
        about = {"architecture": model, "learning_rate": config.training.learning_rate}
        listed.append(result | about | {"dev_whole": rates[result["config_hash"]]["dev"]})
        write_json(STORE, listed)
        print(f"{model}: rate {about['learning_rate']}, test rsum {result['test']['rsum']:.1f}", flush=True)


if __name__ == "__main__":
    main()
