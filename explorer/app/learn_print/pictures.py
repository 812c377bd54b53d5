"""What a step or a term shows, as an SVG picture that follows the colours of the page around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from explorer.app.elements import Element, build_elements
from explorer.app.learn_print.focus import Focus, box_of, boxes_of
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
from explorer.app.scene import fold_id, module_id
from explorer.app.shades import NEUTRAL
from explorer.app.svg import Kept, Marks, draw_marked
from explorer.app.theme import tokens
from explorer.app.workspace import Subject
from explorer.drawing import number
from explorer.exploration import Exploration
from explorer.lessons.tasks.kind import COLOURS, LOCKS

PAGE_COLOURS: Mapping[str, str] = {name: f"var(--{name})" for name in tokens("light")}
"""Tokens by name, as the variables of the page: the picture is light or dark as that is."""


SMALLEST = 0.5
"""A picture shrinks no further than this, so that what stands on its layers can still be read on paper."""
NOTHING = Focus()


@dataclass(frozen=True)
class Picture:
    """A picture and what it is of.

    Attributes:
        svg: The picture.
        caption: What it shows, in words.
        width: In pixels.
        height: In pixels.
    """

    svg: str
    caption: str
    width: float
    height: float


@dataclass(frozen=True)
class _Lit:
    """What a played propagation has reached.

    Attributes:
        groups: Names of the groups that travel.
        ids: Of the ports, boxes and edges that it has reached.
        now: Ids of the boxes of the step that happens now.
        boxes: Ids of all boxes that it has come to.
    """

    groups: tuple[str, ...]
    ids: frozenset[str]
    now: frozenset[str]
    boxes: frozenset[str]


def picture(
    subject: Subject, exploration: Exploration, room: Point, focus: Focus = NOTHING, *, smallest: float = SMALLEST
) -> Picture:
    """What is seen of a model: the graph, or a matrix where the centre shows that.

    Args:
        subject: The model.
        exploration: What is pruned of it, and how it is looked at.
        room: Width and height in pixels that the graph may take; of a larger one the part that matters is drawn.
        focus: What has to be in the picture, which shrinks where that takes more than the room.
        smallest: How far it shrinks at most; what then is too large for the room stays so.
    """
    state = opening_state(subject, exploration)
    panels = state.panels
    if panels.get("centre") == MATRICES:
        return _matrix(subject, state.opened["paths"], state.selection, panels)
    opened = frozenset(state.opened["paths"])
    kept: Kept = state.preview["groups"] if exploration.is_pruning() else {}
    lit = _played(subject, opened, panels.get(PLAYER))
    selected: list[str] = state.selection.get("groups", [])
    ringed = lit.now if lit else _ringed(subject, opened, state.selection)
    needed = _needed(subject, opened, focus, ringed | (lit.boxes if lit else frozenset()))
    is_coloured = COLOURS not in focus.hides
    groups: Sequence[str] = () if not is_coloured else lit.groups if lit else [*state.pins, *selected]
    marks = Marks(
        groups=groups,
        kept=kept,
        shade=panels.get("shade", NEUTRAL),
        lit=lit.ids if lit else None,
        ringed=ringed,
        needed=needed,
        has_locks=LOCKS not in focus.hides,
        room=room,
        colours=PAGE_COLOURS,
    )
    is_told = is_coloured or state.selection.get("kind") != "group"
    said = _said(state.selection, state.pins, panels.get(PLAYER), exploration.is_pruning()) if is_told else ""
    svg = draw_marked(subject.outline, opened, subject.sizes, marks)
    return _named(svg, f"{subject.title}{said}", room, smallest)


def _needed(subject: Subject, opened: frozenset[str], focus: Focus, marked: frozenset[str]) -> frozenset[str]:
    """Ids of the boxes that have to be in the picture; none where it is about nothing but what is selected."""
    is_about = focus.names or focus.words
    return boxes_of(focus, subject.outline, opened) | marked if is_about else frozenset()


def _matrix(subject: Subject, opened: list[str], selection: Mapping[str, Any], panels: Mapping[str, Any]) -> Picture:
    kind, group = panels.get("matrix", "D"), selection["name"] if selection.get("kind") == "group" else ""
    matrix, runs, _ = drawn(subject, kind, panels.get("scope", SHOWN), opened, group)
    caption = f"{subject.title}: the matrix {kind} over what the graph shows"
    caption += f", with the group {group} in colour" if group else ""
    return _named(matrix_svg(matrix, runs, PAGE_COLOURS), caption)


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
        return frozenset({box_of(subject.outline, opened, name)})
    if kind == "module":
        closed = next((path for path in ancestors(name) if path not in opened), "")
        return frozenset({fold_id(closed) if closed else module_id(name)})
    return frozenset()


def _played(subject: Subject, opened: frozenset[str], player: Mapping[str, Any] | None) -> _Lit | None:
    """What a propagation has reached at a step, as the player shows it (assets/player.js)."""
    if not player:
        return None
    played = recording(subject.graph, subject.outline, player["port"])
    done = played["steps"][: player["step"]]
    elements = build_elements(subject.outline, opened, subject.sizes)
    ports = {played["port"], *(port for step in done for port in (step["source"], step["target"]))}
    boxes = {port: box_of(subject.outline, opened, port[:-1]) for port in ports}
    ids = {name for port, box in boxes.items() for name in _lights(elements, port, box, played["groups"])}
    ids |= {name for step in done if step["kind"] == "inter" for name in _between(elements, boxes, step)}
    now = (done[-1:] and (done[-1]["source"], done[-1]["target"])) or (played["port"],)
    reached = frozenset(boxes.values())
    return _Lit(tuple(played["groups"]), frozenset(ids), frozenset(boxes[port] for port in now), reached)


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


def _named(svg: str, caption: str, room: Point | None = None, smallest: float = SMALLEST) -> Picture:
    """A picture that says what it is to those who cannot see it, as large as the room allows if that can be read."""
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    root = ET.fromstring(svg)
    root.set("role", "img")
    root.set("aria-label", caption)
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    scale = max(smallest, min(1.0, room[0] / width, room[1] / height)) if room else 1.0
    root.set("width", number(width * scale))
    root.set("height", number(height * scale))
    return Picture(ET.tostring(root, encoding="unicode"), caption, width * scale, height * scale)
