"""In the file menu: what is on the screen as a step of a lesson, to be copied into the file of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html

from explorer.app import ids
from explorer.app.parts import copyable, message, modal
from explorer.engine.errors import ExplorerError
from explorer.exploration import Recipe
from explorer.lessons.writing import step_yaml, unsaid

HOW = (
    "Paste it below steps: in the file of a lesson (docs/lessons.md says what else is in one), fill in title and text, "
    "and add a task if there is something to do. Then start the explorer with the folder of your lessons:"
)
COMMAND = "python -m explorer --lessons my_lessons/"


def item() -> Any:
    """What the menu offers."""
    return dmc.MenuItem("Use this view in a lesson…", id=ids.LESSON_VIEW)


def dialog() -> Any:
    """The dialog, closed and empty."""
    return modal(ids.LESSON_VIEW_DIALOG, "Use this view in a lesson", [html.Div(id=ids.LESSON_VIEW_STEP)])


def content(recipe: Recipe) -> list[Any]:
    """What the dialog shows: the step to copy, or why there is none.

    Args:
        recipe: What the page prunes, and how it looks at that.
    """
    try:
        text = step_yaml(recipe)
    except ExplorerError as error:
        return [message(str(error), "warn")]
    left_out = unsaid(recipe)
    remark = [message(f"A lesson does not say {', '.join(left_out)}; that is left out.", "warn")] if left_out else []
    return [*remark, copyable(text), html.P(HOW, className="quiet"), copyable(COMMAND)]


def whole(recipe: Mapping[str, Any], opened: Any, selection: Any, pins: Any, panels: Any) -> Recipe:
    """The recipe of a page with the view that its stores hold.

    Raises:
        ExplorerError: A part is not what a recipe holds.
    """
    chosen = {name: selection[name] for name in ("kind", "name")} if selection else {}
    view = {"opened": opened["paths"], "selection": chosen, "pins": pins or [], "panels": panels or {}}
    return Recipe.from_json({**recipe, "view": view})


def register(app: Dash) -> None:
    """Callbacks of the dialog."""

    @app.callback(
        Output(ids.LESSON_VIEW_STEP, "children"),
        Output(ids.LESSON_VIEW_DIALOG, "opened"),
        Input(ids.LESSON_VIEW, "n_clicks"),
        *(State(name, "data") for name in (ids.RECIPE, ids.OPENED, ids.SELECTION, ids.PINS, ids.PANELS)),
        prevent_initial_call=True,
    )
    def show(_clicks: int, *stores: Any) -> Any:
        try:
            return content(whole(*stores)), True
        except ExplorerError as error:
            return [message(str(error))], True
