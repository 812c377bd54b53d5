"""Recipes travel: one that was made on some model, carried out on another of the same architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import nn

from explorer.engine.errors import PlanError, SaveError
from explorer.engine.graph import DependencyGraph
from explorer.engine.plan import Plan
from explorer.engine.recipe import FORMAT as EXPORTED
from explorer.engine.recipe import check_architecture, checked_recipe, read_json, read_recipe, surgery_of
from explorer.engine.selection import Options
from explorer.engine.surgery import perform
from explorer.engine.trace import ExampleInputs
from explorer.exploration.recipe import Recipe
from explorer.exploration.state import Exploration, GradientSource, needed_gradients
from explorer.models.tracing import trace

Data = Mapping[str, Any]


def apply_recipe(
    model: nn.Module,
    recipe: Data | str | Path,
    example_inputs: ExampleInputs | None = None,
    *,
    rerank: bool = False,
) -> nn.Module:
    """A pruned copy of a model: what a recipe did to the one that it was made from.

    Args:
        model: A model of the same architecture with any weights, such as a fine-tuned checkpoint; it is untouched.
        recipe: `Pruned.recipe`, the folder or ``recipe.json`` that `explorer.save` wrote, or a recipe of the app.
        example_inputs: What the model runs on. Only what needs a new trace asks for it: `rerank`, recipes of the app,
            and models that replay recorded calls.
        rerank: Keep as many channels of each group as the recipe does, but those that matter most in this model.

    Returns:
        A new module in the mode of `model`.

    Raises:
        SaveError: The recipe cannot be read, or was made for another architecture; the first difference is named.
        PlanError: A new trace is needed and there are no example inputs, or the recipe does not fit the model's groups.
        ApplyError: The model's own code cannot express the plan.
    """
    data = recipe_data(recipe)
    if data.get("format") == EXPORTED:
        known = checked_recipe(data)
        check_architecture(known, model, "The recipe")
        if known["way"] == "live" and not rerank:
            return perform(model, surgery_of(known))
    if example_inputs is None:
        raise PlanError(
            "This recipe needs a new trace of the model: pass example_inputs that it runs on, as explorer.trace takes "
            "them."
        )
    return plan_of(trace(model, example_inputs), data, rerank=rerank).apply().model


def plan_of(
    graph: DependencyGraph, recipe: Data, *, rerank: bool = False, gradients: GradientSource | None = None
) -> Plan:
    """The plan of a recipe on a traced model.

    Args:
        graph: A graph of the architecture that the recipe was made for.
        recipe: As data, of either kind.
        rerank: Keep as many channels of each group as the recipe does, but those that matter most in this model.
        gradients: Where criteria that ask what a channel does to the loss find that; None where there is no data.

    Raises:
        SaveError: It is damaged, or was made for another architecture.
        PlanError: It does not fit the groups, or its criterion needs data.
    """
    if recipe.get("format") != EXPORTED:
        return _of_app(Exploration(graph, Recipe.from_json(recipe), gradients), rerank=rerank)
    known = checked_recipe(recipe)
    check_architecture(known, graph.model, "The recipe")
    names = {field.name for field in fields(Options)} - {"gradients", "break_ties"}
    options = Options(**{name: value for name, value in known["options"].items() if name in names})
    if rerank:
        return _reranked(graph, known["channels"], options, gradients)
    plan = graph.plan(keep=known["channels"], break_ties=True)
    return replace(plan, ratios=known["ratios"], options=replace(options, break_ties=True))


def _of_app(exploration: Exploration, *, rerank: bool) -> Plan:
    """The plan of a recipe of the app, whose ratios rank the channels of the model at hand anyway."""
    plan = exploration.plan()
    if rerank and exploration.recipe.keep:
        return _reranked(exploration.graph, plan.channels, plan.options, exploration.gradients)
    return plan


def _reranked(
    graph: DependencyGraph, channels: Mapping[str, Any], options: Options, gradients: GradientSource | None
) -> Plan:
    """The plan that keeps as many channels of each group, ranked anew by the same criterion."""
    ratios = {name: 1 - len(kept) / graph.group(name).size for name, kept in channels.items()}
    choices: dict[str, Any] = {name: getattr(options, name) for name in ("reduction", "normalise", "scope", "seed")}
    measured = needed_gradients(options.importance, graph, gradients)
    return graph.plan(ratios, importance=options.importance, break_ties=True, data=measured, **choices)


def recipe_data(recipe: Data | str | Path) -> Data:
    """A recipe as JSON data: what is given, or what a folder or file holds.

    Raises:
        SaveError: There is none, or it cannot be read.
    """
    if not isinstance(recipe, (str, Path)):
        return recipe
    path = Path(recipe)
    if path.is_dir():
        return read_recipe(path)
    if not path.is_file():
        raise SaveError(f"There is no recipe at {path}. Give a folder that explorer.save wrote, or a recipe as a file.")
    data = read_json(path)
    if not isinstance(data, dict):
        raise SaveError(f"{path} holds no recipe. A recipe is a JSON object with format and source.")
    return data
