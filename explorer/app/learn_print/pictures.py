"""What a step or a term shows, as an SVG picture that follows the colours of the page around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from explorer.app.elements import Element, build_elements
from explorer.app.learn_print.matrix_picture import matrix_svg
from explorer.app.level import Point
from explorer.app.matrices import SHOWN
from explorer.app.numbers import counted
from explorer.app.opening import opening_state
from explorer.app.outline import ancestors, module_path
from explorer.app.panels.centre import MATRICES
from explorer.app.panels.matrices_panel import drawn
from explorer.app.playing import recording, side
from explorer.app.remembered import PLAYER
from explorer.app.scene import closed_ancestor, fold_id, layer_id, module_id
from explorer.app.shades import NEUTRAL
from explorer.app.svg import Kept, Marks, draw_marked
from explorer.app.theme import tokens
from explorer.app.workspace import Subject
from explorer.exploration import Exploration

PAGE_COLOURS: Mapping[str, str] = {name: f"var(--{name})" for name in tokens("light")}
"""Tokens by name, as the variables of the page: the picture is light or dark as that is."""


@dataclass(frozen=True)
class Picture:
    """A picture and what it is of.

    Attributes:
        svg: The picture.
        caption: What it shows, in words.
    """

    svg: str
    caption: str


@dataclass(frozen=True)
class _Lit:
    """What a played propagation has reached.

    Attributes:
        groups: Names of the groups that travel.
        ids: Of the ports, boxes and edges that it has reached.
        now: Ids of the boxes of the step that happens now.
    """

    groups: tuple[str, ...]
    ids: frozenset[str]
    now: frozenset[str]


def picture(subject: Subject, exploration: Exploration, room: Point) -> Picture:
    """What is seen of a model: the graph, or a matrix where the centre shows that.

    Args:
        subject: The model.
        exploration: What is pruned of it, and how it is looked at.
        room: Width and height in pixels that the graph may take; of a larger one the part that matters is drawn.
    """
    state = opening_state(subject, exploration)
    panels = state.panels
    if panels.get("centre") == MATRICES:
        return _matrix(subject, state.opened["paths"], state.selection, panels)
    opened = frozenset(state.opened["paths"])
    kept: Kept = state.preview["groups"] if exploration.is_pruning() else {}
    lit = _played(subject, opened, panels.get(PLAYER))
    selected: list[str] = state.selection.get("groups", [])
    marks = Marks(
        groups=lit.groups if lit else [*state.pins, *selected],
        kept=kept,
        shade=panels.get("shade", NEUTRAL),
        lit=lit.ids if lit else None,
        ringed=lit.now if lit else _ringed(subject, opened, state.selection),
        room=room,
        colours=PAGE_COLOURS,
    )
    said = _said(state.selection, state.pins, panels.get(PLAYER), exploration.is_pruning())
    caption = f"{subject.title}{said}"
    return Picture(_named(draw_marked(subject.outline, opened, subject.sizes, marks), caption), caption)


def _matrix(subject: Subject, opened: list[str], selection: Mapping[str, Any], panels: Mapping[str, Any]) -> Picture:
    kind, group = panels.get("matrix", "D"), selection["name"] if selection.get("kind") == "group" else ""
    matrix, runs, _ = drawn(subject, kind, panels.get("scope", SHOWN), opened, group)
    caption = f"{subject.title}: the matrix {kind} over what the graph shows"
    caption += f", with the group {group} in colour" if group else ""
    return Picture(_named(matrix_svg(matrix, runs, PAGE_COLOURS), caption), caption)


def _said(selection: Mapping[str, Any], pins: list[str], player: Mapping[str, Any] | None, is_pruned: bool) -> str:
    """What stands out, in words."""
    if player:
        reached = f"what {side(player['port'])} reaches in {counted(player['step'], 'step')}"
        return f": {reached if player['step'] else side(player['port'])}"
    pruned = ", pruned" if is_pruned else ""
    if selection:
        name = selection["name"]
        return f"{pruned}: the {selection['kind']} {module_path(name) if selection['kind'] == 'module' else name}"
    return pruned + (f": the group{'s' * (len(pins) > 1)} {', '.join(pins)}" if pins else "")


def _ringed(subject: Subject, opened: frozenset[str], selection: Mapping[str, Any]) -> frozenset[str]:
    """Ids of the box of a selected layer or module; of a group none, since its colour says it."""
    name, kind = selection.get("name", ""), selection.get("kind")
    if kind == "layer":
        return frozenset({_box_of(subject, opened, name)})
    if kind == "module":
        closed = next((path for path in ancestors(name) if path not in opened), "")
        return frozenset({fold_id(closed) if closed else module_id(name)})
    return frozenset()


def _box_of(subject: Subject, opened: frozenset[str], layer: str) -> str:
    """Id of the box that stands for a layer: its own, or that of the closed module around it."""
    closed = closed_ancestor(subject.outline.by_name[layer], opened)
    return fold_id(closed) if closed else layer_id(layer)


def _played(subject: Subject, opened: frozenset[str], player: Mapping[str, Any] | None) -> _Lit | None:
    """What a propagation has reached at a step, as the player shows it (assets/player.js)."""
    if not player:
        return None
    played = recording(subject.graph, subject.outline, player["port"])
    done = played["steps"][: player["step"]]
    elements = build_elements(subject.outline, opened, subject.sizes)
    boxes = {port: _box_of(subject, opened, port[:-1]) for step in done for port in (step["source"], step["target"])}
    boxes[played["port"]] = _box_of(subject, opened, played["port"][:-1])
    ids = {name for port, box in boxes.items() for name in _lights(elements, port, box, played["groups"])}
    ids |= {name for step in done if step["kind"] == "inter" for name in _between(elements, boxes, step)}
    now = (done[-1:] and (done[-1]["source"], done[-1]["target"])) or (played["port"],)
    return _Lit(tuple(played["groups"]), frozenset(ids), frozenset(boxes[port] for port in now))


def _lights(elements: list[Element], port: str, box: str, groups: list[str]) -> list[str]:
    """Ids of what lights up for a port: its stretches that carry a group, or the box where ports do not show."""
    own = [each["data"] for each in elements if each["data"].get("port") == port and each["data"]["parent"] == box]
    return [data["id"] for data in own if set(data["groups"]) & set(groups)] or [box]


def _between(elements: list[Element], boxes: Mapping[str, str], step: Mapping[str, str]) -> Iterator[str]:
    """Ids of the edges on which a step happens."""
    ends = {boxes[step["source"]], boxes[step["target"]]}
    for each in elements:
        if {each["data"].get("source"), each["data"].get("target")} == ends:
            yield each["data"]["id"]


def _named(svg: str, caption: str) -> str:
    """A picture that says what it is to those who cannot see it, and that shrinks with the page."""
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    root = ET.fromstring(svg)
    root.set("role", "img")
    root.set("aria-label", caption)
    return ET.tostring(root, encoding="unicode")
