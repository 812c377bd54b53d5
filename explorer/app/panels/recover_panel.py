"""Training: fine-tunes what the recipe makes of the model, with a live curve; the result can be taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, State, html, no_update

from explorer.app import ids, numbers
from explorer.app.curves import training_curves
from explorer.app.panels import background
from explorer.app.panels.background import Asked, Background
from explorer.app.parts import attributes, chart
from explorer.app.plans import record
from explorer.app.workspace import Workspace
from explorer.engine.errors import PlanError
from explorer.jobs import Task

EMPTY = (
    "Prune something, then train the pruned model until it is as good as it was. The model and your recipe stay as "
    "they are; what comes out is a plan of its own, with its weights."
)
EPOCHS, RATE = 2, 0.01


def tools() -> list[Any]:
    """What begins a training and says how far it is."""
    return [
        background.number(ids.RECOVER_EPOCHS, "epochs", EPOCHS, min=1, max=200, step=1, allowDecimal=False),
        background.number(ids.RECOVER_RATE, "learning rate", RATE, min=0, max=1e6, step=0.001),
        background.button(ids.RECOVER, "Recover"),
        background.status_line(ids.RECOVER),
    ]


def layout() -> html.Div:
    """The panel; a training fills it."""
    return html.Div(nothing(), id=ids.RECOVER_PLOT, className="training-plot")


def nothing() -> html.P:
    """What stands in the place of a curve."""
    return html.P(EMPTY, className="empty")


def stores() -> list[Any]:
    """What the page knows of the training."""
    return background.stores(ids.RECOVER)


def begin(workspace: Workspace, page: str, recipe: dict[str, Any], epochs: Any, rate: Any) -> dict[str, Any]:
    """Begins a training, or goes on with the same one where it was stopped or the server killed.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        recipe: What is pruned.
        epochs: Passes over the data, as somebody typed it.
        rate: Learning rate, as somebody typed it.

    Raises:
        ExplorerError: Nothing is pruned, or there is no data.
    """
    exploration = workspace.exploration(recipe)
    if not exploration.is_pruning():
        raise PlanError("Nothing is pruned yet, so there is nothing to recover. Set a ratio in the grid below first.")
    data = background.data_of(workspace, exploration, "Recovering trains on labelled data")
    settings = {"epochs": epochs, "learning_rate": rate}
    key = background.new_key("recover")

    background.ask(workspace, page, ids.RECOVER, key, Task("recover", exploration, data, settings))
    return {"key": key, "recipe": recipe}


def finished(workspace: Workspace, asked: Asked, result: dict[str, Any]) -> dict[str, Any] | None:
    """The record of the recovered plan; None where nothing was learnt."""
    if not result["best_epoch"]:
        return None
    exploration = workspace.exploration(asked["recipe"])
    trained = f"recovered, {numbers.counted(result['best_epoch'], 'epoch')}"
    return record(exploration, accuracy=result["accuracy"], trained=trained, weights=asked["key"])


def summary(asked: Asked, result: Mapping[str, Any]) -> list[Any]:
    """What is said of a training that ended."""
    if not result["best_epoch"]:
        return [html.Span("Stopped before an epoch was finished: nothing was learnt.", className="quiet")]
    said = f"test accuracy, after epoch {result['best_epoch']} of {result['epochs']}"
    said += ", stopped; recover again to go on" if result["stopped"] == "cancelled" else ""
    return [
        html.Span("recovered", className="tag is-done"),
        html.Span(background.shift(result["before"], result["accuracy"]), className="shift"),
        html.Span(said, className="quiet"),
        export_button(asked["key"]),
    ]


def export_button(weights: str) -> html.Button:
    """Takes a trained plan away; assets/training.js asks for it."""
    return html.Button(
        "Export with these weights",
        className="text-tool is-boxed",
        type="button",
        **attributes(data_take_trained=weights),
    )


WORK = Background(
    parts=ids.RECOVER,
    verb="training",
    begin=begin,
    states=(State(ids.RECOVER_EPOCHS, "value"), State(ids.RECOVER_RATE, "value")),
    finished=finished,
    summary=summary,
    stopped="Stopped. Finished epochs are kept; recover again to go on.",
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the training and its curve."""
    background.register(app, workspace, WORK)

    @app.callback(
        Output(ids.RECOVER_PLOT, "children"),
        Input(ids.RECOVER.shown, "data"),
        Input(ids.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw(shown: dict[str, Any] | None, scheme: str | None) -> Any:
        if not shown:
            return nothing()
        if not shown["data"]:
            return no_update
        figure = training_curves(shown["data"], shown["data"].get("start"), scheme or "light")
        return chart(ids.RECOVER_CHART, figure, "training-chart")
