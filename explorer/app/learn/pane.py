"""The pane of a lesson: where one is, the text, the task, and the ways on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from explorer.app import ids
from explorer.app.learn.addresses import ROOT, Spot, address_of, handout_address
from explorer.app.learn.prose import prose
from explorer.app.parts import attributes, icon, opening_note, plain, stop_button
from explorer.lessons import ACTIONS, Lesson, Step

SKIP, NEXT = "Skip", "Next"


def layout() -> html.Section:
    """The pane, which says that the lesson is on its way; `turning` fills it."""
    body = html.Div(
        [
            html.Div(opening_note("Opening the lesson…"), id=ids.LESSON_TEXT),
            html.Div(id=ids.LESSON_TASK),
            html.Div(id=ids.LESSON_CONDITIONS),
            _tools(),
            html.Div(id=ids.LESSON_MORE),
        ],
        className="lesson-body scroll",
    )
    return html.Section(
        [html.Div(id=ids.LESSON_HEAD), body, html.Div(id=ids.LESSON_FOOT)],
        id=ids.LESSON,
        className="lesson",
        **attributes(aria_labelledby="lesson-title"),
    )


def head(spot: Spot) -> list[Any]:
    """Which lesson, and its steps as links; the browser marks those that are done."""
    steps = [_stop(spot, number) for number in range(len(spot.lesson.steps))]
    return [
        html.Div(
            [
                html.A("Lessons", href=ROOT, className="lesson-up", **attributes(data_go="")),
                html.Span("/", className="quiet", **attributes(aria_hidden="true")),
                html.Strong(spot.lesson.title, className="lesson-name"),
                html.Span(className="grow"),
                html.A("Handout", href=handout_address(spot.lesson), className="lesson-up", title="A page to print"),
            ],
            className="row",
        ),
        html.Nav(html.Ol(steps), className="stops", **attributes(aria_label="Steps", data_lesson=spot.lesson.id)),
    ]


def text(spot: Spot) -> list[Any]:
    """Title and text of a step, and what there is to do on the screen; the browser says once that is done."""
    step = spot.step
    title = html.H2(step.title, id="lesson-title", className="lesson-title", tabIndex=-1)
    wanted = [plain(_wanted(ACTIONS[step.does]))] if step.does else []
    return [title, html.Div(prose(step.text, "text"), className="prose"), *wanted]


def _wanted(what: str) -> html.P:
    """What there is to do, in its two states."""
    states = [
        html.Span([icon(sign), word], className=f"sign-word is-{sign}", **attributes(data_when=when))
        for when, sign, word in (("open", "wait", "To do"), ("done", "yes", "Done"))
    ]
    return html.P([*states, html.Span(f"{what}.")], className="lesson-does", role="status")


def foot(lessons: Sequence[Lesson], spot: Spot) -> list[Any]:
    """The ways to the step before and the one after; the last one leads to the next lesson."""
    place = f"{spot.number + 1} of {len(spot.lesson.steps)}"
    return [
        html.Nav(
            [
                _way(before(lessons, spot), "back"),
                html.Span(place, className="quiet"),
                _way(after(lessons, spot), "on"),
            ],
            className="lesson-foot",
            **attributes(aria_label="Step before and after"),
        )
    ]


def before(lessons: Sequence[Lesson], spot: Spot) -> tuple[str, str]:
    """What the way back is called, and where it leads."""
    if spot.number:
        return "Back", address_of(spot.lesson, spot.lesson.steps[spot.number - 1])
    return "Lessons", ROOT


def after(lessons: Sequence[Lesson], spot: Spot) -> tuple[str, str]:
    """What the way on is called, and where it leads."""
    if spot.number + 1 < len(spot.lesson.steps):
        return SKIP if spot.step.task or spot.step.does else NEXT, address_of(
            spot.lesson, spot.lesson.steps[spot.number + 1]
        )
    following = lessons[lessons.index(spot.lesson) + 1 :]
    if following:
        return f"Next lesson: {following[0].title}", address_of(following[0], following[0].steps[0])
    return "All lessons", ROOT


def _way(way: tuple[str, str], direction: str) -> html.A:
    name, address = way
    later = attributes(data_solved=NEXT, data_skips="") if name == SKIP else {}  # what it is called once that is done
    called = html.Span(name, **attributes(data_name=""))
    signs = {"back": [icon("back"), called], "on": [called, icon("on")]}
    return html.A(
        html.Span(signs[direction], className="row"),
        href=address,
        className=f"way is-{direction}",
        **attributes(data_go="", data_way=direction),
        **later,
    )


def _stop(spot: Spot, number: int) -> html.Li:
    step: Step = spot.lesson.steps[number]
    current = attributes(aria_current="step") if number == spot.number else {}
    words = html.Span(f"{number + 1}. {step.title}", className="only-heard")
    state = html.Span(className="only-heard", **attributes(data_stop_state=""))
    return html.Li(
        html.A(
            [html.Span(className="stop-bar"), words, state],
            href=address_of(spot.lesson, step),
            className="stop",
            title=f"{number + 1}. {step.title}",
            **attributes(data_go="", data_step=step.id),
            **current,
        )
    )


def _tools() -> html.Div:
    """What was said of the answer, in sight wherever one reads, and what can be done about the task."""
    said = html.Div(id=ids.LESSON_SAID, **attributes(aria_live="polite"))
    closed = attributes(aria_expanded="false")
    buttons = [
        html.Button("Check", id=ids.LESSON_CHECK, className="text-tool is-boxed is-primary", type="button"),
        html.Button("Hint", id=ids.LESSON_HINT, className="text-tool", type="button", **closed),
        html.Button("Show me", id=ids.LESSON_SOLUTION, className="text-tool", type="button", hidden=True),
        html.Button("Try again", id=ids.LESSON_RETRY, className="text-tool", type="button"),
    ]
    return html.Div(
        [
            html.Div([said, stop_button(ids.LESSON_STOP)], className="lesson-said"),
            html.Div(buttons, className="row"),
        ],
        id=ids.LESSON_TOOLS,
        className="lesson-tools",
        hidden=True,
    )
