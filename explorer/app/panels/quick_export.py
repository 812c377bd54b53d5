"""Export in the top bar: the explorer's own folder of what is on the page, made and checked in the background."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, html

from explorer.app import ids
from explorer.app.panels import background, exporting
from explorer.app.panels.background import Background
from explorer.app.parts import tool
from explorer.app.workspace import Workspace
from explorer.exports import FORMATS

FORM = next(iter(FORMATS))
"""What most people go on with; the dialog has the others."""


def layout() -> html.Div:
    """Where the page says how far the export is; hidden until one begins."""
    other = html.Button(
        "Other formats and weights…", id=ids.EXPORT_OTHER, className="text-tool is-boxed", type="button"
    )
    parts = [
        html.Div(
            [html.Strong(f"Export: {FORMATS[FORM].title}"), tool(ids.EXPORT_CLOSE, "close", "Close")],
            className="row spread",
        ),
        background.status_line(ids.EXPORTING),
        html.Div(other, className="row"),
    ]
    return html.Div(parts, id=ids.EXPORT_RESULT, className="export-result formats", hidden=True)


def stores() -> list[Any]:
    """What the page knows of the export."""
    return background.stores(ids.EXPORTING)


def begin(workspace: Workspace, page: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """Begins to make the folder.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    return exporting.begin(workspace, page, ids.EXPORTING, recipe, FORM)


WORK = Background(
    parts=ids.EXPORTING,
    verb="making",
    begin=begin,
    states=(),
    summary=exporting.summary,
    stopped=exporting.STOPPED,
    trigger=Input(ids.EXPORT, "n_clicks"),
    queue=lambda workspace: workspace.exports,
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the button."""
    background.register(app, workspace, WORK)
    app.clientside_callback(
        "clicks => clicks ? false : window.dash_clientside.no_update",
        Output(ids.EXPORT_RESULT, "hidden"),
        Input(ids.EXPORT, "n_clicks"),
        prevent_initial_call=True,
    )
    for button in (ids.EXPORT_CLOSE, ids.EXPORT_OTHER):
        app.clientside_callback(
            "clicks => clicks ? true : window.dash_clientside.no_update",
            Output(ids.EXPORT_RESULT, "hidden", allow_duplicate=True),
            Input(button, "n_clicks"),
            prevent_initial_call=True,
        )
    app.clientside_callback(  # what was made is of the plan before
        ClientsideFunction("takeAway", "settled"),
        Output(ids.EXPORT_RESULT, "hidden", allow_duplicate=True),
        Input(ids.SETTLED, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "isOver => !isOver",
        Output(ids.EXPORT, "loading"),
        Input(ids.EXPORTING.clock, "disabled"),
        prevent_initial_call=True,
    )
