"""What the engine says of the tasks of a lesson, for the page of answers at the end of a handout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from explorer.app.workspace import Workspace
from explorer.exploration import Exploration, Recipe, fitted
from explorer.lessons import KINDS, Asked, Verdict
from explorer.lessons.measuring import measured

FEW = 3
"""So many groups are named one by one."""


@dataclass(frozen=True)
class Measured:
    """Finds accuracies at once; who asks waits.

    Attributes:
        workspace: The models and their data.
    """

    workspace: Workspace

    def __call__(self, exploration: Exploration) -> float:
        """The accuracy, 0-1, of what a recipe makes of its model.

        Raises:
            LessonError: The model has no data.
        """
        data = self.workspace.open(exploration.recipe.source).data
        return measured(exploration, data.test if data else None)


def answer(asked: Asked) -> str:
    """The right answer to a task and why it is, as HTML.

    Args:
        asked: The task on its model.

    Raises:
        LessonError: The engine finds none.
    """
    kind = KINDS[asked.task.kind]
    found, form = kind.solution(asked), kind.form(asked)
    if form.control == "plan":
        return _plan(asked, found)
    feedback = kind.check(asked, found)
    if form.control == "number":
        return _listed(f"{found} {form.unit}.", feedback.facts)
    return _listed("", feedback.facts or map(_row, feedback.verdicts))


def _plan(asked: Asked, recipe: Mapping[str, Any]) -> str:
    """A plan that meets a goal, and how it does."""
    source = asked.exploration.recipe.source
    exploration, _ = fitted(asked.graph, source, Recipe.from_json(recipe), asked.exploration.gradients)
    feedback = KINDS[asked.task.kind].check(replace(asked, exploration=exploration), None)
    ratios = _ratios(exploration.recipe.ratios, len(asked.graph.groups))
    return _listed(f"One plan that does: remove {ratios}.", map(_row, feedback.verdicts))


def _listed(said: str, rows: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return (f"<p>{escape(said)}</p>" if said else "") + (f"<ul>{items}</ul>" if items else "")


def _row(verdict: Verdict) -> str:
    return f"{verdict.title}: {verdict.reason}"


def _ratios(ratios: Mapping[str, float], groups: int) -> str:
    """What a plan removes, in words; one number where it is the same of many groups."""
    different = set(ratios.values())
    if len(different) == 1 and len(ratios) > FEW:
        return f"{different.pop():.0%} of {len(ratios)} of the {groups} groups"
    return ", ".join(f"{ratio:.0%} of {name}" for name, ratio in ratios.items())
