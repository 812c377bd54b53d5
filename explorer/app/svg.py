"""The graph as an SVG picture: what the screen shows, or a part of it, drawn from the same scene and places."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

from explorer.app.cropping import MARGIN, Window, crop
from explorer.app.elements import TITLE_EDGE, Element, build_elements
from explorer.app.level import Point
from explorer.app.outline import Outline
from explorer.app.positions import BAND, BAND_TEXT, EDGE_TEXT, Frame, Layout, place, text_width
from explorer.app.scene import build_scene
from explorer.app.shades import NEUTRAL, Shading, shading
from explorer.app.stylesheet import BORDERS, MINUS_PATH, PLUS_PATH, lock_paths
from explorer.app.theme import FONT, HUES, SHADES, letter, tokens
from explorer.drawing import add, number, picture

LEGEND_ROW = 18.0
SCALE, SCALE_WIDTH = 12.0, 280.0
"""Pixels of each colour in the legend of a shading, and of all of it."""
DASHES = {"dashed": "6 4", "dotted": "2 2"}
ARROW_WIDTH, ARROW_HEIGHT = 3.5, 6.0
RING, RING_WIDTH = 4.0, 2.5
"""How far a ring is from its box, and how thick."""

Kept = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Marks:
    """What stands out of a picture of the graph, how much of the graph there is, and in which colours.

    Attributes:
        groups: Names of the highlighted groups, at most 8; their hues follow the order.
        kept: Per group (channels, kept, ...), as the preview of a recipe has it.
        shade: What the layers are coloured by.
        lit: Ids of the ports, boxes and edges that alone show the hue of a group; None for all that carry one.
        ringed: Ids of the boxes that have a ring around them.
        needed: Ids of the boxes that are in the picture, though they take more than the room.
        has_locks: Whether sides that are frozen look so, with a lock; else they look like any other.
        room: Width and height in pixels of the part that is drawn, around what stands out; None for the whole graph.
        colours: Tokens by name.
        drops: What groups lose of the accuracy, as `explorer.app.shades.shading` takes it.
    """

    groups: Sequence[str] = ()
    kept: Kept = field(default_factory=dict)
    shade: str = NEUTRAL
    lit: frozenset[str] | None = None
    ringed: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    has_locks: bool = True
    room: Point | None = None
    colours: Mapping[str, str] = field(default_factory=lambda: tokens("light"))
    drops: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Look:
    """How each element looks.

    Attributes:
        slots: Hue of each highlighted group.
        marks: What stands out.
        shading: What the layers are coloured by; None where they are neutral.
    """

    slots: Mapping[str, int]
    marks: Marks
    shading: Shading | None = None

    @property
    def kept(self) -> Kept:
        """Per group (channels, kept, ...)."""
        return self.marks.kept

    @property
    def colours(self) -> Mapping[str, str]:
        """Tokens by name."""
        return self.marks.colours

    def slot(self, element: Element) -> int | None:
        """The hue of an element: that of its first highlighted group."""
        data = element["data"]
        if self.marks.lit is not None and data["id"] not in self.marks.lit:
            return None
        return next((self.slots[name] for name in data.get("groups", ()) if name in self.slots), None)

    def ground(self, element: Element) -> tuple[str, str] | None:
        """Colours of a shaded box and of what is written on it; None where it has none of its own."""
        step = self.shading.steps.get(element["data"]["id"]) if self.shading else None
        return None if step is None else (self.colours[f"shade-{step}"], self.colours[f"on-shade-{step}"])

    def is_dim(self, element: Element) -> bool:
        """Whether an element steps back, since others are highlighted."""
        return bool(self.slots) and self.slot(element) is None


def draw_svg(
    outline: Outline,
    opened: frozenset[str],
    sizes: Mapping[str, int],
    highlighted: Sequence[str],
    kept: Kept,
    *,
    shade: str = NEUTRAL,
) -> str:
    """The graph as the text of an SVG file.

    Args:
        outline: Layers, edges and modules.
        opened: Paths of the open modules.
        sizes: Channels of each group.
        highlighted: Names of the highlighted groups, at most 8; their hues follow the order.
        kept: Per group (channels, kept, ...), as the preview of a recipe has it.
        shade: What the layers are coloured by.
    """
    return draw_marked(outline, opened, sizes, Marks(highlighted, kept, shade))


def draw_marked(outline: Outline, opened: frozenset[str], sizes: Mapping[str, int], marks: Marks) -> str:
    """The graph, or a part of it, as the text of an SVG picture.

    Args:
        outline: Layers, edges and modules.
        opened: Paths of the open modules.
        sizes: Channels of each group.
        marks: What stands out, and how much of the graph there is.
    """
    layout = place(build_scene(outline, opened))
    elements = build_elements(outline, opened, sizes)
    slots = {name: slot for slot, name in enumerate(dict.fromkeys(marks.groups)) if slot < HUES}
    whole = sum(layer.macs for layer in outline.layers)
    look = Look(slots, marks, shading(marks.shade, elements, marks.kept, whole, marks.drops))
    legend = _legend_widths(look)
    wanted, least = _standing_out(elements, look), max(legend, default=0.0)
    window = crop(layout, elements, wanted, marks.room, must=marks.needed, least=least)
    root, origin = _canvas(window, look)
    inside = [each for each in elements if window.shows(each)]
    _draw_elements(_pane(root, window), inside, layout, look, window.frame.left)
    _draw_legend(root, look, origin)
    return ET.tostring(root, encoding="unicode")


def _standing_out(elements: Iterable[Element], look: Look) -> Collection[str]:
    """Ids of the boxes that stand out, those with a ring first, then by hue."""
    boxes = [each["data"] for each in elements if each["data"].get("kind") not in (None, "port", "module")]
    shown = {
        each["data"]["parent"]: None for each in elements if "side" in each["data"] and look.slot(each) is not None
    }
    coloured = [data["id"] for data in boxes if data["id"] in shown or look.slot({"data": data}) is not None]
    return dict.fromkeys([*sorted(look.marks.ringed), *coloured])


def _draw_elements(root: ET.Element, elements: Sequence[Element], layout: Layout, look: Look, left: float) -> None:
    nodes = [element for element in elements if "source" not in element["data"]]
    for element in nodes:
        if element["data"]["kind"] == "module":
            _draw_module(root, element, layout.frames[element["data"]["id"]], left, look)
    edges = [element for element in elements if "source" in element["data"]]
    for element in edges:
        _draw_edge(root, element, layout, look)
    for element in edges:
        if element["data"]["label"]:
            _draw_edge_label(root, element, layout, look)
    lit = {each["data"]["parent"] for each in nodes if "side" in each["data"] and look.slot(each) is not None}
    faded = {each["data"]["id"] for each in nodes if look.is_dim(each) and each["data"]["id"] not in lit}
    for element in nodes:
        if element["data"]["kind"] == "port":
            _draw_port(root, element, look, is_dim=element["data"]["parent"] in faded)
        elif element["data"]["kind"] != "module":
            name = element["data"]["id"]
            _draw_box(root, element, layout.frames[name], look, is_dim=name in faded)
        if element["data"]["id"] in look.marks.ringed:
            _draw_ring(root, layout.frames[element["data"]["id"]], look)


def _canvas(window: Window, look: Look) -> tuple[ET.Element, Point]:
    """The empty picture, and where its legend begins."""
    shown = window.frame
    left, top = shown.left, shown.top
    bottom = shown.bottom + (0 if window.is_whole else MARGIN / 2)  # edges go on to the end of a part
    legend = _legend_widths(look)
    right = max([shown.right, *(left + width for width in legend)])
    height = bottom - top + LEGEND_ROW * len(legend)
    root = picture((left, top, right - left, height), font=FONT, paper=look.colours["canvas"])
    return root, (left + MARGIN, bottom)


def _legend_widths(look: Look) -> list[float]:
    """Room that each row of the legend takes, with its margins."""
    rows = [LEGEND_ROW + text_width(name) for name in look.slots] + [SCALE_WIDTH] * bool(look.shading)
    return [2 * MARGIN + width for width in rows]


def _pane(root: ET.Element, window: Window) -> ET.Element:
    """What the graph is drawn into: the picture itself, or a pane in it that cuts off what reaches beyond."""
    if window.is_whole:
        return root
    left, top, width, height = (number(each) for each in window.box)
    return add(root, "svg", x=left, y=top, width=width, height=height, viewBox=f"{left} {top} {width} {height}")


def _draw_module(root: ET.Element, element: Element, frame: Frame, left: float, look: Look) -> None:
    """An open module, whose title is in sight where its left edge is not."""
    c = look.colours
    _rect(root, frame, fill=c["module"], stroke=c["module-line"])
    at = (max(frame.left, left) + TITLE_EDGE, frame.top + 14)
    _text(root, element["data"]["label"], at, size=11, fill=c["ink-3"], text_anchor="start")
    _sign(root, MINUS_PATH, (frame.right - 17, frame.top + 8), c["ink-3"])


def _draw_edge(root: ET.Element, element: Element, layout: Layout, look: Look) -> None:
    data, c, slot = element["data"], look.colours, look.slot(element)
    source, target = layout.frames[data["source"]], layout.frames[data["target"]]
    start, end = (source.centre[0], source.bottom), (target.centre[0], target.top)
    bends = layout.routes[data["source"], data["target"]] if "weights" in data else ()
    points = [start, *bends, (end[0], end[1] - ARROW_HEIGHT)]
    colour = c["edge-dim"] if look.is_dim(element) else c["edge"] if slot is None else c[f"hue-{slot}"]
    width = 1.25 if slot is None else 2.5
    line = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    add(root, "polyline", points=line, fill="none", stroke=colour, stroke_width=width)
    (x, y), head = end, ARROW_WIDTH if slot is None else ARROW_WIDTH + 1
    add(root, "path", d=f"M{number(x)} {number(y)}l{-head} {-ARROW_HEIGHT}h{2 * head}z", fill=colour)


def _draw_edge_label(root: ET.Element, element: Element, layout: Layout, look: Look) -> None:
    """What happens on an edge: in its middle, or on a bent one where it leaves."""
    data = element["data"]
    source, target = layout.frames[data["source"]], layout.frames[data["target"]]
    start, end = (source.centre[0], source.bottom), (target.centre[0], target.top)
    bends = layout.routes[data["source"], data["target"]] if "weights" in data else ()
    _draw_label(root, data["label"], _along([start, *bends, end], data.get("offset", (end[1] - start[1]) / 2)), look)


def _draw_label(root: ET.Element, label: str, at: Point, look: Look) -> None:
    half = text_width(label, EDGE_TEXT) / 2
    _rect(root, Frame(at[0] - half, at[1] - 7, at[0] + half, at[1] + 7), fill=look.colours["canvas"])
    _text(root, label, (at[0], at[1] + 3.5), size=EDGE_TEXT, fill=look.colours["edge-ink"])


def _along(points: Sequence[Point], length: float) -> Point:
    """The point of a line so far from its start; its end where it is shorter."""
    for (x0, y0), (x1, y1) in pairwise(points):
        stretch = math.hypot(x1 - x0, y1 - y0)
        if length <= stretch:
            share = length / stretch if stretch else 0.0
            return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
        length -= stretch
    return points[-1]


def _draw_ring(root: ET.Element, frame: Frame, look: Look) -> None:
    """A line around what is selected."""
    around = Frame(frame.left - RING, frame.top - RING, frame.right + RING, frame.bottom + RING)
    _rect(root, around, rx=4 + RING, fill="none", stroke=look.colours["accent"], stroke_width=RING_WIDTH)


def _draw_box(root: ET.Element, element: Element, frame: Frame, look: Look, *, is_dim: bool) -> None:
    """A layer, a closed module, an op, or one end of the model."""
    data, c, slot = element["data"], look.colours, look.slot(element)
    kind = data["kind"]
    is_end, is_round = kind in ("input", "output"), kind == "op" and len(data["label"]) == 1
    parent = add(root, "g", opacity=0.75) if is_dim else root
    border: dict[str, object] = {"stroke": c["node-line"], "stroke_dasharray": "4 3" if is_end else "none"}
    if slot is not None and kind in ("op", "fold"):
        style = BORDERS[slot % len(BORDERS)]
        border = {"stroke": c[f"hue-{slot}"], "stroke_width": 3, "stroke_dasharray": DASHES.get(style, "none")}
    if "stack" in element["classes"]:
        behind = Frame(frame.left + 5, frame.top - 5, frame.right + 5, frame.bottom - 5)
        _rect(parent, behind, fill=c["node"], stroke=c["node-line"], opacity=0.7)
    radius = (frame.bottom - frame.top) / 2 if is_round else 4
    fill, ink = look.ground(element) or (c["sunken" if is_end else "node"], _ink(kind, c))
    _rect(parent, frame, rx=radius, fill=fill, **border)
    _draw_title(parent, data, frame, ink)
    if kind == "fold":
        _sign(parent, PLUS_PATH, (frame.right - 17, frame.centre[1] - 5), c["ink-3"])


def _ink(kind: str, c: Mapping[str, str]) -> str:
    """In what colour the title of a box is written where the box is not shaded."""
    return {"layer": c["ink"], "fold": c["ink"], "op": c["ink-2"]}.get(kind, c["ink-3"])


def _draw_title(parent: ET.Element, data: Mapping[str, str], frame: Frame, ink: str) -> None:
    kind, lines = data["kind"], data["label"].split("\n")
    size = {"layer": 12, "fold": 12, "op": 15 if len(data["label"]) == 1 else 10}.get(kind, 11)
    weight = {"font_weight": 500} if kind in ("layer", "fold") else {}
    x, y = frame.centre
    first = y + 0.35 * size - 0.65 * size * (len(lines) - 1)
    for row, line in enumerate(lines):
        _text(parent, line, (x, first + 1.3 * size * row), size=size, fill=ink, **weight)


def _draw_port(root: ET.Element, element: Element, look: Look, *, is_dim: bool) -> None:
    data, c, slot = element["data"], look.colours, look.slot(element)
    (x, y), half = (element["position"]["x"], element["position"]["y"]), data["width"] / 2
    is_frozen = not data["groups"] and look.marks.has_locks
    parent = add(root, "g", opacity=0.85) if is_dim else root
    fill, ink = (c["frozen"], c["frozen-ink"]) if is_frozen else (c["band"], c["band-ink"])
    text, weight = port_text(data, look.kept, "" if slot is None else letter(slot)), dict[str, object]()
    if slot is not None:
        fill, ink, weight = c[f"hue-{slot}"], c[f"on-hue-{slot}"], {"font_weight": 700}
    frame = Frame(x - half, y - BAND / 2, x + half, y + BAND / 2)
    _rect(parent, frame, rx=0, fill=fill, stroke=c["node-line"], stroke_width=0.5)
    _text(parent, text, (x, y + 3.5), size=BAND_TEXT, fill=ink, **weight)
    if is_frozen:
        group = add(parent, "g", transform=f"translate({number(frame.left + 5)} {number(y - 4.5)}) scale(0.5)")
        group.extend(ET.fromstring(f"<g>{lock_paths(ink)}</g>"))


def port_text(data: Mapping[str, Any], kept: Kept, badge: str = "") -> str:
    """What stands on a band, as on the screen (assets/explorer_graph.js): the longest that has room.

    Args:
        data: Of a port's element.
        kept: Per group (channels, kept, ...).
        badge: Letter of the group, where it is highlighted.

    Returns:
        Such as ``A 16 → 8``, ``A →8`` or ``A``; without a letter ``16 → 8``, ``→8``, or nothing. A flattened port holds
        several indices per channel.
    """
    groups, size = data["groups"], str(data["size"])
    counts = kept.get(groups[0]) if len(groups) == 1 else None
    texts = [size]
    if counts and counts[0] != counts[1] and size.isdigit():
        after = round(int(size) * counts[1] / counts[0])
        texts = [f"{size} → {after}", f"→{after}"]
    wanted = [f"{badge} {text}".strip() for text in texts] + [badge]
    return next((text for text in wanted if len(text) <= data["room"]), badge)


def _draw_legend(root: ET.Element, look: Look, origin: Point) -> None:
    c, (x, y) = look.colours, origin
    for row, (name, slot) in enumerate(look.slots.items()):
        top = y + LEGEND_ROW * row - 6
        _rect(root, Frame(x, top, x + 14, top + 14), fill=c[f"hue-{slot}"])
        _text(root, letter(slot), (x + 7, top + 10.5), size=9, fill=c[f"on-hue-{slot}"], font_weight=700)
        _text(root, name, (x + 21, top + 11), size=11, fill=c["ink"], text_anchor="start")
    if look.shading:
        _draw_scale(root, look.shading, c, (x, y + LEGEND_ROW * len(look.slots) - 6))


def _draw_scale(root: ET.Element, shown: Shading, c: Mapping[str, str], at: Point) -> None:
    """The colours of a shading from least to most, and what the two ends mean."""
    (left, top), start = at, at[0] + text_width(shown.least, 11) + 6
    _text(root, shown.least, (left, top + 11), size=11, fill=c["ink"], text_anchor="start")
    for step in range(SHADES):
        x = start + SCALE * step
        _rect(root, Frame(x, top + 2, x + SCALE, top + 12), rx=0, fill=c[f"shade-{step}"])
    end = start + SCALE * SHADES + 6
    _text(root, shown.most, (end, top + 11), size=11, fill=c["ink"], text_anchor="start")


def _sign(parent: ET.Element, path: str, at: Point, colour: str) -> None:
    place = f"translate({number(at[0])} {number(at[1])}) scale({10 / 14:.3f})"
    add(parent, "path", d=path, stroke=colour, stroke_width=1.6, fill="none", transform=place)


def _rect(parent: ET.Element, frame: Frame, *, rx: float = 4, **style: object) -> None:
    width, height = frame.right - frame.left, frame.bottom - frame.top
    add(parent, "rect", x=frame.left, y=frame.top, width=width, height=height, rx=rx, **style)


def _text(parent: ET.Element, text: str, at: Point, *, size: float, **style: object) -> None:
    shown = {"text_anchor": "middle", **style}
    if text:
        add(parent, "text", x=at[0], y=at[1], font_size=size, **shown).text = text
