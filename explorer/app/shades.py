"""What layers are coloured by, for pictures made on the server; assets/explorer_shades.js colours the screen alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.app.elements import Element
from explorer.app.numbers import percent
from explorer.app.theme import SHADES

NEUTRAL, RATIO, MACS, SENSITIVITY = "none", "ratio", "macs", "sensitivity"
MODES = {NEUTRAL: "Neutral", RATIO: "Ratio", MACS: "MACs", SENSITIVITY: "Sensitivity"}
SHADED = ("layer", "fold", "op")
"""Kinds of boxes that are coloured."""
WHOLE = 0.0995
"""Shares of less are said with a decimal."""
LEAST_DROP = 0.01
"""The last colour means at least so much accuracy."""


@dataclass(frozen=True)
class Shading:
    """Colours by value.

    Attributes:
        steps: Per id of a box that has a value, its colour from 0 (least) to `SHADES` - 1.
        least: What the first colour means.
        most: What the last one means.
    """

    steps: Mapping[str, int]
    least: str
    most: str


def shading(
    mode: str,
    elements: Sequence[Element],
    groups: Mapping[str, Sequence[float]],
    macs: int,
    drops: Mapping[str, float] | None = None,
) -> Shading | None:
    """What each box is coloured by.

    Args:
        mode: One of `MODES`.
        elements: Of the graph.
        groups: Per group (channels, kept, ...), as the preview of a recipe has it.
        macs: Of the whole model.
        drops: Accuracy (0-1) that each group which was measured loses when half of it goes; None before that.

    Returns:
        The colours; None where the graph is neutral.
    """
    boxes = [element["data"] for element in elements if element["data"].get("kind") in SHADED]
    if mode == RATIO:
        return Shading(_steps(_removed(boxes, elements, groups)), "0 %", "100 % of channels go")
    if mode == MACS:
        most = max((box["macs"] for box in boxes), default=0) or 1
        shares = {box["id"]: box["macs"] / most for box in boxes if box["macs"]}
        share = most / (macs or most)
        return Shading(_steps(shares), "0 %", f"{percent(share, int(0 < share < WHOLE))} of all MACs")
    return _by_sensitivity(boxes, elements, drops) if mode == SENSITIVITY else None


def _by_sensitivity(
    boxes: Sequence[Mapping[str, Any]], elements: Sequence[Element], drops: Mapping[str, float] | None
) -> Shading:
    """Each box by the most sensitive group that it makes or holds."""
    if not drops:
        return Shading({}, "not measured yet: see Training", "")
    most = max(*drops.values(), LEAST_DROP)
    found = {box: [drops[name] for name in names if name in drops] for box, names in _made(boxes, elements).items()}
    values = {box: max(losses) / most for box, losses in found.items() if losses}
    return Shading(_steps(values), "no loss", f"{100 * most:.0f} points of accuracy, half removed")


def _steps(values: Mapping[str, float]) -> dict[str, int]:
    return {name: min(SHADES - 1, int(value * SHADES)) for name, value in values.items()}


def _made(boxes: Sequence[Mapping[str, Any]], elements: Sequence[Element]) -> dict[str, list[str]]:
    """The groups that a layer makes or a module holds, by the id of its box."""
    made: dict[str, list[str]] = {}
    for data in (element["data"] for element in elements):
        if data.get("kind") == "port" and data["side"] == "+":
            made.setdefault(data["parent"], []).extend(data["groups"])
    names = {box["id"]: box["groups"] if box["kind"] == "fold" else made.get(box["id"], ()) for box in boxes}
    return {box: list(dict.fromkeys(groups)) for box, groups in names.items()}


def _removed(
    boxes: Sequence[Mapping[str, Any]], elements: Sequence[Element], groups: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """The share of channels that go, of those that a layer makes or a module holds."""
    shares: dict[str, float] = {}
    for box, names in _made(boxes, elements).items():
        counts = [groups[name] for name in names]
        if size := sum(count[0] for count in counts):
            shares[box] = 1 - sum(count[1] for count in counts) / size
    return shares
