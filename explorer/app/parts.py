"""Small pieces that several panels share."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html
from plotly.utils import PlotlyJSONEncoder

from explorer.engine.layers import Layer
from explorer.engine.program import SourceLine


def attributes(**given: object) -> dict[str, Any]:
    """Attributes with a hyphen, which Python cannot spell: ``aria_label="x"`` gives ``{"aria-label": "x"}``."""
    return {name.replace("_", "-"): value for name, value in given.items()}


def plain(children: Any) -> html.Div:
    """Content that the browser draws without Dash (assets/explorer_plain.js): long tables, and what changes often.

    Dash visits every component of a page at every change in it, so rows that are components make all of it slow.
    Nothing in here is one: callbacks cannot name it, and clicks are known by attributes, as of `pick_attributes`.

    Args:
        children: ``html`` components and text, as for any of them.

    Returns:
        One component in their place; it has no box of its own.
    """
    return html.Div(className="plain", **attributes(data_plain=json.dumps(children, cls=PlotlyJSONEncoder)))


def filled_bar(fraction: float, class_name: str) -> html.Div:
    """A bar that is filled as far as a fraction, 0-1, says; what it shows is said in words beside it."""
    filled = html.Div(style={"width": f"{100 * fraction:.1f}%"})
    return html.Div(filled, className=class_name, **attributes(aria_hidden="true"))


def opening_note(words: str) -> html.Div:
    """What stands in a place until its content comes."""
    bar = html.Div(className="opening-bar", **attributes(aria_hidden="true"))
    return html.Div([html.P(words, className="quiet"), bar], className="opening-note", role="status")


def stop_button(name: str, text: str = "Stop") -> html.Button:
    """Stops work that the page follows; `show_while` tells when it shows.

    It stands beside what the server says of the work, not in it: that is drawn anew several times a second, and a
    button which is replaced between press and release is not clicked, nor does it keep the focus.
    """
    return html.Button(text, id=name, className="text-tool", type="button", hidden=True)


def show_while(app: Dash, button: str, clock: str) -> None:
    """Shows a button while a clock asks how far work is."""
    app.clientside_callback(
        "isOver => isOver", Output(button, "hidden"), Input(clock, "disabled"), prevent_initial_call=True
    )


def icon(name: str) -> html.Span:
    """A sign drawn by the stylesheet, in the colour of the text around it; screen readers skip it."""
    return html.Span(className=f"icon icon-{name}", **attributes(aria_hidden="true"))


def tool(name: str, sign: str, title: str, *, disabled: bool = False) -> html.Button:
    """A button that is only a sign; its title is what pointers and screen readers are told.

    Args:
        name: Id of the button.
        sign: Name of the sign.
        title: What it does.
        disabled: Whether it can not be used yet.
    """
    return html.Button(
        icon(sign),
        id=name,
        className="tool",
        type="button",
        title=title,
        disabled=disabled,
        **attributes(aria_label=title),
    )


def modal(name: str, title: str, content: Sequence[Any]) -> dmc.Modal:
    """A dialog over the page, closed at first.

    Args:
        name: Id of the dialog.
        title: What it is about.
        content: What is in it.
    """
    close = attributes(aria_label="Close")
    return dmc.Modal(content, id=name, title=title, size="lg", opened=False, closeButtonProps=close)


def copyable(code: str) -> html.Div:
    """Code with a button that copies it."""
    button = html.Button(
        icon("copy"),
        className="tool copy",
        type="button",
        title="Copy",
        **attributes(aria_label="Copy", data_copy=code),
    )
    return html.Div([html.Pre(html.Code(code), className="code"), button], className="copyable")


def split_name(name: str, tail: int) -> list[html.Span] | str:
    """A name in two parts, for an element of class `split-name`: where there is no room, the first part is cut.

    Args:
        name: A name with dots.
        tail: How many of its last parts stay whole: those that tell it from its neighbours.
    """
    parts = name.split(".")
    if len(parts) <= tail:
        return name
    return [html.Span(".".join(parts[:-tail]) + "."), html.Span(".".join(parts[-tail:]))]


def breakable(name: str) -> list[str | html.Wbr]:
    """A name that breaks after its dots, colons and underlines before it breaks anywhere else."""
    first, *rest = re.split(r"(?<=[.:_])", name)
    return [first, *(part for text in rest for part in (html.Wbr(), text))]


def badge(group: str) -> html.Span:
    """The letter of a group while it is highlighted; the browser fills it in."""
    return html.Span(className="badge is-empty", **attributes(data_badge=group))


def pick_attributes(kind: str, name: str, groups: Sequence[str]) -> dict[str, Any]:
    """Attributes that make an element select something when it is clicked.

    Args:
        kind: ``group``, ``layer`` or ``module``.
        name: Its name.
        groups: Groups to highlight, most important first.
    """
    return {"data-pick": f"{kind}:{name}", "data-groups": json.dumps(list(groups)[:8])}


def group_chip(name: str, text: str = "") -> html.Button:
    """A button that selects a group."""
    label = [badge(name), html.Span(name, className="mono chip-name")]
    label += [html.Span(text, className="quiet")] if text else []
    return html.Button(label, className="chip", type="button", title=name, **pick_attributes("group", name, [name]))


def layer_groups(layer: Layer) -> tuple[str, ...]:
    """The groups that a layer carries, those it makes first."""
    return tuple(dict.fromkeys((*layer.outputs.groups, *layer.inputs.groups)))


def fact(term: str, *value: Any) -> list[Any]:
    """A term and its value, for a definition list."""
    return [html.Dt(term), html.Dd(list(value))]


def chart(name: str, figure: Any, class_name: str, *, scroll_zoom: bool = False) -> dcc.Graph:
    """A Plotly chart, for a place that is empty until it has one: a page is there before Plotly is loaded.

    Args:
        name: Its id.
        figure: What it shows.
        class_name: Its place in the stylesheet.
        scroll_zoom: Whether the wheel zooms.
    """
    config: Any = {"displayModeBar": False, "responsive": True, "scrollZoom": scroll_zoom}
    return dcc.Graph(id=name, figure=figure, config=config, className=class_name)


def section(title: str, *children: Any) -> html.Section:
    """A titled part of a pane."""
    return html.Section([html.H3(title, className="section-title"), *children], className="section")


def source_line(source: SourceLine | None) -> str:
    """``resnet.py:102``, with the folder left out; empty where the place is unknown."""
    return f"{Path(source.file).name}:{source.line}" if source else ""


def proof_tag(is_proven: bool, is_wrong: bool, title: str = "") -> html.Span:
    """What a proof is worth: green where it holds, red where it failed, neutral where it could not have failed.

    Args:
        is_proven: Whether it holds and could have failed.
        is_wrong: Whether it failed.
        title: What a pointer that rests on it reads.
    """
    text, tone = ("proven", "good") if is_proven else ("wrong", "bad") if is_wrong else ("not proven", "neutral")
    return html.Span(text, className=f"tag is-{tone}", title=title)


def message(text: str, tone: str = "bad") -> html.Div:
    """Something that went wrong or wants attention, in words, where the action was.

    Args:
        text: What to say; nothing is shown for an empty text.
        tone: ``bad``, ``warn`` or ``good``.
    """
    return html.Div(text, className=f"message is-{tone}", role="alert" if tone == "bad" else "status", hidden=not text)


def notes(texts: Sequence[str]) -> list[html.Span]:
    """What to know before trusting a number, such as random weights."""
    return [html.Span(text, className="note", title=text) for text in texts]
