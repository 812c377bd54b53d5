"""Right pane while a propagation plays: controls, the step in words, and all steps."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids
from explorer.app.parts import attributes, icon, plain
from explorer.app.playing import recording, step_rows
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError

SPEEDS = ("0.5", "1", "2", "4")
CONTROLS = (
    ("first", "to-start", "To the start (Home)"),
    ("back", "step-back", "One step back (left arrow)"),
    ("toggle", "play", "Play or pause (space)"),
    ("forward", "step-forward", "One step on (right arrow)"),
    ("last", "to-end", "To the end (End)"),
)


def layout() -> html.Section:
    """The player, hidden until a port is played; assets/player.js moves it."""
    return html.Section(
        [
            html.Div([html.H2("Propagation", className="title"), _button("close", "close", "Close (Esc)")],
                     className="row spread"),
            html.P(className="quiet", **attributes(data_player_text="from")),
            plain(_card()),
            html.Div(
                [plain([_button(*control) for control in CONTROLS]), html.Div(className="grow"), _speed()],
                className="transport",
            ),
            dmc.Slider(
                id=ids.PLAYER_POSITION, min=0, max=1, step=1, value=0, size="xs", updatemode="drag", label=None,
                thumbLabel="Step",
            ),
            html.Div(id=ids.PLAYER_STEPS, className="steps scroll"),
        ],
        id=ids.PLAYER,
        className="player",
        hidden=True,
        tabIndex=-1,
        **attributes(aria_label="Propagation player"),
    )  # fmt: skip


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the player."""

    @app.callback(
        Output(ids.PROPAGATION, "data"),
        Output(ids.PLAYER_STEPS, "children"),
        Input(ids.PLAY, "data"),
        State(ids.MODEL, "data"),
        prevent_initial_call=True,
    )
    def record(asked: dict[str, Any] | None, source: str) -> Any:
        if not asked:
            return None, []
        try:
            subject = workspace.open(source)
            played = recording(subject.graph, subject.outline, asked["port"])
        except ExplorerError:  # the model was changed in between
            return no_update, no_update
        return played, plain(html.Ol(step_rows(played)))

    for function, inputs in (
        ("load", [Input(ids.PLAYER_STEPS, "children"), State(ids.PROPAGATION, "data"), State(ids.SELECTION, "data"),
                  State(ids.PINS, "data"), State(ids.PLAY, "data")]),
        ("close", [Input(ids.MODEL, "data"), Input(ids.SELECTION, "data")]),
        ("scrub", [Input(ids.PLAYER_POSITION, "value")]),
        ("speed", [Input(ids.PLAYER_SPEED, "value")]),
    ):  # fmt: skip
        app.clientside_callback(ClientsideFunction("player", function), *inputs, prevent_initial_call=True)


def stores() -> list[Any]:
    """What the browser holds of a propagation."""
    return [dcc.Store(id=ids.PLAY), dcc.Store(id=ids.PROPAGATION)]


def _card() -> html.Div:
    """The step in words. The browser fills it in, so that a step costs no round trip."""
    return html.Div(
        [
            html.Div([html.Span(**_part("kind")), html.Span(className="quiet", **_part("count"))],
                     className="row spread"),
            html.P(className="step-ports mono", **_part("ports")),
            html.P(className="step-text", **_part("text")),
            html.P(className="mono quiet", **_part("place")),
            html.Button(className="link step-open", type="button", hidden=True, **_part("open")),
        ],
        className="step-card",
        **attributes(aria_live="polite"),
    )  # fmt: skip


def _part(name: str) -> dict[str, Any]:
    return attributes(data_player_text=name)


def _button(action: str, sign: str, title: str) -> html.Button:
    return html.Button(
        icon(sign),
        className="tool",
        type="button",
        title=title,
        **attributes(data_player=action, aria_label=title),
    )


def _speed() -> Any:
    return dmc.SegmentedControl(
        id=ids.PLAYER_SPEED,
        data=[{"label": f"{speed}×", "value": speed} for speed in SPEEDS],  # noqa: RUF001
        value="1",
        size="xs",
        **attributes(aria_label="Speed"),
    )
