"""Charts, as Plotly figures in the colours of the app."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.app.theme import FONT, tokens

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
