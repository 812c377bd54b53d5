"""In the file menu: the graph as a picture, the groups as a table, the recipe on the clipboard, a step of a lesson."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, no_update

from explorer.app import ids
from explorer.app.export import slug
from explorer.app.panels import lesson_view
from explorer.app.parts import message
from explorer.app.preview import preview, rows
from explorer.app.shades import NEUTRAL
from explorer.app.svg import draw_svg
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import Exploration

COLUMNS = ("name", "kind", "size", "kept", "percent", "members", "locked", "chosen", "ties", "loose", "layers")
"""Of the table of groups. Of each: ``percent`` that the recipe removes, ``members`` coupled tensors, ``loose`` ties."""


def items() -> list[Any]:
    """What the menu offers."""
    return [
        dmc.MenuItem("Copy the recipe", id=ids.COPY_RECIPE),
        lesson_view.item(),
        dmc.MenuItem("Export in another format…", id=ids.OPEN_FORMATS),
        dmc.MenuDivider(),
        dmc.MenuItem("Save the graph as SVG", id=ids.SAVE_SVG),
        dmc.MenuItem("Save the graph as PNG", id=ids.SAVE_PNG),
        dmc.MenuItem("Save the groups as CSV", id=ids.SAVE_CSV),
    ]


def layout() -> list[Any]:
    """What hands files to the browser, and the step of a lesson."""
    return [dcc.Download(id=ids.TAKEN), lesson_view.dialog()]


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


@dataclass(frozen=True)
class View:
    """How a page shows the graph.

    Attributes:
        opened: Paths of the open modules.
        highlighted: Groups that are highlighted, pinned ones first.
        shade: What the layers are coloured by.
    """

    opened: Sequence[str]
    highlighted: Sequence[str] = ()
    shade: str = NEUTRAL


def graph_svg(workspace: Workspace, recipe: Mapping[str, Any], view: View) -> str:
    """The graph of a page as SVG.

    Args:
        workspace: The models.
        recipe: Of which the bands show what stays.
        view: How the page shows it.
    """
    exploration = workspace.exploration(recipe)
    subject, kept = workspace.open(exploration.recipe.source), preview(exploration)["groups"]
    opened = frozenset(view.opened)
    return draw_svg(subject.outline, opened, subject.sizes, view.highlighted, kept, shade=view.shade)


def file(workspace: Workspace, which: str, recipe: Mapping[str, Any], view: View) -> dict[str, str]:
    """A file for the browser: its content, name and type.

    Args:
        workspace: The models.
        which: Id of the item of the menu.
        recipe: What the page prunes.
        view: How the page shows the graph.

    Raises:
        ExplorerError: The recipe does not fit its model, or that cannot be opened.
    """
    exploration = workspace.exploration(recipe)
    name = slug(exploration.graph.title)
    if which == ids.SAVE_CSV:
        return {"content": groups_csv(exploration), "filename": f"{name}-groups.csv", "type": "text/csv"}
    return {"content": graph_svg(workspace, recipe, view), "filename": f"{name}-graph.svg", "type": "image/svg+xml"}


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the menu."""
    lesson_view.register(app)

    @app.callback(
        output=(Output(ids.TAKEN, "data"), Output(ids.NOTICE, "children", allow_duplicate=True)),
        inputs={
            "clicks": (Input(ids.SAVE_SVG, "n_clicks"), Input(ids.SAVE_CSV, "n_clicks")),
            "recipe": State(ids.RECIPE, "data"),
            "opened": State(ids.OPENED, "data"),
            "marked": (State(ids.SELECTION, "data"), State(ids.PINS, "data")),
            "shade": State(ids.SHADE, "value"),
        },
        prevent_initial_call=True,
    )
    def take(clicks: tuple[Any, Any], recipe: Any, opened: Any, marked: tuple[Any, Any], shade: str) -> Any:
        if not any(clicks):
            return no_update, no_update
        selection, pins = marked
        view = View(opened["paths"], [*(pins or []), *(selection or {}).get("groups", [])], shade)
        try:
            return file(workspace, str(ctx.triggered_id), recipe, view), no_update
        except ExplorerError as error:
            return no_update, [message(str(error))]

    for name, function in ((ids.SAVE_PNG, "png"), (ids.COPY_RECIPE, "copyRecipe")):
        app.clientside_callback(
            ClientsideFunction("takeAway", function), Input(name, "n_clicks"), prevent_initial_call=True
        )
