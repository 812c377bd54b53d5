"""A dependency matrix as an SVG picture, for pages that are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import numpy as np

from explorer.app.level import Point
from explorer.app.matrices import CHOSEN, INTER, INTRA, Matrix
from explorer.app.positions import text_width
from explorer.app.theme import FONT
from explorer.drawing import add, picture

MOST_LABELS = 30
"""With more rows than this their names would be too small to be read; modules are named instead."""
ROW, LEAST_SIDE, MOST_SIDE = 11.0, 200.0, 300.0
"""Pixels of a row, and of all rows together: a text has room beside them, and each row for a name."""
LETTERS, MARGIN, SWATCH = 9.0, 12.0, 10.0
MOST_LETTERS = 24

LEGEND = {"D": ((INTER, "inter-layer"), (INTRA, "intra-layer")), "G": ((INTER, "share a group"),)}


def matrix_svg(matrix: Matrix, runs: Sequence[tuple[int, int, str]], colours: Mapping[str, str]) -> str:
    """A binary matrix as the text of an SVG picture, first row on top.

    Args:
        matrix: D or G.
        runs: Rows in one module: (first, after the last, path); they are named where rows are too many.
        colours: Tokens by name.
    """
    count = len(matrix.rows)
    side = max(LEAST_SIDE, min(MOST_SIDE, ROW * count))
    cell = side / max(count, 1)
    named = [(n + 0.5, _tail(row.name)) for n, row in enumerate(matrix.rows)]
    labels = named if count <= MOST_LABELS else [((a + b) / 2, _tail(path or "model")) for a, b, path in runs]
    edge = max((text_width(text, LETTERS) for _, text in labels), default=0.0) + 6
    legend = _legend(matrix, colours)
    size = edge + side + 2 * MARGIN
    width = max(size, 2 * MARGIN + sum(_entry_width(text) for _, text in legend))
    root = picture((-edge - MARGIN, -edge - MARGIN, width, size + 24), font=FONT, paper=colours["canvas"])
    _draw_cells(root, matrix, cell, colours)
    _draw_lines(root, [start * cell for start, _, _ in runs], side, colours)
    for place, text in labels:
        _draw_label(root, text, place * cell, colours)
    _draw_legend(root, legend, (-edge, side + 12), colours)
    return ET.tostring(root, encoding="unicode")


def _draw_cells(root: ET.Element, matrix: Matrix, cell: float, c: Mapping[str, str]) -> None:
    for row, column in np.argwhere(matrix.levels):
        level = int(matrix.levels[row, column])
        is_chosen, kind = level > CHOSEN, level - CHOSEN * (level > CHOSEN)
        place = {"x": float(column) * cell, "y": float(row) * cell, "width": cell, "height": cell}
        fill = c["hue-0"] if is_chosen else c["edge"] if kind == INTER else c["ink-2"]
        add(root, "rect", **place, fill=fill, stroke=c["canvas"], stroke_width=min(0.75, cell / 12))
        if is_chosen and kind == INTRA:  # the same hue, with a dark heart: no second colour to learn
            inner = {"x": (column + 0.3) * cell, "y": (row + 0.3) * cell, "width": 0.4 * cell, "height": 0.4 * cell}
            add(root, "rect", **{name: float(value) for name, value in inner.items()}, fill=c["ink"])


def _draw_lines(root: ET.Element, places: Sequence[float], side: float, c: Mapping[str, str]) -> None:
    """Between modules, and around everything."""
    for place in places[1:]:
        add(root, "path", d=f"M{place:.2f} 0V{side}M0 {place:.2f}H{side}", stroke=c["line-strong"], stroke_width=0.75)
    add(root, "rect", x=0, y=0, width=side, height=side, fill="none", stroke=c["line-strong"], stroke_width=0.75)


def _draw_label(root: ET.Element, text: str, at: float, c: Mapping[str, str]) -> None:
    style = {"font_size": LETTERS, "fill": c["ink-2"]}
    add(root, "text", x=-5, y=at + 3, text_anchor="end", **style).text = text
    add(root, "text", x=0, y=0, transform=f"translate({at + 3:.2f} -5) rotate(-90)", **style).text = text


def _legend(matrix: Matrix, c: Mapping[str, str]) -> list[tuple[str, str]]:
    """What each colour means, as colour and text."""
    kinds = LEGEND["D" if matrix.reasons else "G"]
    shown = [(c["edge"] if level == INTER else c["ink-2"], text) for level, text in kinds]
    return [*shown, (c["hue-0"], "selected group")] if (matrix.levels > CHOSEN).any() else shown


def _entry_width(text: str) -> float:
    return SWATCH + 5 + text_width(text, 11) + 12


def _draw_legend(root: ET.Element, legend: Sequence[tuple[str, str]], at: Point, c: Mapping[str, str]) -> None:
    x, y = at
    for fill, text in legend:
        add(root, "rect", x=x, y=y, width=SWATCH, height=SWATCH, fill=fill)
        add(root, "text", x=x + SWATCH + 5, y=y + 9, font_size=11, fill=c["ink"]).text = text
        x += _entry_width(text)


def _tail(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else f"…{name[1 - MOST_LETTERS :]}"
