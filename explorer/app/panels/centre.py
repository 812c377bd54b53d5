"""Centre: the switch between the views of a model, and the views themselves."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, html

from explorer.app import ids
from explorer.app.parts import attributes, icon
from explorer.app.workspace import Workspace

GRAPH, MATRICES, COMPARISON, TRAINING, PLANS = "graph", "matrices", "comparison", "training", "plans"
VIEWS = {GRAPH: "Graph", MATRICES: "Matrices", COMPARISON: "Before / after", TRAINING: "Training", PLANS: "Plans"}


def layout(views: dict[str, Any]) -> html.Div:
    """The views on top of each other, one of them visible.

    Args:
        views: What each view of `VIEWS` shows, by name.
    """
    switch = dmc.SegmentedControl(
        id=ids.CENTRE_VIEW,
        data=[{"label": title, "value": name} for name, title in VIEWS.items()],
        value=GRAPH,
        size="xs",
        **attributes(aria_label="View of the model"),
    )
    left = _tool(ids.LEFT_TOGGLE, "left", "Modules and search")
    right = _tool(ids.RIGHT_TOGGLE, "right", "Inspector")
    stacked = [html.Div(view, className="view", **attributes(data_view=name)) for name, view in views.items()]
    return html.Div(
        [html.Div([left, switch, html.Div(className="grow"), right], className="views-bar"), *stacked],
        id=ids.CENTRE,
        className="views",
        **attributes(data_shown=GRAPH),
    )


def register(app: Dash, _workspace: Workspace) -> None:
    """Callbacks of the switch."""
    app.clientside_callback(ClientsideFunction("centre", "show"), Input(ids.CENTRE_VIEW, "value"))


def _tool(name: str, sign: str, title: str) -> html.Button:
    return html.Button(
        icon(sign), id=name, className="tool", type="button", title=title, **attributes(aria_label=title)
    )
