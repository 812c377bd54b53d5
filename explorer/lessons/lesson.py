"""What a lesson is: steps, each a short text beside a live graph, and often a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.engine.errors import LessonError
from explorer.exploration import Recipe, View


@dataclass(frozen=True)
class Place:
    """Where in a file something is said.

    Attributes:
        file: Name of the file.
        lines: Line of each place in it, such as ``steps[2].task.port``, counted from 1.
        at: The place.
    """

    file: str
    lines: Mapping[str, int] = field(repr=False)
    at: str = ""

    def inside(self, name: str) -> Place:
        """The place of a field, such as ``show.select``."""
        return Place(self.file, self.lines, f"{self.at}.{name}" if self.at else name)

    def error(self, text: str) -> LessonError:
        """An error that says file, line and field before what is wrong there."""
        at = self.at
        while at and at not in self.lines:
            at = at.rpartition(".")[0]  # a field that is missing has no line; what should hold it has
        place = f"{self.file}:{self.lines.get(at, 1)}"
        return LessonError(f"{place}: {self.at}: {text}" if self.at else f"{place}: {text}")


@dataclass(frozen=True)
class Show:
    """What a step shows of which model.

    Attributes:
        model: Source of the model: ``sample:NAME`` or ``torchvision:NAME``.
        opened: Paths of the open modules; None for those that are open at first.
        select: ``kind`` (group, layer or module) and ``name`` of what is selected; empty for nothing.
        pins: Groups that keep their hue.
        ratios: Fraction to remove per group name, 0-1.
        keep: Channels to keep per group name.
        options: Criterion and the like, as fields of a recipe: ``importance``, ``reduction``, ``normalise``.
        panels: What panels show, as a recipe's view has it: ``centre``, ``matrix``, ``player``, ...
        panes: Which parts of the screen beside the text and the graph: ``inspector``, ``groups``, ``totals``.
    """

    model: str
    opened: tuple[str, ...] | None = None
    select: Mapping[str, str] = field(default_factory=dict)
    pins: tuple[str, ...] = ()
    ratios: Mapping[str, float] = field(default_factory=dict)
    keep: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    panels: Mapping[str, Any] = field(default_factory=dict)
    panes: tuple[str, ...] = ()

    def recipe(self) -> Recipe:
        """The same as a recipe, which the explorer opens like any other.

        Raises:
            PlanError: A part is not what a recipe holds.
        """
        view = View(self.opened, self.select, self.pins, self.panels)
        data = {"ratios": self.ratios, "keep": self.keep, **self.options, "view": view.to_json()}
        return Recipe.from_json({**Recipe(self.model).to_json(), **data})


@dataclass(frozen=True)
class Task:
    """Something to do, which the engine checks.

    Attributes:
        kind: Which kind, of `explorer.lessons.tasks.KINDS`.
        question: What is asked, in Markdown.
        hint: What helps somebody who is stuck, in Markdown.
        because: What is worth saying once it is solved, in Markdown; may be empty.
        fields: What the kind needs besides, such as ``port``.
        place: Where it is written.
    """

    kind: str
    question: str
    hint: str
    because: str
    fields: Mapping[str, Any]
    place: Place


@dataclass(frozen=True)
class Step:
    """One page of a lesson.

    Attributes:
        id: Its name in links, unique within the lesson.
        title: Its title.
        text: What it says, in Markdown; ``[groups](term:group)`` refers to the glossary.
        show: What is seen beside it.
        task: What there is to do; None where there is only something to see.
        does: What there is to do on the screen instead, of `explorer.lessons.actions.ACTIONS`; may be empty.
        place: Where it is written.
    """

    id: str
    title: str
    text: str
    show: Show
    task: Task | None
    place: Place
    does: str = ""


@dataclass(frozen=True)
class Lesson:
    """A lesson of a few minutes.

    Attributes:
        id: Its name in links: that of its file, without the number in front.
        title: Its title.
        summary: One sentence that says what one knows afterwards.
        minutes: How long it takes.
        steps: Its steps, in order.
        place: Where it is written.
        folder: Name of the folder that it came from; empty for those that come with the explorer.
    """

    id: str
    title: str
    summary: str
    minutes: int
    steps: tuple[Step, ...]
    place: Place
    folder: str = ""

    def step(self, name: str) -> Step | None:
        """A step by its id; None where there is none."""
        return next((step for step in self.steps if step.id == name), None)


@dataclass(frozen=True)
class Term:
    """An entry of the glossary.

    Attributes:
        id: Its name in links and in texts: ``term:ID``.
        title: The term as people write it.
        notation: How the paper writes it; may be empty.
        text: What it means, in one or two sentences of Markdown.
        show: The part of a real graph that its picture shows.
        place: Where it is written.
    """

    id: str
    title: str
    notation: str
    text: str
    show: Show
    place: Place
