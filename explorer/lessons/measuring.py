"""Accuracy for tasks, measured at once."""

from __future__ import annotations

from explorer.exploration import Exploration
from explorer.lessons.tasks.kind import unmeasured
from explorer.training import Split, evaluate


def measured(exploration: Exploration, data: Split | None) -> float:
    """The accuracy, 0-1, of what a recipe makes of its model.

    Args:
        exploration: The model and its recipe.
        data: What it is measured on; None where there is none.

    Raises:
        LessonError: There is no data.
    """
    if data is None:
        return unmeasured(exploration)
    model = exploration.plan().apply().model if exploration.is_pruning() else exploration.graph.model
    return evaluate(model, data).accuracy
