"""Inspector: the importance of each channel of a group, and which go, by the ratio or by hand."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids
from explorer.app.channels import channel_data
from explorer.app.panels.tuning import CRITERION_NAMES
from explorer.app.parts import attributes
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import Recipe

SORTS = {"importance": "ranked", "index": "in order"}
JOINED = {
    "mean": "Mean over the whole group",
    "sum": "Sum over the whole group",
    "max": "Largest of the whole group",
    "prod": "Product over the whole group",
    "first": "First layer of the group alone",
}
"""Which layers of the group a ranking asks, and how what they say becomes one number."""


def layout() -> html.Section:
    """The chart, which assets/channels.js draws; hidden where no group is selected."""
    sort = dmc.SegmentedControl(
        id=ids.CHANNELS_SORT,
        data=[{"label": title, "value": name} for name, title in SORTS.items()],
        value="importance",
        size="xs",
        **attributes(aria_label="Order of the channels"),
    )
    return html.Section(
        [
            html.Div(
                [html.H3(id=ids.CHANNELS_TITLE, className="section-title"), sort], className="row spread channel-head"
            ),
            html.P(id=ids.CHANNELS_RANKING, className="channel-ranking quiet"),
            html.Div(_chart(), className="channel-chart"),
            html.P(className="channel-readout quiet", **attributes(aria_live="polite")),
            html.Div(
                [
                    html.Span("chosen by hand", className="tag"),
                    html.Button(
                        "Back to the ratio", id=ids.CHANNELS_RESET, className="text-tool is-boxed", type="button"
                    ),
                ],
                className="row channel-chosen",
                hidden=True,
            ),
        ],
        id=ids.CHANNELS_BOX,
        className="section",
        hidden=True,
    )


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the channels."""

    @app.callback(
        Output(ids.CHANNELS, "data"),
        Output(ids.CHANNELS_TITLE, "children"),
        Output(ids.CHANNELS_RANKING, "children"),
        Output(ids.CHANNELS_BOX, "hidden"),
        Input(ids.SELECTION, "data"),
        Input(ids.SETTLED, "data"),
        Input(ids.PINS, "data"),
        State(ids.RECIPE, "data"),
    )
    def read(selection: dict[str, Any] | None, _settled: str, pins: list[str], recipe: dict[str, Any]) -> Any:
        if not selection or selection.get("kind") != "group":
            return no_update, no_update, no_update, True
        try:
            exploration = workspace.exploration(recipe)
            data = channel_data(exploration, selection["name"], pins)
        except ExplorerError:
            return no_update, no_update, no_update, True
        return data, *headings(exploration.recipe), False

    for function, inputs in (
        ("show", [Input(ids.CHANNELS, "data"), Input(ids.SCHEME, "data")]),
        ("sort", [Input(ids.CHANNELS_SORT, "value")]),
        ("reset", [Input(ids.CHANNELS_RESET, "n_clicks")]),
    ):
        app.clientside_callback(ClientsideFunction("channels", function), *inputs, prevent_initial_call=True)


def headings(recipe: Recipe) -> tuple[str, str]:
    """By what a recipe ranks the channels of a group, and how its layers are asked, as the panel says it."""
    if recipe.importance == "random":
        return "Channels at random", "Whatever their weights are"
    return f"Channels by {CRITERION_NAMES[recipe.importance]}", JOINED[recipe.reduction]


def stores() -> list[Any]:
    """What the browser knows of the channels."""
    return [dcc.Store(id=ids.CHANNELS)]


def _chart() -> list[Any]:
    """An overview where not all bars fit, the bars, and the one that the keys are at, for screen readers."""
    one = html.Div(id="channel-option", className="visually-hidden", role="option", **attributes(aria_selected="true"))
    bars = html.Div(
        html.Div([html.Canvas(className="channel-canvas"), one], className="channel-track"),
        className="channel-bars",
        tabIndex=0,
        role="listbox",
        **attributes(
            aria_label="Channels: arrow keys move, space keeps or drops one",
            aria_multiselectable="true",
            aria_activedescendant="channel-option",
        ),
    )
    return [html.Canvas(className="channel-overview", hidden=True, **attributes(aria_hidden="true")), bars]
