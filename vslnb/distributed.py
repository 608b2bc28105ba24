"""Several processes that train or evaluate one model together (`torchrun`); alone, all of this does nothing.

A process encodes its share of a batch's images and captions. The regions of all images go to everyone, the
captions stay: a process scores all images against its own captions, so that SAF's statistics, which are per
caption, and the batch norm of the images see what they see in one process. The scores go to everyone, the
loss is that of the whole batch, and gradients are summed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NoReturn

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from vslnb.errors import InputError

PATIENCE = timedelta(minutes=30)  # the slowest does not keep the others waiting for longer


class ProcessLost(RuntimeError):
    """Another process of the run has ended; what it had saved is there."""


def process_count() -> int:
    """How many processes work together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def process_index() -> int:
    """Which of them this is; 0 writes files and speaks."""
    return dist.get_rank() if process_count() > 1 else 0


def world_size_from_env() -> int:
    """How many processes `torchrun` started, this one among them; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))


@contextlib.contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the processes that `torchrun` started with this one, if it did.

    Raises:
        InputError: for a device that several processes cannot use.
    """
    if world_size_from_env() == 1:
        yield
        return
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device {device}", "it works in one process only", "Add --device cpu.")
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def exit_process() -> NoReturn:
    """End a process that worked with others, once all is said and saved, without Python's own shutdown.

    Threads of gloo now and then abort in that, after everything is done, and torchrun calls the whole a failure.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@contextlib.contextmanager
def _others() -> Iterator[None]:
    try:
        yield
    except RuntimeError as fault:
        reason = str(fault).splitlines()[0][:200]
        raise ProcessLost(f"another process of this run has ended ({reason})") from fault


def shard(items: np.ndarray) -> np.ndarray:
    """This process's part of a batch, whose size the number of processes divides."""
    size = len(items) // process_count()
    return items[process_index() * size : (process_index() + 1) * size]


class _Gather(torch.autograd.Function):
    """Rows of all processes, in their order; backwards, a process's own rows."""

    @staticmethod
    def forward(ctx, rows: Tensor, summed: bool) -> Tensor:
        ctx.summed, ctx.size = summed, len(rows)
        parts = [torch.empty_like(rows) for _ in range(process_count())]
        with _others():
            dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        if ctx.summed:
            gradient = gradient.clone(memory_format=torch.contiguous_format)
            with _others():
                dist.all_reduce(gradient)
        return gradient[process_index() * ctx.size : (process_index() + 1) * ctx.size], None


def gather_parts(rows: Tensor) -> Tensor:
    """(n, ...) of each process -> (N, ...), which each then uses differently: their gradients are summed."""
    return rows if process_count() == 1 else _Gather.apply(rows, True)


def gather_results(rows: Tensor) -> Tensor:
    """(n, ...) of each process -> (N, ...), from which all compute the same loss: its gradient counts once."""
    return rows if process_count() == 1 else _Gather.apply(rows, False)


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Sum the gradients of all processes, in place."""
    if process_count() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    with _others():
        dist.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients])):
        gradient.copy_(part.view_as(gradient))


def gather_rounds(items: Iterator) -> Iterator:
    """What any process yields, at every process, a round at a time."""
    if process_count() == 1:
        yield from items
        return
    while True:
        found = all_gather_object(next(items, None))
        if all(item is None for item in found):
            return
        yield from (item for item in found if item is not None)


def all_gather_object(value: object) -> list:
    """The values of all processes, in their order, at every process."""
    found: list = [value]
    if process_count() > 1:
        found = [None] * process_count()
        with _others():
            dist.all_gather_object(found, value)
    return found


def barrier() -> None:
    """Until all processes are here."""
    all_gather_object(None)
