"""The graph as an SVG file: what the screen shows in the light colours, drawn from the same scene and places."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

from explorer.app.elements import Element, build_elements
from explorer.app.level import Point
from explorer.app.outline import Outline
from explorer.app.positions import BAND, BAND_TEXT, EDGE_TEXT, LABEL_OFFSET, Frame, Layout, place, text_width
from explorer.app.scene import build_scene
from explorer.app.shades import NEUTRAL, Shading, shading
from explorer.app.stylesheet import BORDERS, MINUS_PATH, PLUS_PATH, lock_paths
from explorer.app.theme import FONT, HUES, SHADES, letter, tokens
from explorer.drawing import add, number, picture

MARGIN = 24.0
LEGEND_ROW = 18.0
SCALE, SCALE_WIDTH = 12.0, 280.0
"""Pixels of each colour in the legend of a shading, and of all of it."""
DASHES = {"dashed": "6 4", "dotted": "2 2"}
ARROW_WIDTH, ARROW_HEIGHT = 3.5, 6.0

Kept = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Look:
    """What is highlighted, and in which colours.

    Attributes:
        slots: Hue of each highlighted group.
        kept: Per group (channels, kept, ...), as the preview of a recipe has it.
        colours: Tokens by name.
        shading: What the layers are coloured by; None where they are neutral.
    """

    slots: Mapping[str, int]
    kept: Kept
    colours: Mapping[str, str]
    shading: Shading | None = None

    def slot(self, element: Element) -> int | None:
        """The hue of an element: that of its first highlighted group."""
        return next((self.slots[name] for name in element["data"].get("groups", ()) if name in self.slots), None)

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
    layout = place(build_scene(outline, opened))
    elements = build_elements(outline, opened, sizes)
    slots = {name: slot for slot, name in enumerate(dict.fromkeys(highlighted)) if slot < HUES}
    whole = sum(layer.macs for layer in outline.layers)
    look = Look(slots, kept, tokens("light"), shading(shade, elements, kept, whole))
    root, origin = _canvas(layout, look)
    nodes = [element for element in elements if "source" not in element["data"]]
    for element in nodes:
        if element["data"]["kind"] == "module":
            _draw_module(root, element, layout, look)
    for element in elements:
        if "source" in element["data"]:
            _draw_edge(root, element, layout, look)
    faded = {element["data"]["id"] for element in nodes if look.is_dim(element)}
    for element in nodes:
        if element["data"]["kind"] == "port":
            _draw_port(root, element, look, is_dim=element["data"]["parent"] in faded)
        elif element["data"]["kind"] != "module":
            _draw_box(root, element, layout.frames[element["data"]["id"]], look)
    _draw_legend(root, look, origin)
    return ET.tostring(root, encoding="unicode")


def _canvas(layout: Layout, look: Look) -> tuple[ET.Element, Point]:
    """The empty picture, and where its legend begins."""
    frames = layout.frames.values()
    left, top = min(frame.left for frame in frames) - MARGIN, min(frame.top for frame in frames) - MARGIN
    right, bottom = max(frame.right for frame in frames) + MARGIN, max(frame.bottom for frame in frames) + MARGIN
    legend = [LEGEND_ROW + text_width(name) for name in look.slots] + [SCALE_WIDTH] * bool(look.shading)
    right = max([right, *(left + 2 * MARGIN + width for width in legend)])
    height = bottom - top + LEGEND_ROW * len(legend)
    root = picture((left, top, right - left, height), font=FONT, paper=look.colours["canvas"])
    return root, (left + MARGIN, bottom)


def _draw_module(root: ET.Element, element: Element, layout: Layout, look: Look) -> None:
    c, frame = look.colours, layout.frames[element["data"]["id"]]
    _rect(root, frame, fill=c["module"], stroke=c["module-line"])
    at = (frame.left + 9, frame.top + 14)
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
    if data["label"]:
        _draw_label(
            root, data["label"], _along([start, *bends, end], LABEL_OFFSET if bends else (end[1] - start[1]) / 2), look
        )


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


def _draw_box(root: ET.Element, element: Element, frame: Frame, look: Look) -> None:
    """A layer, a closed module, an op, or one end of the model."""
    data, c, slot = element["data"], look.colours, look.slot(element)
    kind = data["kind"]
    is_end, is_round = kind in ("input", "output"), kind == "op" and len(data["label"]) == 1
    parent = add(root, "g", opacity=0.75) if look.is_dim(element) else root
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
    is_frozen = not data["groups"]
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
