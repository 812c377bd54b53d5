"""Left pane: search, the tree of modules, and the list of groups. Everything in the canvas is also here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html, no_update

from explorer.app import ids
from explorer.app.numbers import TIMES
from explorer.app.outline import Outline, ancestors, title_of
from explorer.app.parts import attributes, badge, icon, layer_groups, pick_attributes, plain, split_name
from explorer.app.scene import layer_title
from explorer.app.search import MOST_HITS, Hit, search
from explorer.app.unfolding import toggled
from explorer.app.workspace import Subject, Workspace
from explorer.engine.groups import Group
from explorer.engine.layers import Layer

KINDS = {"modules": "Modules", "groups": "Groups"}


def layout(subject: Subject, opened: Sequence[str]) -> html.Aside:
    """The pane, with the tree as it is first."""
    search_field = dmc.TextInput(
        id=ids.SEARCH,
        value="",
        placeholder="Name, type or shape",
        leftSection=icon("search"),
        rightSection=html.Kbd("/"),
        size="xs",
        debounce=120,
        **attributes(aria_label="Search by name, type or shape", aria_controls=ids.LISTS),
    )
    switch = dmc.SegmentedControl(
        id=ids.LIST_KIND,
        data=[{"label": title, "value": name} for name, title in KINDS.items()],
        value="modules",
        size="xs",
        fullWidth=True,
    )
    rows = list_rows(subject, "modules", "", opened)
    lists = html.Nav(plain(rows), id=ids.LISTS, className="lists scroll", **attributes(aria_label="Modules and groups"))
    head = html.Div([search_field, switch], className="pane-head")
    return html.Aside([head, lists], id=ids.LEFT, className="pane left")


def list_rows(subject: Subject, kind: str, wanted: str, opened: Sequence[str]) -> list[Any]:
    """The rows of the pane.

    Args:
        subject: The model.
        kind: ``modules`` or ``groups``.
        wanted: What is searched for, or empty.
        opened: Paths of the open modules.
    """
    wanted = wanted.strip()
    if kind == "groups":
        found = [each for each in subject.graph.groups if wanted.lower() in f"{each.name} {each.kind}".lower()]
        return [_group_row(group) for group in found] or [_nothing(wanted)]
    if wanted:
        return _hit_rows(subject.outline, search(subject.outline, wanted), wanted)
    return _tree_rows(subject.outline, frozenset(opened))


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
        return plain(list_rows(workspace.open(opened["source"]), kind, wanted or "", opened["paths"]))

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        Input(ids.TOGGLED, "data"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )
    def toggle(what: dict[str, Any] | None, opened: dict[str, Any]) -> Any:
        if not what or what["path"] not in (outline := workspace.open(opened["source"]).outline).members:
            return no_update
        return {**opened, "paths": toggled(outline, opened["paths"], what["path"])}


def _tree_rows(outline: Outline, opened: frozenset[str]) -> list[Any]:
    rows: list[Any] = []
    seen: set[str] = set()
    for layer in outline.layers:
        for path in ancestors(layer.parent):
            if path not in seen:
                seen.add(path)
                rows.append(_module_row(outline, path, path in opened))
            if path not in opened:
                break
        else:
            rows.append(_layer_row(layer, len(ancestors(layer.parent)), layer_name(layer)))
    return rows


def layer_name(layer: Layer) -> str:
    """What the tree calls a layer; an op by its name, since its sign alone is hard to read in a list."""
    return layer_title(layer) if layer.kind == "module" else layer.name.rpartition(".")[2]


def _module_row(outline: Outline, path: str, is_open: bool) -> html.Div:
    count, title = outline.count_of(path), title_of(path)
    text = f"{title} {TIMES} {count}" if count > 1 else title
    twist = html.Button(
        className="twist",
        type="button",
        title="Close" if is_open else "Open",
        **attributes(data_toggle=path, aria_expanded=str(is_open).lower(), aria_label=f"Open or close {text}"),
    )
    name = html.Button(
        text,
        className="list-row is-module",
        type="button",
        title=path,
        **attributes(data_type=outline.class_of(path), data_path=path),
        **pick_attributes("module", path, []),
    )
    return html.Div([twist, name], className="tree-row", style={"--depth": path.count(".")})


def _layer_row(layer: Layer, depth: int, name: str) -> html.Button:
    """A row; its type is drawn by the stylesheet."""
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


def _hit_rows(outline: Outline, hits: Sequence[Hit], wanted: str) -> list[Any]:
    rows = [_hit_row(outline, hit) for hit in hits[:MOST_HITS]]
    more = len(hits) - len(rows)
    count = f"{len(hits)} found" + (f", the first {MOST_HITS} are listed" if more else "")
    head = html.Div(count, className="list-note", role="status", **attributes(data_wanted=wanted))
    return [head, *rows] if rows else [_nothing(wanted)]


def _hit_row(outline: Outline, hit: Hit) -> html.Button:
    groups = layer_groups(outline.by_name[hit.name]) if hit.kind == "layer" else ()
    detail = " · ".join(part for part in (hit.type_name, hit.shape) if part)
    return html.Button(
        [html.Span(hit.title, className="mono hit-name"), html.Span(detail, className="hit-detail")],
        className="list-row is-hit",
        type="button",
        title=hit.title,
        **pick_attributes(hit.kind, hit.name, groups),
    )


def _group_row(group: Group) -> html.Button:
    is_said = group.kind == "channels" or group.name.endswith(f":{group.kind}")
    kind = [] if is_said else [html.Span(group.kind.replace("_", " "), className="row-type")]
    return html.Button(
        [
            badge(group.name),
            html.Span(split_name(group.name, 2), className="row-name mono split-name"),
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
    hint = "Try fewer words, such as conv2d, 64x3x3 or layer3 bn."
    named = f"Nothing has “{wanted}” in its name, type or shapes. {hint}"
    text = named if wanted else "Nothing in this model can be pruned."
    return html.Div(text, className="empty", role="status", **attributes(data_wanted=wanted))
