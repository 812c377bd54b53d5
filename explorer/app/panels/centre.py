"""Centre: the switch between the views of a model, and the views themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, html

from explorer.app import ids
from explorer.app.panels import progress
from explorer.app.parts import attributes, tool
from explorer.app.workspace import Workspace

GRAPH, MATRICES, COMPARISON, TRAINING, PLANS = "graph", "matrices", "comparison", "training", "plans"
VIEWS = {GRAPH: "Graph", MATRICES: "Matrices", COMPARISON: "Before / after", TRAINING: "Training", PLANS: "Plans"}


def layout(views: dict[str, Any], head: Any) -> html.Div:
    """The views on top of each other, one of them visible, and over them what is said while a model is opened.

    Args:
        views: What each view of `VIEWS` shows, by name.
        head: What stands in the bar while the graph shows.
    """
    switch = dmc.SegmentedControl(
        id=ids.CENTRE_VIEW,
        data=[{"label": title, "value": name} for name, title in VIEWS.items()],
        value=GRAPH,
        size="xs",
        **attributes(aria_label="View of the model"),
    )
    left = tool(ids.LEFT_TOGGLE, "left", "Modules and search")
    others = [tool(ids.BOTTOM_TOGGLE, "bottom", "Groups and ratios"), tool(ids.RIGHT_TOGGLE, "right", "Inspector")]
    stacked = [html.Div(view, className="view", **attributes(data_view=name)) for name, view in views.items()]
    return html.Div(
        [
            html.Div([left, switch, head, html.Div(others, className="row")], className="views-bar"),
            *stacked,
            *progress.layout(),
        ],
        id=ids.CENTRE,
        className="views",
        **attributes(data_shown=GRAPH),
    )


def ask_when_shown(app: Dash, view: str, asked: Output, parts: Sequence[Input]) -> None:
    """Hands what a view is drawn from to a store, as a list, while the view is in the centre and whenever it differs.

    A view that nobody sees asks the server for nothing.

    Args:
        app: The app.
        view: One of `VIEWS`.
        asked: What a callback on the server draws the view from.
        parts: What it is drawn from.
    """
    app.clientside_callback(
        f"(shown, ...parts) => dash_clientside.centre.ask(shown === '{view}', parts)",
        asked,
        Input(ids.CENTRE_VIEW, "value"),
        *parts,
        prevent_initial_call=True,
    )


def register(app: Dash, _workspace: Workspace) -> None:
    """Callbacks of the switch."""
    app.clientside_callback(
        ClientsideFunction("centre", "show"), Input(ids.CENTRE_VIEW, "value"), prevent_initial_call=True
    )
