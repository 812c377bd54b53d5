"""Above the plans: times the original and the plan on the page, on request, with progress and a way to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, State, html

from explorer.app import ids, numbers
from explorer.app.panels import background
from explorer.app.panels.background import Asked, Background
from explorer.app.parts import attributes
from explorer.app.plans import latency_note, latency_text, record
from explorer.app.workspace import Workspace
from explorer.jobs import Progress, measure_latency

AS_TRACED = "0"
BATCHES = {AS_TRACED: "batch as traced", "1": "batch 1", "8": "batch 8", "32": "batch 32", "128": "batch 128"}


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
        batch,
        html.Button("Measure latency", id=ids.LATENCY.begin, className="text-tool is-boxed", type="button"),
        background.status_line(ids.LATENCY),
    ]


def stores() -> list[Any]:
    """What the page knows of the timing."""
    return background.stores(ids.LATENCY)


def begin(workspace: Workspace, page: str, recipe: dict[str, Any], batch: str) -> dict[str, Any]:
    """Begins a timing, in this process, whose machine it is about; each time it is measured anew.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        recipe: What is timed against the original.
        batch: One of `BATCHES`.

    Raises:
        ExplorerError: The recipe does not fit its model.
    """
    exploration, progress = workspace.exploration(recipe), Progress()
    mine, key = background.owner(page, ids.LATENCY), background.new_key("latency")
    size = int(batch) if batch in BATCHES else 0
    workspace.jobs.cancel(mine)
    workspace.jobs.ask(mine, key, lambda: measure_latency(exploration, size, progress.tell).to_json(), progress)
    return {"key": key, "recipe": recipe}


def finished(workspace: Workspace, asked: Asked, result: dict[str, Any]) -> dict[str, Any]:
    """The record of the plan that was timed."""
    return record(workspace.exploration(asked["recipe"]), latency=result)


def summary(_asked: Asked, result: Mapping[str, Any]) -> list[Any]:
    """What is said of a timing that ended."""
    change, note = numbers.change(result["before"], result["after"]), latency_note(result)
    return [html.Strong(latency_text(result)), html.Span(f"{change},"), html.Span(note, title=note)]


WORK = Background(
    parts=ids.LATENCY,
    verb="timing",
    begin=begin,
    states=(State(ids.LATENCY_BATCH, "value"),),
    finished=finished,
    summary=summary,
    stopped="Stopped; nothing was timed.",
    queue=lambda workspace: workspace.jobs,
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the timing."""
    background.register(app, workspace, WORK)
