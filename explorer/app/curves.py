"""Charts of what is learnt from data, as Plotly figures in the colours of the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.app.figures import base_layout
from explorer.app.theme import faint, tokens
from explorer.jobs.sparse import BINS, SPAN
from explorer.training import Sensitivity

FULL = [0.0, 104.0]
"""Percentages, with room for the line at 100."""


def sensitivity_curve(found: Sensitivity, group: str, ratio: float, scheme: str, slot: int) -> go.Figure:
    """Accuracy against what is removed of one group alone, and of all groups together.

    Args:
        found: What was measured so far.
        group: Name of the group; empty for none.
        ratio: What the recipe removes of it, 0-1.
        scheme: ``light`` or ``dark``.
        slot: Which of the group hues the group has.
    """
    c, figure = tokens(scheme), go.Figure(layout=base_layout(scheme))
    figure.add_trace(_curve(found.curve(), "all groups together", {"color": c["ink-3"], "width": 1.5, "dash": "dot"}))
    if group in found.groups:
        figure.add_trace(_curve(found.curve(group), group, {"color": c[f"hue-{slot}"], "width": 2.5}))
    else:
        hint = {
            "text": "Select a group to see its curve",
            "font": {"size": 11, "color": c["ink-3"]},
            "showarrow": False,
        }
        figure.add_annotation(x=1, y=1, xref="paper", yref="paper", xanchor="right", yanchor="bottom", **hint)
    if ratio:
        label = {"text": f" {100 * ratio:.0f} % now", "font": {"size": 10, "color": c["ink-2"]}, "textangle": 0}
        place = {"textposition": "start", "xanchor": "left", "yanchor": "bottom"}
        figure.add_vline(x=100 * ratio, line={"color": c["ink-2"], "width": 1, "dash": "dash"}, label=label | place)
    figure.update_xaxes(title_text="removed, %", range=[-2, 94], zeroline=False)
    figure.update_yaxes(title_text="validation accuracy, %", range=FULL)
    figure.update_layout(showlegend=True, legend=_legend(c["ink-2"]), margin={"l": 48, "r": 12, "t": 26, "b": 38})
    return figure


def training_curves(data: Mapping[str, Any], before: float | None, scheme: str) -> go.Figure:
    """Loss of the batches, and validation accuracy after each epoch, side by side.

    Args:
        data: ``losses`` and ``history``, as `explorer.jobs.curves.TrainingCurve` tells them.
        before: Validation accuracy before the training, 0-1, where it is known.
        scheme: ``light`` or ``dark``.
    """
    c, figure = tokens(scheme), go.Figure(layout=base_layout(scheme))
    x, losses = zip(*data["losses"], strict=True) if data["losses"] else ((), ())
    figure.add_trace(go.Scatter(x=x, y=losses, mode="lines", line={"color": c["edge"], "width": 1}, name="each batch"))
    means = [(epoch["number"] - 0.5, epoch["loss"]) for epoch in data["history"]]
    figure.add_trace(_dots(means, c["ink"], "mean of the epoch", "%{y:.3f}"))
    accuracies = [(0, before)] if before is not None else []
    accuracies += [(epoch["number"], epoch["accuracy"]) for epoch in data["history"] if epoch["accuracy"] is not None]
    shown = [(number, 100 * accuracy) for number, accuracy in accuracies]
    figure.add_trace(_dots(shown, c["accent"], "validation", "%{y:.1f} %", xaxis="x2", yaxis="y2", showlegend=False))
    layout = base_layout(scheme)
    epochs = {"title": {**layout["xaxis"]["title"], "text": "epoch"}}
    last = max(1, len(data["history"]))
    figure.update_layout(
        xaxis={**layout["xaxis"], **epochs, "domain": [0, 0.44], "rangemode": "tozero"},
        xaxis2={
            **layout["xaxis"],
            **epochs,
            "domain": [0.58, 1],
            "anchor": "y2",
            "dtick": max(1, round(last / 8)),
            "range": [-0.05 * last, 1.05 * last],
        },
        yaxis={**layout["yaxis"], "title": {**layout["yaxis"]["title"], "text": "loss"}, "rangemode": "tozero"},
        yaxis2={
            **layout["yaxis"],
            "title": {**layout["yaxis"]["title"], "text": "validation accuracy, %"},
            "anchor": "x2",
            "range": _around([accuracy for _, accuracy in shown]),
        },
        showlegend=True,
        legend=_legend(c["ink-2"]),
        margin={"l": 48, "r": 12, "t": 26, "b": 38},
    )
    return figure


def norm_histogram(histograms: Sequence[Sequence[int]], epochs: int, scheme: str) -> go.Figure:
    """How large the channels of all groups are, before a sparse training and now.

    Args:
        histograms: Channels in each of `BINS` ranges up to `SPAN`, before the training, after each epoch, and where
            it was stopped.
        epochs: How many were finished.
        scheme: ``light`` or ``dark``.
    """
    c, figure = tokens(scheme), go.Figure(layout=base_layout(scheme))
    edges = np.linspace(0, SPAN, BINS + 1)
    middles, widths = ((edges[:-1] + edges[1:]) / 2).tolist(), SPAN / BINS
    if len(histograms) > 1:
        last = len(histograms) - 1
        title = f"after epoch {last}" if last <= epochs else f"stopped in epoch {last}"
        now = go.Bar(x=middles, y=histograms[-1], width=widths, name=title, marker_color=faint(c["accent"], 0.75))
        now.hovertemplate = "%{y} channels<extra></extra>"
        figure.add_trace(now)
    if histograms:
        steps = {"color": c["ink"], "width": 1.5, "shape": "hvh"}
        first = go.Scatter(x=middles, y=histograms[0], mode="lines", line=steps, name="before", hoverinfo="skip")
        figure.add_trace(first)
    figure.update_xaxes(title_text="norm of a channel, largest of its group before = 1", range=[0, SPAN])
    figure.update_yaxes(title_text="channels", rangemode="tozero")
    figure.update_layout(
        showlegend=True, legend=_legend(c["ink-2"]), bargap=0, margin={"l": 48, "r": 12, "t": 26, "b": 38}
    )
    return figure


def _legend(colour: str) -> dict[str, Any]:
    return {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11, "color": colour}}


def _curve(points: Sequence[tuple[float, float]], name: str, line: dict[str, Any]) -> go.Scatter:
    return go.Scatter(
        x=[100 * ratio for ratio, _ in points],
        y=[100 * accuracy for _, accuracy in points],
        mode="lines+markers",
        name=name,
        line=line,
        marker={"size": 6},
        hovertemplate="%{y:.1f} % with %{x:.0f} % removed<extra></extra>",
    )


def _dots(points: Sequence[tuple[float, float]], colour: str, name: str, text: str, **more: Any) -> go.Scatter:
    return go.Scatter(
        x=[number for number, _ in points],
        y=[value for _, value in points],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 2},
        marker={"size": 7},
        hovertemplate=f"{text} ({name})<extra></extra>",
        **more,
    )


def _around(values: Sequence[float]) -> list[float]:
    low = min(values, default=0.0)
    span = max(4.0, 100 - low)
    return [max(0.0, low - 0.1 * span), 100 + 0.05 * span]
