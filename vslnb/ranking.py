"""Eq. 4: a matrix becomes a matrix of soft ranks, row by row.

Three variants, because the paper and its released code differ (notebook 07):

* `paper`: Eq. 4 as printed; the best item of a row gets the *highest* rank, and k = j adds 0.5;
* `descending`: the true row rank, best = 1;
* `released`: the quirk of the released code: on a symmetric matrix it is `descending`, on any other no row rank at all.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vslnb.config import RANKS, UNITS


def soft_rank(matrix: Tensor, temperature: float = 1e-3, variant: str = "paper", block: int = 32) -> Tensor:
    """Soft rank of every item within its row (Eq. 4).

    Args:
        matrix: (n, n) tensor or array; any real values.
        temperature: tau, the width of the sigmoid, in the units of `matrix`.
        variant: `paper`, `descending` or `released` (see the module).
        block: rows compared at a time; memory is n * n * block, also in the backward pass.

    Returns:
        (n, n) ranks, differentiable.

    Raises:
        ValueError: for a matrix that is not square, a temperature that is not positive or an unknown variant.

    >>> scores = torch.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [0.0, 2.0, 1.0]])
    >>> soft_rank(scores, variant="descending")
    tensor([[1., 3., 2.],
            [3., 2., 1.],
            [3., 1., 2.]])
    >>> soft_rank(scores, variant="paper")[0]
    tensor([3.5000, 1.5000, 2.5000])
    """
    matrix = _square(matrix)
    check_rank(temperature, variant)
    compare = {"paper": _paper, "descending": _descending, "released": _released}[variant]
    rows = []
    for start in range(0, len(matrix), block):
        part = slice(start, start + block)
        if matrix.requires_grad and torch.is_grad_enabled():  # recompute, so that n^3 is never kept
            rows.append(checkpoint(compare, matrix, part, temperature, use_reentrant=False))
        else:
            rows.append(compare(matrix, part, temperature))
    return torch.cat(rows) if rows else matrix.clone()


def hard_rank(matrix: Tensor, variant: str = "paper") -> Tensor:
    """The limit of `soft_rank` as tau falls to zero, (n, n): ties share the mean of their places.

    >>> hard_rank(torch.tensor([[3.0, 1.0, 1.0], [1.0, 2.0, 3.0], [0.0, 2.0, 1.0]]), "descending")
    tensor([[1.0000, 2.5000, 2.5000],
            [3.0000, 2.0000, 1.0000],
            [3.0000, 1.0000, 2.0000]])
    """
    matrix = _square(matrix).detach().contiguous()
    check_rank(1.0, variant)
    among = (matrix.T if variant == "released" else matrix).contiguous().sort(dim=1).values
    # A binary search in the sorted row counts the items below, and those not above; a tie counts one half.
    below, not_above = (torch.searchsorted(among, matrix, side=side) for side in ("left", "right"))
    below_count = ((below + not_above) / 2).to(matrix.dtype)
    if variant == "paper":
        return 1 + below_count
    ahead = len(matrix) - below_count  # half of itself among them, but for `released`, whose k = c is m[c, j]
    itself = (1 + torch.sign(matrix.T - matrix)) / 2 if variant == "released" else 0.5
    return 1 + ahead - itself


def in_unit(matrix: Tensor, unit: str) -> Tensor:
    """A matrix as tau reads it: as it is, or for `spread` over its standard deviation, which passes no gradient.

    Raises:
        ValueError: for an unknown unit.

    >>> in_unit(torch.tensor([[1.0, 5.0], [5.0, 1.0]]), "spread")
    tensor([[0.5000, 2.5000],
            [2.5000, 0.5000]])
    """
    check_rank(1.0, "paper", unit)
    # Equal scores have no spread: the clamp leaves their gaps at 0.
    return matrix if unit == "absolute" else matrix / matrix.detach().std(correction=0).clamp(min=1e-12)


def check_rank(temperature: float, variant: str, unit: str = "absolute") -> None:
    """Raises ValueError for a temperature that is not positive, an unknown variant or an unknown unit."""
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    if variant not in RANKS:
        raise ValueError(f"variant must be one of {', '.join(RANKS)}, got {variant!r}")
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")


def _square(matrix: Tensor) -> Tensor:
    matrix = torch.as_tensor(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a rank wants a square matrix, got shape {tuple(matrix.shape)}")
    return matrix if matrix.is_floating_point() else matrix.to(torch.get_default_dtype())


def _paper(m: Tensor, rows: slice, tau: float) -> Tensor:
    """1 + sum_k sigmoid((m_ij - m_ik) / tau), indices (i, j, k)."""
    part = m[rows]
    return 1 + torch.sigmoid((part[:, :, None] - part[:, None, :]) / tau).sum(2)


def _descending(m: Tensor, rows: slice, tau: float) -> Tensor:
    """1 + sum_{k != j} sigmoid((m_ik - m_ij) / tau); the term k = j is exactly one half, so subtract it."""
    part = m[rows]
    return 0.5 + torch.sigmoid((part[:, None, :] - part[:, :, None]) / tau).sum(2)


def _released(m: Tensor, rows: slice, tau: float) -> Tensor:
    """1 + sum_{k != c} sigmoid(clamp(m[k, j] - m[j, c])): row j's items against *column* j, indices (j, c, k)."""
    exponent = (m.T[rows][:, None, :] - m[rows][:, :, None]) / tau
    # The released code clamps the exponent at +-50, which cuts the gradient of any gap above 50 tau.
    terms = torch.sigmoid(exponent.clamp(-50, 50))
    return 1 + terms.sum(2) - torch.diagonal(terms, dim1=1, dim2=2)
