"""What all kinds of tasks share: what is shown, what is answered, and what is said of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.engine.errors import LessonError, PlanError
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Group
from explorer.engine.layers import Layer, Port
from explorer.engine.schema import Schema
from explorer.exploration import Exploration
from explorer.lessons.lesson import Task

Answer = Any
"""JSON data: names for `several`, one name for `one`, a number for `number`, nothing for `plan`."""
Measure = Callable[[Exploration], float]
"""From a recipe to the accuracy, 0-1, of what it makes of the model."""

INSPECTOR, COLOURS, LOCKS, MATRICES, SLIDERS = "inspector", "colours", "locks", "matrices", "sliders"
HIDEABLE: Mapping[str, str] = {
    INSPECTOR: "what the inspector says of the selection",
    COLOURS: "the colours of groups, and their names beside the pointer",
    LOCKS: "the locks on sides that are frozen, and why they are",
    MATRICES: "the matrices D and G",
    SLIDERS: "the grid of groups with its sliders, and what is chosen by hand: channels, ties",
}
"""The parts of the screen from which an answer could be read off: see `Kind.hides`."""
COUPLING = (INSPECTOR, COLOURS, MATRICES)
"""What shows which layers go together."""

_COUNTED = {
    "heads": ("head", "heads"),
    "head_dim": ("channel of each head", "channels of each head"),
    "conv_groups": ("convolution group", "convolution groups"),
}


def unmeasured(exploration: Exploration) -> float:
    """Stands in where a model has no data.

    Raises:
        LessonError: Always.
    """
    raise LessonError(f"{exploration.graph.title} has no data here, so its accuracy cannot be measured.")


@dataclass(frozen=True)
class Asked:
    """A task on a model.

    Attributes:
        task: The task.
        exploration: The model and what is to be pruned of it: as the step shows it, for a goal as the student left it.
        measure: How accuracy is measured.
    """

    task: Task
    exploration: Exploration
    measure: Measure = unmeasured

    @property
    def graph(self) -> DependencyGraph:
        """The model's graph."""
        return self.exploration.graph

    def field(self, name: str, otherwise: Any = None) -> Any:
        """A field of the task, or what it is where the lesson does not say."""
        return self.task.fields.get(name, otherwise)

    def error(self, name: str, text: str) -> LessonError:
        """An error about a field of the task, with file and line."""
        return self.task.place.inside(name).error(text)

    def group(self, name: str, where: str) -> Group:
        """A group by its name.

        Raises:
            LessonError: There is none; `where` is the field that names it.
        """
        try:
            return self.graph.group(name)
        except PlanError as error:
            raise self.error(where, str(error)) from error

    def port(self, name: str, where: str) -> Port:
        """A port by its name, such as ``conv1+``.

        Raises:
            LessonError: There is none; `where` is the field that names it.
        """
        found = next((port for port in ports_of(self.graph) if port.name == name), None)
        if found is None:
            raise self.error(where, f"{self.graph.title} has no port {name!r}; a port is a layer's name and + or -")
        return found

    def layers(self, where: str = "among") -> tuple[Layer, ...]:
        """The layers with parameters of their own that the field `where` allows: within modules, or all of them.

        Raises:
            LessonError: One of the names stands for no layer.
        """
        known = [layer for layer in self.graph.layers if layer.kind == "module"]
        allowed: list[str] | None = self.field(where)
        if allowed is None:
            return tuple(known)
        for number, name in enumerate(allowed):
            if not any(_is_within(layer.name, name) for layer in known):
                raise self.error(f"{where}[{number}]", f"{self.graph.title} has no layer in {name!r}")
        return tuple(layer for layer in known if any(_is_within(layer.name, name) for name in allowed))

    def groups(self, where: str = "among") -> tuple[Group, ...]:
        """The groups that the field `where` allows: by their names or those of modules, or all of them.

        Raises:
            LessonError: One of the names stands for no group.
        """
        known, allowed = self.graph.groups, self.field(where)
        if allowed is None:
            return known
        for number, name in enumerate(allowed):
            if not any(_is_within(group.name, name) for group in known):
                raise self.error(f"{where}[{number}]", f"{self.graph.title} has no group in {name!r}")
        return tuple(group for group in known if any(_is_within(group.name, name) for name in allowed))


@dataclass(frozen=True)
class Option:
    """Something that can be picked.

    Attributes:
        name: What the answer calls it.
        title: What people read.
        detail: A few words more; may be empty.
        layer: Name of the layer that stands for it in the graph; empty where none does.
    """

    name: str
    title: str
    detail: str = ""
    layer: str = ""


@dataclass(frozen=True)
class Form:
    """How a task is answered.

    Attributes:
        control: ``several`` options, ``one`` of them, a ``number``, or the ``plan`` on the screen.
        options: What can be picked.
        unit: What a number counts.
        conditions: What a plan has to meet, in words.
    """

    control: str
    options: tuple[Option, ...] = ()
    unit: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What is said of one option, or of one condition.

    Attributes:
        name: Name of the option.
        title: What people read.
        state: ``right``, ``missing`` (should have been picked) or ``extra`` (should not).
        reason: Why, in words that the engine found.
        layer: As `Option` has it.
    """

    name: str
    title: str
    state: str
    reason: str
    layer: str = ""


@dataclass(frozen=True)
class Feedback:
    """What is said of an answer.

    Attributes:
        is_right: Whether it solves the task.
        said: One sentence.
        verdicts: What is said of each part.
        facts: Numbers that the engine found, one line each.
        ratios: What to move the sliders to, to see it; empty where there is nothing to move.
        score: For a game: the fraction that is left, 0-1, the less the better; None for anything else.
    """

    is_right: bool
    said: str
    verdicts: tuple[Verdict, ...] = ()
    facts: tuple[str, ...] = ()
    ratios: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of task.

    Attributes:
        fields: JSON schema of what a lesson says of it, besides what all tasks have.
        form: How it is answered; raises LessonError where it names what the model does not have.
        check: What is said of an answer.
        solution: An answer that is right, found by the engine; for a plan, the recipe of one.
        mistake: An answer that is wrong, found likewise.
        hides: The parts of the screen, of `HIDEABLE`, that wait for the answer to a task, since they show it.
    """

    fields: Schema
    form: Callable[[Asked], Form]
    check: Callable[[Asked, Answer], Feedback]
    solution: Callable[[Asked], Answer]
    mistake: Callable[[Asked], Answer]
    hides: Callable[[Task], tuple[str, ...]] = lambda _task: ()


def ports_of(graph: DependencyGraph) -> tuple[Port, ...]:
    """Every port of a graph, in execution order, f- before f+."""
    return tuple(port for layer in graph.layers for port in (layer.inputs, layer.outputs))


def names_in(answer: Answer) -> set[str]:
    """The names of an answer to `several`; none where it is no list of names."""
    return {each for each in answer if isinstance(each, str)} if isinstance(answer, (list, tuple)) else set()


def sized(group: Group) -> str:
    """How much a group holds, in words: ``16 channels``, ``4 heads``."""
    one, several = _COUNTED.get(group.kind, ("channel", "channels"))
    return f"{group.size} {one if group.size == 1 else several}"


def spoken(port: str) -> str:
    """A port as people write it: ``bn1+`` gives ``bn1 f+``."""
    return f"{port[:-1]} f{'−' if port[-1] == '-' else '+'}"  # noqa: RUF001 - a minus sign


def _is_within(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}.")
