"""Bottom drawer: the grid of groups with a ratio each, and what applies to all of them."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from explorer.app import ids
from explorer.app.answers import after_changes
from explorer.app.panels import background, totals, tuning
from explorer.app.parts import attributes
from explorer.app.preview import preview, rows
from explorer.app.tables import table
from explorer.app.terms import plan_terms
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import start

SLIDER_KEYS = {
    "function": "['ArrowLeft', 'ArrowRight', 'Home', 'End', 'PageUp', 'PageDown'].includes(params.event.key)"
}
BUTTON_KEYS = {"function": "['Enter', ' '].includes(params.event.key)"}
"""Keys that belong to what a cell holds, not to the grid."""


COUPLED = "Parameter dimensions that lose a slice with each channel"
CHECKED = {
    "rowSelection": {
        "mode": "multiRow",
        "checkboxes": True,
        "headerCheckbox": True,
        "enableClickSelection": False,
        "selectAll": "filtered",
    },
    "selectionColumnDef": {"width": 40, "minWidth": 40, "maxWidth": 40, "resizable": False},
}
"""Rows are checked by a box of their own: a click on one selects its group."""


def layout(subject: Subject) -> html.Section:
    """The drawer of a model of which nothing is pruned yet."""
    exploration = start(subject.graph, subject.source)
    return html.Section(
        [
            totals.layout(preview(exploration)),
            tuning.layout(),
            html.Div(id=ids.CHANGE_ERROR, className="change-error"),
            background.status_line(ids.SCORES),
            background.status_line(ids.LATENCY_TARGET),
            html.Div(id=ids.PLAN_TERMS),
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
    return table(ids.GRID, columns(), data, is_fitted=True, rowHeight=32, singleClickEdit=True, **CHECKED)


def columns() -> list[dict[str, Any]]:
    """The columns of the grid."""
    return [
        {"field": "name", "headerName": "Group", "cellRenderer": "GroupName", "width": 250, "minWidth": 150},
        {"field": "kind", "headerName": "Kind", "width": 104, "minWidth": 76},
        {
            "field": "members",
            "headerName": "Coupled",
            "headerTooltip": COUPLED,
            "width": 88,
            "minWidth": 72,
            "type": "rightAligned",
        },
        {
            "field": "ties",
            "headerName": "Moves with",
            "cellRenderer": "Ties",
            "cellDataType": False,
            "width": 150,
            "minWidth": 96,
            "sortable": False,
            "hide": True,  # shown where the model ties any
        },
        {"field": "kept", "headerName": "Channels", "cellRenderer": "Channels", "width": 132, "minWidth": 112},
        {
            "colId": "slider",
            "field": "percent",
            "headerName": "Remove",
            "cellRenderer": "RatioSlider",
            "width": 380,
            "minWidth": 100,
            "sortable": False,
            "suppressKeyboardEvent": SLIDER_KEYS,
        },
        {
            "field": "percent",
            "headerName": "%",
            "editable": {"function": "!params.data.locked"},
            "cellEditor": "agNumberCellEditor",
            "cellEditorParams": {"precision": 0},  # what is out of range comes back with words, not in silence
            "width": 72,
            "minWidth": 56,
            "type": "rightAligned",
            "cellClass": "ag-right-aligned-cell is-editable",
        },
        {
            "field": "locked",
            "headerName": "",
            "headerTooltip": "Locked groups stay as they are",
            "cellRenderer": "Lock",
            "width": 44,
            "minWidth": 44,
            "maxWidth": 44,
            "sortable": False,
            "resizable": False,
            "suppressKeyboardEvent": BUTTON_KEYS,
            "cellClass": "lock-cell",
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

    @app.callback(
        Output(ids.PLAN_TERMS, "children"),
        Input(ids.SETTLED, "data"),
        Input(ids.MODEL, "data"),
        State(ids.RECIPE, "data"),
        prevent_initial_call=True,
    )
    def state_terms(_settled: str, _source: str, recipe: dict[str, Any]) -> Any:
        try:
            return plan_terms(workspace.exploration(recipe))
        except ExplorerError:  # the answer to the change says what is wrong
            return []

    tuning.register(app)
    _register_clientside(app)


def _register_clientside(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("explorer", "typed"), Input(ids.GRID, "cellValueChanged"), prevent_initial_call=True
    )
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
    app.clientside_callback(ClientsideFunction("explorer", "groupSelected"), Input(ids.SELECTION, "data"))
