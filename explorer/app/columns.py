"""Wraps a long chain of rows into columns, like text, so that a deep network fills the screen rather than a line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from explorer.app.ranking import Rows

Span = tuple[int, int]

MOST = 8
ONE_COLUMN = 620.0
"""A chain no longer than this fits the pane as it is, in letters that can be read."""
PANE, PORTRAIT = 1.5, 0.8
"""Width to height of the middle pane, and of a module in it."""


def wrap(rows: Rows, heights: Sequence[float], width: float, aspect: float) -> list[Span]:
    """Ranges of rows that stand below each other, such that all of it is about as wide as it should be.

    Args:
        rows: Rows of one level.
        heights: Height of each row with the gap below it.
        width: Of the widest row with the gap beside it.
        aspect: Width to height that is aimed at.

    Returns:
        (first row, row after the last) of each column.
    """
    if sum(heights) <= ONE_COLUMN:
        return [(0, len(rows.rows))]
    cuts = frozenset(cut_rows(rows))
    candidates = [_split(heights, cuts, count) for count in range(1, MOST + 1)]
    return min(candidates, key=lambda spans: _misfit(spans, heights, width, aspect))


def cut_rows(rows: Rows) -> list[int]:
    """Rows before which a single link passes, so that the chain may wrap there."""
    row_of = {name: index for index, row in enumerate(rows.rows) for name in row}
    crossing = [0] * (len(rows.rows) + 1)
    for source, target in rows.chains:
        for index in range(row_of[source] + 1, row_of[target] + 1):
            crossing[index] += 1
    return [index for index in range(1, len(rows.rows)) if crossing[index] == 1]


def _misfit(spans: list[Span], heights: Sequence[float], width: float, aspect: float) -> float:
    tallest = max((sum(heights[start:end]) for start, end in spans), default=1.0)
    return abs(math.log(max(width * len(spans), 1.0) / max(tallest, 1.0) / aspect))


def _split(heights: Sequence[float], cuts: frozenset[int], count: int) -> list[Span]:
    """At most `count` ranges of about equal height, split only at `cuts`."""
    left, start, height = sum(heights), 0, 0.0
    spans: list[Span] = []
    for index in range(1, len(heights)):
        height += heights[index - 1]
        columns_left = count - len(spans)
        if index in cuts and columns_left > 1 and height + heights[index] / 2 > left / columns_left:
            spans.append((start, index))
            left, start, height = left - height, index, 0.0
    return [*spans, (start, len(heights))]
