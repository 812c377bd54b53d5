"""The list of lessons, with how far somebody is in each; the browser knows that and fills it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from explorer.app.learn.addresses import ROOT, address_of
from explorer.app.numbers import counted
from explorer.app.parts import attributes
from explorer.lessons import Lesson

WELCOME = (
    "Each lesson takes a few minutes. You work on real, trained models; what you answer is checked by the engine that "
    "prunes them. What you have done stays in this browser."
)


def catalogue(lessons: Sequence[Lesson], remark: str = "") -> list[Any]:
    """The list.

    Args:
        lessons: All of them, in order.
        remark: Why it is shown instead of what was asked for; may be empty.
    """
    total = sum(lesson.minutes for lesson in lessons)
    remarks = [html.P(remark, className="message is-warn", role="status")] if remark else []
    return [
        *remarks,
        html.H2("Learn structural pruning", id="lesson-list-title", className="catalogue-title", tabIndex=-1),
        html.P(WELCOME, className="catalogue-text"),
        html.P(f"{counted(len(lessons), 'lesson')}, about {total} minutes", className="quiet"),
        html.Ol([_row(number, lesson) for number, lesson in enumerate(lessons, 1)], className="catalogue-rows"),
    ]


def _row(number: int, lesson: Lesson) -> html.Li:
    """A lesson as one link; where it leads is set to the first step that is not done."""
    steps = " ".join(step.id for step in lesson.steps)
    words = [
        html.Span(lesson.title, className="catalogue-name"),
        html.Span(lesson.summary, className="catalogue-summary"),
        html.Span(f"{lesson.minutes} min · {len(lesson.steps)} steps", className="quiet"),
    ]
    progress = html.Span(className="catalogue-progress", **attributes(data_progress=""))
    link = html.A(
        [
            html.Span(str(number), className="catalogue-number", **attributes(aria_hidden="true")),
            html.Span(words, className="catalogue-words"),
            progress,
        ],
        href=address_of(lesson),
        className="catalogue-row",
        **attributes(data_go="", data_lesson=lesson.id, data_steps=steps),
    )
    return html.Li(link)


def unknown(path: str) -> str:
    """What is said of an address that leads nowhere."""
    return f"There is no lesson or step at {ROOT}{path.removeprefix(ROOT)}. These are the lessons:"
