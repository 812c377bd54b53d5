"""Centre: the plans that were tried, as a table and a Pareto plot; each can be gone back to, two can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids
from explorer.app.panels import centre, latency_tools, totals
from explorer.app.panels.centre import PLANS
from explorer.app.pareto import AXES, nothing_to_plot, pareto_figure
from explorer.app.parts import attributes, chart, message
from explorer.app.plans import difference, record, table
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError

EMPTY = "Set a ratio in the grid below: once the plan is measured, or applied and verified, it is kept here."


def layout() -> html.Section:
    """The view; it is filled when it is first shown."""
    axis = dmc.SegmentedControl(
        id=ids.PLANS_AXIS,
        data=[{"label": title, "value": name} for name, title in AXES.items()],
        value="macs",
        size="xs",
        **attributes(aria_label="Cost on the plot"),
    )
    return html.Section(
        [
            html.Div(["accuracy against", axis, *latency_tools.layout()], className="matrix-tools quiet"),
            html.Div(
                [
                    html.Div(id=ids.PLANS_PLOT, className="chart-place"),
                    html.P(id=ids.PLANS_NOTE, className="empty", **attributes(aria_live="polite")),
                ],
                className="plans-plot",
            ),
            html.Div(
                [html.Div(id=ids.PLANS_TABLE), html.Div(id=ids.PLANS_DIFFERENCE, **attributes(aria_live="polite"))],
                className="plans-list",
            ),
        ],
        className="plans",
        **attributes(aria_label="Plans tried"),
    )


def stores() -> list[Any]:
    """The plans, kept by the browser for as long as its tab is open, and what is made of them."""
    return [
        dcc.Store(id=ids.PLANS, storage_type="session"),
        dcc.Store(id=ids.MEASURED),
        *latency_tools.stores(),
        dcc.Store(id=ids.PLANS_ASKED),
        dcc.Store(id=ids.PLAN_ROWS, data=[]),
        dcc.Store(id=ids.COMPARED, data=[]),
        dcc.Store(id=ids.PAIR, data=[]),
    ]


def shown(
    rows: Sequence[dict[str, Any]], axis: str, current: str, compared: Sequence[str], scheme: str
) -> tuple[Any, ...]:
    """Table, plot, and why there is no plot.

    Args:
        rows: Records without their recipes.
        axis: Cost on the plot.
        current: Key of the recipe on the page.
        compared: Keys of the plans that are compared.
        scheme: ``light`` or ``dark``.
    """
    why_not = nothing_to_plot(rows, axis) if rows else EMPTY
    return (
        table(rows, current, compared) if rows else [],
        no_update if why_not else chart(ids.PLANS_CHART, pareto_figure(rows, axis, current, scheme), "plans-chart"),
        why_not,
    )


def measured(workspace: Workspace, recipe: dict[str, Any], page: str) -> Any:
    """The record of a recipe once it is measured; nothing before.

    Args:
        workspace: Models and queue.
        recipe: The recipe.
        page: The page that asks.
    """
    try:
        exploration = workspace.exploration(recipe)
        job = workspace.jobs.job(page, totals.job_key(exploration))
    except ExplorerError:  # the totals say what is wrong
        return no_update
    if job.state != "done" or job.result is None:
        return no_update
    found = {name: job.result[name] for name in ("accuracy", "is_proven", "is_wrong")}
    return record(exploration, **found, trained=workspace.open(exploration.recipe.source).training or None)


def compared(workspace: Workspace, pair: Sequence[dict[str, Any]]) -> list[Any]:
    """What tells two plans apart; nothing where there are not two.

    Args:
        workspace: The models.
        pair: Two records.
    """
    if len(pair) != 2:
        return []
    try:
        first, second = ((plan, workspace.exploration(plan["recipe"])) for plan in pair)
        return difference(first, second)
    except ExplorerError as error:
        return [message(str(error))]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the plans."""

    @app.callback(
        Output(ids.MEASURED, "data"),
        Input(ids.ACCURACY, "children"),
        State(ids.RECIPE, "data"),
        State(ids.PAGE, "data"),
        prevent_initial_call=True,
    )
    def note(_measured: Any, recipe: dict[str, Any], page: str) -> Any:
        return measured(workspace, recipe, page)

    asked = [
        Input(ids.PLAN_ROWS, "data"),
        Input(ids.PLANS_AXIS, "value"),
        Input(ids.SETTLED, "data"),
        Input(ids.COMPARED, "data"),
        Input(ids.SCHEME, "data"),
    ]
    centre.ask_when_shown(app, PLANS, Output(ids.PLANS_ASKED, "data"), asked)

    @app.callback(
        Output(ids.PLANS_TABLE, "children"),
        Output(ids.PLANS_PLOT, "children"),
        Output(ids.PLANS_NOTE, "children"),
        Input(ids.PLANS_ASKED, "data"),
        prevent_initial_call=True,
    )
    def draw(asked: list[Any]) -> Any:
        rows, axis, current, compared, scheme = asked
        return shown(rows or [], axis, current, compared, scheme or "light")

    @app.callback(Output(ids.PLANS_DIFFERENCE, "children"), Input(ids.PAIR, "data"), prevent_initial_call=True)
    def compare(pair: list[dict[str, Any]]) -> Any:
        return compared(workspace, pair)

    latency_tools.register(app, workspace)
    _register_clientside(app)


def _register_clientside(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("plans", "add"),
        Output(ids.PLANS, "data"),
        Input(ids.MEASURED, "data"),
        State(ids.PLANS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("plans", "rows"),
        Output(ids.PLAN_ROWS, "data"),
        Input(ids.PLANS, "data"),
        Input(ids.MODEL, "data"),
        State(ids.RECIPE, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("plans", "pair"),
        Output(ids.PAIR, "data"),
        Input(ids.COMPARED, "data"),
        Input(ids.PLAN_ROWS, "data"),
        State(ids.PLANS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("plans", "reveal"), Input(ids.PLANS_DIFFERENCE, "children"), prevent_initial_call=True
    )
    app.clientside_callback(
        ClientsideFunction("plans", "point"), Input(ids.PLANS_CHART, "clickData"), prevent_initial_call=True
    )
