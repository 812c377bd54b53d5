"""Right pane: what is selected, what goes with it, and why."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids, inspection
from explorer.app.panels import channels_panel, player, weights_panel
from explorer.app.parts import attributes, message
from explorer.app.terms import terms, untying
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError


def layout() -> html.Aside:
    """The pane; the first selection fills it."""
    return html.Aside(
        [
            html.Div(
                [
                    html.Div(id=ids.INSPECTOR, **attributes(aria_live="polite")),
                    html.Div(id=ids.TERMS),
                    channels_panel.layout(),
                    html.Div(id=ids.DETAILS),
                    weights_panel.layout(),
                ],
                className="scroll inspector",
            ),
            player.layout(),
        ],
        id=ids.RIGHT,
        className="pane right",
        **attributes(aria_label="Inspector"),
    )


def stores() -> list[Any]:
    """What is asked of the inspector."""
    return [dcc.Store(id=ids.WHY)]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the inspector."""

    def seen(selection: dict[str, Any] | None, opened: dict[str, Any]) -> Any:
        return inspection.inspect(workspace.open(opened["source"]), selection or {}, opened["paths"])

    app.callback(
        Output(ids.INSPECTOR, "children"),
        Output(ids.DETAILS, "children"),
        Input(ids.SELECTION, "data"),
        State(ids.OPENED, "data"),
    )(seen)

    # One of its own: what is asked of a callback is forgotten when it is asked for something else in the meantime, and
    # a selection often opens modules.
    @app.callback(
        Output(ids.INSPECTOR, "children", allow_duplicate=True),
        Output(ids.DETAILS, "children", allow_duplicate=True),
        Input(ids.OPENED, "data"),
        State(ids.SELECTION, "data"),
        prevent_initial_call=True,
    )
    def see_again(opened: dict[str, Any], selection: dict[str, Any] | None) -> Any:
        is_module = (selection or {}).get("kind") == "module"
        return seen(selection, opened) if is_module else (no_update, no_update)

    @app.callback(
        Output(ids.TERMS, "children"),
        Input(ids.SELECTION, "data"),
        Input(ids.SETTLED, "data"),
        State(ids.RECIPE, "data"),
    )
    def state_terms(selection: dict[str, Any] | None, _settled: str, recipe: dict[str, Any]) -> Any:
        if not selection or selection.get("kind") != "group":
            return []
        try:
            return terms(workspace.exploration(recipe), selection["name"])
        except ExplorerError as error:
            return [message(str(error))]

    @app.callback(
        Output(ids.UNTIE_SAID, "children"),
        Input(ids.UNTIE, "n_clicks"),
        State(ids.SELECTION, "data"),
        State(ids.RECIPE, "data"),
        prevent_initial_call=True,
    )
    def announce(clicks: int | None, selection: dict[str, Any], recipe: dict[str, Any]) -> Any:
        return untying(workspace.exploration(recipe), selection["name"]) if clicks else no_update

    @app.callback(
        Output(ids.WHY_CHAIN, "children"),
        Output(ids.WEIGHTS_MEMBER, "value", allow_duplicate=True),
        Input(ids.WHY, "data"),
        State(ids.MODEL, "data"),
        prevent_initial_call=True,
    )
    def explain(asked: tuple[str, int], source: str) -> Any:
        graph = workspace.open(source).graph
        group, member = graph.group(asked[0]), asked[1]
        return inspection.why(graph, group, member), group.members[member].parameter

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
        prevent_initial_call=True,
    )
