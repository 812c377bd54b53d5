"""Fits a recipe that came from elsewhere to a model, and says in words what of it does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from explorer.engine.recipe import FORMAT as EXPORTED
from explorer.engine.recipe import checked_recipe
from explorer.exploration.recipe import FORMAT, MAX_RATIO, Recipe
from explorer.exploration.state import Exploration, GradientSource

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph

NAMES_SHOWN = 3


def fitted(
    graph: DependencyGraph, source: str, recipe: Recipe, gradients: GradientSource | None = None
) -> tuple[Exploration, tuple[str, ...]]:
    """What of a recipe fits a model.

    Args:
        graph: The model's graph.
        source: What names the model from now on.
        recipe: Made for this model, for another version of it, or by hand.
        gradients: As `Exploration` has it.

    Returns:
        The exploration with all that fits, and remarks in words: that the recipe was made for another model, and what
        was left out.
    """
    sizes = {group.name: group.size for group in graph.groups}
    ratios = {name: ratio for name, ratio in recipe.ratios.items() if name in sizes}
    keep = {name: kept for name, kept in recipe.keep.items() if kept and 0 <= kept[0] <= kept[-1] < sizes.get(name, 0)}
    changed = replace(
        recipe,
        source=source,
        fingerprint=graph.fingerprint,
        ratios=ratios,
        keep=keep,
        locked=recipe.locked & set(sizes),
        break_ties=recipe.break_ties & set(sizes),
        view=replace(recipe.view, pins=tuple(name for name in recipe.view.pins if name in sizes)),
    )
    is_other = bool(recipe.fingerprint) and recipe.fingerprint != graph.fingerprint
    asked, left_out = {*recipe.ratios, *recipe.keep}, [*_without(recipe.ratios, ratios), *_without(recipe.keep, keep)]
    remarks = [_made_for_another(graph, bool(left_out))] if is_other else []
    remarks += [_left_out(sorted(set(left_out)), len(asked))] if left_out else []
    return Exploration(graph, changed, gradients), tuple(remarks)


def exported_recipe(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The recipe in the ``recipe.json`` of an exported model, as JSON data; its channels are those of every group.

    Args:
        data: What `explorer.save` wrote, or a recipe, which comes back as it is.

    Raises:
        SaveError: It is damaged, or of an unknown version.
    """
    if data.get("format") != EXPORTED:
        return data
    saved = checked_recipe(data)
    options = {name: value for name, value in saved["options"].items() if name != "seed"}
    broken = options.get("break_ties") or []  # all of them, none, or names
    options["break_ties"] = sorted(saved["channels"]) if broken is True else broken
    ratios = {name: min(ratio, MAX_RATIO) for name, ratio in saved["ratios"].items() if ratio}
    known = {"source": saved["source"], "fingerprint": saved["fingerprint"], "keep": saved["channels"]}
    return {"format": FORMAT, **options, **known, "ratios": ratios}


def without_implied(exploration: Exploration) -> Exploration:
    """The exploration without those chosen channels that its ratios come to anyway."""
    recipe = exploration.recipe
    implied = replace(exploration, recipe=replace(recipe, keep={})).plan().channels
    keep = {name: kept for name, kept in recipe.keep.items() if implied[name] != kept}
    return replace(exploration, recipe=replace(recipe, keep=keep))


def _without(asked: Iterable[str], fitting: Iterable[str]) -> set[str]:
    return set(asked) - set(fitting)


def _made_for_another(graph: DependencyGraph, is_partial: bool) -> str:
    used = (
        "What fits of it is used." if is_partial else "All of it fits by name and is used; check that it is meant so."
    )
    return f"This recipe was made for another model, or another version of {graph.title}. {used}"


def _left_out(names: list[str], total: int) -> str:
    shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    return f"Left out, since there are no such groups or channels here: {len(names)} of {total} ({shown})."
