"""Centre: the dependency matrix D and the grouping matrix G as heat maps, linked to the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from explorer.app import ids
from explorer.app.figures import matrix_map
from explorer.app.matrices import (
    EVERYTHING,
    SHOWN,
    Matrix,
    boxes_in,
    counted,
    dependency_matrix,
    grouping_matrix,
    readable,
    segments,
)
from explorer.app.outline import PLACE, STACK, last, module_path
from explorer.app.panels import centre
from explorer.app.panels.centre import MATRICES
from explorer.app.parts import attributes, chart
from explorer.app.theme import slot_of
from explorer.app.workspace import Subject, Workspace

KINDS = {"D": "D: ports", "G": "G: layers"}
DEEPEST = 3
"""Modules deeper than this are not offered one by one: there are too many."""
LEGEND = {
    "D": (("inter", "inter-layer"), ("intra", "intra-layer"), ("chosen", "selected group")),
    "G": (("inter", "share a group"), ("chosen", "share the selected group")),
}


def layout(subject: Subject) -> html.Section:
    """The view; it is filled when it is first shown.

    Args:
        subject: The model that the page shows first.
    """
    kind = dmc.SegmentedControl(
        id=ids.MATRIX_KIND,
        data=[{"label": title, "value": name} for name, title in KINDS.items()],
        value="D",
        size="xs",
        **attributes(aria_label="Which matrix"),
    )
    scope = dmc.Select(
        id=ids.MATRIX_SCOPE,
        data=scopes(subject.outline.members),
        value=SHOWN,
        size="xs",
        w=210,
        allowDeselect=False,
        searchable=True,
        **attributes(aria_label="Which layers"),
    )
    return html.Section(
        [
            html.Div(
                [kind, scope, html.Div(id=ids.MATRIX_LEGEND, className="matrix-legend")], className="matrix-tools"
            ),
            html.P(id=ids.MATRIX_NOTE, className="matrix-note quiet"),
            html.Div(
                [
                    html.Div(id=ids.MATRIX_CHART, className="chart-place"),
                    html.Div(className="matrix-tip", hidden=True, **attributes(aria_live="polite")),
                ],
                id=ids.MATRIX_BOX,
                className="matrix-box",
                tabIndex=0,
                role="application",
                **attributes(
                    aria_label="Matrix: arrow keys go from one dependency to the next, Enter selects its group, "
                    "z zooms in on it, f shows all"
                ),
            ),
        ],
        className="matrices",
        **attributes(aria_label="Dependency matrices"),
    )


def scopes(paths: Iterable[str]) -> list[dict[str, str]]:
    """What the choice of layers offers.

    Args:
        paths: Paths of the modules.
    """
    fixed = [{"label": "what the graph shows", "value": SHOWN}, {"label": "all layers", "value": EVERYTHING}]
    return fixed + [
        {"label": f"inside {module_path(path)}", "value": path}
        for path in paths
        if path.count(".") < DEEPEST and not last(path).startswith((STACK, PLACE))
    ]


def legend(kind: str) -> list[html.Span]:
    """What the colours of a matrix mean.

    Args:
        kind: ``D`` or ``G``.
    """
    return [
        html.Span([html.Span(className=f"swatch is-{name}"), text], className="legend-item")
        for name, text in LEGEND[kind]
    ]


def drawn(
    subject: Subject, kind: str, scope: str, opened: Sequence[str], group: str
) -> tuple[Matrix, list[tuple[int, int, str]], str]:
    """A matrix, its runs of rows per module, and what is to be said of it.

    Args:
        subject: The model.
        kind: ``D`` or ``G``.
        scope: As `boxes_in` takes it.
        opened: Paths of the modules that are open in the graph.
        group: Name of the selected group, or empty.
    """
    boxes, is_joined = boxes_in(subject.outline, scope, opened)
    matrix = dependency_matrix(subject.graph, boxes, group) if kind == "D" else grouping_matrix(boxes, group)
    said = f"{counted(matrix)}. Click a cell to select the group, drag or z to zoom in, double-click or f to zoom out."
    said += " Too many for one screen: deeper modules are one row each." if is_joined else ""
    return matrix, segments(matrix.rows), said


def stores() -> list[Any]:
    """What the browser knows of the cells, and what it asked to be drawn."""
    return [dcc.Store(id=ids.MATRIX_CELLS), dcc.Store(id=ids.MATRIX_ASKED)]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the matrices."""
    centre.ask_when_shown(
        app,
        MATRICES,
        Output(ids.MATRIX_ASKED, "data"),
        [
            Input(ids.MATRIX_KIND, "value"),
            Input(ids.MATRIX_SCOPE, "value"),
            Input(ids.OPENED, "data"),
            Input(ids.SELECTION, "data"),
            Input(ids.SCHEME, "data"),
            Input(ids.PINS, "data"),
        ],
    )

    @app.callback(
        Output(ids.MATRIX_CHART, "children"),
        Output(ids.MATRIX_CELLS, "data"),
        Output(ids.MATRIX_NOTE, "children"),
        Output(ids.MATRIX_LEGEND, "children"),
        Input(ids.MATRIX_ASKED, "data"),
        prevent_initial_call=True,
    )
    def draw(asked: list[Any]) -> Any:
        kind, scope, opened, selection, scheme, pins = asked
        group = selection["name"] if selection and selection.get("kind") == "group" else ""
        subject = workspace.open(opened["source"])
        matrix, runs, said = drawn(subject, kind, scope, opened["paths"], group)
        figure = matrix_map(matrix, runs, scheme or "light", slot_of(group, pins))
        return chart(ids.MATRIX, figure, "matrix", scroll_zoom=True), readable(matrix), said, legend(kind)

    @app.callback(Output(ids.MATRIX_SCOPE, "data"), Input(ids.MODEL, "data"), prevent_initial_call=True)
    def offer(source: str) -> Any:
        return scopes(workspace.open(source).outline.members)

    app.clientside_callback(
        ClientsideFunction("matrix", "point"),
        Input(ids.MATRIX, "hoverData"),
        State(ids.MATRIX_CELLS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("matrix", "pick"),
        Output(ids.SELECTION, "data", allow_duplicate=True),
        Input(ids.MATRIX, "clickData"),
        State(ids.MATRIX_CELLS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("matrix", "know"), Input(ids.MATRIX_CELLS, "data"), prevent_initial_call=True
    )
