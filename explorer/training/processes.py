"""One training on several processes: which batches are whose, and how they agree.

Everything here does nothing special where PyTorch's process group is not set up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@contextmanager
def process_group() -> Iterator[None]:
    """The process group that ``torchrun`` asks for, for as long as this lasts; nothing without it."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield
        return
    import torch._dynamo  # as DistributedDataParallel does; imported later, it would hold the group and its threads

    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """Number of processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Number of this process; the first one, 0, writes and measures."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_first() -> bool:
    """Whether this process writes and measures."""
    return rank() == 0


def default_device() -> torch.device | None:
    """This process's own GPU, where there is one."""
    if not torch.cuda.is_available():
        return None
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def own_share(batches: Iterable[T]) -> Iterator[T]:
    """Every n-th batch, n being the number of processes, so that all have equally many."""
    waiting: list[T] = []
    for batch in batches:
        waiting.append(batch)
        if len(waiting) == count():
            yield waiting[rank()]
            waiting = []


def in_step(model: nn.Module) -> nn.Module:
    """The model, averaging its gradients over all processes."""
    if count() == 1:
        return model
    device = next(model.parameters()).device
    return DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)


def agreed(value: T) -> T:
    """What the first process says."""
    if count() == 1:
        return value
    said: list[T] = [value]
    distributed.broadcast_object_list(said)
    return said[0]


def mean_over_processes(value: float, device: torch.device) -> float:
    """The mean of what all processes say."""
    if count() == 1:
        return value
    total = torch.tensor(value, dtype=torch.float64 if device.type == "cpu" else torch.float32, device=device)
    distributed.all_reduce(total)
    return float(total) / count()
