"""Training: drives channels that matter least to zero before they are pruned, and shows how their norms get there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html, no_update

from explorer.app import ids, numbers
from explorer.app.curves import norm_histogram, training_curves
from explorer.app.panels import background
from explorer.app.panels.background import Asked, Background
from explorer.app.parts import attributes, chart
from explorer.app.plans import record
from explorer.app.workspace import Workspace
from explorer.exploration import Exploration
from explorer.jobs import Task
from explorer.training import REGULARISERS

EMPTY = (
    "Train the model so that whole groups of coupled weights shrink together: the paper's regulariser presses hardest "
    "on channels that are small already. Afterwards, groups are ranked and pruned on the sparse weights."
)
EPOCHS, RATE, STRENGTH = 5, 0.01, 0.005
NAMES = {"group": "group norms", "bn_scale": "BatchNorm scales"}


def tools() -> list[Any]:
    """What begins a training and says how far it is."""
    regulariser = dmc.Select(
        id=ids.SPARSE_REGULARISER,
        data=[{"label": NAMES[name], "value": name} for name in REGULARISERS],
        value="group",
        size="xs",
        w=140,
        allowDeselect=False,
        **attributes(aria_label="What is pressed towards zero"),
    )
    return [
        background.number(ids.SPARSE_EPOCHS, "epochs", EPOCHS, min=1, max=200, step=1, allowDecimal=False),
        background.number(ids.SPARSE_RATE, "learning rate", RATE, min=0, max=1e6, step=0.001),
        background.number(ids.SPARSE_STRENGTH, "strength", STRENGTH, min=0, max=1e6, step=0.001),
        regulariser,
        background.button(ids.SPARSE, "Train sparsely"),
        background.status_line(ids.SPARSE),
    ]


def layout() -> html.Div:
    """The panel; a training fills it."""
    return html.Div(
        [
            html.Div(nothing(), id=ids.SPARSE_NORMS, className="training-plot"),
            html.Div(id=ids.SPARSE_PLOT, className="training-plot"),
        ],
        className="training-pair is-even",
    )


def nothing() -> html.P:
    """What stands in the place of the norms."""
    return html.P(EMPTY, className="empty")


def stores() -> list[Any]:
    """What the page knows of the training."""
    return background.stores(ids.SPARSE)


def begin(workspace: Workspace, page: str, recipe: dict[str, Any], *values: Any) -> dict[str, Any]:
    """Begins a training on the weights of the model on the page, or goes on with the same one.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        recipe: The recipe on the page; what it prunes does not matter.
        values: Epochs, learning rate, strength and regulariser, as somebody chose them.

    Raises:
        ExplorerError: There is no data.
    """
    source = workspace.exploration(recipe).recipe.source
    exploration = workspace.begin(source)
    data = background.data_of(workspace, exploration, "Sparse training trains on labelled data")
    settings = dict(zip(("epochs", "learning_rate", "strength", "regulariser"), values, strict=True))
    key = background.new_key("sparse")

    background.ask(workspace, page, ids.SPARSE, key, Task("sparse", exploration, data, settings))
    return {"key": key, "source": source}


def sparse_model(workspace: Workspace, asked: Asked, result: Mapping[str, Any]) -> Exploration:
    """The model with the sparse weights, of which nothing is pruned yet.

    Raises:
        ExplorerError: The weights are no longer there.
    """
    subject = workspace.add_trained(asked["source"], asked["key"], words(result))
    return workspace.begin(subject.source)


def words(result: Mapping[str, Any]) -> str:
    """What was done, as the title of the model says it."""
    epochs = result["epochs"]
    return f"sparse, {numbers.counted(epochs, 'epoch')}" if epochs else "sparse, part of an epoch"


def finished(workspace: Workspace, asked: Asked, result: dict[str, Any]) -> dict[str, Any]:
    """The record of the sparse model."""
    exploration = sparse_model(workspace, asked, result)
    return record(exploration, accuracy=result["accuracy"], trained=words(result))


def summary(asked: Asked, result: Mapping[str, Any]) -> list[Any]:
    """What is said of a training that ended."""
    return [
        html.Span("stopped" if result["stopped"] else "sparse", className="tag is-done"),
        html.Span(background.shift(result["before"], result["accuracy"]), className="shift"),
        html.Span("test accuracy; train again to go on" if result["stopped"] else "test accuracy", className="quiet"),
        html.Button(
            "Plan on these weights",
            className="text-tool is-boxed is-primary",
            type="button",
            **attributes(data_open_trained=Workspace.trained_source(asked["key"])),
        ),
    ]


WORK = Background(
    parts=ids.SPARSE,
    verb="training",
    begin=begin,
    states=tuple(
        State(name, "value")
        for name in (ids.SPARSE_EPOCHS, ids.SPARSE_RATE, ids.SPARSE_STRENGTH, ids.SPARSE_REGULARISER)
    ),
    finished=finished,
    summary=summary,
    stopped="Stopped. Finished epochs are kept; train again to go on.",
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the training, its histogram and its curve."""
    background.register(app, workspace, WORK)

    @app.callback(
        Output(ids.SPARSE_NORMS, "children"),
        Output(ids.SPARSE_PLOT, "children"),
        Input(ids.SPARSE.shown, "data"),
        Input(ids.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw(shown: dict[str, Any] | None, scheme: str | None) -> Any:
        if not shown:
            return nothing(), []
        if not shown["data"]:
            return no_update, no_update
        data, colours = shown["data"], scheme or "light"
        norms = norm_histogram(data["histograms"], len(data["history"]), colours)
        curve = training_curves(data, data.get("start"), colours)
        return chart(ids.SPARSE_NORMS_CHART, norms, "training-chart"), chart(ids.SPARSE_CHART, curve, "training-chart")
