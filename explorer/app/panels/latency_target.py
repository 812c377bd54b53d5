"""Above the grid: ratios with which the model takes a wanted part of its time; plans are timed here to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, State, dcc, html

from explorer.app import ids, numbers
from explorer.app.numbers import NOTHING
from explorer.app.panels import background
from explorer.app.panels.background import Asked, Background
from explorer.app.workspace import Workspace
from explorer.exploration import checked_target
from explorer.jobs import Progress, find_latency

HEADS = ("Channels gone", "One forward", "Original", "Remains", "Noise")


def stores() -> list[Any]:
    """The target that somebody chose, and what the page knows of looking for it."""
    return [dcc.Store(id=ids.LATENCY_WANTED), *background.stores(ids.LATENCY_TARGET)]


def begin(workspace: Workspace, page: str, recipe: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Begins to time plans. That happens in this process, whose machine it is about, and never beside another timing.

    Args:
        workspace: Models and queues.
        page: The page that asks.
        recipe: The recipe on the page; its options rank the channels.
        wanted: ``fraction`` of the time that is to remain and ``ranking``, as `explorer.jobs.find_latency` takes them.

    Raises:
        ExplorerError: The target is none, groups are locked, or the criterion has no data.
    """
    exploration, progress = workspace.exploration(recipe), Progress()
    fraction, ranking = checked_target(exploration, wanted.get("fraction")), str(wanted.get("ranking"))
    exploration.choices()
    mine, key = background.owner(page, ids.LATENCY_TARGET), background.new_key("latency-target")
    workspace.jobs.cancel(mine)
    workspace.jobs.ask(mine, key, lambda: find_latency(exploration, fraction, ranking, progress), progress)
    return {"key": key, "fraction": fraction, "fingerprint": exploration.graph.fingerprint}


def summary(asked: Asked, result: Mapping[str, Any]) -> list[Any]:
    """What was found, and below it what was measured on the way.

    Args:
        asked: From `begin`.
        result: From `explorer.jobs.find_latency`.
    """
    timings = result["timings"]
    chosen = next(timing for timing in timings if timing["is_chosen"])
    said = f"{_remains(chosen)} of the time remains; {numbers.percent(asked['fraction'], 0)} was asked for"
    head = html.Summary(
        [
            html.Span("measured", className="tag is-done"),
            html.Span(said, className="plan-terms-first"),
            html.Span(f"{numbers.counted(len(timings), 'plan')} timed", className="quiet"),
        ]
    )
    return [html.Details([head, html.Div(table(timings), className="plan-terms-body")], className="timings")]


def table(timings: Sequence[Mapping[str, Any]]) -> html.Table:
    """One row per plan that was timed, those that remove least first; the chosen one is marked.

    Args:
        timings: As `explorer.jobs.find_latency` gives them.
    """
    rows = [_row(timing) for timing in sorted(timings, key=lambda timing: float(timing["removed"]))]
    heads = html.Tr([html.Th(title, scope="col") for title in HEADS])
    return html.Table([html.Thead(heads), html.Tbody(rows)], className="plans-table")


def _row(timing: Mapping[str, Any]) -> html.Tr:
    is_chosen, runs = timing["is_chosen"], f"lower quartile of {timing['runs']} forwards of each, in turns"
    gone: list[Any] = [numbers.percent(timing["removed"], 0)]
    gone += [html.Span("chosen", className="tag")] if is_chosen else []
    times = [f"{1000 * timing[name]:.3g} ms" for name in ("seconds", "before")]
    noise = numbers.percent(timing["noise"], 0) if timing["noise"] else NOTHING
    cells = [html.Td(gone), *(html.Td(time, title=runs) for time in times), html.Td(_remains(timing)), html.Td(noise)]
    return html.Tr(cells, className="is-current" if is_chosen else "")


def _remains(timing: Mapping[str, Any]) -> str:
    return numbers.percent(timing["seconds"] / timing["before"], 0)


WORK = Background(
    parts=ids.LATENCY_TARGET,
    verb="timing plans",
    begin=begin,
    states=(State(ids.LATENCY_WANTED, "data"),),
    summary=summary,
    stopped="Stopped; the ratios are as they were.",
    trigger=Input(ids.LATENCY_WANTED, "data"),
    queue=lambda workspace: workspace.jobs,
)


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the target; what was found becomes one change of the recipe."""
    background.register(app, workspace, WORK)
    app.clientside_callback(
        ClientsideFunction("training", "found"), Input(ids.LATENCY_TARGET.shown, "data"), prevent_initial_call=True
    )
