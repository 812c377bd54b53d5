"""Over the graph while a model is opened: which model, how far it is, and how long it has taken."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, dcc, html

from explorer.app import ids
from explorer.app.parts import attributes
from explorer.app.workspace import STAGES, Workspace

TELL_MILLISECONDS = 350


def layout() -> html.Div:
    """The notice, hidden; assets/explorer_opening.js shows it while the app is busy."""
    return html.Div(
        [
            html.Div(id=ids.OPENING_TITLE, className="opening-title"),
            html.Div(className="opening-bar", **attributes(aria_hidden="true")),
            html.Ol(steps(""), id=ids.OPENING_STAGE, className="opening-steps"),
            html.Div(id=ids.OPENING_TIME, className="quiet"),
            dcc.Interval(id=ids.OPENING_CLOCK, interval=TELL_MILLISECONDS, disabled=True),
        ],
        id=ids.OPENING,
        className="opening",
        role="status",
        hidden=True,
    )


def steps(stage: str) -> list[html.Li]:
    """The stages of opening a model, those before `stage` as done.

    Args:
        stage: One of `STAGES`; empty before the first.
    """
    at = STAGES.index(stage) if stage in STAGES else -1
    return [
        html.Li(text, className="is-done" if place < at else "is-here" if place == at else "")
        for place, text in enumerate(STAGES)
    ]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the notice."""

    @app.callback(
        Output(ids.OPENING_STAGE, "children"),
        Input(ids.OPENING_CLOCK, "n_intervals"),
        State(ids.PICKER, "value"),
        prevent_initial_call=True,
    )
    def tell(_ticks: int, source: str) -> Any:
        return steps(workspace.stage(source))
