"""Which part of the graph a small picture shows: what stands out, and around it as much as there is room for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.app.level import Point
from explorer.app.positions import Frame, Layout

MARGIN = 24.0
"""Pixels around the whole graph."""
EDGE = 12.0
"""The same around a part of it, where edges go on beyond the picture."""
CUT = 60.0
"""A box that a part would cut off is in it as a whole where that takes no more than so much in either direction."""
NEAR = (330.0, 250.0)
"""Around boxes that must be seen, what they are linked to is shown as far as it fits into so much."""


@dataclass(frozen=True)
class Window:
    """The part of a graph that is seen.

    Attributes:
        frame: Where it is.
        is_whole: Whether it is all of the graph.
        inside: Ids of the elements that are at least partly in it.
    """

    frame: Frame
    is_whole: bool
    inside: frozenset[str]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height."""
        return _box(self.frame)

    def shows(self, element: Mapping[str, Any]) -> bool:
        """Whether an element is to be drawn."""
        return element["data"]["id"] in self.inside


def crop(
    layout: Layout,
    elements: Sequence[Mapping[str, Any]],
    wanted: Collection[str],
    room: Point | None,
    *,
    must: Collection[str] = (),
    least: float = 0.0,
) -> Window:
    """The part of a graph that fits a room.

    Args:
        layout: Where everything is.
        elements: All that can be drawn.
        wanted: Ids of the boxes that the picture is about, the most important first; as many as fit are in it.
        room: Width and height of the picture; None for the whole graph.
        must: Ids of the boxes that are all in it, though it takes more than the room.
        least: Width that a part has at least.
    """
    everything = _around(layout.frames.values(), MARGIN)
    if room is None or _fits(everything, room):
        return Window(everything, True, frozenset(each["data"]["id"] for each in elements))
    shown = _part(layout, elements, wanted, room, must)
    shown = replace(shown, right=max(shown.right, shown.left + least))
    inside = frozenset(each["data"]["id"] for each in elements if _meet(_extent(each, layout), shown))
    return Window(shown, False, inside)


def _part(
    layout: Layout, elements: Iterable[Mapping[str, Any]], wanted: Collection[str], room: Point, must: Collection[str]
) -> Frame:
    """The boxes that must be in it, the wanted ones as far as they fit, then what they are linked to, while it fits."""
    boxes = {each["data"]["id"] for each in elements if each["data"].get("kind") not in ("module", None)}
    needed, asked = ([layout.frames[name] for name in names if name in layout.frames] for names in (must, wanted))
    near = (min(room[0], NEAR[0]), min(room[1], NEAR[1])) if needed else room
    first = needed or asked[:1] or [layout.frames[name] for name in layout.frames if name in boxes][:1]
    frame = _grown(_around(first, 0.0), asked, room)
    shown = {name for name in boxes & layout.frames.keys() if _meet(layout.frames[name], frame)}
    while added := _next(layout, shown, frame, near):
        shown.add(added)
        frame = _around((frame, layout.frames[added]), 0.0)
    return _uncut(_padded(frame, EDGE), [layout.frames[name] for name in sorted(boxes & layout.frames.keys())], room)


def _uncut(frame: Frame, boxes: Iterable[Frame], room: Point) -> Frame:
    """A part with the boxes that it would cut off; one that is larger than the room already may grow beyond it."""
    is_small = _fits(frame, room)
    for box in boxes:
        wider = _around((frame, _padded(box, EDGE)), 0.0)
        by = _box(wider)[2] - _box(frame)[2], _box(wider)[3] - _box(frame)[3]
        if _meet(box, frame) and max(by) <= CUT and (_fits(wider, room) or not is_small):
            frame = wider
    return frame


def _next(layout: Layout, shown: Collection[str], frame: Frame, room: Point) -> str:
    """The nearest box that is linked to one that is shown, and fits; empty where there is none."""
    pairs = [pair for pair in layout.routes if len(set(pair) & set(shown)) == 1]
    linked = [source if target in shown else target for source, target in pairs]
    fitting = [name for name in linked if _fits(_padded(_around((frame, layout.frames[name]), 0.0), EDGE), room)]
    return min(fitting, key=lambda name: math.dist(layout.frames[name].centre, frame.centre), default="")


def _grown(frame: Frame, others: Iterable[Frame], room: Point) -> Frame:
    for other in others:
        wider = _around((frame, other), 0.0)
        if _fits(_padded(wider, EDGE), room):
            frame = wider
    return frame


def _around(frames: Iterable[Frame], margin: float) -> Frame:
    found = list(frames)
    frame = Frame(
        min(each.left for each in found),
        min(each.top for each in found),
        max(each.right for each in found),
        max(each.bottom for each in found),
    )
    return _padded(frame, margin)


def _padded(frame: Frame, margin: float) -> Frame:
    return Frame(frame.left - margin, frame.top - margin, frame.right + margin, frame.bottom + margin)


def _fits(frame: Frame, room: Point) -> bool:
    _, _, width, height = _box(frame)
    return width <= room[0] and height <= room[1]


def _box(frame: Frame) -> tuple[float, float, float, float]:
    return frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top


def _extent(element: Mapping[str, Any], layout: Layout) -> Frame:
    """The room that an element takes; of a port that of its box."""
    data = element["data"]
    if "source" not in data:
        return layout.frames[data["parent"] if data["kind"] == "port" else data["id"]]
    ends = [layout.frames[data["source"]], layout.frames[data["target"]]]
    points = [(ends[0].centre[0], ends[0].bottom), *layout.routes[data["source"], data["target"]]]
    points.append((ends[1].centre[0], ends[1].top))
    return _around((Frame(x, y, x, y) for x, y in points), 0.0)


def _meet(a: Frame, b: Frame) -> bool:
    return a.left <= b.right and b.left <= a.right and a.top <= b.bottom and b.top <= a.bottom
