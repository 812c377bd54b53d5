"""One model being explored: its graph and a recipe. Plain immutable data; every change gives a new exploration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from explorer.engine.errors import PlanError
from explorer.engine.importance import Scoring
from explorer.engine.selection import PlanChoices, holding, is_pruned_by_default
from explorer.exploration.recipe import Recipe
from explorer.training.data import without_data

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.groups import Tie
    from explorer.engine.importance import Gradients
    from explorer.engine.plan import Plan


GradientSource = Callable[[str], "Gradients"]
"""From what a criterion needs, ``gradient`` or ``fisher``, to what was measured of the loss."""


@dataclass(frozen=True)
class Exploration:
    """A dependency graph and what is to be pruned of it.

    Attributes:
        graph: The model's graph.
        recipe: What is to be pruned.
        gradients: Where criteria that ask what a channel does to the loss find that; None where there is no data.
    """

    graph: DependencyGraph
    recipe: Recipe
    gradients: GradientSource | None = field(default=None, repr=False, compare=False)

    def plan(self) -> Plan:
        """The plan of the recipe; nothing runs and nothing changes.

        Raises:
            PlanError: The recipe does not fit the model, or its criterion needs data and there is none.
        """
        return self.graph.plan(dict(self.recipe.ratios), keep=self.recipe.keep, **self.choices())

    def choices(self) -> PlanChoices:
        """The options of the recipe as keywords of `DependencyGraph.plan`.

        Raises:
            PlanError: The criterion needs data and there is none.
        """
        recipe = self.recipe
        chosen: PlanChoices = {
            "importance": recipe.importance,
            "reduction": recipe.reduction,
            "normalise": recipe.normalise,
            "round_to": recipe.round_to,
            "minimum": recipe.minimum,
            "break_ties": sorted(recipe.break_ties),
        }
        if measured := needed_gradients(recipe.importance, self.graph, self.gradients):
            chosen["data"] = measured
        return chosen

    @property
    def holding(self) -> list[Tie]:
        """The ties that the recipe does not let go."""
        return holding(self.graph.ties, tuple(self.recipe.break_ties))

    def is_pruning(self) -> bool:
        """Whether the recipe removes anything."""
        ratios, keep = self.recipe.ratios, self.recipe.keep
        is_chosen = any(len(channels) < self.graph.group(name).size for name, channels in keep.items())
        return is_chosen or any(ratio for name, ratio in ratios.items() if name not in keep)


def needed_gradients(importance: str, graph: DependencyGraph, source: GradientSource | None) -> Gradients | None:
    """What a criterion has to know of what channels do to the loss; None for one that looks at the weights alone.

    Args:
        importance: Name of the criterion.
        graph: Of the model.
        source: Where it is found out; None where there is no data.

    Raises:
        PlanError: There is no such criterion, or it needs data and there is none.
        EvaluationError: The model does not run on the data.
    """
    needs = Scoring(importance).criterion.needs
    if not needs:
        return None
    if source is None:
        raise PlanError(without_gradients(importance, graph.title))
    return source(needs)


def without_gradients(importance: str, title: str) -> str:
    """Why a criterion cannot rank the channels of a model without data, in words."""
    said = without_data(f"{importance!r} asks what a channel does to the loss, so it needs labelled data", title)
    return f"{said} Or choose a criterion that needs the weights alone, such as l2 or group_norm."


def start(graph: DependencyGraph, source: str = "", gradients: GradientSource | None = None) -> Exploration:
    """An exploration of `graph` that prunes nothing yet.

    Args:
        graph: A traced model.
        source: What names the model in the recipe; the graph's own source by default.
        gradients: As `Exploration` has it.
    """
    return Exploration(graph, Recipe(source or graph.source, graph.fingerprint), gradients)


def tied_groups(exploration: Exploration, *groups: str) -> tuple[str, ...]:
    """The groups and every group that an even split ties to one of them, directly or not, in the graph's order.

    Groups tied by a computed size are not among them: their counts follow in the plan, at ratios of their own. Nor are
    those whose ties the recipe lets go.
    """
    graph = exploration.graph
    ties = [tie for tie in exploration.holding if tie.kind == "equal_count"]
    found, waiting = set[str](), [graph.group(name).name for name in groups]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for tie in ties if name in tie.groups for other in tie.groups]
    return tuple(each.name for each in graph.groups if each.name in found)


def every_group(graph: DependencyGraph) -> tuple[str, ...]:
    """The groups that a single ratio is meant for (DESIGN section 6), in the graph's order."""
    never = [group.name for group in graph.groups if not is_pruned_by_default(group)]
    fixed = frozenset(tied_groups(start(graph), *never))
    return tuple(group.name for group in graph.groups if group.name not in fixed)


def common_ratio(exploration: Exploration) -> float:
    """The ratio that all groups share that a single ratio is meant for; 0 where they differ."""
    ratios = {exploration.recipe.ratios.get(name, 0.0) for name in every_group(exploration.graph)}
    return ratios.pop() if len(ratios) == 1 else 0.0


def with_ratios(exploration: Exploration, changed: Mapping[str, float]) -> Exploration:
    """The exploration with other ratios for some groups, which gives up what was chosen of them channel by channel."""
    recipe = exploration.recipe
    ratios = {name: ratio for name, ratio in {**recipe.ratios, **changed}.items() if ratio}
    keep = {name: channels for name, channels in recipe.keep.items() if name not in changed}
    return replace(exploration, recipe=replace(recipe, ratios=ratios, keep=keep))


def unlocked(exploration: Exploration, groups: Iterable[str]) -> tuple[str, ...]:
    """Those of `groups` that are not locked."""
    return tuple(name for name in groups if name not in exploration.recipe.locked)
