"""What the panels remember of how one looks at a model: part of a recipe's view, and so of links, storage and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.app import ids
from explorer.app.graph_view import ZOOMS
from explorer.app.matrices import EVERYTHING, SHOWN
from explorer.app.panels import centre, channels_panel, lists, matrices_panel, training_panel
from explorer.app.pareto import AXES
from explorer.app.playing import port_of
from explorer.app.shades import MODES
from explorer.app.unfolding import path_by_name
from explorer.app.workspace import Subject
from explorer.engine.errors import PlanError

SCOPE, PLAYER, GRAPH = "scope", "player", "graph"
MOST_LETTERS = 200
"""Longest text of a filter that is remembered."""
FARTHEST = 1e6
"""How far from the origin of the graph one can look, in its own pixels."""


@dataclass(frozen=True)
class Remembered:
    """A control whose state is remembered.

    Attributes:
        name: What its state is called in the view of a recipe.
        control: Id of the control.
        choices: What it can be set to, first as it is at first; more for the layers of a matrix, which can be those in
            any module. None for a text, which is empty at first and is about the names in one model.
        part: The property of the control that holds it.
    """

    name: str
    control: str
    choices: tuple[Any, ...] | None
    part: str = "value"

    @property
    def usual(self) -> Any:
        """What it is set to at first."""
        return self.choices[0] if self.choices else ""


REMEMBERED = (
    Remembered("centre", ids.CENTRE_VIEW, tuple(centre.VIEWS)),
    Remembered("list", ids.LIST_KIND, tuple(lists.KINDS)),
    Remembered("shade", ids.SHADE, tuple(MODES)),
    Remembered("matrix", ids.MATRIX_KIND, tuple(matrices_panel.KINDS)),
    Remembered(SCOPE, ids.MATRIX_SCOPE, (SHOWN, EVERYTHING)),
    Remembered("channels", ids.CHANNELS_SORT, tuple(channels_panel.SORTS)),
    Remembered("training", ids.TRAINING_TAB, tuple(training_panel.TABS)),
    Remembered("axis", ids.PLANS_AXIS, tuple(AXES)),
    Remembered("changed", ids.COMPARISON_CHANGED, (False, True), "checked"),
    Remembered("search", ids.SEARCH, None),
    Remembered("filter", ids.GRID_FILTER, None),
    Remembered("layers", ids.COMPARISON_SEARCH, None),
)
"""Every one but the player, whose state is ``{"port": name of the port, "step": number of the step}``, and the view of
the graph, ``{"zoom": ..., "x": ..., "y": ...}``, where x and y are what is in the middle, in pixels of the graph."""


def controls() -> list[dict[str, Any]]:
    """What the browser needs to read and set the controls, as JSON data: ``name``, ``id``, ``part`` and ``usual``."""
    return [{"name": each.name, "id": each.control, "part": each.part, "usual": each.usual} for each in REMEMBERED]


def fitting(subject: Subject, panels: Mapping[str, Any]) -> dict[str, Any]:
    """What of remembered states a model can be shown in, in their order; what nothing here knows is left out.

    Args:
        subject: The model.
        panels: States by name, of a link or file from anybody.
    """
    known = {each.name: each for each in REMEMBERED}
    if isinstance(panels.get(SCOPE), str):
        panels = {**panels, SCOPE: path_by_name(subject.outline, panels[SCOPE])}

    def fits(name: str, state: object) -> bool:
        if name == PLAYER:
            return _can_play(subject, state)
        if name == GRAPH:
            return _is_view(state)
        more = tuple(subject.outline.members) if name == SCOPE else ()
        return name in known and _can_be(known[name], state, more)

    return {name: state for name, state in panels.items() if fits(name, state)}


def for_another_model(panels: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of remembered states when another model is opened: all that is not about what is in the model."""
    stays = {each.name for each in REMEMBERED if each.choices}
    return {name: state for name, state in panels.items() if name in stays}


def _can_be(control: Remembered, state: object, more: tuple[str, ...]) -> bool:
    """Whether a control can be set to a state, of the same type: 1 is not True."""
    if control.choices is None:
        return isinstance(state, str) and len(state) <= MOST_LETTERS
    return any(type(state) is type(choice) and state == choice for choice in (*control.choices, *more))


def _is_view(state: object) -> bool:
    """Whether a state says how the graph is looked at; no number that is none, and none that leads astray."""
    if not isinstance(state, Mapping) or state.keys() != {"zoom", "x", "y"}:
        return False
    if not all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in state.values()):
        return False
    is_near = all(abs(state[name]) <= FARTHEST for name in ("x", "y"))
    return is_near and ZOOMS[0] <= state["zoom"] <= ZOOMS[1]


def _can_play(subject: Subject, state: object) -> bool:
    if not isinstance(state, Mapping) or not isinstance(state.get("port"), str):
        return False
    try:
        port_of(subject.graph, state["port"])
    except PlanError:
        return False
    return isinstance(state.get("step"), int) and state["step"] >= 0
