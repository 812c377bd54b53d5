"""The page of Learn mode: its bar, the list of lessons, the pane of a lesson, and the explorer's screen beside it."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from explorer.app import ids, shell
from explorer.app.learn import pane
from explorer.app.learn.addresses import ROOT
from explorer.app.panels import files, history, top_bar
from explorer.app.parts import attributes, opening_note
from explorer.app.workspace import Subject

POLL_MILLISECONDS = 250


def layout(subject: Subject, run: str) -> Any:
    """The page for one that was just opened; which step it shows, the browser asks for.

    Args:
        subject: A model that is open already, for the screen to begin with.
        run: Names the run of the server.
    """
    page = html.Div(
        [
            _bar(subject),
            _list(),
            pane.layout(),
            *shell.screen(subject, run),
            *_stores(),
            html.Div(
                [top_bar.picker(subject), files.menu(), history.share_button(), *top_bar.export_button()], hidden=True
            ),
        ],
        id=ids.APP,
        className="app learn",
        **attributes(data_page="", data_panes=""),
    )
    return shell.themed(page)


def _list() -> html.Section:
    """Room for the list of lessons."""
    return html.Section(
        opening_note("Opening the lessons…"),
        id=ids.LESSON_LIST,
        className="catalogue",
        **attributes(aria_labelledby="lesson-list-title"),
    )


def _bar(subject: Subject) -> html.Header:
    return html.Header(
        [
            html.A(
                [html.Span(className="mark", **attributes(aria_hidden="true")), "Explorer"],
                href="/",
                className="brand is-link",
                title="Back to the explorer",
                **attributes(data_back="explorer"),
            ),
            html.H1(html.A("Learn", href=ROOT, **attributes(data_go="")), className="learn-title"),
            top_bar.model_notes(subject),
            html.Div(className="grow"),
            html.Div(history.steps(), className="row for-groups"),
            html.Button("Present", id=ids.PRESENT, className="text-tool", type="button",
                        title="Large type, arrow keys; Esc ends it", **attributes(aria_pressed="false")),
            *top_bar.looks(in_lessons=True),
        ],
        className="top-bar",
    )  # fmt: skip


def _stores() -> list[Any]:
    names = (ids.LESSON_PATH, ids.LESSON_STEP, ids.LESSON_ANSWER, ids.LESSON_VERDICT)
    return [
        *(dcc.Store(id=name) for name in names),
        dcc.Interval(id=ids.LESSON_CLOCK, interval=POLL_MILLISECONDS, disabled=True),
    ]
