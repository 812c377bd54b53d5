"""Charts, as Plotly figures in the colours of the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.app.matrices import Matrix
from explorer.app.theme import FONT, faint, mixed, tokens
from explorer.app.weights import WeightPicture


def base_layout(scheme: str) -> dict[str, Any]:
    """What all charts share in one colour scheme."""
    c = tokens(scheme)
    axis = {
        "gridcolor": c["line"],
        "zeroline": False,
        "linecolor": c["line-strong"],
        "tickfont": {"size": 10, "color": c["ink-3"]},
        "title": {"font": {"size": 11, "color": c["ink-3"]}},
        "fixedrange": True,
    }
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 11, "color": c["ink-2"]},
        "margin": {"l": 40, "r": 8, "t": 8, "b": 34},
        "xaxis": axis,
        "yaxis": axis,
        "hoverlabel": {
            "bgcolor": c["surface"],
            "bordercolor": c["line-strong"],
            "font": {"color": c["ink"], "size": 11},
        },
        "showlegend": False,
        "bargap": 0.15,
    }


GAP_UP_TO = 64
"""With more rows than this, cells have no gap between them."""
LABELS = 30
"""About so many labels stand beside a matrix; zooming in brings those between."""
LETTER = 5.5
"""Pixels of a letter of a label."""


def matrix_map(matrix: Matrix, runs: Sequence[tuple[int, int, str]], scheme: str, slot: int = 0) -> go.Figure:
    """A binary matrix as a heat map, first row on top.

    Args:
        matrix: D or G.
        runs: Rows in one module: (first, after the last, path).
        scheme: ``light`` or ``dark``.
        slot: Which of the group hues the selected group has.

    Returns:
        The heat map, with lines between modules. The first shape is the cursor of the keyboard, not visible at first.
    """
    c, names = tokens(scheme), [row.name for row in matrix.rows]
    hue = c[f"hue-{slot}"]
    colours = [c["surface"], c["edge"], c["ink-2"], hue, mixed(hue, c["ink"], 0.4)]
    cells = go.Heatmap(
        z=matrix.levels,
        x=names,
        y=names,
        zmin=-0.5,
        zmax=4.5,
        colorscale=[[(level + edge) / 5, colour] for level, colour in enumerate(colours) for edge in (0, 1)],
        showscale=False,
        hoverinfo="none",
        xgap=0 if len(names) > GAP_UP_TO else 0.5,
        ygap=0 if len(names) > GAP_UP_TO else 0.5,
    )
    figure = go.Figure(cells, layout=base_layout(scheme))
    axis = {
        "type": "category",
        "labelalias": {name: _tail(name) for name in names if name != _tail(name)},
        "nticks": LABELS,
        "showgrid": False,
        "showline": False,
        "fixedrange": False,
        "constrain": "domain",
        "tickfont": {"size": 10, "color": c["ink-2"]},
        "ticks": "",
    }
    figure.update_xaxes(**axis, tickangle=-90, side="top", range=[-0.5, len(names) - 0.5])
    figure.update_yaxes(**axis, scaleanchor="x", range=[len(names) - 0.5, -0.5])
    longest = max((len(_tail(name)) for name in names), default=0)
    figure.update_layout(
        shapes=[_cursor(c["accent"]), *_boundaries(runs, len(names), c["line-strong"])],
        margin={"l": 24 + LETTER * longest, "r": 16, "t": 16 + LETTER * longest, "b": 12},
        uirevision=f"{len(names)} {names[:1]}",
        dragmode="zoom",
    )
    return figure


def _tail(name: str, most: int = 26) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _boundaries(runs: Sequence[tuple[int, int, str]], count: int, colour: str) -> Iterator[dict[str, Any]]:
    line = {"color": colour, "width": 0.75}
    for start, _, _ in runs[1:]:
        place = start - 0.5
        yield {"type": "line", "x0": place, "x1": place, "y0": -0.5, "y1": count - 0.5, "line": line}
        yield {"type": "line", "y0": place, "y1": place, "x0": -0.5, "x1": count - 0.5, "line": line}
    yield {"type": "rect", "x0": -0.5, "x1": count - 0.5, "y0": -0.5, "y1": count - 0.5, "line": line}


def _cursor(colour: str) -> dict[str, Any]:
    return {"type": "rect", "x0": 0, "x1": 0, "y0": 0, "y1": 0, "visible": False, "line": {"color": colour, "width": 2}}


MAX_LINES = 64
"""More rows or columns than this fade out instead of being struck out one by one."""


def weight_map(picture: WeightPicture, scheme: str) -> go.Figure:
    """A weight as a heat map: darker is larger; what goes fades out and is struck out.

    Args:
        picture: The weight and what is removed of both dimensions.
        scheme: ``light`` or ``dark``.

    Returns:
        The heat map, dim 0 downwards; a weight of one dimension lies on its side.
    """
    c = tokens(scheme)
    values, gone = picture.values, 1 - np.outer(1 - picture.rows_gone, 1 - picture.columns_gone)
    steps, titles = picture.block, ("dim 0", "dim 1")
    if len(picture.shape) < 2:
        values, gone, steps, titles = values.T, gone.T, steps[::-1], ("", "dim 0")
    scale = [[0, c["surface"]], [1, c["ink"]]]
    where = {"y0": (steps[0] - 1) / 2, "dy": steps[0], "x0": (steps[1] - 1) / 2, "dx": steps[1]}
    hover = (
        "dim 0 %{y:.0f}, dim 1 %{x:.0f}: %{z:.3g}<extra></extra>" if titles[0] else "%{x:.0f}: %{z:.3g}<extra></extra>"
    )
    cells = go.Heatmap(z=values, colorscale=scale, showscale=False, hovertemplate=hover, **where)
    veil = go.Heatmap(z=gone.astype(np.float32), zmin=0, zmax=1, showscale=False, hoverinfo="skip", **where,
                      colorscale=[[0, faint(c["surface"], 0)], [1, faint(c["surface"], 0.72)]])  # fmt: skip
    figure = go.Figure([cells, veil, _strikes(picture, c["bad"])], layout=base_layout(scheme))
    ends = [values.shape[axis] * steps[axis] - 0.5 for axis in (0, 1)]
    figure.update_xaxes(range=[-0.5, ends[1]], showgrid=False, title_text=titles[1], tick0=0, dtick=_tick(ends[1]))
    figure.update_yaxes(
        range=[ends[0], -0.5],
        showgrid=False,
        title_text=titles[0],
        tick0=0,
        dtick=_tick(ends[0]),
        showticklabels=bool(titles[0]),
    )
    figure.update_layout(height=90 if not titles[0] else 240)
    return figure


def _tick(end: float) -> int:
    """A whole distance between labels such that there are about six."""
    return max(1, round(end / 6))


def _strikes(picture: WeightPicture, colour: str) -> go.Scatter:
    """A line through each row and column that goes, where there are few enough to tell apart."""
    x: list[float | None] = []
    y: list[float | None] = []
    ends = [
        len(gone) * step - 0.5
        for gone, step in zip((picture.rows_gone, picture.columns_gone), picture.block, strict=True)
    ]
    for axis, gone in enumerate((picture.rows_gone, picture.columns_gone)):
        places = np.flatnonzero(gone) if len(gone) <= MAX_LINES else np.empty(0, dtype=np.int64)
        for place in places.tolist():
            across, along = [place, place, None], [-0.5, ends[1 - axis], None]  # few enough: one index each
            x += along if axis == 0 else across
            y += across if axis == 0 else along
    if len(picture.shape) < 2:
        x, y = y, x
    return go.Scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 1}, hoverinfo="skip")
