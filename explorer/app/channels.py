"""The channels of a group as the chart draws them: importance, and which stay."""

from __future__ import annotations

from typing import Any

from explorer.app.theme import slot_of
from explorer.exploration import Exploration

DIGITS = 4
ONE = {"channels": "channel", "heads": "head", "head_dim": "channel of each head", "conv_groups": "convolution group"}


def channel_data(exploration: Exploration, name: str, pins: list[str]) -> dict[str, Any]:
    """What the browser needs to draw the channels of a group and to let some go by hand.

    Args:
        exploration: The model and its recipe.
        name: Name of the group.
        pins: Groups that keep their hue.

    Returns:
        ``group``; ``one``: what one channel is called; ``scores`` (of `DIGITS` digits) and ``kept`` (numbers, in
        order); ``chosen``: whether the channels are chosen one by one; ``slot`` of the hue.

    Raises:
        PlanError: The recipe does not fit the model, or there is no such group.
    """
    plan, group = exploration.plan(), exploration.graph.group(name)
    return {
        "group": name,
        "one": ONE.get(group.kind, "channel"),
        "scores": [float(f"{score:.{DIGITS}g}") for score in plan.scores[name]],
        "kept": list(plan.channels[name]),
        "chosen": name in exploration.recipe.keep,
        "slot": slot_of(name, pins),
    }
