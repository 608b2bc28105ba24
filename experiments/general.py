"""`make general`: the setting that strength.py chose, on every architecture, with seeds that chose nothing.

By the design in strength.md. Five arms an architecture: the triplet alone, the chosen setting, the same with shuffled
captions, and both at the paper's own strength. Seeds 6 to 10, outermost, into figures/flickr8k/general.json, an object
a run as in strength.json. Nothing runs before a setting is chosen, on dev, from the whole of seeds 1 to 3 of `cosine`.
"""

from __future__ import annotations

import sys

from strength import STORE, TRIPLET, Arm, run
from vslnb.study.evidence.strength import Strength

ARCHITECTURES = ("cosine", "saf", "sgr", "gpo", "scan", "scan-i2t", "vsepp", "vsrn", "chan", "imram")
SEEDS = range(6, 11)


def arms(similarity: str, rank: str, strength: float) -> list[Arm]:
    """The five arms, each once; the paper's strength is that of the recipe, with its similarity and rank."""
    chosen, paper = Arm(similarity, rank, strength), Arm(strength=1)
    pairs = [(one, one._replace(captions="shuffled")) for one in (chosen, paper)]
    return list(dict.fromkeys([TRIPLET, *pairs[0], *pairs[1]]))


def main() -> None:
    """All of it, or the architectures and seeds that are named: `general.py cosine 6`."""
    chosen = Strength().choice()
    if chosen is None:
        raise SystemExit("No setting is chosen yet: run `strength.py cosine 1 2 3` first.")
    print(
        f"chosen on dev: {chosen.similarity}, {chosen.rank} ranks, {chosen.strength:g} times beta", flush=True
    )
    named = [name for name in sys.argv[1:] if name in ARCHITECTURES] or list(ARCHITECTURES)
    seeds = [int(name) for name in sys.argv[1:] if name.isdigit()] or list(SEEDS)
    cells = [(one, arm, seed) for seed in seeds for one in named for arm in arms(*chosen)]
    run(cells, STORE.with_name("general.json"))


if __name__ == "__main__":
    main()
