"""Centre: the graph, its controls, and what is highlighted in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from explorer.app import ids
from explorer.app.crumbs import crumbs
from explorer.app.elements import Element, build_elements
from explorer.app.graph_view import graph_view
from explorer.app.parts import attributes, icon, plain, tool
from explorer.app.shades import MODES, NEUTRAL
from explorer.app.unfolding import most_open, revealed
from explorer.app.workspace import Subject, Workspace

HOW_TO_WALK = "Graph of the model. Up and down follow the data, Enter opens and closes, g selects the group."


def layout(subject: Subject, opened: Sequence[str], scheme: str) -> html.Main:
    """The graph of `subject`."""
    elements = draw_graph(subject, opened)
    buttons = [
        tool(ids.GRAPH_IN, "plus", "Zoom in"),
        tool(ids.GRAPH_OUT, "minus", "Zoom out"),
        tool(ids.GRAPH_ZOOM, "target", "Zoom to what is selected (z)"),
        tool(ids.GRAPH_FIT, "fit", "Show the whole graph (f)"),
    ]
    folds = [
        html.Button("Open all", id=ids.EXPAND_ALL, className="text-tool", type="button"),
        html.Button("Close all", id=ids.COLLAPSE_ALL, className="text-tool", type="button"),
    ]
    drawing = html.Div(
        graph_view(elements, scheme),
        id=ids.GRAPH_BOX,
        className="graph-box",
        tabIndex=0,
        role="application",
        **attributes(aria_label=HOW_TO_WALK),
    )
    over = [
        html.Canvas(id=ids.MINIMAP, className="minimap", hidden=True, **attributes(aria_hidden="true")),
        html.Div(id=ids.GRAPH_TIP, className="graph-tip", hidden=True),
        html.Div(id=ids.GRAPH_LIVE, className="only-heard", role="status"),
    ]
    tools = html.Div([*folds, *buttons], className="graph-tools")
    return html.Main(
        [
            html.Div([drawing, *over], className="graph-area"),
            html.Div([_legend(), tools], className="graph-foot"),
        ],
        className="centre",
    )


def head(subject: Subject, selection: dict[str, Any]) -> html.Div:
    """In the bar above the graph: the path of the selection, and what the layers are coloured by.

    Args:
        subject: The model.
        selection: What is selected first.
    """
    trail = html.Nav(
        crumbs(subject.outline, subject.title, selection),
        id=ids.CRUMBS,
        className="crumbs",
        **attributes(aria_label="Where the selection is"),
    )
    choices = [{"label": label, "value": mode} for mode, label in MODES.items()]
    shade = dmc.SegmentedControl(
        id=ids.SHADE, data=choices, value=NEUTRAL, size="xs", **attributes(aria_label="What the layers are coloured by")
    )
    return html.Div(
        [
            trail,
            html.Div([html.Span("colour", className="quiet"), shade], className="shade-field"),
        ],
        className="graph-head",
    )


def draw_graph(subject: Subject, opened: Sequence[str]) -> list[Element]:
    """The elements of a graph in which some modules are open."""
    return build_elements(subject.outline, frozenset(opened), subject.sizes)


def revealing(subject: Subject, selection: dict[str, Any], paths: Sequence[str]) -> list[str] | None:
    """Modules to open so that what was picked outside of the graph shows; None where it shows already."""
    if selection.get("via") == "graph" or selection.get("kind") not in ("layer", "module"):
        return None
    needed = revealed(subject.outline, paths, selection)
    return None if set(needed) == set(paths) else needed


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the graph."""

    @app.callback(Output(ids.GRAPH, "elements"), Input(ids.OPENED, "data"), prevent_initial_call=True)
    def draw(opened: dict[str, Any]) -> Any:
        return draw_graph(workspace.open(opened["source"]), opened["paths"])

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        Input(ids.EXPAND_ALL, "n_clicks"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )
    def open_all(_clicks: int, opened: dict[str, Any]) -> Any:
        return {**opened, "paths": sorted(most_open(workspace.open(opened["source"]).outline))}

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
        needed = revealing(workspace.open(opened["source"]), selection or {}, opened["paths"])
        return no_update if needed is None else {**opened, "paths": needed}

    @app.callback(
        Output(ids.CRUMBS, "children"),
        Input(ids.SELECTION, "data"),
        State(ids.MODEL, "data"),
        prevent_initial_call=True,
    )
    def locate(selection: dict[str, Any] | None, source: str) -> Any:
        subject = workspace.open(source)
        return crumbs(subject.outline, subject.title, selection or {})

    _register_clientside(app)


def _register_clientside(app: Dash) -> None:
    view = (ids.GRAPH_FIT, ids.GRAPH_IN, ids.GRAPH_OUT, ids.GRAPH_ZOOM)
    for function, inputs in (
        ("highlight", [Input(ids.SELECTION, "data"), Input(ids.PINS, "data")]),
        ("newModel", [Input(ids.MODEL, "data")]),
        ("drawn", [Input(ids.GRAPH, "elements")]),
        ("filled", [Input(ids.GRID, "rowData")]),
        ("opened", [Input(ids.OPENED, "data")]),
    ):
        app.clientside_callback(ClientsideFunction("explorer", function), *inputs)
    for function, inputs in (
        ("shade", [Input(ids.SHADE, "value")]),
        ("view", [Input(name, "n_clicks") for name in view]),
    ):
        app.clientside_callback(ClientsideFunction("explorer", function), *inputs, prevent_initial_call=True)


def _legend() -> html.Div:
    parts = (
        ("band", "channels that can go"),
        ("frozen", "stays, and says why"),
        ("picked", "one group: goes together"),
        ("picked-all", "each colour one group: goes together"),
    )
    items = [
        html.Span(
            [icon("lock") if kind == "frozen" else html.Span(className=f"swatch is-{kind}"), text],
            className=f"legend-item for-{kind}",
        )
        for kind, text in parts
    ]
    shades = [html.Span(id=f"{ids.SHADE_LEGEND}-{end}") for end in ("least", "most")]
    scale = html.Div([shades[0], html.Span(className="shade-scale"), shades[1]], id=ids.SHADE_LEGEND, hidden=True)
    return html.Div([plain(items), scale], className="legend")
