"""What stands in the place of a model that could not be opened: why, what to try, and another try."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash import html

from explorer.app.parts import attributes, message
from explorer.models.advice import advice, near_names


def failure(source: str, said: str, error: Exception, known: Iterable[str]) -> html.Div:
    """The card of a model that could not be opened.

    Args:
        source: What names the model.
        said: The error in words.
        error: What was raised, for what to try.
        known: Sources that could be opened instead.
    """
    hints, known = advice(error), tuple(known)
    near = () if source in known else near_names(source, known)
    return html.Div(
        [
            html.H2([html.Span(source, className="mono"), " was not opened"], className="title"),
            message(said),
            *(
                [html.H3("What to try", className="section-title"), html.Ul([html.Li(hint) for hint in hints])]
                * bool(hints)
            ),
            *_instead(near),
            html.Div([_button("Try again", "retry"), _button("Close", "close")], className="row"),
        ],
        className="failure-card",
        role="alertdialog",
        **attributes(aria_label=f"{source} was not opened"),
    )


def _instead(near: Iterable[str]) -> list[Any]:
    chips = [html.Button(name, className="chip mono", type="button", **attributes(data_open=name)) for name in near]
    return [html.H3("Open instead", className="section-title"), html.Div(chips, className="chips")] if chips else []


def _button(text: str, action: str) -> html.Button:
    return html.Button(text, className="text-tool is-boxed", type="button", **attributes(data_opening=action))
