"""The tools above the grid of groups: what applies to all groups, and to those that are checked."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, State, html

from explorer.app import ids
from explorer.app.parts import attributes
from explorer.app.tables import filter_field
from explorer.exploration import PRESETS, TARGETS

CRITERION_NAMES = {
    "l1": "L1 norm",
    "l2": "L2 norm",
    "group_norm": "group norm",
    "lamp": "LAMP",
    "fpgm": "FPGM",
    "random": "random",
}
"""The criteria that every model and every group can be ranked by, without data."""
CLICKED = "n_clicks_timestamp"
"""In a popover, whose buttons count from an old number when it opens again: a count that is not new is no click."""
USUAL_PERCENT, USUAL_FACTOR = 50, 1.5


def layout() -> html.Div:
    """The tools; those for checked groups take the place of those for all while any is checked."""
    return html.Div(
        [
            html.H2("Groups", className="pane-title"),
            filter_field(ids.GRID_FILTER, "Filter the groups by name or kind", "Filter", 128),
            html.Div(_for_all(), className="tools for-all"),
            html.Div(_for_checked(), className="tools for-checked"),
            html.Div(className="grow"),
            *_options(),
        ],
        id=ids.GRID_TOOLS,
        className="grid-tools",
        **attributes(data_checked="0"),
    )


def register(app: Dash) -> None:
    """Callbacks of the tools, all of them in the browser: they ask for changes, which the drawer answers."""
    for function, inputs, states in (
        ("every", [Input(ids.UNIFORM, "value")], []),
        ("reset", [Input(ids.RESET, "n_clicks")], []),
        ("options", [Input(ids.CRITERION, "value"), Input(ids.ROUND_TO, "value"), Input(ids.MINIMUM, "value")], []),
        ("filterGrid", [Input(ids.GRID_FILTER, "value")], []),
        ("checked", [Input(ids.GRID, "selectedRows")], []),
        ("setChecked", [Input(ids.CHECKED_SET, "n_clicks")], [State(ids.CHECKED_PERCENT, "value")]),
        ("scaleChecked", [Input(ids.CHECKED_SCALE, "n_clicks")], [State(ids.CHECKED_FACTOR, "value")]),
        ("resetChecked", [Input(ids.CHECKED_RESET, "n_clicks")], []),
        ("lockChecked", [Input(ids.CHECKED_LOCK, "n_clicks")], []),
        ("uncheck", [Input(ids.CHECKED_NONE, "n_clicks")], []),
        (
            "target",
            [Input(ids.TARGET, CLICKED)],
            [State(ids.TARGET_COST, "value"), State(ids.TARGET_PERCENT, "value")],
        ),
        ("preset", [Input({"role": ids.PRESET, "name": name}, CLICKED) for name in PRESETS], [_amount_state()]),
    ):
        app.clientside_callback(ClientsideFunction("explorer", function), *inputs, *states, prevent_initial_call=True)


def _amount_state() -> State:
    return State(ids.PRESET_AMOUNT, "value")


def _for_all() -> list[Any]:
    every = dmc.Slider(
        id=ids.UNIFORM,
        min=0,
        max=95,
        step=1,
        value=0,
        size="xs",
        w=120,
        updatemode="drag",
        label=None,
        thumbLabel="Channels of all groups to remove, in percent",
        className="every",
    )
    return [html.Label(["all groups", every], className="tool-field"), _presets(), _button(ids.RESET, "Reset")]


def _presets() -> Any:
    amount = _number(ids.PRESET_AMOUNT, USUAL_PERCENT, min=0, max=99)
    rules = [
        html.Button(
            [html.Strong(preset.title), html.Span(preset.text, className="quiet")],
            id={"role": ids.PRESET, "name": name},
            className="menu-row",
            type="button",
        )
        for name, preset in PRESETS.items()
    ]
    dropdown = [html.Label(["remove up to", amount, "%"], className="tool-field menu-head"), *rules, _target()]
    target = html.Button("Presets", id=ids.PRESETS, className="text-tool", type="button")
    return dmc.Popover(
        [dmc.PopoverTarget(target), dmc.PopoverDropdown(dropdown, className="menu")],
        id=ids.PRESETS_MENU,
        position="top-start",
        trapFocus=True,
        returnFocus=True,
        shadow="md",
        zIndex=50,
    )


def _target() -> html.Div:
    """The preset that asks for a cost instead of ratios."""
    costs = dmc.SegmentedControl(
        id=ids.TARGET_COST,
        data=[{"label": title, "value": cost} for cost, title in TARGETS.items()],
        value="macs",
        size="xs",
        **attributes(aria_label="Cost that the target is for"),
    )
    percent = _number(ids.TARGET_PERCENT, USUAL_PERCENT, min=1, max=100)
    return html.Div(
        [
            html.Label(["or leave", percent, "% of"], className="tool-field"),
            costs,
            _button(ids.TARGET, "Find ratios"),
        ],
        className="menu-target",
    )


def _for_checked() -> list[Any]:
    percent = _number(ids.CHECKED_PERCENT, USUAL_PERCENT, min=0, max=99)
    factor = _number(ids.CHECKED_FACTOR, USUAL_FACTOR, min=0, max=100, step=0.1, allowDecimal=True)
    return [
        html.Span(id=ids.CHECKED_COUNT, className="checked-count", **attributes(aria_live="polite")),
        html.Label([percent, "%"], className="tool-field"),
        _button(ids.CHECKED_SET, "Set"),
        html.Label(["×", factor], className="tool-field"),  # noqa: RUF001 - the sign for times
        _button(ids.CHECKED_SCALE, "Scale"),
        _button(ids.CHECKED_RESET, "Reset"),
        _button(ids.CHECKED_LOCK, "Lock"),
        _button(ids.CHECKED_NONE, "Uncheck"),
    ]


def _options() -> list[Any]:
    criteria = [{"label": label, "value": name} for name, label in CRITERION_NAMES.items()]
    criterion = dmc.Select(id=ids.CRITERION, data=criteria, value="l2", size="xs", w=104, allowDeselect=False)
    return [
        html.Label(["rank by", criterion], className="tool-field"),
        html.Label(["multiple of", _number(ids.ROUND_TO, 1, min=1, max=1024)], className="tool-field"),
        html.Label(["at least", _number(ids.MINIMUM, 1, min=1, max=1024)], className="tool-field"),
    ]


def _button(name: str, text: str) -> html.Button:
    return html.Button(text, id=name, className="text-tool", type="button")


def _number(name: str, value: float, **limits: Any) -> Any:
    given = {"step": 1, "allowDecimal": False, **limits}
    return dmc.NumberInput(id=name, value=value, size="xs", w=64, **given)
