"""Pieces of a sweep of sensitivity, which any process can measure: the curve of one group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from explorer.engine.errors import DataError
from explorer.engine.graph import DependencyGraph
from explorer.engine.importance import Gradients
from explorer.exploration import Exploration
from explorer.jobs.progress import Progress
from explorer.training.data import Dataset
from explorer.training.sensitivity import measure_point, needed_gradients


def measure_curve(
    exploration: Exploration,
    data: Dataset | None,
    progress: Progress,
    *,
    group: str,
    ratios: Sequence[float],
    importance: str,
) -> dict[str, Any]:
    """Accuracies on the validation part with one group pruned alone.

    Args:
        exploration: The model; its recipe does not matter.
        data: What to measure on; the train part gives the gradients that some criteria need.
        progress: Told after each ratio.
        group: Name of the group.
        ratios: Fractions of its channels to remove.
        importance: What ranks them.

    Returns:
        ``points``: for each ratio ``group``, ``ratio`` and ``accuracy``.

    Raises:
        DataError: There is no data.
        ExplorerError: The group cannot be pruned or the model cannot be measured; the message says why.
    """
    if data is None:
        raise DataError("A sweep of sensitivity needs data to measure accuracy on. Name it, as in --data digits.")
    needed, points = _gradients(exploration.graph, data, importance), list[dict[str, Any]]()
    for ratio in ratios:
        progress.tell(len(points) / len(ratios))
        point = measure_point(exploration.graph, data.validation, group, ratio, importance=importance, gradients=needed)
        points.append(asdict(point))
    return {"points": points}


@lru_cache(maxsize=1)
def _gradients(graph: DependencyGraph, data: Dataset, importance: str) -> Gradients | None:
    """Taken once for all pieces of a sweep that one process measures."""
    return needed_gradients(graph.model, data.train, importance)
