"""Inspector: the weight of a member as a heat map, with the rows and columns that the recipe removes struck out."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids, numbers
from explorer.app.figures import weight_map
from explorer.app.parts import attributes, chart
from explorer.app.weights import WeightPicture, pictured, weight_picture
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.engine.graph import DependencyGraph


def layout() -> html.Section:
    """The heat map; hidden where no group is selected."""
    member = dmc.Select(
        id=ids.WEIGHTS_MEMBER,
        data=[],
        size="xs",
        searchable=True,
        allowDeselect=False,
        className="mono",
        **attributes(aria_label="Which parameter"),
    )
    return html.Section(
        [
            html.H3("Weights, and what is struck out", className="section-title"),
            member,
            html.P(id=ids.WEIGHTS_NOTE, className="quiet weights-note"),
            html.Div(id=ids.WEIGHTS_CHART, className="weights-chart chart-place"),
        ],
        id=ids.WEIGHTS_BOX,
        className="section",
        hidden=True,
    )


def stores() -> list[Any]:
    """What the browser knows of the chart: whether it can be seen, and then what is to be drawn."""
    return [dcc.Store(id=ids.WEIGHTS_IN_SIGHT, data=False), dcc.Store(id=ids.WEIGHTS_ASKED)]


def offered(graph: DependencyGraph, selection: dict[str, Any] | None) -> tuple[list[str], str | None]:
    """The parameters of a selected group, and the one that is shown first; none where no group is selected."""
    if not selection or selection.get("kind") != "group":
        return [], None
    names = pictured(graph.group(selection["name"]), graph.state_shapes)
    return names, next(iter(names), None)


def described(picture: WeightPicture) -> str:
    """What is seen, in words."""
    sides = picture.sizes[: max(1, min(2, len(picture.shape)))]
    changed = [f"dim {dim}: {before} → {after}." for dim, (before, after) in enumerate(sides) if after != before]
    rest = f", mean over the other {numbers.counted(len(picture.shape) - 2, 'dim')}" if len(picture.shape) > 2 else ""
    joined = ["Several indices share a cell."] if max(picture.block) > 1 else []
    return " ".join([f"{numbers.shape(picture.shape)}: absolute values{rest}.", *changed, *joined])


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the heat map."""

    @app.callback(
        Output(ids.WEIGHTS_MEMBER, "data"),
        Output(ids.WEIGHTS_MEMBER, "value"),
        Output(ids.WEIGHTS_BOX, "hidden"),
        Input(ids.SELECTION, "data"),
        State(ids.OPENED, "data"),
    )
    def offer(selection: dict[str, Any] | None, opened: dict[str, Any]) -> Any:
        names, first = offered(workspace.open(opened["source"]).graph, selection)
        return names, first, first is None

    app.clientside_callback(
        ClientsideFunction("weights", "watch"), Input(ids.WEIGHTS_BOX, "hidden"), prevent_initial_call=True
    )
    app.clientside_callback(
        ClientsideFunction("weights", "ask"),
        Output(ids.WEIGHTS_ASKED, "data"),
        Input(ids.WEIGHTS_IN_SIGHT, "data"),
        Input(ids.WEIGHTS_MEMBER, "value"),
        Input(ids.SCHEME, "data"),
        Input(ids.SETTLED, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.WEIGHTS_CHART, "children"),
        Output(ids.WEIGHTS_NOTE, "children"),
        Input(ids.WEIGHTS_ASKED, "data"),
        State(ids.RECIPE, "data"),
        prevent_initial_call=True,
    )
    def draw(asked: dict[str, Any], recipe: dict[str, Any]) -> Any:
        try:
            picture = weight_picture(workspace.exploration(recipe).plan(), asked["parameter"])
        except ExplorerError as error:
            return no_update, str(error)
        return chart(ids.WEIGHTS, weight_map(picture, asked["scheme"] or "light"), "weights"), described(picture)
