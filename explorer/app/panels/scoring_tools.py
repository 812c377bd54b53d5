"""Above the grid: criteria that ask what a channel does to the loss, which is measured in the background first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import ClientsideFunction, Dash, Input, State, dcc

from explorer.app import ids
from explorer.app.panels import background
from explorer.app.panels.background import Background
from explorer.app.workspace import Workspace
from explorer.engine.errors import PlanError
from explorer.engine.importance import CRITERIA
from explorer.exploration import without_gradients
from explorer.jobs import Progress

WITH_DATA = tuple(name for name, criterion in CRITERIA.items() if criterion.needs)


def stores() -> list[Any]:
    """The criterion that somebody chose, and what the page knows of measuring for it."""
    return [dcc.Store(id=ids.SCORING), *background.stores(ids.SCORES)]


def begin(workspace: Workspace, page: str, recipe: dict[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Begins to measure what a criterion asks for; known at once where anybody asked before.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        recipe: The recipe on the page; the criterion in it is still the one before.
        chosen: ``importance``, one of `WITH_DATA`.

    Raises:
        PlanError: There is no such criterion, or the model has no data.
    """
    exploration, progress = workspace.exploration(recipe), Progress()
    importance, gradients = str(chosen.get("importance")), exploration.gradients
    if importance not in WITH_DATA:
        raise PlanError(f"{importance!r} measures nothing. The criteria that do are {', '.join(WITH_DATA)}.")
    known = workspace.gradients(workspace.open(exploration.recipe.source))
    if known is None or gradients is None:
        raise PlanError(without_gradients(importance, exploration.graph.title))
    needs = CRITERIA[importance].needs

    def measure() -> dict[str, Any]:
        return {"samples": known.measure(needs, progress.tell).samples}

    workspace.jobs.ask(background.owner(page, ids.SCORES), known.key(needs), measure, progress)
    return {"key": known.key(needs), "importance": importance}


WORK = Background(
    parts=ids.SCORES,
    verb="measuring what channels do to the loss",
    begin=begin,
    states=(State(ids.SCORING, "data"),),
    summary=lambda _asked, _result: [],  # the menu names the criterion as soon as the recipe does
    stopped="Stopped; the criterion is as it was.",
    trigger=Input(ids.SCORING, "data"),
    queue=lambda workspace: workspace.jobs,
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the criteria that need data."""
    background.register(app, workspace, WORK)
    app.clientside_callback(
        ClientsideFunction("training", "scored"), Input(ids.SCORES.shown, "data"), prevent_initial_call=True
    )
