"""NCR, the noisy correspondence rectifier (Huang et al., NeurIPS 2021): two networks, wrong pairs among the right ones.

`trainer` is the procedure, `mixture` tells clean pairs from noisy ones by their losses, and `labels` turns what the
networks think of a pair into its margin.
"""

from vslnb.training.noisy.trainer import NoisyTrainer

__all__ = ["NoisyTrainer"]
