"""Over the centre while a model is opened: which model, how far it is, a way out; and why one was not opened."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from explorer.app import ids
from explorer.app.openings import STAGES
from explorer.app.parts import attributes
from explorer.app.workspace import Workspace

TELL_MILLISECONDS = 350


def layout() -> list[html.Div]:
    """The notice, hidden, which assets/explorer_opening.js shows while the app is busy; and room for what failed."""
    notice = html.Div(
        [
            html.Div(id=ids.OPENING_TITLE, className="opening-title"),
            html.Div(className="opening-bar", **attributes(aria_hidden="true")),
            html.Ol(steps(""), id=ids.OPENING_STAGE, className="opening-steps"),
            html.Div(id=ids.OPENING_TIME, className="quiet"),
            html.Button("Cancel", id=ids.OPENING_CANCEL, className="text-tool is-boxed", type="button"),
            dcc.Interval(id=ids.OPENING_CLOCK, interval=TELL_MILLISECONDS, disabled=True),
            dcc.Store(id=ids.CANCELLED),
        ],
        id=ids.OPENING,
        className="opening",
        role="status",
        hidden=True,
    )
    return [notice, html.Div(id=ids.FAILURE, className="opening is-failure")]


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
        return steps(workspace.openings.stage(source))

    app.clientside_callback(
        ClientsideFunction("explorer", "cancelOpening"),
        Output(ids.CANCELLED, "data"),
        Input(ids.OPENING_CANCEL, "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(Input(ids.CANCELLED, "data"), State(ids.PAGE, "data"), prevent_initial_call=True)
    def cancel(source: str | None, page: str) -> None:
        workspace.openings.cancel(str(source), page)
