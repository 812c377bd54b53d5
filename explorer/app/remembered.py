"""What the panels remember of how one looks at a model: part of a recipe's view, and so of links, storage and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.app import ids
from explorer.app.matrices import EVERYTHING, SHOWN
from explorer.app.panels import centre, channels_panel, lists, matrices_panel, training_panel
from explorer.app.pareto import AXES
from explorer.app.playing import port_of
from explorer.app.shades import MODES
from explorer.app.unfolding import path_by_name
from explorer.app.workspace import Subject
from explorer.engine.errors import PlanError

SCOPE, PLAYER = "scope", "player"


@dataclass(frozen=True)
class Remembered:
    """A control whose state is remembered.

    Attributes:
        name: What its state is called in the view of a recipe.
        control: Id of the control.
        choices: What it can be set to, first as it is at first; more for the layers of a matrix, which can be those in
            any module.
        part: The property of the control that holds it.
    """

    name: str
    control: str
    choices: tuple[Any, ...]
    part: str = "value"


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
)
"""Every one but the player, whose state is ``{"port": name of the port, "step": number of the step}``."""


def controls() -> list[dict[str, Any]]:
    """What the browser needs to read and set the controls, as JSON data: ``name``, ``id``, ``part`` and ``usual``."""
    return [{"name": each.name, "id": each.control, "part": each.part, "usual": each.choices[0]} for each in REMEMBERED]


def fitting(subject: Subject, panels: Mapping[str, Any]) -> dict[str, Any]:
    """What of remembered states a model can be shown in; what nothing here knows is left out.

    Args:
        subject: The model.
        panels: States by name, of a link or file from anybody.
    """
    fits = {each.name: each.choices for each in REMEMBERED}
    fits[SCOPE] = (*fits[SCOPE], *subject.outline.members)
    if isinstance(panels.get(SCOPE), str):
        panels = {**panels, SCOPE: path_by_name(subject.outline, panels[SCOPE])}
    kept = {name: state for name, state in panels.items() if _is_one_of(state, fits.get(name, ()))}
    return kept | ({PLAYER: panels[PLAYER]} if _can_play(subject, panels.get(PLAYER)) else {})


def for_another_model(panels: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of remembered states when another model is opened: all but what is played."""
    return {name: state for name, state in panels.items() if name != PLAYER}


def _is_one_of(state: object, choices: tuple[Any, ...]) -> bool:
    """Whether a state is a choice, of the same type: 1 is not True."""
    return any(type(state) is type(choice) and state == choice for choice in choices)


def _can_play(subject: Subject, state: object) -> bool:
    if not isinstance(state, Mapping) or not isinstance(state.get("port"), str):
        return False
    try:
        port_of(subject.graph, state["port"])
    except PlanError:
        return False
    return isinstance(state.get("step"), int) and state["step"] >= 0
