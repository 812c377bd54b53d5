"""Sensitivity of all groups of a model, shown point by point while it is measured, and pieces of it for workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from explorer.engine.importance import CRITERIA
from explorer.exploration import Exploration, Recipe
from explorer.jobs.gradients import taken_gradients
from explorer.jobs.progress import JobCancelledError, Progress
from explorer.training import Dataset, Point, Sensitivity, measure_point, sensitivity
from explorer.training.checkpoint import CheckpointError
from explorer.training.sensitivity import Measure


def ranking_alone(exploration: Exploration) -> Exploration:
    """The model and what ranks its channels: all of a recipe that a sweep of sensitivity depends on."""
    recipe = exploration.recipe
    ranking = Recipe(recipe.source, recipe.fingerprint, importance=recipe.importance, reduction=recipe.reduction)
    return replace(exploration, recipe=ranking)


def sweep(
    exploration: Exploration, data: Dataset, progress: Progress, *, measure: Measure | None = None
) -> dict[str, Any]:
    """Measures how accuracy falls when one group after the other is pruned alone, and all together.

    Args:
        exploration: The model, and the criterion and reduction that rank its channels.
        data: Measured on its validation part; gradients, where a criterion needs them, come with the exploration.
        progress: Shown what was measured so far, as `sensitivity_to_json` gives it, after each point. Its shelf keeps
            that, and the same sweep goes on from it.
        measure: What measures single groups; this process does by default.

    Returns:
        All of it, as `sensitivity_to_json` gives it.

    Raises:
        JobCancelledError: It was stopped; the shelf holds what there is.
        ExplorerError: Something cannot be measured.
    """
    choices: dict[str, Any] = {name: exploration.choices()[name] for name in ("importance", "reduction")}
    if measured := exploration.choices().get("data"):
        choices["gradients"] = measured

    def watch(found: Sensitivity) -> bool:
        return progress.show(found.measured / found.asked, sensitivity_to_json(found))

    def gone_on() -> Sensitivity:
        return sensitivity(exploration.graph, data, checkpoint=progress.shelf, watch=watch, measure=measure, **choices)

    try:
        found = gone_on()
    except CheckpointError:  # damaged, or of data that has changed since
        if progress.shelf is not None:
            progress.shelf.clear()
        found = gone_on()
    if not found.is_complete:
        raise JobCancelledError
    return sensitivity_to_json(found)


def measure_curve(
    exploration: Exploration,
    data: Dataset,
    progress: Progress,
    *,
    group: str,
    ratios: Sequence[float],
    samples: int,
) -> dict[str, Any]:
    """A piece of a sweep, which any process can measure: one group, pruned alone.

    Args:
        exploration: The model, and the criterion and reduction that rank its channels.
        data: Measured on its validation part; the train part gives the gradients that some criteria need.
        progress: Told after each ratio.
        group: Name of the group.
        ratios: Fractions of its channels to remove.
        samples: Most samples for gradients.

    Returns:
        ``points``: for each ratio the fields of a `Point`.

    Raises:
        ExplorerError: The group cannot be pruned or the model cannot be measured; the message says why.
    """
    graph, recipe, points = exploration.graph, exploration.recipe, list[dict[str, Any]]()
    choices: dict[str, Any] = {"importance": recipe.importance, "reduction": recipe.reduction}
    if needs := CRITERIA[recipe.importance].needs:
        choices["gradients"] = taken_gradients(graph, data, needs, samples)
    for ratio in ratios:
        progress.tell(len(points) / len(ratios))
        points.append(asdict(measure_point(graph, data.validation, group, ratio, **choices)))
    return {"points": points}


def sensitivity_to_json(found: Sensitivity) -> dict[str, Any]:
    """A sensitivity as JSON data; `sensitivity_from_json` reads it back."""
    return asdict(found)


def sensitivity_from_json(data: Mapping[str, Any]) -> Sensitivity:
    """The sensitivity that `sensitivity_to_json` wrote."""
    points, joint = (tuple(Point(**point) for point in data[name]) for name in ("points", "joint"))
    return Sensitivity(
        Point(**data["base"]), points, joint, tuple(data["groups"]), tuple(data["ratios"]), data["importance"]
    )
