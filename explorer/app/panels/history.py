"""Undo, redo, the share link, and everything that brings a page into another state: links, reloads, other models."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from explorer.app import ids
from explorer.app.answers import after_restoring
from explorer.app.parts import attributes, tool
from explorer.app.remembered import REMEMBERED
from explorer.app.workspace import Workspace

ANSWERED = {
    ids.MODEL: "data",
    ids.OPENED: "data",
    ids.RECIPE: "data",
    ids.PREVIEW: "data",
    ids.SELECTION: "data",
    ids.PINS: "data",
    ids.PANELS: "data",
    ids.PICKER: "value",
    ids.FAILURE: "children",
    ids.MODEL_NOTE: "children",
    ids.TOTALS: "children",
    ids.CHANGE_ERROR: "children",
    ids.NOTICE: "children",
}
"""What an answer may set: the property that holds each part."""


def steps() -> list[html.Button]:
    """The buttons that go back and forth."""
    return [
        tool(ids.UNDO, "undo", "Undo (Ctrl+Z)", disabled=True),
        tool(ids.REDO, "redo", "Redo (Ctrl+Y)", disabled=True),
    ]


def share_button() -> html.Button:
    """The button that copies a link to what the page shows."""
    return tool(ids.SHARE, "link", "Copy a link to this state")


def notices() -> list[html.Div]:
    """What concerns the whole page: words until they are put away, and that the server does not answer."""
    text = "The server does not answer. Nothing is lost: this page goes on as soon as it is back."
    lost = html.Div(text, className="message is-bad", role="alert")
    return [
        html.Div(id=ids.NOTICE, className="notice", **attributes(aria_live="polite")),
        html.Div(lost, id=ids.LOST, className="notice", hidden=True),
    ]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of history and sharing."""

    @app.callback(
        Output(ids.ANSWER, "data", allow_duplicate=True),
        Input(ids.RESTORE, "data"),
        State(ids.PAGE, "data"),
        prevent_initial_call=True,
    )
    def restore(asked: dict[str, Any] | None, page: str) -> Any:
        return after_restoring(workspace, asked, page) if isinstance(asked, dict) else no_update

    app.clientside_callback(
        ClientsideFunction("explorer", "take"),
        *(Output(name, held, allow_duplicate=True) for name, held in ANSWERED.items()),
        Input(ids.ANSWER, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("explorer", "remember"),
        *(Input(name, "data") for name in (ids.RECIPE, ids.OPENED, ids.SELECTION, ids.PINS, ids.PANELS)),
        State(ids.RUN, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("panels", "keep"),
        *(Input(each.control, each.part) for each in REMEMBERED),
        State(ids.REMEMBERED, "data"),
    )
    for name, function in ((ids.UNDO, "undo"), (ids.REDO, "redo"), (ids.SHARE, "share")):
        app.clientside_callback(
            ClientsideFunction("explorer", function), Input(name, "n_clicks"), prevent_initial_call=True
        )
