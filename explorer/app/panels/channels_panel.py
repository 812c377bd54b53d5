"""Inspector: the importance of each channel of a group, and which go, by the ratio or by hand."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids
from explorer.app.channels import channel_data
from explorer.app.parts import attributes
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError

SORTS = {"importance": "by importance", "index": "by index"}


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
            html.Div([html.H3("Channels", className="section-title"), sort], className="row spread"),
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
        Output(ids.CHANNELS_BOX, "hidden"),
        Input(ids.SELECTION, "data"),
        Input(ids.SETTLED, "data"),
        Input(ids.PINS, "data"),
        State(ids.RECIPE, "data"),
    )
    def read(selection: dict[str, Any] | None, _settled: str, pins: list[str], recipe: dict[str, Any]) -> Any:
        if not selection or selection.get("kind") != "group":
            return no_update, True
        try:
            return channel_data(workspace.exploration(recipe), selection["name"], pins), False
        except ExplorerError:
            return no_update, True

    for function, inputs in (
        ("show", [Input(ids.CHANNELS, "data"), Input(ids.SCHEME, "data")]),
        ("sort", [Input(ids.CHANNELS_SORT, "value")]),
        ("reset", [Input(ids.CHANNELS_RESET, "n_clicks")]),
    ):
        app.clientside_callback(ClientsideFunction("channels", function), *inputs, prevent_initial_call=True)


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
