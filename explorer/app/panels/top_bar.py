"""Top bar: which model, how the screen looks, help, and taking the result away."""

from __future__ import annotations

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
KEYS = (
    ("/", "search; arrows walk the results, Enter jumps"),
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
            html.A("Learn", href=LEARN, className="text-tool"),
            history.share_button(),
            *looks(),
            *export_button(),
        ],
        className="top-bar",
    )


def model_notes(subject: Subject) -> html.Div:
    """What to know of the model before trusting a number."""
    return html.Div(notes(subject.notes), id=ids.MODEL_NOTE, className="notes")


def looks(*, has_tour: bool = True) -> list[Any]:
    """Colours and help, which begins the tour where the page has one."""
    return [tool(ids.THEME, "theme", "Light or dark"), tool(ids.HELP, "help", "Help (?)"), _help(has_tour=has_tour)]


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


def _help(*, has_tour: bool) -> Any:
    keys = [html.Div([html.Kbd(key), html.Span(text)], className="row") for key, text in KEYS]
    parts = [
        *tour.help_lines(has_tour=has_tour),
        html.H3("Keys", className="section-title"),
        html.Div(keys, className="keys"),
    ]
    return modal(ids.HELP_DIALOG, "How to read the screen", parts)
