"""Charts, as Plotly figures in the colours of the app."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.app.matrices import Matrix
from explorer.app.theme import FONT, mixed, tokens

MAX_BARS = 512
"""More channels than this are thinned out: a screen has no room for more bars."""


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


def importance_bars(
    scores: Sequence[float] | NDArray[np.float64], kept: Collection[int], scheme: str, slot: int = 0
) -> go.Figure:
    """The importance of each channel of a group, highest first, with the line below which channels go.

    Args:
        scores: Importance per channel.
        kept: Channels that stay.
        scheme: ``light`` or ``dark``.
        slot: Which of the group hues the kept bars have.

    Returns:
        A bar chart; removed channels are hollow, so that the cut is seen without colour.
    """
    c, stays = tokens(scheme), set(kept)
    order = sorted(range(len(scores)), key=lambda channel: (channel not in stays, -scores[channel]))
    step = max(1, -(-len(order) // MAX_BARS))
    shown = order[::step]
    hue = c[f"hue-{slot}"]
    bars = go.Bar(
        x=list(range(len(shown))),
        y=[float(scores[channel]) for channel in shown],
        marker={
            "color": [hue if channel in stays else "rgba(0,0,0,0)" for channel in shown],
            "line": {"color": [hue if channel in stays else c["ink-3"] for channel in shown], "width": 1},
        },
        customdata=[[channel, "stays" if channel in stays else "goes"] for channel in shown],
        hovertemplate="channel %{customdata[0]}: %{y:.3g}, %{customdata[1]}<extra></extra>",
    )
    figure = go.Figure(bars, layout=base_layout(scheme))
    figure.update_layout(xaxis_title_text="channels, kept first", yaxis_title_text="importance", height=170)
    figure.update_xaxes(showgrid=False, showticklabels=False)
    if len(stays) < len(order):
        _cut_line(figure, len(stays) / step - 0.5, len(order) - len(stays), c)
    return figure


def _cut_line(figure: go.Figure, x: float, gone: int, c: dict[str, str]) -> None:
    figure.add_vline(x=x, line={"color": c["ink"], "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        x=x, y=1, yref="paper", text=f"{gone} go", showarrow=False, xanchor="left", xshift=4, font={"color": c["ink-2"]}
    )


GAP_UP_TO = 64
"""With more rows than this, cells have no gap between them."""
LABELS = 34
"""About so many labels stand beside a matrix; zooming in brings those between."""


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
        "tickfont": {"size": 9, "color": c["ink-2"]},
        "ticks": "",
    }
    figure.update_xaxes(**axis, tickangle=-90, side="top", range=[-0.5, len(names) - 0.5])
    figure.update_yaxes(**axis, scaleanchor="x", range=[len(names) - 0.5, -0.5])
    longest = max((len(_tail(name)) for name in names), default=0)
    figure.update_layout(
        shapes=[_cursor(c["accent"]), *_boundaries(runs, len(names), c["line-strong"])],
        margin={"l": 24 + 5 * longest, "r": 16, "t": 16 + 5 * longest, "b": 12},
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
