"""Centre: every layer before and after the recipe, what was repaired and what was proven."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids
from explorer.app.comparison import summary, table_rows, verdict
from explorer.app.panels import centre, totals
from explorer.app.panels.centre import COMPARISON
from explorer.app.parts import attributes, message
from explorer.app.tables import filter_field, table
from explorer.app.terms import way_tag
from explorer.app.workspace import Workspace
from explorer.engine.changes import layer_changes
from explorer.engine.errors import ExplorerError

PAIRS = (
    ("weight", "Weight", 78, False),
    ("params", "Parameters", 60, True),
    ("macs", "MACs", 60, True),
    ("output", "Output", 92, False),
)
"""Field, title, least width of both columns in pixels, and whether it holds numbers."""
EXACT_BELOW = 1_000_000
"""Larger numbers are shown with three digits; a pointer that rests on them reads all."""


def layout() -> html.Section:
    """The view; it is filled when it is first shown."""
    search = filter_field(ids.COMPARISON_SEARCH, "Filter the layers", "Filter by name, type or shape", 230)
    changed = dmc.Switch(id=ids.COMPARISON_CHANGED, label="only what changes", size="xs", checked=False)
    return html.Section(
        [
            html.Div(
                [search, changed, html.Span(id=ids.COMPARISON_HEAD, className="comparison-head")],
                className="matrix-tools",
            ),
            html.Div(id=ids.COMPARISON_VERDICT, className="verdict", **attributes(aria_live="polite")),
            grid(),
        ],
        className="comparison",
        **attributes(aria_label="Layers before and after"),
    )


def stores() -> list[Any]:
    """What the browser asked to be compared and judged."""
    return [dcc.Store(id=ids.COMPARISON_ASKED), dcc.Store(id=ids.COMPARISON_JUDGED)]


def grid() -> Any:
    """The table, without rows; only those in sight are drawn."""
    return table(ids.COMPARISON_GRID, columns(), [], is_fitted=True)


def columns() -> list[dict[str, Any]]:
    """Layer, type, and a pair of columns for each thing that can change."""
    name = {"field": "name", "headerName": "name", "pinned": "left", "width": 150, "minWidth": 110,
            "cellRenderer": "LayerName", "tooltipField": "name"}  # fmt: skip
    return [
        {"headerName": "Layer", "children": [name]},
        {"field": "type", "headerName": "Type", "width": 104, "minWidth": 92, "tooltipField": "type"},
        *(_pair(*pair) for pair in PAIRS),
    ]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the comparison."""
    centre.ask_when_shown(
        app,
        COMPARISON,
        Output(ids.COMPARISON_ASKED, "data"),
        [Input(ids.COMPARISON_CHANGED, "checked"), Input(ids.SETTLED, "data"), Input(ids.MODEL, "data")],
    )
    centre.ask_when_shown(
        app,
        COMPARISON,
        Output(ids.COMPARISON_JUDGED, "data"),
        [Input(ids.SETTLED, "data"), Input(ids.ACCURACY, "children")],
    )

    @app.callback(
        Output(ids.COMPARISON_GRID, "rowData"),
        Output(ids.COMPARISON_HEAD, "children"),
        Input(ids.COMPARISON_ASKED, "data"),
        State(ids.RECIPE, "data"),
        prevent_initial_call=True,
    )
    def fill(asked: list[Any], recipe: dict[str, Any]) -> Any:
        changed_only, *_ = asked
        try:
            changes = layer_changes(workspace.exploration(recipe).plan())
        except ExplorerError as error:
            return [], message(str(error))
        return table_rows(changes, changed_only=changed_only), summary(changes)

    @app.callback(
        Output(ids.COMPARISON_VERDICT, "children"),
        Input(ids.COMPARISON_JUDGED, "data"),
        State(ids.RECIPE, "data"),
        State(ids.PAGE, "data"),
        prevent_initial_call=True,
    )
    def judge(_asked: list[Any], recipe: dict[str, Any], page: str) -> Any:
        return judged(workspace, recipe, page)

    @app.callback(
        Output(ids.COMPARISON_VERDICT, "children", allow_duplicate=True),
        Output(ids.CLOCK, "disabled", allow_duplicate=True),
        Input(ids.COMPARISON_VERIFY, "n_clicks"),
        State(ids.RECIPE, "data"),
        State(ids.PAGE, "data"),
        prevent_initial_call=True,
    )
    def verify(clicks: int | None, recipe: dict[str, Any], page: str) -> Any:
        return (judged(workspace, recipe, page, is_asked=True), False) if clicks else (no_update, no_update)

    app.clientside_callback(
        ClientsideFunction("centre", "filter"),
        Input(ids.COMPARISON_SEARCH, "value"),
        Input(ids.COMPARISON_GRID, "rowData"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("centre", "pickLayer"),
        Output(ids.SELECTION, "data", allow_duplicate=True),
        Input(ids.COMPARISON_GRID, "cellClicked"),
        prevent_initial_call=True,
    )


def judged(workspace: Workspace, recipe: dict[str, Any], page: str, *, is_asked: bool = False) -> list[Any]:
    """Which way a recipe takes and what is proven of it, as far as measuring it is.

    Args:
        workspace: Models and queue.
        recipe: The recipe.
        page: The page that asks.
        is_asked: Whether somebody pressed the button.
    """
    try:
        exploration = workspace.exploration(recipe)
        return [
            *way_tag(exploration),
            *verdict(totals.ask(workspace, exploration, page, is_asked), exploration.is_pruning()),
        ]
    except ExplorerError as error:
        return [message(str(error))]


def _pair(field: str, title: str, width: int, is_number: bool) -> dict[str, Any]:
    number = {
        "valueFormatter": {"function": f"d3.format(params.value < {EXACT_BELOW} ? ',' : '.3s')(params.value)"},
        "tooltipValueGetter": {"function": "d3.format(',')(params.value)"},
        "type": "rightAligned",
    }
    common = {"width": width, "minWidth": width, **(number if is_number else {"tooltipField": field})}
    different = {"is-changed": f"params.data.{field} !== params.data.{field}_after"}
    return {
        "headerName": title,
        "children": [
            {"field": field, "headerName": "before", **common},
            {"field": f"{field}_after", "headerName": "after", **common, "cellClassRules": different},
        ],
    }
