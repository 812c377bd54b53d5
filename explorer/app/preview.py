"""What a recipe would do, as the browser needs it: totals and kept channels, without running the model."""

from __future__ import annotations

from typing import Any

from explorer.exploration import Exploration

QUANTITIES = ("params", "macs", "bytes", "activations")


def preview(exploration: Exploration) -> dict[str, Any]:
    """Costs and kept channels of a recipe.

    Args:
        exploration: The model and its recipe.

    Returns:
        ``key`` of the recipe; ``totals``: (before, after) per quantity of `QUANTITIES`; ``groups``: per group name
        (channels, kept, ratio asked).

    Raises:
        PlanError: The recipe does not fit the model.
    """
    plan, ratios = exploration.plan(), exploration.recipe.ratios
    return {
        "key": exploration.recipe.key,
        "is_pruning": exploration.is_pruning(),
        "totals": {name: [getattr(plan.cost.before, name), getattr(plan.cost.after, name)] for name in QUANTITIES},
        "groups": {
            group.name: [group.size, len(plan.channels.get(group.name, range(group.size))), ratios.get(group.name, 0.0)]
            for group in exploration.graph.groups
        },
    }


def rows(exploration: Exploration) -> list[dict[str, Any]]:
    """The grid of groups: one row each, in execution order.

    Args:
        exploration: The model and its recipe.

    Returns:
        Rows with ``name``, ``kind``, ``size``, ``kept``, ``percent`` (removed, 0-99), ``members`` and ``ties``.
    """
    groups = preview(exploration)["groups"]
    return [
        {
            "name": group.name,
            "kind": group.kind.replace("_", " "),
            "size": group.size,
            "kept": groups[group.name][1],
            "percent": round(100 * groups[group.name][2]),
            "members": len(group.members),
            "ties": list(group.ties),
        }
        for group in exploration.graph.groups
    ]


def first_group(exploration: Exploration) -> str:
    """The group to show first: the one that couples most; "" where there is none."""
    groups = exploration.graph.groups
    return max(groups, key=lambda group: len(group.members)).name if groups else ""
