"""What is said of an answer: the engine checks it on the model that the step shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.app.learn import feedback
from explorer.app.learn.addresses import find_lesson
from explorer.app.learn.forms import task_form
from explorer.app.learn.measuring import Measuring, UnmeasuredError
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError, LessonError
from explorer.exploration import View
from explorer.lessons import KINDS, Answer, Asked, Kind, Lesson, Step, Task
from explorer.lessons import asked as asked_on

GOAL = "goal"
"""The kind of task that is about what is pruned on the page."""
CHECK, SOLUTION, RECALL = "check", "solution", "recall"
NOTHING_PICKED = {"several": "Pick at least one, then check.", "one": "Pick one, then check."}

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """Where one page answers a task.

    Attributes:
        workspace: Models and queue.
        step: The step; it has a task.
        recipe: What is pruned on the page.
        page: The page.
        is_asked: Whether somebody asks just now, so that what was stopped is measured again.
    """

    workspace: Workspace
    step: Step
    recipe: Data
    page: str
    is_asked: bool = True

    @property
    def task(self) -> Task:
        """The task."""
        assert self.step.task is not None
        return self.step.task

    @property
    def kind(self) -> Kind:
        """Its kind."""
        return KINDS[self.task.kind]

    @property
    def measuring(self) -> Measuring:
        """How accuracy is measured."""
        owner = self.page if self.task.kind == GOAL else f"{self.page}:lesson"
        return Measuring(self.workspace, owner, self.is_asked)

    def asked(self) -> Asked:
        """The task on its model.

        Raises:
            ExplorerError: The model cannot be opened, or the page shows another one.
        """
        if self.task.kind != GOAL:
            return asked_on(self.step, self.workspace.open(self.step.show.model).graph, self.measuring)
        if self.recipe.get("source") != self.step.show.model:
            raise LessonError("The page shows another model than this step. Go to the step again.")
        return Asked(self.task, self.workspace.exploration(self.recipe), self.measuring)


def desk_at(
    lessons: Sequence[Lesson], at: Data | None, workspace: Workspace, recipe: Data, page: str, *, is_asked: bool = True
) -> Desk | None:
    """Where a page answers the task of a step; None where there is no such step, or no task.

    Args:
        lessons: All of them.
        at: ``lesson`` and ``step``, ids.
        workspace: Models and queue.
        recipe: What is pruned on the page.
        page: The page.
        is_asked: Whether somebody asks just now.
    """
    lesson = find_lesson(lessons, str((at or {}).get("lesson")))
    step = lesson.step(str((at or {}).get("step"))) if lesson else None
    return Desk(workspace, step, recipe, page, is_asked) if step and step.task else None


def form(desk: Desk) -> Any:
    """The controls of a task, or words why it cannot be asked."""
    try:
        step, opened = desk.step, desk.workspace.open(desk.step.show.model)
        return task_form(desk.task, desk.kind.form(asked_on(step, opened.graph, desk.measuring)))
    except ExplorerError as error:
        return feedback.trouble(str(error))


def verdict(desk: Desk, what: Data) -> dict[str, Any]:
    """What the engine says of an answer, or its own answer.

    Args:
        desk: Where it is answered.
        what: ``want`` (``check``, ``solution``, or ``recall`` of what was solved or shown before), ``answer``, and
            ``lesson``, ``step`` and ``at``, by which the browser knows what it asked. Of a recall ``answer`` is what
            was kept, and ``was`` the state that is told: ``right`` or ``shown``.

    Returns:
        These three; ``state``: ``right``, ``wrong``, ``shown``, ``measuring`` or ``none``; ``answer``, what solves it,
        to be filled in and kept: of a goal the recipe; ``marks``: of each option that something is said of, ``name``,
        ``layer``, ``state`` and ``reason``; ``said`` and ``more``: components; ``score`` of a game. Without a verdict
        only ``said``.
    """
    head = {name: what.get(name) for name in ("lesson", "step", "at")}
    try:
        return head | _checked(desk, what)
    except UnmeasuredError as error:
        return head | feedback.measuring(error.job)
    except ExplorerError as error:
        return head | feedback.nothing(str(error))


def conditions(desk: Desk) -> list[Any]:
    """The conditions of a goal, each with whether it holds now; accuracy counts once it is measured."""
    if desk.recipe.get("source") != desk.step.show.model:
        return []  # which is being opened
    desk = replace(desk, is_asked=False)
    try:
        asked = desk.asked()
        found = desk.kind.check(replace(asked, measure=desk.measuring.known), None)
    except ExplorerError as error:
        return [feedback.trouble(str(error))]
    is_known = not math.isnan(desk.measuring.known(asked.exploration))
    return feedback.conditions(found.verdicts or (), is_known)


def _checked(desk: Desk, what: Data) -> dict[str, Any]:
    if what.get("want") == RECALL:
        recalled = _recalled_goal if desk.task.kind == GOAL else _recalled
        return recalled(desk, what.get("answer"), is_shown=what.get("was") == feedback.SHOWN)
    asked, answer = desk.asked(), what.get("answer")
    is_shown = what.get("want") == SOLUTION
    if is_shown:
        answer = desk.kind.solution(asked)
        asked = _with_plan(desk, asked, answer)
    elif empty := _empty(desk, asked, answer):
        return feedback.nothing(empty, tone="warn")
    found = desk.kind.check(asked, answer)
    if desk.task.kind == GOAL:
        answer = replace(asked.exploration.recipe, view=View()).to_json()
    said = feedback.told(desk.task, found, answer, is_shown=is_shown)
    return said | ({"answer": answer} if found.is_right else {})


def _recalled(desk: Desk, kept: Answer, *, is_shown: bool) -> dict[str, Any]:
    """What is said of a task that was solved, or its answer shown, before.

    What was answered then is checked again; where it is not right any more, or was not kept, the engine's own answer
    stands in.

    Args:
        desk: Where it is answered.
        kept: What was answered; None where that was not kept.
        is_shown: Whether the answer was the engine's.
    """
    asked = desk.asked()
    found = desk.kind.check(asked, kept)
    if not found.is_right:
        kept = desk.kind.solution(asked)
        found = desk.kind.check(asked, kept)
    return feedback.told(desk.task, found, kept, is_shown=is_shown) | {"answer": kept}


def _recalled_goal(desk: Desk, kept: Answer, *, is_shown: bool) -> dict[str, Any]:
    """The same of a goal: without the plan that met it the closing text alone, since to find one may take minutes."""
    if not isinstance(kept, dict) or kept.get("source") != desk.step.show.model:
        return feedback.closing(desk.task, is_shown=is_shown)
    found = desk.kind.check(Asked(desk.task, desk.workspace.exploration(kept), desk.measuring), None)
    if not found.is_right:
        return feedback.closing(desk.task, is_shown=is_shown)
    return feedback.told(desk.task, found, kept, is_shown=is_shown) | {"answer": kept}


def _with_plan(desk: Desk, asked: Asked, answer: Answer) -> Asked:
    """The task with the engine's own plan on the page, for a goal."""
    if desk.task.kind != GOAL:
        return asked
    return replace(asked, exploration=desk.workspace.exploration(answer))


def _empty(desk: Desk, asked: Asked, answer: Answer) -> str:
    """What to do first, where nothing was picked: to check that would only give the answer away."""
    return "" if answer else NOTHING_PICKED.get(desk.kind.form(asked).control, "")
