"""The tools above the grid of groups: what applies to all groups, and to those that are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, State, html

from explorer.app import ids
from explorer.app.panels.scoring_tools import WITH_DATA
from explorer.app.parts import attributes
from explorer.app.tables import filter_field
from explorer.exploration import PRESETS, TARGETS, TIMED

CRITERION_NAMES = {
    "l1": "L1 norm",
    "l2": "L2 norm",
    "group_norm": "group norm",
    "lamp": "LAMP",
    "fpgm": "FPGM",
    "bn_scale": "BatchNorm scale",
    "taylor": "Taylor",
    "hessian": "Hessian",
    "random": "random",
}
"""What the criteria are called, in the order of the menu."""
REDUCTION_NAMES = {
    "mean": "their mean",
    "sum": "their sum",
    "max": "the largest",
    "prod": "their product",
    "first": "the first",
}
NORMALISER_NAMES = {
    "none": "the criterion's own",
    "mean": "mean is 1",
    "max": "largest is 1",
    "standardise": "mean 0, spread 1",
}
RANKING_NAMES = {"local": "one ratio for all", "global": "all channels compete", "isomorphic": "like groups compete"}
CLICKED = "n_clicks_timestamp"
"""In a popover, whose buttons count from an old number when it opens again: a count that is not new is no click."""
USUAL_PERCENT, USUAL_FACTOR = 50, 1.5
ALL_TARGETS = TARGETS | {TIMED: "latency"}
OPTION_CONTROLS = (ids.CRITERION, ids.ROUND_TO, ids.MINIMUM, ids.REDUCTION, ids.NORMALISER)


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
        **attributes(data_checked="0", data_needs_data=" ".join(WITH_DATA)),
    )


def register(app: Dash) -> None:
    """Callbacks of the tools, all of them in the browser: they ask for changes, which the drawer answers."""
    for function, inputs, states in (
        ("every", [Input(ids.UNIFORM, "value")], []),
        ("reset", [Input(ids.RESET, "n_clicks")], []),
        ("options", [Input(name, "value") for name in OPTION_CONTROLS], []),
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
            [State(name, "value") for name in (ids.TARGET_COST, ids.TARGET_PERCENT, ids.TARGET_RANKING)],
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
    mixed = html.Span(
        "mixed", className="mixed", title="The groups have ratios of their own; this gives all of them one."
    )
    field = html.Label(["all groups", every, mixed], className="tool-field")
    return [field, _presets(), _button(ids.RESET, "Reset")]


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
        data=[{"label": title, "value": cost} for cost, title in ALL_TARGETS.items()],
        value="macs",
        size="xs",
        **attributes(aria_label="Cost that the target is for"),
    )
    percent = _number(ids.TARGET_PERCENT, USUAL_PERCENT, min=1, max=100)
    return html.Div(
        [
            html.Label(["or leave", percent, "% of"], className="tool-field"),
            costs,
            _select(ids.TARGET_RANKING, RANKING_NAMES, "local", 168, "Who competes"),
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
    criterion = _select(ids.CRITERION, CRITERION_NAMES, "l2", 128, "What ranks the channels")
    return [
        html.Div([html.Label(["rank by", criterion], className="tool-field"), _scoring()], className="row"),
        html.Label(
            ["multiple of", _number(ids.ROUND_TO, 1, min=1, max=1024)],
            className="tool-field",
            title="How many channels stay in a group is a multiple of this: many machines run 8 or 16 faster",
        ),
        html.Label(
            ["at least", _number(ids.MINIMUM, 1, min=1, max=1024)],
            className="tool-field",
            title="As many channels stay in every group",
        ),
    ]


def _scoring() -> Any:
    """How coupled slices become one score, and how groups come to one scale."""
    title = "How the scores of coupled slices are joined"
    sign = html.Button(
        "…", id=ids.SCORING_MENU, className="text-tool", type="button", title=title, **attributes(aria_label=title)
    )
    reduction = _select(ids.REDUCTION, REDUCTION_NAMES, "mean", 132, "How slices become one score")
    normaliser = _select(ids.NORMALISER, NORMALISER_NAMES, "none", 150, "Scale of the scores")
    fields = [
        html.Label(["score of coupled slices", html.Span(className="grow"), reduction], className="tool-field"),
        html.Label(["scale, where groups compete", html.Span(className="grow"), normaliser], className="tool-field"),
    ]
    return dmc.Popover(
        [dmc.PopoverTarget(sign), dmc.PopoverDropdown(html.Div(fields, className="scoring-menu"), className="menu")],
        position="top-end",
        trapFocus=True,
        returnFocus=True,
        shadow="md",
        zIndex=50,
        keepMounted=True,
    )


def _select(name: str, titles: Mapping[str, str], value: str, width: int, label: str) -> Any:
    data = [{"label": title, "value": each} for each, title in titles.items()]
    within = {"withinPortal": False} if name in (ids.REDUCTION, ids.NORMALISER, ids.TARGET_RANKING) else {}
    return dmc.Select(
        id=name,
        data=data,
        value=value,
        size="xs",
        w=width,
        allowDeselect=False,
        comboboxProps=within,
        **attributes(aria_label=label),
    )


def _button(name: str, text: str) -> html.Button:
    return html.Button(text, id=name, className="text-tool", type="button")


def _number(name: str, value: float, **limits: Any) -> Any:
    given = {"step": 1, "allowDecimal": False, **limits}
    return dmc.NumberInput(id=name, value=value, size="xs", w=64, **given)
