"""Above the plans: times the original and the plan on the page, on request, with progress and a way to stop."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids, numbers
from explorer.app.parts import attributes, message, show_while, stop_button
from explorer.app.plans import latency_note, latency_text, record
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError
from explorer.jobs import Job, Progress, measure_latency

AS_TRACED = "0"
BATCHES = {AS_TRACED: "batch as traced", "1": "batch 1", "8": "batch 8", "32": "batch 32", "128": "batch 128"}
POLL_MILLISECONDS = 200


def layout() -> list[Any]:
    """The tools, right of what else is above the plans."""
    batch = dmc.Select(
        id=ids.LATENCY_BATCH,
        data=[{"label": label, "value": value} for value, label in BATCHES.items()],
        value=AS_TRACED,
        size="xs",
        w=128,
        allowDeselect=False,
        **attributes(aria_label="Batch size of the timing"),
    )
    return [
        html.Div(className="grow"),
        html.Span(id=ids.LATENCY_STATUS, className="latency-status", **attributes(aria_live="polite")),
        stop_button(ids.LATENCY_CANCEL, "Cancel"),
        batch,
        html.Button("Measure latency", id=ids.LATENCY_MEASURE, className="text-tool is-boxed", type="button"),
        dcc.Interval(id=ids.LATENCY_CLOCK, interval=POLL_MILLISECONDS, disabled=True),
    ]


def stores() -> list[Any]:
    """Which timing the page waits for."""
    return [dcc.Store(id=ids.LATENCY)]


def ask(workspace: Workspace, recipe: dict[str, Any], batch: str, page: str, count: int) -> dict[str, Any]:
    """Begins a timing.

    Args:
        workspace: Models and queue.
        recipe: What is timed against the original.
        batch: One of `BATCHES`.
        page: The page that asks.
        count: How often it has asked: each time it is measured anew.

    Returns:
        ``key`` of the job and ``recipe``, for `follow`.
    """
    exploration, progress = workspace.exploration(recipe), Progress()
    key = f"latency:{exploration.graph.fingerprint}:{exploration.recipe.key}:{batch}:{page}:{count}"
    size = int(batch) if batch in BATCHES else 0
    workspace.jobs.ask(owner(page), key, lambda: measure_latency(exploration, size, progress.tell).to_json(), progress)
    return {"key": key, "recipe": recipe}


def follow(workspace: Workspace, asked: dict[str, Any] | None, page: str) -> tuple[Any, bool, Any]:
    """What is said of a timing, whether there is nothing left to wait for, and the record of the plan once it is done.

    Args:
        workspace: Models and queue.
        asked: From `ask`.
        page: The page that asks.
    """
    if not asked:
        return [], True, no_update
    job = workspace.jobs.job(owner(page), str(asked.get("key")))
    if job.result is None:
        return status(job), not job.is_pending, no_update
    return status(job), True, record(workspace.exploration(asked["recipe"]), latency=job.result)


def status(job: Job) -> list[Any]:
    """What the page says of a timing.

    Args:
        job: How far it is.
    """
    if job.state == "failed":
        return [message(job.error)]
    if job.is_pending:
        said = f"timing… {100 * job.fraction:.0f} %" if job.state == "running" else "waiting…"
        return [said]
    if job.result is None:
        return []
    change = numbers.change(job.result["before"], job.result["after"])
    note = latency_note(job.result)
    return [html.Strong(latency_text(job.result)), f" {change}, ", html.Span(note, title=note)]


def owner(page: str) -> str:
    """Who asks for timings: not the page itself, or they and what is measured by itself would displace each other."""
    return f"{page}:latency"


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the timing."""
    page = State(ids.PAGE, "data")
    show_while(app, ids.LATENCY_CANCEL, ids.LATENCY_CLOCK)

    @app.callback(
        Output(ids.LATENCY, "data"),
        Output(ids.LATENCY_CLOCK, "disabled"),
        Output(ids.LATENCY_STATUS, "children"),
        Input(ids.LATENCY_MEASURE, "n_clicks"),
        State(ids.RECIPE, "data"),
        State(ids.LATENCY_BATCH, "value"),
        page,
        prevent_initial_call=True,
    )
    def begin(clicks: int | None, recipe: dict[str, Any], batch: str, page: str) -> Any:
        if not clicks:
            return (no_update,) * 3
        try:
            return ask(workspace, recipe, batch, page, clicks), False, ["waiting…"]
        except ExplorerError as error:
            return None, True, [message(str(error))]

    @app.callback(
        Output(ids.LATENCY_STATUS, "children", allow_duplicate=True),
        Output(ids.LATENCY_CLOCK, "disabled", allow_duplicate=True),
        Output(ids.MEASURED, "data", allow_duplicate=True),
        Input(ids.LATENCY_CLOCK, "n_intervals"),
        State(ids.LATENCY, "data"),
        page,
        prevent_initial_call=True,
    )
    def tick(_ticks: int, asked: dict[str, Any] | None, page: str) -> Any:
        return follow(workspace, asked, page)

    @app.callback(
        Output(ids.LATENCY, "data", allow_duplicate=True),
        Output(ids.LATENCY_CLOCK, "disabled", allow_duplicate=True),
        Output(ids.LATENCY_STATUS, "children", allow_duplicate=True),
        Input(ids.LATENCY_CANCEL, "n_clicks"),
        page,
        prevent_initial_call=True,
    )
    def cancel(clicks: int | None, page: str) -> Any:
        if not clicks:
            return (no_update,) * 3
        workspace.jobs.cancel(owner(page))
        return None, True, []
