"""What a similarity matrix is worth: recall, NCS, human ratings, secondary content, intervals."""

from vslnb.evaluation.recall_at_k import fold_mean, positive_ranks, recall

__all__ = ["fold_mean", "positive_ranks", "recall"]
