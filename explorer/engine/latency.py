"""How long a forward takes, on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from explorer.engine.trace import ExampleInputs, call_model, in_eval_mode

_WARM_UP = 2
_LEAST_RUNS, _MOST_RUNS = 9, 101
_LEAST_SECONDS = 0.4


@dataclass(frozen=True)
class Timing:
    """A pruned model against the original, measured in turns so that both see the same machine.

    Attributes:
        removed: Fraction of the channels that the plan removes.
        seconds: Time of one forward of the pruned model: the lower quartile, which other load moves least.
        before: The same of the original.
        noise: How far the median of the original's times lies above that, as a fraction of it.
        runs: Forwards of each.
    """

    removed: float
    seconds: float
    before: float
    noise: float
    runs: int

    @property
    def fraction(self) -> float:
        """The part of the original's time that remains."""
        return self.seconds / self.before


def time_against(
    original: nn.Module,
    pruned: nn.Module,
    inputs: ExampleInputs,
    removed: float,
    watch: Callable[[], object] = lambda: None,
) -> Timing:
    """How long one forward takes, pruned and original, in eval mode.

    Args:
        original: The model before.
        pruned: The model after.
        inputs: What both run on.
        removed: Fraction of the channels that is gone, for the record.
        watch: Called between forwards; what it raises ends the timing.
    """
    times: list[tuple[float, float]] = []
    with in_eval_mode(original), in_eval_mode(pruned), torch.inference_mode():
        for _ in range(_WARM_UP):
            watch()
            call_model(original, inputs)
            call_model(pruned, inputs)
        began = time.perf_counter()
        while len(times) < _LEAST_RUNS or (len(times) < _MOST_RUNS and time.perf_counter() - began < _LEAST_SECONDS):
            watch()
            times.append((forward_seconds(original, inputs), forward_seconds(pruned, inputs)))
    low, middle = np.quantile(np.array(times), [0.25, 0.5], axis=0)
    return Timing(removed, float(low[1]), float(low[0]), float(middle[0] / low[0] - 1), len(times))


def forward_seconds(model: nn.Module, inputs: ExampleInputs) -> float:
    """Wall-clock time of one forward, waiting for a GPU where the model is on one.

    Args:
        model: In the mode and gradient context that it is to be timed in.
        inputs: What it runs on.
    """
    wait: Callable[[], None] = torch.cuda.synchronize if _is_on_gpu(model) else (lambda: None)
    wait()
    began = time.perf_counter()
    call_model(model, inputs)
    wait()
    return time.perf_counter() - began


def _is_on_gpu(model: nn.Module) -> bool:
    return any(parameter.is_cuda for parameter in model.parameters())
