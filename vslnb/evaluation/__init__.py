"""What a similarity matrix says: recall, NCS, human ratings, secondary content, intervals."""

from vslnb.evaluation.measures import Measure, MeasureName, measures_of
from vslnb.evaluation.recall_at_k import fold_mean, positive_ranks, recall
from vslnb.evaluation.summary import Evaluation, evaluate, evaluate_runs

__all__ = [
    "Evaluation",
    "Measure",
    "MeasureName",
    "evaluate",
    "evaluate_runs",
    "fold_mean",
    "measures_of",
    "positive_ranks",
    "recall",
]
