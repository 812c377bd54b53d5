"""The list of lessons, with how far somebody is in each; the browser knows that and fills it in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from dash import html

from explorer.app.learn.addresses import ROOT, address_of, glossary_address
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
        html.P(
            [
                f"{counted(len(lessons), 'lesson')}, about {total} minutes. ",
                html.A("Glossary", href=glossary_address()),
            ],
            className="quiet",
        ),
        *_shelves(lessons),
    ]


def _shelves(lessons: Sequence[Lesson]) -> list[Any]:
    """The lessons that come with the explorer, and below its name those of each folder."""
    parts = list[Any]()
    for folder, run in groupby(enumerate(lessons, 1), key=lambda numbered: numbered[1].folder):
        rows = list(run)
        parts += [html.H3(folder, className="catalogue-folder")] if folder else []
        parts.append(html.Ol([_row(*row) for row in rows], className="catalogue-rows", start=str(rows[0][0])))
    return parts


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
