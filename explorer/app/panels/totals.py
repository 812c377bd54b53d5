"""The strip of totals: what the recipe saves, and what was measured of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from explorer.app import ids, numbers
from explorer.app.panels import estimate_card
from explorer.app.parts import attributes, filled_bar, message, plain, proof_tag, show_while, stop_button
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import ExplorerError
from explorer.exploration import Exploration
from explorer.jobs import Job, Task

POLL_MILLISECONDS = 150
WORTH_RECOVERING = 0.01
"""Accuracy lost, 0-1, from which on the card leads to the training that recovers it."""

Act = Callable[[Workspace, Exploration, str], Job]
"""From workspace, model with recipe, and page to the job that measures, once something was done about it."""


def layout(preview: dict[str, Any]) -> html.Div:
    """The strip, with the totals of `preview`."""
    return html.Div(
        [
            html.Div(plain(cards(preview)), id=ids.TOTALS, className="cards", **attributes(aria_live="polite")),
            html.Div(
                [
                    html.Div(className="card accuracy", id=ids.ACCURACY, **attributes(aria_live="polite")),
                    stop_button(ids.MEASURE_STOP),
                    estimate_card.layout(),
                ],
                className="accuracies",
            ),
            dcc.Interval(id=ids.CLOCK, interval=POLL_MILLISECONDS, disabled=True),
        ],
        className="totals",
    )


def cards(preview: dict[str, Any]) -> list[html.Div]:
    """One card per quantity, before and after."""
    totals = preview["totals"]
    flops = [2 * number for number in totals["macs"]]
    return [
        _card("Parameters", totals["params"], numbers.count, _exactly(totals["params"], "")),
        _card("FLOPs", flops, numbers.count, _exactly(totals["macs"], "MACs"), " (= 2 MACs)"),
        _card("Weights", totals["bytes"], numbers.size, _exactly(totals["bytes"], "bytes")),
        _card("Activations, peak", totals["activations"], numbers.size, _exactly(totals["activations"], "bytes")),
    ]


def accuracy(subject: Subject, job: Job, is_pruning: bool, place: tuple[str, str] = ("", "")) -> list[Any]:
    """The card of what was measured.

    Args:
        subject: The model.
        job: How far measuring is.
        is_pruning: Whether the recipe removes anything.
        place: Where it is measured, and why there, as `JobQueue.place` says it.
    """
    is_measurable = subject.data is not None
    title = html.Div(["Accuracy" if is_measurable else "Proof", _state_tag(job, *place)], className="card-title")
    if job.state == "failed":
        return [title, message(job.error), _button("Try again")]
    if job.is_pending:
        return [title, *_pending(job, "measuring…" if is_measurable else "applying…")]
    if job.state == "done" and job.result is not None:
        return [title, *_measured(job.result, is_measurable)]
    if job.state == "stopped":
        return [title, html.Div("Nothing was measured, nothing was changed.", className="quiet"), _button("Measure")]
    return [title, *_not_measured(subject, is_pruning)]


def ask(workspace: Workspace, exploration: Exploration, page: str, is_asked: bool) -> Job:
    """The job that measures a recipe: asked for by itself where there is data, else by a button.

    Args:
        workspace: Models and queue.
        exploration: Model and recipe.
        page: The page that asks.
        is_asked: Whether somebody pressed the button.
    """
    subject = workspace.open(exploration.recipe.source)
    key = job_key(exploration)
    job = workspace.jobs.job(page, key)
    is_new = job.state == "gone" or (job.state in ("failed", "stopped") and is_asked)
    if is_new and (is_asked or subject.data is not None):
        return workspace.jobs.ask(page, key, Task("measure", exploration, subject.data))
    return job


def stop(workspace: Workspace, exploration: Exploration, page: str) -> Job:
    """The job that measures a recipe, stopped.

    Args:
        workspace: Models and queue.
        exploration: Model and recipe.
        page: The page that asked.
    """
    workspace.jobs.stop(page, job_key(exploration))
    return ask(workspace, exploration, page, is_asked=False)


def job_key(exploration: Exploration) -> str:
    """Names what measuring a recipe of a model gives."""
    return f"measure:{exploration.graph.fingerprint}:{exploration.recipe.key}"


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the totals."""
    show_while(app, ids.MEASURE_STOP, ids.CLOCK)
    app.clientside_callback(
        ClientsideFunction("explorer", "measured"), Input(ids.ACCURACY, "children"), prevent_initial_call=True
    )
    page = (State(ids.RECIPE, "data"), State(ids.PAGE, "data"))

    # also asked by a new model, so that what is said of the one before, if it is still on its way, is dropped
    asked = (Input(ids.SETTLED, "data"), Input(ids.CLOCK, "n_intervals"), Input(ids.MODEL, "data"))

    @app.callback(*_card_outputs(), *asked, *page)
    def follow(_settled: str, _ticks: int, _model: str, recipe: dict[str, Any], page: str) -> Any:
        return _shown(workspace, recipe, page, partial(ask, is_asked=False))

    # a callback each, since the button that measures is on the page only where nothing was measured
    for button, act in ((ids.MEASURE, partial(ask, is_asked=True)), (ids.MEASURE_STOP, stop)):

        @app.callback(*_card_outputs(allow_duplicate=True), Input(button, "n_clicks"), *page, prevent_initial_call=True)
        def press(clicks: int | None, recipe: dict[str, Any], page: str, act: Act = act) -> Any:
            return _shown(workspace, recipe, page, act) if clicks else (no_update, no_update)


