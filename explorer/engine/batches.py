"""Labelled data as batches, in the forms that models and loaders come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from explorer.engine.trees import map_tensors

Inputs = Tensor | tuple[Any, ...] | Mapping[str, Any]
"""What one forward takes: a tensor, positional tensors, or tensors by keyword."""

Batch = tuple[Inputs, Tensor]
"""Inputs and labels; the first dimension of each tensor is the batch."""


@runtime_checkable
class Batched(Protocol):
    """Data that parts itself, such as a `Split`."""

    def batches(self, batch_size: int, *, seed: int | None = None) -> Iterator[Batch]:
        """Inputs and labels, at most `batch_size` at a time: in their stored order, or in one of the seed's own."""


Batches = Batched | Iterable[Batch]
"""Data that parts itself, or batches as a `torch.utils.data.DataLoader` gives them."""


def batches_of(data: Batches, batch_size: int) -> Iterator[Batch]:
    """The batches of `data`; `batch_size` counts only where the data parts itself."""
    yield from data.batches(batch_size) if isinstance(data, Batched) else data


def as_call(inputs: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs as positional and keyword arguments of a forward."""
    if isinstance(inputs, Tensor):
        return (inputs,), {}
    return ((), dict(inputs)) if isinstance(inputs, Mapping) else (tuple(inputs), {})


def on_device(inputs: Inputs, device: torch.device) -> Inputs:
    """The inputs on a device."""
    moved: Inputs = map_tensors(inputs, lambda tensor: tensor.to(device))
    return moved
