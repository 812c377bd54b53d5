"""What of the screen waits for an answer, since the answer could be read off it."""

from __future__ import annotations

from explorer.lessons.lesson import Step
from explorer.lessons.tasks import KINDS


def hidden(step: Step) -> tuple[str, ...]:
    """The parts of the screen, of `explorer.lessons.tasks.HIDEABLE`, that wait until the task of a step is solved.

    They follow from what is asked. A view that the step itself opens in the centre is what the answer is to be read
    from, as a matrix, and does not wait.
    """
    if step.task is None:
        return ()
    opened = step.show.panels.get("centre")
    return tuple(part for part in KINDS[step.task.kind].hides(step.task) if part != opened)
