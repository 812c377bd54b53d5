"""How long a forward takes on this machine, before and after a recipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from explorer.engine.errors import EvaluationError
from explorer.engine.latency import Timing, forward_seconds
from explorer.engine.targets import MOST_TIMINGS
from explorer.engine.trace import ExampleInputs, in_eval_mode
from explorer.engine.trees import map_tensors
from explorer.exploration import Exploration, checked_target, competing, found_ratios
from explorer.jobs.progress import Progress

WARM_UP = 3
LEAST_RUNS, MOST_RUNS = 9, 51
ENOUGH_SECONDS = 3.0
MOST_BATCH = 1024
NEAR_ENOUGH = 0.05
"""How far from a wanted latency a plan may be, as a part of it: times differ by so much from one minute to the next."""

Tell = Callable[[float], None]


@dataclass(frozen=True)
class Latency:
    """Time of one forward, measured in turns so that both models see the same machine.

    Attributes:
        before: Median of the original, in seconds.
        after: Median of the pruned model, in seconds; that of the original where nothing is pruned.
        batch: Samples in one forward; 0 where the inputs hold no batch that can be told.
        runs: Forwards of each.
    """

    before: float
    after: float
    batch: int
    runs: int

    def to_json(self) -> dict[str, Any]:
        """The latency as JSON data."""
        return asdict(self)


def measure_latency(exploration: Exploration, batch: int, tell: Tell) -> Latency:
    """Times the original and what a recipe makes of it.

    Args:
        exploration: The model and its recipe.
        batch: Samples in one forward; 0 for as many as the model was traced with.
        tell: Told how much is done, 0-1; what it raises stops the work.

    Returns:
        Medians after a warm-up: of at least 9 forwards, and of more while they are quick.

    Raises:
        ExplorerError: The plan cannot be applied, or the model does not run on such a batch; the message says which.
    """
    tell(0.0)
    original, inputs = exploration.graph.model, exploration.graph.example_inputs
    inputs = with_batch(inputs, batch) if batch else inputs
    models = [original, exploration.plan().apply().model] if exploration.is_pruning() else [original]
    try:
        times = _timed(models, inputs, tell)
    except (RuntimeError, ValueError, IndexError) as error:
        raise EvaluationError(
            f"The model does not run on a batch of {batch or batch_of(inputs)}: {error}. Choose “as traced” instead."
        ) from error
    medians = [median(each) for each in zip(*times, strict=True)]
    return Latency(medians[0], medians[-1], batch or batch_of(inputs), len(times))


def find_latency(exploration: Exploration, fraction: float, ranking: str, progress: Progress) -> dict[str, Any]:
    """Finds ratios with which a forward takes a wanted part of its time on this machine, by timing plans.

    Args:
        exploration: The model, and the options by which channels are ranked.
        fraction: Of the time that is to remain, above 0 and at most 1.
        ranking: Who competes, as for `DependencyGraph.plan_to`.
        progress: Told how many plans are timed; hears between forwards that the search is cancelled.

    Returns:
        ``ratios`` by group, and ``timings`` in the order in which they were taken: ``removed`` (0-1, of all channels),
        ``seconds`` and ``before`` (of one forward), ``noise`` (as a part of ``before``), ``runs`` and ``is_chosen``.

    Raises:
        PlanError: The target is none, or out of reach; the message then says what was measured.
        JobCancelledError: Nobody waits for it any more.
    """
    wanted = checked_target(exploration, fraction)

    def watch(timings: Sequence[Timing]) -> None:
        progress.tell(min(len(timings) / MOST_TIMINGS, 1.0))

    choices = competing(exploration, ranking)
    plan = exploration.graph.plan_to(latency=wanted, tolerance=NEAR_ENOUGH, watch=watch, **choices)
    nearest = min(plan.timings, key=lambda timing: abs(timing.fraction - wanted))
    timings = [asdict(timing) | {"is_chosen": timing is nearest} for timing in plan.timings]
    return {"ratios": found_ratios(plan), "timings": timings}


def batch_of(inputs: ExampleInputs) -> int:
    """Samples that example inputs hold: the first size that all their tensors share; 0 where they share none."""
    if isinstance(inputs, Tensor):
        values: Sequence[Any] = (inputs,)
    else:
        values = list(inputs.values()) if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple) else ()
    sizes = {value.shape[0] if isinstance(value, Tensor) and value.ndim else 0 for value in values}
    return sizes.pop() if len(sizes) == 1 else 0


def with_batch(inputs: ExampleInputs, batch: int) -> ExampleInputs:
    """Example inputs with another number of samples: those that there are, over and over.

    Args:
        inputs: A tensor, or a tuple or dict of tensors, that all have the samples in their first dimension.
        batch: How many samples, 1 to 1024.

    Raises:
        EvaluationError: The inputs have no common first dimension, or there cannot be so many samples.
    """
    if not 1 <= batch <= MOST_BATCH:
        raise EvaluationError(f"A batch has 1 to {MOST_BATCH} samples, not {batch}.")
    if not (size := batch_of(inputs)):
        raise EvaluationError(
            "The inputs of this model are not tensors that share a first dimension, so another batch size cannot be "
            "made of them. Choose “as traced” instead."
        )
    samples = torch.arange(batch) % size

    def taken(tensor: Tensor) -> Tensor:
        return tensor[samples.to(tensor.device)]

    repeated: ExampleInputs = map_tensors(inputs, taken)
    return repeated


def _timed(models: Sequence[nn.Module], inputs: ExampleInputs, tell: Tell) -> list[tuple[float, ...]]:
    """The seconds of each forward of each model, in turns."""
    times: list[tuple[float, ...]] = []
    with in_eval_mode(models[0]), in_eval_mode(models[-1]), torch.inference_mode():
        for _ in range(WARM_UP):
            tell(0.0)
            _ = [forward_seconds(model, inputs) for model in models]
        began, done = time.perf_counter(), 0.0
        while done < 1:
            times.append(tuple(forward_seconds(model, inputs) for model in models))
            spent = (time.perf_counter() - began) / ENOUGH_SECONDS
            done = min(len(times) / LEAST_RUNS, max(len(times) / MOST_RUNS, spent))
            tell(min(done, 1.0))
    return times
