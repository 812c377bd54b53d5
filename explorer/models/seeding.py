"""Randomness that is the same every time a source is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from explorer.engine.randomness import own_random_state

SEED = 0


@contextmanager
def fixed_seed() -> Iterator[None]:
    """A seeded CPU random state inside, and the caller's own outside."""
    with own_random_state(SEED):
        yield


def noise(shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise in float32, the same for the same shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(SEED))
