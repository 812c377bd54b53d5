"""Looks up everything that lessons name in the models that they show, so that no lesson goes stale unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.engine.errors import PlanError
from explorer.exploration import Exploration, fitted
from explorer.lessons.lesson import Lesson, Place, Show, Step, Term
from explorer.lessons.tasks import KINDS, Asked
from explorer.lessons.tasks.kind import Measure, ports_of, unmeasured

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph

OpenGraph = Callable[[str], "DependencyGraph"]
"""From a source, ``sample:resnet20``, to the graph of its model."""


def asked(step: Step, graph: DependencyGraph, measure: Measure = unmeasured) -> Asked:
    """The task of a step on its model, pruned as the step shows it.

    Raises:
        LessonError: The step has no task, or what it prunes does not fit the model.
    """
    if step.task is None:
        raise step.place.error("this step has no task")
    return Asked(step.task, shown(step.show, graph, step.place.inside("show")), measure)


def shown(show: Show, graph: DependencyGraph, place: Place) -> Exploration:
    """The model of a step, pruned as it shows it.

    Raises:
        LessonError: It names what the model does not have.
    """
    try:
        recipe = show.recipe()
        exploration, remarks = fitted(graph, show.model, recipe)
        if remarks:
            raise PlanError(" ".join(remarks))
        exploration.plan()
    except PlanError as error:
        raise place.error(str(error)) from error
    _check_names(show, graph, place)
    return replace(exploration, recipe=replace(exploration.recipe, view=recipe.view))


def verify(lesson: Lesson, open_graph: OpenGraph) -> None:
    """Checks that all that a lesson names is there, and that its tasks can be asked.

    Args:
        lesson: The lesson.
        open_graph: How its models are opened.

    Raises:
        LessonError: With file, line and field of what is not.
    """
    for step in lesson.steps:
        graph = open_graph(step.show.model)
        exploration = shown(step.show, graph, step.place.inside("show"))
        if step.task is not None:
            KINDS[step.task.kind].form(Asked(step.task, exploration))


def verify_term(term: Term, open_graph: OpenGraph) -> None:
    """Checks that all that an entry of the glossary names is there.

    Raises:
        LessonError: With file, line and field of what is not.
    """
    shown(term.show, open_graph(term.show.model), term.place.inside("show"))


def _check_names(show: Show, graph: DependencyGraph, place: Place) -> None:
    layers = {layer.name for layer in graph.layers}
    modules = {name for name, _ in graph.model.named_modules()}
    known = {"group": {group.name for group in graph.groups}, "layer": layers, "module": modules}
    kind, name = show.select.get("kind", ""), show.select.get("name", "")
    if show.select and (_module_path(name) if kind == "module" else name) not in known[kind]:
        raise place.inside(f"select.{kind}").error(f"{graph.title} has no {kind} {name!r}")
    for number, path in enumerate(show.opened or ()):
        if _module_path(path) not in modules:
            raise place.inside(f"open[{number}]").error(f"{graph.title} has no module {path!r}")
    for number, name in enumerate(show.pins):
        if name not in known["group"]:
            raise place.inside(f"pins[{number}]").error(f"{graph.title} has no group {name!r}")
    player = show.panels.get("player")
    if player is not None:
        _check_player(player, graph, place.inside("panels.player"))


def _module_path(path: str) -> str:
    """The module of a path of the outline, which has places that are none: ``layer3.*1-5.2`` gives ``layer3.2``."""
    return ".".join(part for part in path.split(".") if not part.startswith(("*", "~")))


def _check_player(player: object, graph: DependencyGraph, place: Place) -> None:
    port, step = (player.get("port"), player.get("step")) if isinstance(player, dict) else (None, None)
    if port not in {each.name for each in ports_of(graph)}:
        raise place.inside("port").error(f"{graph.title} has no port {port!r}; a port is a layer's name and + or -")
    total = len(graph.propagation(str(port)))
    if not isinstance(step, int) or not 0 <= step <= total:
        raise place.inside("step").error(f"what {port} reaches has the steps 0 to {total}, and no {step!r}")