def _card_outputs(**how: bool) -> tuple[Output, Output]:
    """What the accuracy card shows, and whether there is nothing left to wait for."""
    return Output(ids.ACCURACY, "children", **how), Output(ids.CLOCK, "disabled", **how)


def _shown(workspace: Workspace, recipe: dict[str, Any], page: str, act: Act) -> tuple[Any, bool]:
    """Children of the accuracy card once something is done about the job, and whether there is nothing to wait for."""
    try:
        exploration = workspace.exploration(recipe)
        job = act(workspace, exploration, page)
        subject = workspace.open(exploration.recipe.source)
    except ExplorerError as error:
        return [message(str(error))], True
    shown = accuracy(subject, job, exploration.is_pruning(), workspace.jobs.place(subject.source))
    return shown, not job.is_pending


def _exactly(totals: list[int], unit: str) -> str:
    return " → ".join(f"{number:,}" for number in dict.fromkeys(totals)) + f" {unit}".rstrip()


def _card(title: str, totals: list[int], text: Any, exactly: str, aside: str = "") -> html.Div:
    """A quantity before and after; `aside` follows its title where there is room."""
    before, after = totals
    is_changed = before != after
    share = after / before if before else 1.0
    was = [html.Span(text(before), className="was"), html.Span("→", className="arrow")] if is_changed else []
    change = [html.Span(numbers.change(before, after), className="change")] if is_changed else []
    return html.Div(
        [
            html.Div([title, *([html.Span(aside, className="card-aside")] if aside else [])], className="card-title"),
            html.Div([*was, html.Span(text(after), className="now"), *change], className="card-value"),
            html.Div(exactly, className="card-exact"),
            filled_bar(share, "meter"),
        ],
        title=exactly,
        className="card is-changed" if is_changed else "card",
    )


def _pending(job: Job, doing: str) -> list[html.Div]:
    """What is being done, and how much of it is done."""
    said = f"{doing} {100 * job.fraction:.0f} %" if job.fraction else doing
    return [
        html.Div(said, className="card-value is-pending"),
        filled_bar(job.fraction, "meter is-running"),
    ]


def _state_tag(job: Job, where: str, why: str) -> html.Span:
    texts = {"done": "measured", "waiting": "waiting", "running": "running", "failed": "failed", "stopped": "stopped"}
    text = texts.get(job.state, "not measured")
    said = f"{text} on {where}" if where and job.state in ("done", "running") else text
    return html.Span(said, className=f"tag is-{job.state}", title=why)


def _measured(result: dict[str, Any], is_measurable: bool) -> list[Any]:
    return ([_accuracy_value(result)] if is_measurable else []) + _proof(result)


def _accuracy_value(result: dict[str, Any]) -> html.Div:
    before, after = result["before"], result["accuracy"]
    was = [html.Span(numbers.percent(before), className="was"), html.Span("→", className="arrow")]
    points = round(100 * (after - before), 1)
    sign = numbers.MINUS if points < 0 else "+"
    return html.Div(
        [
            *(was if result["is_proven"] is not None else []),
            html.Span(numbers.percent(after), className="now", **attributes(data_accuracy=after)),
            html.Span(f"{sign}{abs(points):.1f} points" if points else "", className="change"),
        ],
        className="card-value",
    )


def _recover(result: dict[str, Any]) -> list[Any]:
    """Leads to what trains the pruned model, where it has lost accuracy; assets/training.js goes there."""
    lost = result["before"] - result["accuracy"]
    if not lost >= WORTH_RECOVERING:
        return []
    button = html.Button(
        "Recover…",
        className="link recover-link",
        type="button",
        title="Train the pruned model until it is as good as it was",
        **attributes(data_show_training="recover"),
    )
    return [button]


def _proof(result: dict[str, Any]) -> list[Any]:
    samples = f"{result['correct']} of {result['total']} test samples" if result["total"] else ""
    if result["is_proven"] is None:
        return [html.Div(samples or "Nothing is pruned yet.", className="quiet")]
    repairs = f" · {len(result['repairs'])} repairs" if result["repairs"] else ""
    said = result["proof"] + repairs
    shown = f"max rel. error {numbers.power(result['error'])}{repairs}" if result["is_proven"] else said
    badge = proof_tag(result["is_proven"], result["is_wrong"], title=samples)
    text = html.Span(shown, className="proof-text", title=said)
    return [html.Div([badge, text, *(_recover(result) if result["total"] else [])], className="proof")]


def _not_measured(subject: Subject, is_pruning: bool) -> list[Any]:
    if not is_pruning:
        reason = "; ".join(subject.notes) or "no evaluation data"
        return [html.Div(f"Accuracy is not measured: {reason}.", className="quiet")]
    return [_button("Apply and verify")]


def _button(text: str) -> html.Button:
    return html.Button(text, id=ids.MEASURE, className="text-tool is-boxed", type="button")
