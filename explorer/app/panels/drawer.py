"""Bottom drawer: the grid of groups with a ratio each, and what applies to all of them."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from explorer.app import ids
from explorer.app.answers import after_changes
from explorer.app.panels import totals
from explorer.app.parts import attributes
from explorer.app.preview import preview, rows
from explorer.app.workspace import Subject, Workspace
from explorer.exploration import start

CRITERION_NAMES = {
    "l1": "L1 norm",
    "l2": "L2 norm",
    "group_norm": "group norm",
    "lamp": "LAMP",
    "fpgm": "FPGM",
    "random": "random",
}
"""The criteria that every model and every group can be ranked by, without data."""
OWN_KEYS = {"function": "['ArrowLeft', 'ArrowRight', 'Home', 'End', 'PageUp', 'PageDown'].includes(params.event.key)"}


def layout(subject: Subject) -> html.Section:
    """The drawer of a model of which nothing is pruned yet."""
    exploration = start(subject.graph, subject.source)
    return html.Section(
        [
            totals.layout(preview(exploration)),
            html.Div(_tools(), className="grid-tools"),
            html.Div(id=ids.CHANGE_ERROR, className="change-error"),
            grid(rows(exploration)),
        ],
        className="drawer",
        **attributes(aria_label="Groups and totals"),
    )


def grid(data: list[dict[str, Any]]) -> Any:
    """The grid of groups.

    Args:
        data: Rows from `explorer.app.preview.rows`.
    """
    return dag.AgGrid(
        id=ids.GRID,
        rowData=data,
        columnDefs=columns(),
        getRowId="params.data.name",
        defaultColDef={"sortable": True, "resizable": True, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "theme": {"function": "themeQuartz"},
            "rowHeight": 32,
            "headerHeight": 30,
            "singleClickEdit": True,
            "animateRows": False,
            "suppressCellFocus": False,
        },
        columnSize="responsiveSizeToFit",
        className="grid",
        style={"height": None, "width": "100%"},
    )


def columns() -> list[dict[str, Any]]:
    """The columns of the grid."""
    return [
        {"field": "name", "headerName": "Group", "cellRenderer": "GroupName", "width": 250, "minWidth": 170},
        {"field": "kind", "headerName": "Kind", "width": 104, "minWidth": 84},
        {"field": "members", "headerName": "Coupled", "width": 88, "minWidth": 76, "type": "rightAligned"},
        {"field": "kept", "headerName": "Channels", "cellRenderer": "Channels", "width": 104, "minWidth": 92},
        {
            "colId": "slider",
            "field": "percent",
            "headerName": "Remove",
            "cellRenderer": "RatioSlider",
            "width": 400,
            "minWidth": 150,
            "sortable": False,
            "suppressKeyboardEvent": OWN_KEYS,
        },
        {
            "field": "percent",
            "headerName": "%",
            "editable": True,
            "cellEditor": "agNumberCellEditor",
            "cellEditorParams": {"precision": 0},  # what is out of range comes back with words, not in silence
            "width": 72,
            "minWidth": 64,
            "type": "rightAligned",
            "cellClass": "ag-right-aligned-cell is-editable",
        },
    ]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the drawer."""

    @app.callback(
        Output(ids.ANSWER, "data"), Input(ids.CHANGE, "data"), State(ids.RECIPE, "data"), prevent_initial_call=True
    )
    def apply_changes(asked: dict[str, Any] | None, recipe: dict[str, Any]) -> Any:
        return after_changes(workspace, asked, recipe) if isinstance(asked, dict) else no_update

    @app.callback(
        Output(ids.GRID, "rowData"), Input(ids.MODEL, "data"), State(ids.RECIPE, "data"), prevent_initial_call=True
    )
    def fill(_source: str, recipe: dict[str, Any]) -> Any:
        return rows(workspace.exploration(recipe))

    _register_clientside(app)


def _register_clientside(app: Dash) -> None:
    for function, inputs in (
        ("every", [Input(ids.UNIFORM, "value")]),
        ("reset", [Input(ids.RESET, "n_clicks")]),
        ("options", [Input(ids.CRITERION, "value"), Input(ids.ROUND_TO, "value"), Input(ids.MINIMUM, "value")]),
        ("typed", [Input(ids.GRID, "cellValueChanged")]),
    ):
        app.clientside_callback(ClientsideFunction("explorer", function), *inputs, prevent_initial_call=True)
    app.clientside_callback(
        ClientsideFunction("explorer", "showPreview"),
        Input(ids.PREVIEW, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "rowPicked"),
        Output(ids.SELECTION, "data", allow_duplicate=True),
        Input(ids.GRID, "cellClicked"),
        prevent_initial_call=True,
    )


def _tools() -> list[Any]:
    criteria = [{"label": label, "value": name} for name, label in CRITERION_NAMES.items()]
    every = dmc.Slider(
        id=ids.UNIFORM,
        min=0,
        max=95,
        step=1,
        value=0,
        size="xs",
        w=150,
        updatemode="drag",
        label=None,
        className="every",
    )
    return [
        html.H2("Groups", className="pane-title"),
        html.Label(["all groups", every], className="tool-field"),
        html.Button("Reset", id=ids.RESET, className="text-tool", type="button"),
        html.Div(className="grow"),
        html.Label(
            ["rank by", dmc.Select(id=ids.CRITERION, data=criteria, value="l2", size="xs", w=104, allowDeselect=False)],
            className="tool-field",
        ),
        html.Label(["multiple of", _count(ids.ROUND_TO)], className="tool-field"),
        html.Label(["at least", _count(ids.MINIMUM)], className="tool-field"),
    ]


def _count(name: str) -> Any:
    return dmc.NumberInput(id=name, value=1, min=1, max=1024, step=1, allowDecimal=False, size="xs", w=64)
