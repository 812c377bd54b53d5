"""Top bar: which model, how the screen looks, help, and taking the result away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, html

from explorer.app import ids
from explorer.app.numbers import MINUS
from explorer.app.panels import files, history, quick_export, tour
from explorer.app.parts import attributes, modal, notes, tool
from explorer.app.workspace import Subject, Workspace

LEARN = "/learn/"
"""Where the lessons are."""
SEARCH_KEYS = (("/", "search; arrows walk the results, Enter jumps"),)
KEYS = (
    ("↑ ↓ ← →", "along the edges of the graph"),
    ("Enter", "open or close the selected module"),
    ("Backspace", "the module around it"),
    ("g", "the group of the selected layer"),
    ("z  f", "zoom to the selection, to the whole graph; in a matrix on the cell, to all"),
    ("Esc", "nothing selected"),
    (f"+ {MINUS}", "ratio of the selected group"),
    ("l", "lock it"),
    ("Ctrl+Z  Ctrl+Y", "undo, redo"),
    ("?", "this help"),
)
LESSON_KEYS = (
    ("Tab", "from answer to answer, to Check, Hint and Next"),
    ("Space", "picks an answer, or lets it go"),
    ("Enter", "in an answer checks it; on a button or link presses it"),
    ("→  ↓  Page Down", "in Present: next step"),
    ("←  ↑  Page Up", "in Present: step before"),
    ("Esc", "puts away what is told of a term; leaves Present"),
)


def layout(subject: Subject) -> html.Header:
    """The bar with `subject` picked; the other models follow once the page is there."""
    return html.Header(
        [
            html.Div(
                [html.Span(className="mark", **attributes(aria_hidden="true")), html.H1("Explorer")], className="brand"
            ),
            picker(subject),
            model_notes(subject),
            files.menu(),
            *history.steps(),
            html.Div(className="grow"),
            html.A("Learn", href=LEARN, className="text-tool", **attributes(data_back="learn")),
            history.share_button(),
            *looks(),
            *export_button(),
        ],
        className="top-bar",
    )


def model_notes(subject: Subject) -> html.Div:
    """What to know of the model before trusting a number."""
    return html.Div(notes(subject.notes), id=ids.MODEL_NOTE, className="notes")


def looks(*, in_lessons: bool = False) -> list[Any]:
    """Colours and help; that of the lessons tells of what there is beside them."""
    parts = _lessons_help() if in_lessons else _help()
    dialog = modal(ids.HELP_DIALOG, "How to read the screen", parts)
    return [tool(ids.THEME, "theme", "Light or dark"), tool(ids.HELP, "help", "Help (?)"), dialog]


def export_button() -> list[Any]:
    """The button that exports, and what it says."""
    return [dmc.Button("Export", id=ids.EXPORT, size="xs", className="primary"), quick_export.layout()]


def register(app: Dash, workspace: Workspace) -> None:
    """Callbacks of the top bar."""
    app.clientside_callback(
        ClientsideFunction("explorer", "scheme"),
        Output(ids.SCHEME, "data"),
        Output(ids.PROVIDER, "forceColorScheme"),
        Output(ids.GRAPH, "stylesheet"),
        Input(ids.THEME, "n_clicks"),
        State(ids.STYLES, "data"),
        State(ids.PROVIDER, "forceColorScheme"),
    )

    @app.callback(Output(ids.PICKER, "data"), Input(ids.PAGE, "data"))
    def offer(_page: str) -> Any:
        return workspace.choices()

    app.clientside_callback(
        ClientsideFunction("explorer", "pick"),
        Input(ids.PICKER, "value"),
        State(ids.MODEL, "data"),
        prevent_initial_call=True,
    )

    app.clientside_callback(
        "clicks => Boolean(clicks)",
        Output(ids.HELP_DIALOG, "opened"),
        Input(ids.HELP, "n_clicks"),
        prevent_initial_call=True,
    )


def picker(subject: Subject) -> html.Div:
    """The field that picks a model, with `subject` in it."""
    chosen = {"label": subject.source.partition(":")[2] or subject.title, "value": subject.source}
    if subject.source.startswith("session:"):
        chosen["label"] = subject.title
    select = dmc.Select(
        id=ids.PICKER,
        value=subject.source,
        data=[chosen],
        searchable=True,
        allowDeselect=False,
        withScrollArea=False,  # the list itself scrolls, so that it is known for one
        nothingFoundMessage="No such model",
        size="xs",
        w=236,
        comboboxProps={"width": 300, "position": "bottom-start"},
        **attributes(aria_label="Model"),
    )
    return html.Div(select, className="picker")


def _help() -> list[Any]:
    return [*tour.help_lines(), *_keys("Keys", SEARCH_KEYS + KEYS)]


def _lessons_help() -> list[Any]:
    return [
        *tour.help_lines(in_lessons=True),
        *_keys("Keys of lessons", LESSON_KEYS),
        *_keys("Keys of the graph", KEYS),
    ]


def _keys(title: str, keys: Sequence[tuple[str, str]]) -> list[Any]:
    rows = [html.Div([html.Kbd(key), html.Span(text)], className="row") for key, text in keys]
    return [html.H3(title, className="section-title"), html.Div(rows, className="keys")]
