"""The tour of a first visit: four steps that point at the real controls; assets/tour.js leads through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dash import html

from explorer.app import ids
from explorer.app.numbers import MINUS
from explorer.app.parts import attributes


@dataclass(frozen=True)
class Step:
    """One step of the tour, and one line of the help.

    Attributes:
        title: What it is about.
        text: What one does there, and what comes of it.
        points: What it points at, as CSS selectors; ``{group}`` stands for the name of the selected group.
        pane: The pane that must be open for it: ``right`` or ``bottom``; empty where none must.
        needs_group: Whether a group must be selected for it.
    """

    title: str
    text: str
    points: tuple[str, ...]
    pane: str = ""
    needs_group: bool = False


MEASURED = (
    "When the ratio rests, the pruned model is built and proven against the original; where there is data, its "
    "accuracy is measured."
)
STEPS = (
    Step(
        "Read the graph",
        f"Each box is a layer. The band above is what comes in (f{MINUS}), the band below is what goes out (f+). "
        "The bands in colour are one group of channels, which can only go together. A lock says that channels stay.",
        (".centre",),
    ),
    Step(
        "See what goes together, and why",
        "Click a layer or a band. Everything that must be pruned together lights up: that is a group. The inspector "
        "lists its members; pick one to see the chain of operations that couples it, with the lines of code.",
        (f"#{ids.RIGHT}",),
        pane="right",
        needs_group=True,
    ),
    Step(
        "Take channels away",
        "Drag the ratio of a group in the grid. Parameters, FLOPs, weights and memory follow at once, "
        "without running the model.",
        (f'#{ids.GRID} .ag-row[row-id="{{group}}"] [col-id="slider"]', f"#{ids.TOTALS}"),
        pane="bottom",
        needs_group=True,
    ),
    Step(
        "Measure, and take it with you",
        f"{MEASURED} Export gives the smaller model, with the lines that load it.",
        (f"#{ids.ACCURACY}", f"#{ids.EXPORT}"),
        pane="bottom",
    ),
)
STEPS_IN_LESSONS = (*STEPS[:-1], Step("Measure", MEASURED, (f"#{ids.ACCURACY}",), pane="bottom"))
"""What of it a lesson has, too."""


def layout(source: str) -> list[Any]:
    """The card that says the steps, and what sets off that which they point at; both hidden until the tour begins.

    Args:
        source: The model that a page shows first.
    """
    steps = [_step(number, step) for number, step in enumerate(STEPS)]
    card = html.Div(
        [html.Div(steps, **attributes(aria_live="polite")), _buttons(has_own=source.startswith("session:"))],
        id=ids.TOUR,
        className="tour",
        role="dialog",
        hidden=True,
        **attributes(aria_label="Tour of the explorer"),
    )
    rings = [html.Div(className="tour-ring") for _ in range(max(len(step.points) for step in STEPS))]
    return [html.Div([html.Div(className="tour-veil"), *rings], id=ids.TOUR_MARKS, hidden=True), card]


def help_lines(*, in_lessons: bool = False) -> list[Any]:
    """The steps as the help has them, and a button that begins the tour; lessons have their part of it and no tour."""
    button = html.Button(
        "Take the tour", className="text-tool is-boxed", type="button", **attributes(data_tour="begin")
    )
    steps = STEPS_IN_LESSONS if in_lessons else STEPS
    lines = [html.Li([html.Strong(step.title), html.P(step.text)]) for step in steps]
    return [html.Ol(lines, className="help-steps"), *([] if in_lessons else [button])]


def _step(number: int, step: Step) -> html.Section:
    head = html.Div(
        [html.H2(step.title, className="pane-title"), html.Span(f"{number + 1} of {len(STEPS)}", className="quiet")],
        className="row spread",
    )
    needs = attributes(
        data_tour_step=str(number),
        data_tour_points="|".join(step.points),
        data_tour_pane=step.pane,
        data_tour_group=str(step.needs_group).lower(),
    )
    return html.Section([head, html.P(step.text)], hidden=True, **needs)


def _buttons(*, has_own: bool) -> html.Div:
    """Those that lead through the tour; somebody who has a model of their own open is not told how to open one."""
    own = [_button("own", "Open your own model…")] if not has_own else []
    ways = [_button("back", "Back"), _button("next", "Next", "is-primary"), _button("done", "Done", "is-primary")]
    return html.Div([_button("skip", "Skip the tour"), *own, html.Div(className="grow"), *ways], className="row")


def _button(what: str, text: str, tone: str = "") -> html.Button:
    look = f"text-tool is-boxed {tone}" if tone else "text-tool"
    return html.Button(text, className=look, type="button", **attributes(data_tour=what))
