"""Left pane: search, the tree of modules, and the list of groups. Everything in the canvas is also here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from explorer.app import ids
from explorer.app.parts import attributes, badge, icon, layer_groups, pick_attributes
from explorer.app.scene import ancestors
from explorer.app.workspace import Subject, Workspace
from explorer.engine.groups import Group
from explorer.engine.layers import Layer


def layout(subject: Subject, opened: Sequence[str]) -> html.Aside:
    """The pane, with the tree as it is first."""
    search = dmc.TextInput(
        id=ids.SEARCH,
        placeholder="Search layers",
        leftSection=icon("search"),
        rightSection=html.Kbd("/"),
        size="xs",
        debounce=120,
        **attributes(aria_label="Search by name, type or shape"),
    )
    switch = dmc.SegmentedControl(
        id=ids.LIST_KIND,
        data=[{"label": "Modules", "value": "modules"}, {"label": "Groups", "value": "groups"}],
        value="modules",
        size="xs",
        fullWidth=True,
    )
    rows = list_rows(subject, "modules", "", opened)
    lists = html.Nav(rows, id=ids.LISTS, className="lists scroll", **attributes(aria_label="Modules and groups"))
    return html.Aside([html.Div([search, switch], className="pane-head"), lists], id=ids.LEFT, className="pane left")


def list_rows(subject: Subject, kind: str, wanted: str, opened: Sequence[str]) -> list[Any]:
    """The rows of the pane.

    Args:
        subject: The model.
        kind: ``modules`` or ``groups``.
        wanted: What is searched for, or empty.
        opened: Paths of the open modules.
    """
    wanted = wanted.strip().lower()
    if kind == "groups":
        groups = [group for group in subject.graph.groups if wanted in f"{group.name} {group.kind}".lower()]
        return [_group_row(group) for group in groups] or [_nothing(wanted)]
    if wanted:
        found = [layer for layer in subject.graph.layers if wanted in searchable(layer)]
        return [_layer_row(layer, 0, layer.name) for layer in found] or [_nothing(wanted)]
    return _tree_rows(subject.graph.layers, frozenset(opened))


def searchable(layer: Layer) -> str:
    """What a layer is found by: name, type and shapes, in lower case."""
    shapes = ["x".join(map(str, shape)) for _, shape in layer.parameters]
    return " ".join([layer.name, layer.type_name, *shapes]).lower()


def with_ancestors(paths: Sequence[str], path: str) -> list[str]:
    """Open modules such that everything inside `path` shows."""
    return sorted({*paths, *ancestors(path)})


def toggled(paths: Sequence[str], path: str) -> list[str]:
    """Open modules after `path` was opened, or closed with everything in it."""
    if path in paths:
        return [each for each in paths if each != path and not each.startswith(f"{path}.")]
    return with_ancestors(paths, path)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the left pane."""

    @app.callback(
        Output(ids.LISTS, "children"),
        Input(ids.OPENED, "data"),
        Input(ids.LIST_KIND, "value"),
        Input(ids.SEARCH, "value"),
        prevent_initial_call=True,
    )
    def fill(opened: dict[str, Any], kind: str, wanted: str | None) -> Any:
        return list_rows(workspace.open(opened["source"]), kind, wanted or "", opened["paths"])

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        Input(ids.TOGGLED, "data"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )
    def toggle(what: dict[str, Any] | None, opened: dict[str, Any]) -> Any:
        return no_update if not what else {**opened, "paths": toggled(opened["paths"], what["path"])}

    app.clientside_callback(
        ClientsideFunction("explorer", "repaint"),
        Input(ids.LISTS, "children"),
        prevent_initial_call=True,
    )


def _tree_rows(layers: Sequence[Layer], opened: frozenset[str]) -> list[Any]:
    rows: list[Any] = []
    seen: set[str] = set()
    for layer in layers:
        for path in ancestors(layer.parent):
            if path not in seen:
                seen.add(path)
                rows.append(_module_row(path, path in opened))
            if path not in opened:
                break
        else:
            rows.append(_layer_row(layer, len(ancestors(layer.parent)), layer.name.rpartition(".")[2]))
    return rows


def _module_row(path: str, is_open: bool) -> html.Button:
    return html.Button(
        path.rpartition(".")[2],
        className="list-row is-module",
        type="button",
        style={"--depth": path.count(".")},
        **attributes(data_toggle=path, aria_expanded=str(is_open).lower()),
    )


def _layer_row(layer: Layer, depth: int, name: str) -> html.Button:
    """One component per row, its type drawn by the stylesheet: every change in the page visits every component."""
    is_op = layer.kind == "op"
    return html.Button(
        name,
        className="list-row" + (" is-op" if is_op else ""),
        type="button",
        title=f"{layer.name} ({layer.type_name})",
        style={"--depth": depth},
        **attributes(data_type="" if is_op else layer.type_name),
        **pick_attributes("layer", layer.name, layer_groups(layer)),
    )


def _group_row(group: Group) -> html.Button:
    kind = [html.Span(group.kind.replace("_", " "), className="row-type")] if group.kind != "channels" else []
    return html.Button(
        [
            badge(group.name),
            html.Span(group.name, className="row-name mono"),
            *kind,
            html.Span(group.size, className="row-size"),
        ],
        className="list-row",
        type="button",
        title=group.name,
        style={"--depth": 0},
        **pick_attributes("group", group.name, [group.name]),
    )


def _nothing(wanted: str) -> html.Div:
    text = f"Nothing is called “{wanted}”." if wanted else "Nothing in this model can be pruned."
    return html.Div(text, className="empty")
