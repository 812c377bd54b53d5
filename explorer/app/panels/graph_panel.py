"""Centre: the graph, its controls, and what is highlighted in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from explorer.app import ids
from explorer.app.elements import Element, build_elements
from explorer.app.graph_view import graph_view
from explorer.app.panels.lists import with_ancestors
from explorer.app.parts import attributes, icon
from explorer.app.scene import default_open, gathered
from explorer.app.workspace import Subject, Workspace
from explorer.engine.graph import DependencyGraph


def layout(subject: Subject, opened: Sequence[str], scheme: str) -> html.Main:
    """The graph of `subject`."""
    elements = draw_graph(subject.graph, opened)
    buttons = [
        _tool(ids.GRAPH_IN, "plus", "Zoom in"),
        _tool(ids.GRAPH_OUT, "minus", "Zoom out"),
        _tool(ids.GRAPH_FIT, "fit", "Show the whole graph"),
    ]
    folds = [
        html.Button("Open all", id=ids.EXPAND_ALL, className="text-tool", type="button"),
        html.Button("Close all", id=ids.COLLAPSE_ALL, className="text-tool", type="button"),
    ]
    return html.Main(
        [
            graph_view(elements, scheme),
            html.Div([*folds, *buttons], className="graph-tools"),
            _legend(),
        ],
        className="centre",
    )


def draw_graph(graph: DependencyGraph, opened: Sequence[str]) -> list[Element]:
    """The elements of a graph in which some modules are open."""
    sizes = {group.name: group.size for group in graph.groups}
    return build_elements(gathered(graph.layers), graph.edges, frozenset(opened), sizes)


def revealing(subject: Subject, selection: dict[str, Any], paths: Sequence[str]) -> list[str] | None:
    """Modules to open so that what was picked in a list shows; None where it shows already."""
    if selection.get("via") != "list" or selection.get("kind") != "layer":
        return None
    needed = with_ancestors(paths, subject.graph.layer(selection["name"]).parent)
    return None if set(needed) == set(paths) else needed


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the graph."""

    @app.callback(Output(ids.GRAPH, "elements"), Input(ids.OPENED, "data"), prevent_initial_call=True)
    def draw(opened: dict[str, Any]) -> Any:
        return draw_graph(workspace.open(opened["source"]).graph, opened["paths"])

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        Input(ids.EXPAND_ALL, "n_clicks"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )
    def open_all(_clicks: int, opened: dict[str, Any]) -> Any:
        return {**opened, "paths": sorted(default_open(gathered(workspace.open(opened["source"]).graph.layers)))}

    app.clientside_callback(
        "(clicks, opened) => ({...opened, paths: []})",
        Output(ids.OPENED, "data", allow_duplicate=True),
        Input(ids.COLLAPSE_ALL, "n_clicks"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        Input(ids.SELECTION, "data"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )
    def reveal(selection: dict[str, Any], opened: dict[str, Any]) -> Any:
        needed = revealing(workspace.open(opened["source"]), selection, opened["paths"])
        return no_update if needed is None else {**opened, "paths": needed}

    for function, inputs in (
        ("highlight", [Input(ids.SELECTION, "data"), Input(ids.PINS, "data")]),
        ("newModel", [Input(ids.MODEL, "data")]),
        ("drawn", [Input(ids.GRAPH, "elements")]),
        ("filled", [Input(ids.GRID, "rowData")]),
        ("view", [Input(ids.GRAPH_FIT, "n_clicks"), Input(ids.GRAPH_IN, "n_clicks"), Input(ids.GRAPH_OUT, "n_clicks")]),
    ):
        app.clientside_callback(ClientsideFunction("explorer", function), *inputs)


def _tool(name: str, sign: str, title: str) -> html.Button:
    return html.Button(
        icon(sign), id=name, className="tool", type="button", title=title, **attributes(aria_label=title)
    )


def _legend() -> html.Div:
    parts = (
        ("band", "channels that can go"),
        ("frozen", "stays, and says why"),
        ("picked", "one group: goes together"),
    )
    items = [
        html.Span(
            [icon("lock") if kind == "frozen" else html.Span(className=f"swatch is-{kind}"), text],
            className="legend-item",
        )
        for kind, text in parts
    ]
    return html.Div(items, className="legend")
