"""The Pareto plot of the plans tried: accuracy against a cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.app.figures import base_layout
from explorer.app.labelling import LETTER, label_places
from explorer.app.plans import Record, plan_name
from explorer.app.theme import tokens

Point = tuple[float, float, Record]
"""Cost, accuracy (0-1) and record of a plan."""
AXES = {"macs": "MACs", "params": "Parameters", "bytes": "Weights", "latency": "Latency"}
"""What a plan may cost, by the name of the axis."""
AXIS_TITLES = {
    "macs": "MACs",
    "params": "parameters",
    "bytes": "bytes of weights",
    "latency": "latency, % of the original's, timed in turns with it",
}


ORIGINAL = {"before": 1.0, "after": 1.0}
"""The latency of what others are held against."""


def cost_on(plan: Record, axis: str) -> float | None:
    """What a plan costs on an axis; None where that was not measured.

    Args:
        plan: A record.
        axis: One of `AXES`; latency is a percentage of the original's, since that hardly depends on the batch size.
    """
    if axis != "latency":
        return float(plan[axis])
    latency = plan["latency"] if plan["is_pruning"] else ORIGINAL
    return 100 * latency["after"] / latency["before"] if latency else None


def plotted(plans: Sequence[Record], axis: str) -> list[Point]:
    """The plans that can be plotted, as (cost, accuracy, record), cheapest first."""
    points = [(cost_on(plan, axis), plan["accuracy"], plan) for plan in plans]
    known = [(cost, accuracy, plan) for cost, accuracy, plan in points if cost is not None and accuracy is not None]
    return sorted(known, key=lambda point: (point[0], -point[1]))


def front(points: Sequence[Point]) -> list[Point]:
    """The Pareto front: plans to which no other is as cheap and as accurate, and better in one of both.

    Args:
        points: From `plotted`. A plan whose comparison with the original failed is on no front.
    """
    found: list[Point] = []
    for point in points:
        if not point[2]["is_wrong"] and (not found or point[1] > found[-1][1]):
            found.append(point)
    return found


def nothing_to_plot(plans: Sequence[Record], axis: str) -> str:
    """Why no plan can be plotted, in words; empty where one can."""
    is_measured = any(plan["accuracy"] is not None for plan in plans)
    if axis == "latency" and is_measured and not any(plan["latency"] for plan in plans):
        return "No plan's latency was measured yet: “Measure latency” above times the one on the page."
    return (
        "" if plotted(plans, axis) else "There is no accuracy to plot: this model has no data that it is measured on."
    )


def pareto_figure(plans: Sequence[Record], axis: str, current: str, scheme: str) -> go.Figure:
    """Accuracy against cost, a point per plan: filled on the Pareto front, hollow behind it, a cross where it is wrong.

    Args:
        plans: Records.
        axis: One of `AXES`.
        current: Key of the recipe on the page; a ring is around its point.
        scheme: ``light`` or ``dark``.
    """
    c, points = tokens(scheme), plotted(plans, axis)
    best = front(points)
    line = {"color": c["ink-3"], "width": 1.25, "shape": "hv"}
    along = go.Scatter(x=[p[0] for p in best], y=[100 * p[1] for p in best], mode="lines", line=line, hoverinfo="skip")
    labels, places = [_label(plan) for _, _, plan in points], _places(points)
    on_page = [index for index, (_, _, plan) in enumerate(points) if plan["key"] == current]
    ring = _ring([points[index] for index in on_page], [places[index] for index in on_page], c)
    others = ["" if index in on_page else label for index, label in enumerate(labels)]
    drawn = _points(points, best, _texts(others, places, c), c)
    figure = go.Figure([along, ring, drawn], layout=base_layout(scheme))
    figure.update_xaxes(title_text=AXIS_TITLES[axis], rangemode="tozero", tickformat="" if axis == "latency" else "~s")
    figure.update_yaxes(title_text="accuracy, %", range=_room([100 * accuracy for _, accuracy, _ in points]))
    figure.update_layout(margin={"l": 48, "r": 16, "t": 16, "b": 38}, hovermode="closest")
    return figure


def _room(accuracies: Sequence[float]) -> list[float]:
    """From a little below the lowest to above the highest, where its name stands."""
    low, high = min(accuracies, default=0.0), max(accuracies, default=100.0)
    span = max(high - low, 1.0)
    return [low - 0.12 * span, high + 0.2 * span]


def _places(points: Sequence[Point]) -> list[str]:
    """Where the label of each point stands."""
    widest = max((cost for cost, _, _ in points), default=1.0) or 1.0
    low, high = _room([100 * accuracy for _, accuracy, _ in points])
    at = [(cost / widest, (high - 100 * accuracy) / (high - low)) for cost, accuracy, _ in points]
    return label_places(at, [_label(plan) for _, _, plan in points])


def _texts(labels: Sequence[str], places: Sequence[str], c: dict[str, str]) -> dict[str, Any]:
    """Labels at points, for a scatter."""
    font = {"size": LETTER, "color": c["ink-2"]}
    return {"text": labels, "textposition": places, "textfont": font, "cliponaxis": False}


def _points(points: Sequence[Point], best: Sequence[Point], texts: dict[str, Any], c: dict[str, str]) -> go.Scatter:
    names = [plan_name(plan) for _, _, plan in points]
    keys = {plan["key"] for _, _, plan in best}
    signs = [_sign(plan, plan["key"] in keys) for _, _, plan in points]
    return go.Scatter(
        x=[cost for cost, _, _ in points],
        y=[100 * accuracy for _, accuracy, _ in points],
        mode="markers+text",
        **texts,
        customdata=[[plan["key"], name] for (_, _, plan), name in zip(points, names, strict=True)],
        hovertemplate="%{customdata[1]}: %{y:.1f} % at %{x:.4s}<extra></extra>",
        marker={
            "size": 9,
            "symbol": signs,
            "color": [c["bad"] if plan["is_wrong"] else c["ink-2"] for _, _, plan in points],
            "line": {"width": 1.5, "color": c["ink-2"]},
        },
    )


def _label(plan: Record) -> str:
    """What stands at a point: the number of the plan, and in a word what its weights went through."""
    trained = (plan.get("trained") or "").partition(",")[0]
    number = str(plan["number"]) if plan["is_pruning"] else ""
    return f"{number} {trained}".strip() or "original"


def _sign(plan: Record, is_best: bool) -> str:
    """A cross for a wrong plan; a diamond where weights were trained here, else a circle; filled on the front."""
    if plan["is_wrong"]:
        return "x"
    return ("diamond" if plan.get("trained") else "circle") + ("" if is_best else "-open")


def _ring(points: Sequence[Point], places: Sequence[str], c: dict[str, str]) -> go.Scatter:
    """A ring around a point, with the label of that point outside of it."""
    marker: dict[str, Any] = {"size": 18, "symbol": "circle-open", "line": {"width": 2}, "color": c["accent"]}
    labels = _texts([_label(plan) for _, _, plan in points], places, c)
    x, y = [cost for cost, _, _ in points], [100 * accuracy for _, accuracy, _ in points]
    return go.Scatter(x=x, y=y, mode="markers+text", hoverinfo="skip", marker=marker, **labels)
