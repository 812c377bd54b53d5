"""Where in the model the selection is: its path, each part of which can be zoomed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from explorer.app.numbers import TIMES
from explorer.app.outline import Outline, ancestors, title_of
from explorer.app.parts import attributes
from explorer.app.scene import layer_title


def trail(outline: Outline, selection: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is around the selection, from the outermost module to itself.

    Args:
        outline: The model.
        selection: ``kind`` and ``name`` of what is selected; empty for nothing.

    Returns:
        (title, path) of each module; a layer at the end has no path.
    """
    name = selection.get("name", "")
    layer = outline.by_name.get(name) if selection.get("kind") == "layer" else None
    path = layer.parent if layer else name if selection.get("kind") == "module" and name in outline.members else ""
    parts = [(_title(outline, each), each) for each in ancestors(path)]
    return [*parts, *([(layer_title(layer), "")] if layer else [])]


def crumbs(outline: Outline, model: str, selection: Mapping[str, Any]) -> list[Any]:
    """The trail as buttons; the first shows the whole graph and selects nothing.

    Args:
        outline: The model.
        model: What it is called.
        selection: What is selected.
    """
    found = trail(outline, selection)
    parts: list[Any] = [_crumb(model, "")]
    for title, path in found:
        is_here = (title, path) == found[-1]
        here = attributes(aria_current="location") if is_here else {}
        parts.append(_crumb(title, path, **here) if path else html.Span(title, className="crumb is-here", **here))
    return [html.Ol([html.Li(part) for part in parts])]


def _title(outline: Outline, path: str) -> str:
    count = outline.count_of(path)
    return f"{title_of(path)} {TIMES} {count}" if count > 1 else title_of(path)


def _crumb(title: str, path: str, **more: Any) -> html.Button:
    tip = f"Zoom to {title}" if path else "The whole graph, and what is known of the model"
    return html.Button(title, className="crumb", type="button", title=tip, **attributes(data_zoom=path), **more)
