"""`lessons` on the command line: checks lessons against their models, and finds the answers to their tasks."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.commands.text import say, sentence
from explorer.engine.errors import ExplorerError, LessonError

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph
    from explorer.exploration import Exploration
    from explorer.lessons import Lesson

COMMAND = "lessons"
PURPOSE = "check lessons against the models that they show; one line for each"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    command = commands.add_parser(name=COMMAND, help=PURPOSE, description=sentence(PURPOSE))
    command.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="folder of .yaml files (the explorer's own lessons)"
    )
    command.set_defaults(run=_check)


@dataclass(frozen=True)
class Models:
    """The models of lessons, each opened once.

    Attributes:
        graphs: By source.
        data: The word of the data that each was made for.
    """

    graphs: dict[str, DependencyGraph] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)

    def open(self, source: str) -> DependencyGraph:
        """The graph of a model.

        Raises:
            ExplorerError: It cannot be opened.
        """
        from explorer.models import open_model
        from explorer.models.tracing import trace_opened

        if source not in self.graphs:
            opened = open_model(source)
            self.graphs[source], self.data[source] = trace_opened(opened), opened.data
        return self.graphs[source]

    def accuracy(self, exploration: Exploration) -> float:
        """The accuracy, 0-1, of what a recipe makes of its model.

        Raises:
            LessonError: It has no data.
        """
        from explorer.lessons.measuring import measured
        from explorer.training import open_data

        word = self.data[exploration.recipe.source]
        return measured(exploration, open_data(word).test if word else None)


def checked(path: Path, models: Models) -> Lesson:
    """The lesson in a file, all of which is there, and each of whose tasks has an answer.

    Args:
        path: The file.
        models: Opens what the lesson shows.

    Raises:
        ExplorerError: With file, line and field of what is not so.
    """
    from explorer.lessons import KINDS, asked, read_lesson, verify

    lesson = read_lesson(path)
    verify(lesson, models.open)
    for step in lesson.steps:
        if step.task is not None:
            KINDS[step.task.kind].solution(asked(step, models.open(step.show.model), models.accuracy))
    return lesson


def report(path: Path, check: Callable[[Path], Lesson]) -> tuple[str, bool]:
    """A line about a lesson, and whether it can be taught."""
    try:
        lesson = check(path)
    except ExplorerError as error:
        text = str(error)
        return text if path.name in text else f"{path.name}: {text}", False
    tasks = sum(step.task is not None for step in lesson.steps)
    counts = f"{_counted(len(lesson.steps), 'step')}, {_counted(tasks, 'task')}"
    return f"{path.name}: {lesson.title}, {counts}, all answered by the engine", True


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _check(options: argparse.Namespace) -> None:
    from explorer.lessons import lessons_with
    from explorer.lessons.reading import TEXTS, lesson_files

    check, wrong = partial(checked, models=Models()), 0
    files = lesson_files(options.folder or TEXTS)
    for path in files:
        line, is_right = report(path, check)
        say([line])
        wrong += not is_right
    if wrong:
        raise LessonError(f"{wrong} of {len(files)} lessons cannot be taught as they are; see above.")
    lessons_with(options.folder)  # names that two of them share
