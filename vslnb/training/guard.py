"""When training stops by itself: a loss or gradient that went wrong, or the collapse of hardest negatives (notebook 07)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from vslnb.config import Config

WINDOW = 300  # steps that must all look collapsed; healthy runs were seen to lie flat for 200
EXPLODED = 1e8  # norm of a gradient before it is clipped


class TrainingError(RuntimeError):
    """Training went wrong and was stopped; the message says what to try, `batch` where it was."""

    batch: dict | None = None


class CollapseGuard:
    """Recognises the collapse: equal scores, the triplet loss stuck where equal scores leave it.

    Scores can be nearly equal and still be learning: VSL first orders them on the scale of its temperature.
    So over the whole window a pair must also score above no more of its negatives than by chance, 0.5.

    >>> guard = CollapseGuard(window=2)
    >>> [guard(triplet=1.0, spread=1e-5, pairwise_accuracy=0.5) for _ in range(2)]
    [False, True]
    >>> [guard(triplet=1.0, spread=1e-5, pairwise_accuracy=0.6) for _ in range(2)]
    [False, False]
    """

    def __init__(self, window: int = WINDOW):
        self.window = window
        self.history: list[float] = []

    def __call__(self, triplet: float, spread: float, pairwise_accuracy: float) -> bool:
        """True once the last `window` steps look collapsed.

        Args:
            triplet: its value over that of equal scores, whatever the negatives and the margins.
            spread: standard deviation of the scores.
            pairwise_accuracy: share of negatives that score below their pair.
        """
        stuck = abs(triplet - 1) < 0.01 and spread < 0.005
        self.history = [*self.history, pairwise_accuracy][-self.window :] if stuck else []
        return len(self.history) == self.window and sum(self.history) / self.window < 0.52


def check_step(values: Mapping[str, float], level: float, config: Config, guard: CollapseGuard) -> None:
    """Refuse a step that went wrong, before the weights change.

    Args:
        values: what `Trainer.step` measured: `loss`, `triplet`, `spread`, `pairwise_accuracy`, `norm`.
        level: what the triplet loss would be if all scores were equal.
        config: of the run.
        guard: what was seen in the steps before.

    Raises:
        TrainingError: with what is wrong and what to try.
    """
    remedy = "Try a smaller --set training.learning_rate, or run `vslnb check` on the data."
    for name, word in (("loss", "loss"), ("norm", "gradient")):
        if not math.isfinite(values[name]):
            raise TrainingError(f"the {word} is {values[name]}. {remedy}")
    if values["norm"] > EXPLODED:
        raise TrainingError(f"the gradient explodes (norm {values['norm']:.1e}). {remedy}")
    collapsed = guard(values["triplet"] / max(level, 1e-12), values["spread"], values["pairwise_accuracy"])
    if collapsed and config.training.stop_on_collapse:
        raise TrainingError(
            f"collapsed: every score is equal (spread {values['spread']:.1e}) and the triplet loss stands at "
            f"{level:.1f}, where that leaves it. Try violating negatives first "
            "(--set loss.violating_epochs=1 or more), a smaller learning rate or a larger batch; "
            "--set training.stop_on_collapse=false goes on regardless."
        )
