"""What a recipe would do, as the browser needs it: totals and kept channels, without running the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explorer.exploration import Exploration, Recipe, common_ratio

QUANTITIES = ("params", "macs", "bytes", "activations")


def preview(exploration: Exploration) -> dict[str, Any]:
    """Costs and kept channels of a recipe.

    Args:
        exploration: The model and its recipe.

    Returns:
        ``key`` of the recipe; ``totals``: (before, after) per quantity of `QUANTITIES`; ``groups``: per group name
        (channels, kept, ratio asked; of channels chosen one by one the ratio that they come to); ``chosen``: groups
        whose channels are chosen one by one; ``locked``: groups that are locked; ``loose``: groups none of
        whose ties has to hold; ``controls``: what the controls above
        the grid show; ``remark``: what people might not expect, in words.

    Raises:
        PlanError: The recipe does not fit the model.
    """
    plan, recipe = exploration.plan(), exploration.recipe
    chosen = {name: 1 - len(kept) / exploration.graph.group(name).size for name, kept in recipe.keep.items()}
    ratios = {**recipe.ratios, **chosen}
    groups = {
        group.name: [group.size, len(plan.channels.get(group.name, range(group.size))), ratios.get(group.name, 0.0)]
        for group in exploration.graph.groups
    }
    asked = [kept == size for name, (size, kept, ratio) in groups.items() if ratio and name not in chosen]
    return {
        "key": recipe.key,
        "is_pruning": exploration.is_pruning(),
        "totals": {name: [getattr(plan.cost.before, name), getattr(plan.cost.after, name)] for name in QUANTITIES},
        "groups": groups,
        "chosen": sorted(chosen),
        "locked": sorted(recipe.locked),
        "loose": loose(exploration),
        "controls": controls(exploration),
        "remark": remark(recipe, asked),
    }


def loose(exploration: Exploration) -> list[str]:
    """The groups that the code ties to others, none of which ties has to hold, by name."""
    if not exploration.recipe.break_ties:
        return []
    held = {name for tie in exploration.holding for name in tie.groups}
    return sorted({name for tie in exploration.graph.ties for name in tie.groups} - held)


def controls(exploration: Exploration) -> dict[str, Any]:
    """What the controls above the grid show: the options, and the percentage that all groups share, else 0."""
    recipe = exploration.recipe
    return {
        "importance": recipe.importance,
        "reduction": recipe.reduction,
        "normalise": recipe.normalise,
        "round_to": recipe.round_to,
        "minimum": recipe.minimum,
        "every": round(100 * common_ratio(exploration)),
    }


def remark(recipe: Recipe, is_whole: Sequence[bool]) -> str:
    """Says that groups stay whole although they have a ratio, and why; empty where there is nothing to say.

    Args:
        recipe: Options that hold channels back.
        is_whole: For each group with a ratio, whether it keeps all its channels.
    """
    limits = [f"at least {recipe.minimum}"] if recipe.minimum > 1 else []
    limits += [f"multiple of {recipe.round_to}"] if recipe.round_to > 1 else []
    if not any(is_whole) or not (limits or all(is_whole)):
        return ""
    if not limits:
        return "Nothing is removed yet: the ratios are too small to take a whole channel."
    few = f"{sum(is_whole)} of {len(is_whole)} groups with a ratio keep all their channels"
    return f"{'Nothing is removed' if all(is_whole) else few}, because of “{'” and “'.join(limits)}”."


def rows(exploration: Exploration) -> list[dict[str, Any]]:
    """The grid of groups: one row each, in execution order.

    Args:
        exploration: The model and its recipe.

    Returns:
        Rows with ``name``, ``kind``, ``size``, ``kept``, ``percent`` (removed, 0-99), ``members``, ``ties``,
        ``loose`` (whether none of its ties has to hold), ``locked`` and ``chosen`` (whether its channels are chosen one
        by one).
    """
    seen, recipe = preview(exploration), exploration.recipe
    groups = seen["groups"]
    return [
        {
            "name": group.name,
            "kind": group.kind.replace("_", " "),
            "size": group.size,
            "kept": groups[group.name][1],
            "percent": round(100 * groups[group.name][2]),
            "members": len(group.members),
            "ties": list(group.ties),
            "loose": group.name in seen["loose"],
            "locked": group.name in recipe.locked,
            "chosen": group.name in recipe.keep,
        }
        for group in exploration.graph.groups
    ]


def first_group(exploration: Exploration) -> str:
    """The group to show first: the one that couples most; "" where there is none."""
    groups = exploration.graph.groups
    return max(groups, key=lambda group: len(group.members)).name if groups else ""
