"""In the file menu: the graph as a picture, the groups as a table, and the recipe on the clipboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, no_update

from explorer.app import ids
from explorer.app.export import slug
from explorer.app.parts import message
from explorer.app.preview import preview, rows
from explorer.app.svg import draw_svg
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import Exploration

COLUMNS = ("name", "kind", "size", "kept", "percent", "members", "locked", "chosen", "ties", "layers")
"""Of the table of groups; ``percent`` is what the recipe removes, ``members`` counts the coupled tensors."""


def items() -> list[Any]:
    """What the menu offers."""
    return [
        dmc.MenuItem("Copy the recipe", id=ids.COPY_RECIPE),
        dmc.MenuDivider(),
        dmc.MenuItem("Save the graph as SVG", id=ids.SAVE_SVG),
        dmc.MenuItem("Save the graph as PNG", id=ids.SAVE_PNG),
        dmc.MenuItem("Save the groups as CSV", id=ids.SAVE_CSV),
    ]


def layout() -> list[Any]:
    """What hands files to the browser."""
    return [dcc.Download(id=ids.TAKEN)]


def groups_csv(exploration: Exploration) -> str:
    """The groups as a CSV table with a head, one row each in execution order; lists are separated by spaces.

    Args:
        exploration: The model and its recipe.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    carried: dict[str, list[str]] = {}
    for layer in exploration.graph.layers:
        for name in {*layer.outputs.groups, *layer.inputs.groups}:
            carried.setdefault(name, []).append(layer.name)
    for row in rows(exploration):
        lists = {"ties": " ".join(row["ties"]), "layers": " ".join(carried.get(row["name"], ()))}
        table.writerow(row | lists)
    return text.getvalue()


def graph_svg(
    workspace: Workspace, recipe: Mapping[str, Any], opened: Mapping[str, Any], highlighted: Sequence[str]
) -> str:
    """The graph of a page as SVG.

    Args:
        workspace: The models.
        recipe: Of which the bands show what stays.
        opened: Which modules are open.
        highlighted: Groups that are highlighted, pinned ones first.
    """
    subject = workspace.open(str(opened["source"]))
    kept = preview(workspace.exploration(recipe))["groups"]
    return draw_svg(subject.outline, frozenset(opened["paths"]), subject.sizes, highlighted, kept)


def file(
    workspace: Workspace, which: str, recipe: Mapping[str, Any], opened: Mapping[str, Any], highlighted: Sequence[str]
) -> dict[str, str]:
    """A file for the browser: its content, name and type.

    Args:
        workspace: The models.
        which: Id of the item of the menu.
        recipe: As `graph_svg` takes it, like those that follow.
        opened: Which modules are open.
        highlighted: Groups that are highlighted.

    Raises:
        ExplorerError: The recipe does not fit its model, or that cannot be opened.
    """
    exploration = workspace.exploration(recipe)
    name = slug(exploration.graph.title)
    if which == ids.SAVE_CSV:
        return {"content": groups_csv(exploration), "filename": f"{name}-groups.csv", "type": "text/csv"}
    drawn = graph_svg(workspace, recipe, opened, highlighted)
    return {"content": drawn, "filename": f"{name}-graph.svg", "type": "image/svg+xml"}


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the menu."""

    @app.callback(
        Output(ids.TAKEN, "data"),
        Output(ids.NOTICE, "children", allow_duplicate=True),
        Input(ids.SAVE_SVG, "n_clicks"),
        Input(ids.SAVE_CSV, "n_clicks"),
        State(ids.RECIPE, "data"),
        State(ids.OPENED, "data"),
        State(ids.SELECTION, "data"),
        State(ids.PINS, "data"),
        prevent_initial_call=True,
    )
    def take(svg: Any, table: Any, recipe: Any, opened: Any, selection: Any, pins: Any) -> Any:
        if not (svg or table):
            return no_update, no_update
        highlighted = [*(pins or []), *(selection or {}).get("groups", [])]
        try:
            return file(workspace, str(ctx.triggered_id), recipe, opened, highlighted), no_update
        except ExplorerError as error:
            return no_update, [message(str(error))]

    for name, function in ((ids.SAVE_PNG, "png"), (ids.COPY_RECIPE, "copyRecipe")):
        app.clientside_callback(
            ClientsideFunction("takeAway", function), Input(name, "n_clicks"), prevent_initial_call=True
        )
