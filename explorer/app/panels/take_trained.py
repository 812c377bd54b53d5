"""Hands out a plan with the weights that it was trained to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, dcc, no_update

from explorer.app import ids
from explorer.app.export import Exported, export_zip
from explorer.app.panels.top_bar import close_button, export_result
from explorer.app.parts import message
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError


def layout() -> list[Any]:
    """What is asked for, and what hands it to the browser."""
    return [dcc.Store(id=ids.TAKE_TRAINED), dcc.Download(id=ids.TRAINED_FILE)]


def export(workspace: Workspace, asked: Mapping[str, Any]) -> Exported:
    """A zip with the trained weights.

    Args:
        workspace: Models and weights.
        asked: ``recipe``, and ``weights``, the key of what it was trained to.

    Raises:
        ExplorerError: The weights are no longer there, or the plan cannot be applied.
    """
    return export_zip(workspace.exploration(asked["recipe"]), workspace.tensors.read(str(asked["weights"])))


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the export."""

    @app.callback(
        Output(ids.TRAINED_FILE, "data"),
        Output(ids.EXPORT_RESULT, "children", allow_duplicate=True),
        Output(ids.EXPORT_RESULT, "hidden", allow_duplicate=True),
        Input(ids.TAKE_TRAINED, "data"),
        prevent_initial_call=True,
    )
    def take(asked: dict[str, Any] | None) -> Any:
        if not asked:
            return (no_update,) * 3
        try:
            made = export(workspace, asked)
        except ExplorerError as error:
            return no_update, [message(str(error)), close_button()], False
        return dcc.send_bytes(made.content, made.name), export_result(made), False
