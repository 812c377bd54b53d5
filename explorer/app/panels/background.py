"""What panels share that start work in the background: a button, how far it is, a way to stop it, and to try again."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids, numbers
from explorer.app.parts import attributes, filled_bar, message, show_while, stop_button
from explorer.app.workspace import Workspace
from explorer.engine.errors import DataError, ExplorerError
from explorer.exploration import Exploration
from explorer.jobs import Job, JobQueue, Progress, Task
from explorer.training import Dataset
from explorer.training.data import without_data

POLL_MILLISECONDS = 400

Asked = Mapping[str, Any]
"""``key`` of a job, ``recipe`` that it was begun with, and what else the panel wants to remember."""

Finished = Callable[[Workspace, Asked, dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True)
class Background:
    """A kind of work.

    Attributes:
        parts: Ids of the panel's parts.
        verb: What goes on while it runs: ``training``.
        begin: From the workspace, the page, the recipe and the values of `states` to what is asked for, begun.
        states: Controls that say how the work is to be done.
        summary: From what was asked for and the result to what the page says of it.
        stopped: What the page says where the work was stopped before anything came out.
        finished: From the workspace, what was asked for and the result to the record of a plan, or None, as for work
            that makes none; called once.
        trigger: What begins it; a click on its button by default.
        queue: Where it runs.
    """

    parts: ids.Work
    verb: str
    begin: Callable[..., dict[str, Any]]
    states: Sequence[State]
    summary: Callable[[Asked, Mapping[str, Any]], list[Any]]
    stopped: str
    finished: Finished = lambda *_: None
    trigger: Input | None = None
    queue: Callable[[Workspace], JobQueue] = lambda workspace: workspace.trainings


def owner(page: str, parts: ids.Work) -> str:
    """Who asks for this kind of work: not the page itself, or several kinds would displace each other."""
    return f"{page}:{parts.begin}"


def ask(workspace: Workspace, page: str, parts: ids.Work, key: str, task: Task) -> None:
    """Begins a training in the place of the one before it of the same page, which is stopped.

    The same training on the same weights goes on where an earlier one was stopped, or its server killed.

    Args:
        workspace: Models, queues, and where weights are kept under the key, and states by what the training is.
        page: The page that asks.
        parts: The panel that asks.
        key: Names what comes out.
        task: What is to be done.
    """
    mine = owner(page, parts)
    workspace.trainings.cancel(mine)
    progress = Progress(workspace.shelves.shelf(task))
    workspace.trainings.ask(mine, key, replace(task, progress=progress, keep=partial(workspace.tensors.keep, key)))


def data_of(workspace: Workspace, exploration: Exploration, what: str) -> Dataset:
    """What the model on a page learns from or is measured on.

    Args:
        workspace: The models.
        exploration: The model.
        what: What needs the data, as the beginning of a sentence.

    Raises:
        DataError: There is none.
    """
    data = workspace.open(exploration.recipe.source).data
    if data is None:
        raise DataError(without_data(what, exploration.graph.title))
    return data


def new_key(kind: str) -> str:
    """Names what one piece of work gives; only the page that asked for it knows the name."""
    return f"{kind}:{secrets.token_urlsafe(18)}"


def number(name: str, label: str, value: float, **limits: Any) -> html.Label:
    """A field for a number."""
    return html.Label([label, dmc.NumberInput(id=name, value=value, size="xs", w=76, **limits)], className="tool-field")


def button(parts: ids.Work, text: str) -> html.Button:
    """Begins the work."""
    return html.Button(text, id=parts.begin, className="text-tool is-boxed is-primary", type="button")


def status_line(parts: ids.Work) -> html.Div:
    """Where the page says how far the work is, and stops it."""
    said = html.Div(id=parts.status, className="work-status", **attributes(aria_live="polite"))
    return html.Div([said, stop_button(parts.cancel)], className="work-line")


def stores(parts: ids.Work) -> list[Any]:
    """What the page knows of the work, and the clock that asks for it."""
    return [
        dcc.Store(id=parts.asked),
        dcc.Store(id=parts.shown),
        dcc.Interval(id=parts.clock, interval=POLL_MILLISECONDS, disabled=True),
    ]


def status(work: Background, asked: Asked, job: Job) -> list[Any]:
    """What the page says of a job.

    Args:
        work: The kind of work.
        asked: What was asked for.
        job: How far it is.
    """
    if job.state == "failed":
        return [message(job.error), _tool(work.parts.again, "Try again")]
    if job.is_pending:
        said = f"{work.verb}… {100 * job.fraction:.0f} %" if job.state == "running" else "waiting for other work…"
        return [filled_bar(job.fraction, "work-bar"), html.Span(said)]
    if job.result is None:
        return [html.Span(work.stopped, className="quiet")]
    return work.summary(asked, job.result)


def follow(workspace: Workspace, work: Background, asked: Asked | None, page: str, known: Asked | None) -> list[Any]:
    """The status, whether there is nothing left to wait for, what there is of the work, and the record of a plan.

    Args:
        workspace: Models and queues.
        work: The kind of work.
        asked: What the page waits for.
        page: The page that asks.
        known: What it shows already.
    """
    if not asked:
        return [no_update, True, no_update, no_update]
    job = work.queue(workspace).job(owner(page, work.parts), asked["key"])
    seen = job.result or job.partial
    at = "done" if job.result else job.fraction
    is_news = seen is not None and (not known or (known["key"], known["at"]) != (asked["key"], at))
    shown = {**asked, "at": at, "data": seen} if is_news else no_update
    try:
        made = work.finished(workspace, asked, job.result) if job.result else None
    except ExplorerError as error:
        return [[message(str(error))], True, shown, no_update]
    return [status(work, asked, job), not job.is_pending, shown, made or no_update]


def register(app: Dash, workspace: Workspace, work: Background) -> None:
    """Callbacks that begin, follow and stop one kind of work."""
    parts, page = work.parts, State(ids.PAGE, "data")
    show_while(app, parts.cancel, parts.clock)

    # two callbacks, since the button that tries again is on the page only where something failed
    for trigger in (work.trigger or Input(parts.begin, "n_clicks"), Input(parts.again, "n_clicks")):

        @app.callback(
            Output(parts.asked, "data", allow_duplicate=True),
            Output(parts.clock, "disabled", allow_duplicate=True),
            Output(parts.status, "children", allow_duplicate=True),
            trigger,
            page,
            State(ids.RECIPE, "data"),
            *work.states,
            prevent_initial_call=True,
        )
        def begin(asked: Any, page: str, recipe: dict[str, Any], *values: Any) -> Any:
            if not asked:
                return (no_update,) * 3
            try:
                return work.begin(workspace, page, recipe, *values), False, ["waiting…"]
            except ExplorerError as error:
                return None, True, [message(str(error))]

    @app.callback(
        Output(parts.status, "children", allow_duplicate=True),
        Output(parts.clock, "disabled", allow_duplicate=True),
        Output(parts.shown, "data"),
        Output(ids.MEASURED, "data", allow_duplicate=True),
        Input(parts.clock, "n_intervals"),
        State(parts.asked, "data"),
        page,
        State(parts.shown, "data"),
        prevent_initial_call=True,
    )
    def tick(_ticks: int, asked: dict[str, Any] | None, page: str, shown: dict[str, Any] | None) -> Any:
        return follow(workspace, work, asked, page, shown)

    @app.callback(
        Output(parts.status, "children", allow_duplicate=True),
        Input(parts.cancel, "n_clicks"),
        page,
        prevent_initial_call=True,
    )
    def cancel(clicks: int | None, page: str) -> Any:
        if not clicks:
            return no_update
        work.queue(workspace).cancel(owner(page, parts))
        return ["stopping…"]


def shift(before: float, after: float) -> list[Any]:
    """An accuracy before and after, as ``54.9 % → 98.1 %``."""
    return [
        html.Span(numbers.percent(before), className="was"),
        html.Span("→", className="arrow"),
        html.Strong(numbers.percent(after)),
    ]


def _tool(name: str, text: str) -> html.Button:
    return html.Button(text, id=name, className="text-tool is-boxed", type="button")
