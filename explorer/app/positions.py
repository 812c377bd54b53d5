"""Where everything goes: each module is laid out by itself, from the inside out; the browser only draws it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from explorer.app.level import ENTRY, EXIT, Extent, Level, Point, lay_out, moved
from explorer.app.ranking import Pair
from explorer.app.scene import MAX_SEGMENTS, Box, Link, Scene, module_title
from explorer.engine.layers import Port

BAND = 15.0
"""Height of the band above and below a layer."""
BAND_TEXT, EDGE_TEXT = 10.0, 10.0
"""Size of the letters on bands and edges; the smallest that can be read on a graph that was fitted."""
LABEL_OFFSET = 14.0
"""Pixels of a bent edge between its source and the middle of its label."""
SEGMENT = 38.0
"""Room for each group of a band that carries several: a letter, an arrow and two digits."""
SIGN = 36.0
"""Room beside a text for the sign that opens or closes, on both sides."""
PADDING, HEADER, FOOTER = 14.0, 8.0, -8.0
"""Around the inside of a module; the rows of its entry and exit already leave room above and below."""

Paths = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Frame:
    """A box in absolute coordinates."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> Point:
        """The middle of the box."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Layout:
    """Every box and every link of a scene in absolute coordinates.

    Attributes:
        frames: By box id.
        routes: By (source, target) of each link: the bends between its ends.
    """

    frames: dict[str, Frame]
    routes: dict[Pair, tuple[Point, ...]]


def text_width(text: str, size: float = 12.0) -> float:
    """About how wide a text is in pixels; the browser's fonts differ a little."""
    return size * (0.3 + 0.56 * len(text))


def letters_in(width: float, size: float) -> int:
    """How many letters fit into so many pixels: the inverse of `text_width`."""
    return max(0, int((width / size - 0.3) / 0.56))


def segment_count(port: Port, most: int) -> int:
    """How many stretches the band of a port has: one per group, at most `most`, and one for a frozen rest."""
    return min(len(port.groups), most) + bool(port.frozen) or 1


def box_size(box: Box) -> tuple[float, float]:
    """Width and height of a box that holds no others."""
    if box.kind == "layer":
        ports = (box.layers[0].inputs, box.layers[0].outputs)
        bands = max(SEGMENT * segment_count(port, MAX_SEGMENTS) for port in ports)
        return max(104.0, text_width(box.title) + 24, bands), 2 * BAND + 20
    if box.kind == "fold":
        return max(132.0, text_width(module_title(box)) + SIGN, text_width(box.content) + SIGN), 2 * BAND + 36
    if box.kind == "op":
        return (24.0 if len(box.title) == 1 else text_width(box.title, 10) + 16), 24.0
    return 64.0, 22.0


def place(scene: Scene) -> Layout:
    """Positions for a whole scene.

    Args:
        scene: Visible boxes and links.

    Returns:
        Frames of all boxes and bends of all links, in pixels, y downwards.
    """
    paths = _paths(scene)
    levels: dict[str, Level] = {}
    extents: dict[str, Extent] = {}
    for box in reversed(scene.boxes):  # children before parents
        if box.kind == "module":
            levels[box.id] = _level(box.id, scene, paths, extents)
        extents[box.id] = _padded(levels[box.id].extent, module_title(box)) if box.kind == "module" else _leaf(box)
    levels[""] = _level("", scene, paths, extents)
    frames, origins = _frames(scene, levels, extents)
    return Layout(frames, {(link.source, link.target): _route(link, paths, levels, origins) for link in scene.links})


def _leaf(box: Box) -> Extent:
    width, height = box_size(box)
    return Extent(width / 2, width / 2, height)


def _padded(extent: Extent, title: str) -> Extent:
    left, right = extent.left + PADDING, extent.right + PADDING
    missing = max(text_width(title, 11) + SIGN - left - right, 0.0)
    return Extent(left + missing / 2, right + missing / 2, extent.height + HEADER + PADDING + FOOTER)


def _paths(scene: Scene) -> Paths:
    """For each box, the ids from the outermost module to the box itself."""
    paths: Paths = {"": ()}
    for box in scene.boxes:
        paths[box.id] = (*paths[box.parent], box.id)
    return paths


def _ends_at(parent: str, link: Link, paths: Paths) -> Pair | None:
    """Which two things a link joins on the level inside `parent`; None where it does not show there."""
    depth = len(paths[parent])
    source, target = (
        path[depth] if path[:depth] == paths[parent] else outside
        for path, outside in ((paths[link.source], ENTRY), (paths[link.target], EXIT))
    )
    return None if source == target or (source, target) == (ENTRY, EXIT) else (source, target)


def _level(parent: str, scene: Scene, paths: Paths, extents: dict[str, Extent]) -> Level:
    ends = (_ends_at(parent, link, paths) for link in scene.links)
    pairs = list(dict.fromkeys(pair for pair in ends if pair))
    used = {name for pair in pairs for name in pair}
    inner = [box.id for box in scene.children(parent)]
    nodes = [ENTRY] * (ENTRY in used) + inner + [EXIT] * (EXIT in used)
    return lay_out(nodes, pairs, extents, is_top=not parent)


def _frames(
    scene: Scene, levels: dict[str, Level], extents: dict[str, Extent]
) -> tuple[dict[str, Frame], dict[str, Point]]:
    """Frames of all boxes, and for each module where its own coordinates begin."""
    frames: dict[str, Frame] = {}
    origins: dict[str, Point] = {"": (0.0, 0.0)}
    for box in scene.boxes:
        extent, origin = extents[box.id], origins[box.parent]
        ((x, y),) = moved([levels[box.parent].middles[box.id]], origin)
        top = y - extent.height / 2
        frames[box.id] = Frame(x - extent.left, top, x + extent.right, top + extent.height)
        origins[box.id] = (x, top + HEADER)
    return frames, origins


def _route(link: Link, paths: Paths, levels: dict[str, Level], origins: dict[str, Point]) -> tuple[Point, ...]:
    """The bends of a link through all levels: out of its modules, across, and into others."""
    shared = sum(a == b for a, b in zip(paths[link.source], paths[link.target], strict=False))
    outward = reversed(paths[link.source][shared:-1])
    common = paths[link.source][shared - 1] if shared else ""
    inward = paths[link.target][shared:-1]
    return tuple(
        point
        for module in (*outward, common, *inward)
        for point in moved(_bends(levels[module], _ends_at(module, link, paths)), origins[module])
    )


def _bends(level: Level, ends: Pair | None) -> Iterable[Point]:
    if ends is None:
        return ()
    entry = [level.middles[ENTRY]] if ends[0] == ENTRY else []
    leave = [level.middles[EXIT]] if ends[1] == EXIT else []
    return [*entry, *level.routes.get(ends, ()), *leave]
