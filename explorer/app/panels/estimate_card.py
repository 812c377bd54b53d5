"""Until a plan is measured: what the sensitivity curves say that it may come to, marked as an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, State, html

from explorer.app import ids, numbers
from explorer.app.parts import attributes
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import Exploration
from explorer.jobs import sensitivity_from_json

WHY = (
    "Not measured: made of what single groups lose, and of what all of them together lost. The range is what was "
    "measured of plans that remove more and less. Validation accuracy, without training."
)


def layout() -> html.Div:
    """The line, empty until there are curves; a measured accuracy takes its place (assets/training.css)."""
    return html.Div(id=ids.ESTIMATE, className="estimate", **attributes(aria_live="polite"))


def estimate(exploration: Exploration, shown: Mapping[str, Any] | None) -> list[Any]:
    """The estimate of a recipe; nothing where there is none to make.

    Args:
        exploration: The model and its recipe.
        shown: What the page holds of a sweep.
    """
    if not shown or not shown["data"] or not exploration.is_pruning():
        return []
    found = sensitivity_from_json(shown["data"])
    if not found.is_complete:
        return []
    tag = html.Span("estimated", className="tag", title=WHY)
    if exploration.recipe.keep:
        return [tag, html.Span("not where channels are chosen by hand", className="quiet")]
    guess = found.estimate(exploration.recipe.ratios)
    low, high = (numbers.percent(accuracy, 0) for accuracy in (guess.low, guess.high))
    said = f"within {low} to {high}" if low != high else ""
    return [tag, html.Strong(f"≈ {numbers.percent(guess.accuracy, 0)}"), html.Span(said, className="quiet")]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the line."""

    @app.callback(
        Output(ids.ESTIMATE, "children"),
        Output(ids.ESTIMATE, "title"),
        Input(ids.SETTLED, "data"),
        Input(ids.SWEEP.shown, "data"),
        State(ids.RECIPE, "data"),
        prevent_initial_call=True,
    )
    def show(_settled: str, shown: dict[str, Any] | None, recipe: dict[str, Any]) -> Any:
        try:
            return estimate(workspace.exploration(recipe), shown), WHY
        except ExplorerError:  # the totals say what is wrong
            return [], ""
