"""Which lesson and step an address means, and the address of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.lessons import Lesson, Step

ROOT = "/learn/"


@dataclass(frozen=True)
class Spot:
    """Where in the lessons somebody is.

    Attributes:
        lesson: The lesson.
        number: Which of its steps, from 0.
    """

    lesson: Lesson
    number: int

    @property
    def step(self) -> Step:
        """The step."""
        return self.lesson.steps[self.number]

    @property
    def address(self) -> str:
        """Its address."""
        return address_of(self.lesson, self.step)


def address_of(lesson: Lesson, step: Step | None = None) -> str:
    """The address of a lesson, or of a step of it: ``/learn/residual/two-ways``."""
    return f"{ROOT}{lesson.id}" + (f"/{step.id}" if step else "")


def glossary_address(term: str = "") -> str:
    """The address of a term, or of the whole glossary."""
    return f"{ROOT}glossary" + (f"#{term}" if term else "")


def handout_address(lesson: Lesson) -> str:
    """The address of a lesson as a page to print."""
    return f"{address_of(lesson)}/handout"


def spot_at(lessons: Sequence[Lesson], path: str) -> Spot | None:
    """Where a path leads: to a step, or to the first one of a lesson; None for the list of lessons and what is unknown.

    Args:
        lessons: All of them.
        path: Such as ``/learn/residual/two-ways``.
    """
    name, _, step = path.removeprefix(ROOT).strip("/").partition("/")
    lesson = find_lesson(lessons, name)
    if lesson is None:
        return None
    numbers = [number for number, each in enumerate(lesson.steps) if each.id == step]
    return Spot(lesson, numbers[0] if numbers else 0) if numbers or not step else None


def find_lesson(lessons: Sequence[Lesson], name: str) -> Lesson | None:
    """A lesson by its id; None where there is none."""
    return next((lesson for lesson in lessons if lesson.id == name), None)


def is_list(path: str) -> bool:
    """Whether a path is that of the list of lessons."""
    return f"{path.rstrip('/')}/" == ROOT
