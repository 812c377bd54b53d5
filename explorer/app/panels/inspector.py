"""Right pane: what is selected, what goes with it, and why."""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from explorer.app import ids, inspection
from explorer.app.figures import importance_bars
from explorer.app.panels import player
from explorer.app.parts import attributes
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError


def layout() -> html.Aside:
    """The pane; the first selection fills it."""
    chart = dcc.Graph(id=ids.IMPORTANCE, config={"displayModeBar": False, "responsive": True}, style={"height": 170})
    return html.Aside(
        [
            html.Div(
                [
                    html.Div(id=ids.INSPECTOR),
                    html.Section(
                        [html.H3("Importance of each channel", className="section-title"), chart],
                        id=ids.IMPORTANCE_BOX,
                        className="section",
                        hidden=True,
                    ),
                    html.Div(id=ids.DETAILS),
                ],
                className="scroll inspector",
            ),
            player.layout(),
        ],
        id=ids.RIGHT,
        className="pane right",
        **attributes(aria_label="Inspector", aria_live="polite"),
    )


def slot_of(group: str, pins: list[str]) -> int:
    """The hue of a selected group: its own where it is pinned, else the first free one."""
    return pins.index(group) if group in pins else min(len(pins), 7)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the inspector."""

    @app.callback(
        Output(ids.INSPECTOR, "children"),
        Output(ids.DETAILS, "children"),
        Input(ids.SELECTION, "data"),
        State(ids.OPENED, "data"),
    )
    def inspect(selection: dict[str, Any] | None, opened: dict[str, Any]) -> Any:
        return inspection.inspect(workspace.open(opened["source"]), selection or {}, opened["paths"])

    @app.callback(
        Output(ids.IMPORTANCE, "figure"),
        Output(ids.IMPORTANCE_BOX, "hidden"),
        Input(ids.SELECTION, "data"),
        Input(ids.SETTLED, "data"),
        Input(ids.SCHEME, "data"),
        State(ids.PINS, "data"),
        State(ids.RECIPE, "data"),
    )
    def bars(selection: dict[str, Any], _settled: str, scheme: str, pins: list[str], recipe: dict[str, Any]) -> Any:
        if not selection or selection.get("kind") != "group":
            return no_update, True
        try:
            plan, name = workspace.exploration(recipe).plan(), selection["name"]
        except ExplorerError:
            return no_update, True
        return importance_bars(plan.scores[name], plan.channels[name], scheme or "light", slot_of(name, pins)), False

    @app.callback(
        Output(ids.WHY_CHAIN, "children"),
        Input({"role": ids.WHY, "member": ALL}, "n_clicks"),
        State(ids.SELECTION, "data"),
        State(ids.MODEL, "data"),
        prevent_initial_call=True,
    )
    def explain(clicks: list[int | None], selection: dict[str, Any], source: str) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update
        group = workspace.open(source).graph.group(selection["name"])
        return inspection.why(workspace.open(source).graph, group, int(ctx.triggered_id["member"]))

    app.clientside_callback(
        ClientsideFunction("explorer", "pin"),
        Output(ids.PINS, "data"),
        Input(ids.PIN, "n_clicks"),
        State(ids.SELECTION, "data"),
        State(ids.PINS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "repaint"),
        Input(ids.DETAILS, "children"),
        Input(ids.INSPECTOR, "children"),
    )
