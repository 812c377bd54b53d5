"""The process's one random generator, used by one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LOCK = threading.RLock()


@contextmanager
def own_random_state(seed: int | None = None) -> Iterator[None]:
    """A CPU random state of one's own inside, and the one from before afterwards.

    PyTorch has one generator for the whole process. Whoever seeds it, or puts an earlier state back, would change what
    another thread draws meanwhile: random weights that should be the same every time would not be. So one thread at a
    time has it, and what needs it again inside gets it.

    Args:
        seed: What the state starts from; None goes on from the one outside.
    """
    with _LOCK, torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        yield
