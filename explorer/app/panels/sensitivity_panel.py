"""Training: how accuracy falls when one group after the other is pruned, all groups at a glance and one as a curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from explorer.app import ids, numbers
from explorer.app.curves import sensitivity_curve
from explorer.app.panels import background, estimate_card
from explorer.app.panels.background import Asked, Background
from explorer.app.panels.tuning import CRITERION_NAMES
from explorer.app.parts import attributes, badge, chart, pick_attributes
from explorer.app.theme import SHADES, slot_of
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import Exploration
from explorer.jobs import Progress, Task, ranking_alone, sensitivity_from_json
from explorer.training import Sensitivity

EMPTY = (
    "Nothing is measured yet. Each group is pruned alone, by 10 to 90 %, and all groups together: the groups that cost "
    "most come first, and you can stop at any time and go on later."
)


def tools() -> list[Any]:
    """What begins a sweep and says how far it is."""
    return [background.button(ids.SWEEP, "Measure sensitivity"), background.status_line(ids.SWEEP)]


def layout() -> html.Div:
    """The panel; what was measured fills it."""
    return html.Div(
        [
            html.Div(html.P(EMPTY, className="empty"), id=ids.SWEEP_TABLE, className="training-list"),
            html.Div(id=ids.SWEEP_PLOT, className="training-plot"),
        ],
        className="training-pair",
    )


def stores() -> list[Any]:
    """What the page knows of the sweep."""
    return background.stores(ids.SWEEP)


def sweep_key(exploration: Exploration) -> str:
    """Names what a sweep gives: the model and what ranks its channels, whatever else the recipe says."""
    recipe = exploration.recipe
    return f"sensitivity:{recipe.source}:{recipe.fingerprint}:{recipe.importance}:{recipe.reduction}"


def begin(workspace: Workspace, page: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """Begins a sweep, or goes on with the same one that was stopped, or whose server was.

    Raises:
        ExplorerError: The model has no data, or the criterion cannot rank it.
    """
    exploration = workspace.exploration(recipe)
    data = background.data_of(workspace, exploration, "Sensitivity is accuracy on labelled data")
    exploration.choices()
    key, task = sweep_key(exploration), Task("sensitivity", ranking_alone(exploration), data)
    asked = replace(task, progress=Progress(workspace.shelves.shelf(task)))
    workspace.trainings.ask(background.owner(page, ids.SWEEP), key, asked)
    return {"key": key}


def known(workspace: Workspace, recipe: dict[str, Any], page: str, shown: Mapping[str, Any] | None) -> Any:
    """What is known of the model and criterion on the page; nothing new where it is on the page already.

    Args:
        workspace: Models and queues.
        recipe: The recipe on the page.
        page: The page that asks.
        shown: What the page knows.
    """
    try:
        key = sweep_key(workspace.exploration(recipe))
    except ExplorerError:  # the totals say what is wrong
        return no_update
    if shown and shown["key"] == key:
        return no_update
    result = workspace.trainings.job(background.owner(page, ids.SWEEP), key).result
    if not result and not shown:
        return no_update
    return {"key": key, "at": "done" if result else 0, "data": result}


def summary(_asked: Asked, result: Mapping[str, Any]) -> list[Any]:
    """What is said of a sweep that ended."""
    found = sensitivity_from_json(result)
    said = f"{numbers.counted(len(found.groups), 'group')} measured, ranked by {CRITERION_NAMES[found.importance]}"
    return [html.Span("done", className="tag is-done"), html.Span(said, className="quiet")]


def overview(found: Sensitivity) -> html.Table:
    """All groups at a glance: one row each, accuracy at each ratio, shaded by what is lost."""
    ratios = [html.Th(f"{100 * ratio:.0f} %", scope="col") for ratio in found.ratios]
    rows = [_row(found, "")] if found.joint else []
    rows += [_row(found, name) for name in found.groups]
    head = html.Tr([html.Th("removed", scope="col"), *ratios])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="sweep-table")


def drops(found: Sensitivity) -> dict[str, float]:
    """For the colours of the graph: what each group loses of the accuracy when half of it goes, 0-1."""
    measured = {point.group for point in found.points}
    return {name: max(0.0, found.drop(name, 0.5)) for name in found.groups if name in measured}


WORK = Background(
    parts=ids.SWEEP,
    verb="measuring",
    begin=begin,
    states=(),
    summary=summary,
    stopped="Stopped. What was measured is kept; measure again to go on.",
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the sweep and what is drawn of it."""
    background.register(app, workspace, WORK)
    estimate_card.register(app, workspace)

    @app.callback(
        Output(ids.SWEEP.shown, "data", allow_duplicate=True),
        Input(ids.MODEL, "data"),
        Input(ids.SETTLED, "data"),
        State(ids.RECIPE, "data"),
        State(ids.PAGE, "data"),
        State(ids.SWEEP.shown, "data"),
        prevent_initial_call="initial_duplicate",
    )
    def recall(_source: str, _settled: str, recipe: dict[str, Any], page: str, shown: dict[str, Any] | None) -> Any:
        return known(workspace, recipe, page, shown)

    @app.callback(Output(ids.SWEEP_TABLE, "children"), Input(ids.SWEEP.shown, "data"), prevent_initial_call=True)
    def tabulate(shown: dict[str, Any] | None) -> Any:
        found = found_in(shown)
        return overview(found) if found else html.P(EMPTY, className="empty")

    @app.callback(
        Output(ids.SWEEP_PLOT, "children"),
        Input(ids.SWEEP.shown, "data"),
        Input(ids.SELECTION, "data"),
        Input(ids.SETTLED, "data"),
        Input(ids.SCHEME, "data"),
        State(ids.PINS, "data"),
        State(ids.RECIPE, "data"),
        prevent_initial_call=True,
    )
    def draw(shown: Any, selection: Any, _settled: str, scheme: str | None, pins: Any, recipe: dict[str, Any]) -> Any:
        if (found := found_in(shown)) is None:
            return []
        group = selection["name"] if (selection or {}).get("kind") == "group" else ""
        slot, ratio = slot_of(group, pins or []), recipe["ratios"].get(group, 0.0)
        figure = sensitivity_curve(found, group, ratio, scheme or "light", slot)
        return chart(ids.SWEEP_CHART, figure, "training-chart")

    for function, changed in (
        (ClientsideFunction("training", "shadeBy"), Input(ids.SWEEP.shown, "data")),
        (ClientsideFunction("explorer", "repaint"), Input(ids.SWEEP_TABLE, "children")),
    ):
        app.clientside_callback(function, changed, prevent_initial_call=True)


def found_in(shown: Mapping[str, Any] | None) -> Sensitivity | None:
    """What was measured, of what the page holds; None where that is nothing."""
    return sensitivity_from_json(shown["data"]) if shown and shown["data"] else None


def _row(found: Sensitivity, group: str) -> html.Tr:
    measured = dict(found.curve(group))
    cells = [_cell(measured.get(ratio), found.base.accuracy) for ratio in found.ratios]
    if not group:
        return html.Tr([html.Th("all groups together", scope="row", className="quiet"), *cells], className="is-joint")
    name = html.Button(
        [badge(group), html.Span(group, className="mono")],
        className="sweep-name",
        type="button",
        title=group,
        **pick_attributes("group", group, [group]),
    )
    return html.Tr([html.Th(name, scope="row"), *cells])


def _cell(accuracy: float | None, base: float) -> html.Td:
    if accuracy is None:
        return html.Td("", **attributes(aria_label="not measured yet"))
    lost = max(0.0, base - accuracy) / base if base else 0.0
    shade = min(SHADES - 1, int(lost * SHADES))
    return html.Td(numbers.percent(accuracy), className=f"is-shade-{shade}")
