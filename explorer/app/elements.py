"""From a scene with positions to what Cytoscape draws: plain dicts, built by pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from explorer.app.level import Point
from explorer.app.numbers import shape as shape_text
from explorer.app.outline import FOLD_SEGMENTS, Outline
from explorer.app.positions import BAND, BAND_TEXT, LABEL_OFFSET, Frame, Layout, letters_in, place
from explorer.app.ranking import Pair
from explorer.app.scene import MAX_SEGMENTS, Box, Link, Scene, build_scene, module_title, op_title
from explorer.engine.layers import Layer, Port

Element = dict[str, Any]
TITLE_EDGE = 9.0
"""Pixels between the left edge of a module and its title."""


@dataclass(frozen=True)
class Segment:
    """A stretch of a port's band: one group, several small ones, or what is frozen.

    Attributes:
        groups: Names of the groups in it; empty where it is frozen.
        text: What people read on it.
        reason: Why it is frozen, or empty.
    """

    groups: tuple[str, ...]
    text: str
    reason: str = ""


def build_elements(outline: Outline, opened: frozenset[str], sizes: Mapping[str, int]) -> list[Element]:
    """Every element of the graph with its position, parents first.

    Args:
        outline: Layers, edges and modules.
        opened: Paths of the open modules.
        sizes: Channels of each group.

    Returns:
        Cytoscape elements: nodes for modules, layers, ports and ops, and edges with their bends.
    """
    scene = build_scene(outline, opened)
    layout = place(scene)
    nodes = [element for box in scene.boxes for element in _box_elements(box, scene, layout, sizes)]
    named = _labelled(scene.links, layout)
    crowded = _several(source for source, _ in named)
    return nodes + [_edge(link, layout, named, crowded) for link in scene.links]


def segments(port: Port, sizes: Mapping[str, int], most: int = MAX_SEGMENTS) -> tuple[Segment, ...]:
    """The stretches of a port's band, in channel order.

    Args:
        port: The port.
        sizes: Channels of each group.
        most: The rest of more groups is counted in the last segment.

    Returns:
        One segment per group, at most `most`, and one for a frozen rest.
    """
    if not port.groups:
        return (Segment((), str(port.size or ""), port.frozen or "nothing here can be pruned"),)
    if len(port.groups) == 1 and not port.frozen:
        return (Segment(port.groups, str(port.size or sizes.get(port.groups[0], 0))),)
    is_more = len(port.groups) > most
    shown, rest = port.groups[: most - is_more], port.groups[most - is_more :]
    parts = [Segment((group,), str(sizes.get(group, ""))) for group in shown]
    parts += [Segment(rest, f"+{len(rest)}")] if rest else []
    return (*parts, *([Segment((), "", port.frozen)] if port.frozen else []))


def _box_elements(box: Box, scene: Scene, layout: Layout, sizes: Mapping[str, int]) -> list[Element]:
    frame = layout.frames[box.id]
    if box.kind == "module":
        return [_module(box, frame, _content(box, scene, layout))]
    if box.kind in ("layer", "fold"):
        is_layer = box.kind == "layer"
        ports = (box.layers[0].inputs, box.layers[0].outputs) if is_layer else _fold_ports(box, scene)
        most = MAX_SEGMENTS if is_layer else FOLD_SEGMENTS
        return [_node(box, frame), *(each for port in ports for each in _band(box, port, frame, sizes, most))]
    return [_node(box, frame)]


def _fold_ports(box: Box, scene: Scene) -> tuple[Port, Port]:
    """What goes into a closed module and what comes out of it."""
    entering = dict.fromkeys(group for link in scene.links if link.target == box.id for group in link.groups)
    leaving = dict.fromkeys(group for link in scene.links if link.source == box.id for group in link.groups)
    reasons = ("nothing that comes in can be pruned", "nothing that goes out can be pruned")
    return (
        Port(box.name, "-", tuple(entering), 0, "" if entering else reasons[0]),
        Port(box.name, "+", tuple(leaving), 0, "" if leaving else reasons[1]),
    )


def _content(box: Box, scene: Scene, layout: Layout) -> Frame:
    frames = [layout.frames[child.id] for child in scene.children(box.id)]
    return Frame(
        min(frame.left for frame in frames),
        min(frame.top for frame in frames),
        max(frame.right for frame in frames),
        max(frame.bottom for frame in frames),
    )


def _module(box: Box, frame: Frame, content: Frame) -> Element:
    """A compound node; its minimum size and bias make Cytoscape draw exactly the frame laid out."""
    data = {
        "id": box.id,
        "kind": box.kind,
        "name": box.name,
        "label": module_title(box),
        "type": box.type_name,
        "shift": TITLE_EDGE - (frame.right - frame.left),  # from beside the box into its upper left corner
        "groups": _groups(box.layers),
        "width": frame.right - frame.left,
        "height": frame.bottom - frame.top,
        "left": max(content.left - frame.left, 0.0),
        "right": max(frame.right - content.right, 0.0),
        "above": max(content.top - frame.top, 0.0),
        "below": max(frame.bottom - content.bottom, 0.0),
    }
    return {"data": data | _parent(box), "classes": "module"}


def _node(box: Box, frame: Frame) -> Element:
    data = {
        "id": box.id,
        "kind": box.kind,
        "name": box.name,
        "label": _label(box),
        "type": box.type_name,
        "groups": _groups(box.layers),
        "macs": sum(layer.macs for layer in box.layers),
        "shape": shape_text(box.layers[-1].output_shape) if box.layers else "",
        "width": frame.right - frame.left,
        "height": frame.bottom - frame.top,
    }
    if box.kind in ("layer", "fold"):  # a compound of its bands: they have the positions
        return {"data": data | _parent(box), "classes": box.kind + " stack" * (box.count > 1)}
    classes = "terminal" if box.kind in ("input", "output") else box.kind
    return {"data": data | _parent(box), "classes": classes, "position": _position(frame.centre)}


def _label(box: Box) -> str:
    return f"{module_title(box)}\n{box.content}" if box.kind == "fold" else box.title


def _parent(box: Box) -> dict[str, str]:
    return {"parent": box.parent} if box.parent else {}


def _position(point: Point) -> dict[str, float]:
    return {"x": round(point[0], 1), "y": round(point[1], 1)}


def _groups(layers: Iterable[Layer]) -> list[str]:
    """Groups of the layers, those of f+ before those of f-: what a layer makes comes first to mind."""
    ports = (port for layer in layers for port in (layer.outputs, layer.inputs))
    return list(dict.fromkeys(group for port in ports for group in port.groups))


def _band(box: Box, port: Port, frame: Frame, sizes: Mapping[str, int], most: int) -> list[Element]:
    parts = segments(port, sizes, most)
    width = (frame.right - frame.left) / len(parts)
    y = frame.top + BAND / 2 if port.side == "-" else frame.bottom - BAND / 2
    return [
        _segment(box, port, part, index, Frame(x, y - BAND / 2, x + width, y + BAND / 2))
        for index, part in enumerate(parts)
        for x in (frame.left + index * width,)
    ]


def _segment(box: Box, port: Port, part: Segment, index: int, frame: Frame) -> Element:
    data = {
        "id": f"{'port' if box.kind == 'layer' else 'band'}:{port.name}:{index}",
        "kind": "port",
        "name": box.name,
        "port": port.name,
        "side": port.side,
        "parent": box.id,
        "label": part.text,
        "size": part.text,
        "room": letters_in(frame.right - frame.left, BAND_TEXT),
        "groups": list(part.groups),
        "width": frame.right - frame.left,
        "height": BAND,
    }
    classes = "port " + ("live" if part.groups else "frozen")
    return {"data": data | ({"reason": part.reason} if part.reason else {}), "classes": classes} | {
        "position": _position(frame.centre)
    }


def _edge(link: Link, layout: Layout, named: frozenset[Pair], crowded: Collection[str]) -> Element:
    """An edge with its bends; where several labels leave one box, that of a bent edge stands on its upright part."""
    bends = layout.routes[link.source, link.target]
    ends = layout.frames[link.source], layout.frames[link.target]
    data: dict[str, Any] = {
        "id": f"edge:{link.source}>{link.target}",
        "source": link.source,
        "target": link.target,
        "label": _edge_label(link) if (link.source, link.target) in named else "",
        "via": " · ".join(link.via),
        "shapes": _shapes(link),
        "groups": list(link.groups),
    }
    if _needs_bends(bends, *ends):
        start = (ends[0].centre[0], ends[0].bottom)
        data |= relative(bends, ends[0].centre, ends[1].centre)
        data["offset"] = upright_middle([start, *bends]) if link.source in crowded else LABEL_OFFSET
    classes = "flow" + (" bent" if "weights" in data else "") + (" frozen" if not link.groups else "")
    return {"data": data, "classes": classes}


def _labelled(links: Sequence[Link], layout: Layout) -> frozenset[Pair]:
    """Of the links on which one thing leaves several times, the straightest: what happens once is said once."""
    first: dict[tuple[str, str], Link] = {}
    for link in sorted(links, key=lambda link: len(layout.routes[link.source, link.target])):
        first.setdefault((link.source, _edge_label(link)), link)
    return frozenset((link.source, link.target) for link in first.values())


def _several(names: Iterable[str]) -> frozenset[str]:
    """The names that occur more than once."""
    return frozenset(name for name, count in Counter(names).items() if count > 1)


def upright_middle(points: Sequence[Point]) -> float:
    """How far along a bent line the middle of its longest upright stretch is, in pixels; `LABEL_OFFSET` without one.

    Args:
        points: Where the line begins, and its bends.
    """
    length, longest, middle = 0.0, 0.0, LABEL_OFFSET
    for (x0, y0), (x1, y1) in pairwise(points):
        stretch = math.hypot(x1 - x0, y1 - y0)
        if abs(x1 - x0) < 1 and stretch > longest:
            longest, middle = stretch, length + stretch / 2
        length += stretch
    return round(middle, 1)


def _shapes(link: Link) -> str:
    """The shapes of what flows, each once, and how many more there are."""
    texts = list(dict.fromkeys(shape_text(shape) for shape in link.shapes))
    return texts[0] if len(texts) == 1 else f"{texts[0]} and {len(texts) - 1} more" if texts else ""


def _edge_label(link: Link) -> str:
    if len(link.shapes) > 1:
        return f"{len(link.shapes)} tensors"
    names = [op_title(name) for name in link.via]
    return " · ".join(names if len(names) <= 3 else [names[0], "…", names[-1]])


def _needs_bends(bends: Sequence[Point], source: Frame, target: Frame) -> bool:
    (x0, _), (x1, _) = source.centre, target.centre
    return any(abs(x - x0) > 1 or abs(x - x1) > 1 for x, _ in bends)


def relative(bends: Sequence[Point], start: Point, end: Point) -> dict[str, str]:
    """Bends in Cytoscape's terms: how far along the line between the ends, and how far beside it.

    Args:
        bends: Absolute points.
        start: Centre of the source.
        end: Centre of the target.

    Returns:
        ``weights`` (fractions of the line) and ``distances`` (pixels), space separated.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    along = [((x - start[0]) * dx + (y - start[1]) * dy) / length**2 for x, y in bends]
    beside = [((x - start[0]) * -dy + (y - start[1]) * dx) / length for x, y in bends]
    return {
        "weights": " ".join(f"{value:.4f}" for value in along),
        "distances": " ".join(f"{value:.1f}" for value in beside),
    }
