"""Plans: which channels stay, what that costs, and which indices of which parameter that means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from explorer.engine.cost import Cost, CostChange
from explorer.engine.errors import PlanError
from explorer.engine.expand import Kept, positions
from explorer.engine.groups import Group, Tie
from explorer.engine.importance.criteria import Scores
from explorer.engine.importance.scoring import unscored, with_parameters
from explorer.engine.latency import Timing
from explorer.engine.notebook import plan_html
from explorer.engine.ranking import RANKINGS, competing_counts, leagues
from explorer.engine.selection import (
    Options,
    Wishes,
    check_keep,
    check_names,
    check_ratio,
    counts_with_ties,
    holding,
    is_broken,
    is_pruned_by_default,
    kept_count,
    most_important,
    tied_components,
)
from explorer.engine.solve import Mask

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.ways import Way

Ratios = float | Mapping[str, float]
Keep = Mapping[str, Sequence[int]]


@dataclass(frozen=True, eq=False)
class Plan:
    """What to remove from a model. Making one runs nothing and changes nothing.

    Attributes:
        graph: The graph that it was made for.
        ratios: The fraction to remove that was asked of each group.
        channels: For each group, the channels kept, in order.
        options: Importance, rounding, minimum, ranking, ties that may be broken.
        timings: What was measured to find it, for a plan to a latency.
    """

    graph: DependencyGraph = field(repr=False)
    ratios: Mapping[str, float]
    channels: Mapping[str, tuple[int, ...]] = field(repr=False)
    options: Options
    timings: tuple[Timing, ...] = field(default=(), repr=False)

    @property
    def importance(self) -> str:
        """The criterion that ranked the channels."""
        return self.options.importance

    @cached_property
    def alive(self) -> Mask:
        """For each class of atoms, whether it stays."""
        removed = [_removed(self.graph.group(name), kept) for name, kept in self.channels.items()]
        return self.graph.coupling.solution.alive(np.concatenate([np.empty(0, dtype=np.int64), *removed]))

    @cached_property
    def cost(self) -> CostChange:
        """Cost before and after."""
        return CostChange(self.graph.cost, self.graph.cost_model.cost(self.alive))

    @cached_property
    def kept(self) -> Kept:
        """For each (parameter or buffer, dim) that a group touches, the indices kept, in order."""
        alive, states = self.alive[self.graph.coupling.solution.labels], self.graph.coupling.states
        touched = {(member.parameter, member.dim) for group in self.graph.groups for member in group.members}
        listed: dict[bytes, tuple[int, ...]] = {}  # many dimensions keep the same indices
        kept = {}
        for name, dim in sorted(touched):
            mask = alive[states[name].dims[dim][0]]
            key = mask.tobytes()
            if key not in listed:
                listed[key] = tuple(np.flatnonzero(mask).tolist())
            kept[name, dim] = listed[key]
        return kept

    @cached_property
    def positions(self) -> Kept:
        """For each (parameter or buffer, dim), where each index of the original is in the pruned model; -1 for removed.

        The inverse of `kept`.
        """
        shapes = self.graph.state_shapes
        return positions(self.kept, {(name, dim): shapes[name][dim] for name, dim in self.kept})

    @cached_property
    def scores(self) -> Mapping[str, Scores]:
        """The importance of every channel of every group, by group name."""
        return self.graph.scores(self.options)

    @cached_property
    def broken_ties(self) -> tuple[Tie, ...]:
        """The ties that the kept counts do not hold.

        There are none but those that the plan was allowed to break, and those of one group alone, whose count a number
        in the code says: a plan that names the group overrules the number.
        """
        counts = {name: len(kept) for name, kept in self.channels.items()}
        return tuple(tie for tie in self.graph.ties if is_broken(tie, counts))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the plan may break that no example input reached, in words."""
        pruned = [group for group in self.graph.groups if len(self.channels[group.name]) < group.size]
        return tuple(dict.fromkeys(warning for group in pruned for warning in group.warnings))

    @property
    def is_identity(self) -> bool:
        """Whether nothing is removed."""
        return all(len(kept) == self.graph.group(name).size for name, kept in self.channels.items())

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape that a parameter or buffer will have."""
        return self._shapes.get(name) or self.graph.state_shapes[name]

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the parameters and buffers that a group touches."""
        shapes: dict[str, tuple[int, ...]] = {}
        for (name, dim), kept in self.kept.items():
            shape = shapes.get(name) or self.graph.state_shapes[name]
            shapes[name] = (*shape[:dim], len(kept), *shape[dim + 1 :])
        return shapes

    @cached_property
    def expected_way(self) -> Way:
        """Which way `apply` will take, and why; no model is built and nothing runs."""
        from explorer.engine.ways import expected_way  # ways build on plans

        return expected_way(self)

    def apply(self) -> Pruned:
        """A new, smaller model; the graph's model is untouched.

        Raises:
            ApplyError: The model's own code cannot express the plan.
        """
        from explorer.engine.apply import apply_plan  # apply builds on plans

        return apply_plan(self)

    def _repr_html_(self) -> str:
        return plan_html(self)


def make_plan(graph: DependencyGraph, ratios: Ratios | None, keep: Keep | None, options: Options) -> Plan:
    """A plan from ratios, explicit channels, or both.

    Args:
        graph: The model's graph.
        ratios: One fraction for every group but heads and conv groups, or a fraction by group name.
        keep: Channels to keep by group name; they win over ratios.
        options: Importance, rounding, minimum, ranking, ties that may be broken.

    Returns:
        The plan; tied groups move together, unless their ties may be broken.

    Raises:
        PlanError: An unknown group, a ratio outside [0, 1), an empty group, or ties that cannot hold.
    """
    check_options(options)
    groups = {group.name: group for group in graph.groups}
    if not isinstance(options.break_ties, bool):
        check_names(options.break_ties, groups)
    ties = holding(graph.ties, options.break_ties)
    chosen = _chosen(groups, keep)
    if options.ranking == "local":
        asked = _asked(groups, ties, ratios)
        wanted = {name: _wanted(group, asked[name], chosen, options) for name, group in groups.items()}
    else:
        wanted = _competing(graph, ratios, chosen, options)
        asked = {name: 1 - wanted[name] / group.size for name, group in groups.items()}
    named = frozenset(ratios) if isinstance(ratios, Mapping) else frozenset()
    return settled_plan(graph, asked, Wishes(wanted, frozenset(chosen), named, options.minimum), options, chosen)


def settled_plan(
    graph: DependencyGraph,
    asked: Mapping[str, float],
    wishes: Wishes,
    options: Options,
    chosen: Mapping[str, tuple[int, ...]] | None = None,
) -> Plan:
    """The plan whose counts are nearest to the wishes and hold every tie that may not be broken.

    Args:
        graph: The model's graph.
        asked: The ratio asked of each group.
        wishes: The counts wanted.
        options: How channels are scored.
        chosen: Channels that were chosen one by one.

    Raises:
        PlanError: No counts hold the ties, or the channels cannot be scored.
    """
    groups, chosen = {group.name: group for group in graph.groups}, chosen or {}
    counts = counts_with_ties(groups, holding(graph.ties, options.break_ties), wishes)
    ranked = [group for name, group in groups.items() if counts[name] < group.size and name not in chosen]
    scores = _scores(graph, ranked, options) if ranked else {}
    channels = {name: chosen.get(name) or _best(group, counts[name], scores) for name, group in groups.items()}
    return Plan(graph, asked, channels, options)


def check_options(options: Options) -> None:
    """Nothing, where the options make sense.

    Raises:
        PlanError: One does not.
    """
    for name in ("round_to", "minimum"):
        number = getattr(options, name)
        if not isinstance(number, int) or number < 1:
            raise PlanError(f"{name} is {number!r}. It must be a whole number of at least 1.")
    if options.ranking not in RANKINGS:
        raise PlanError(f"ranking {options.ranking!r} is not known. Choose one of: {', '.join(RANKINGS)}.")
    if isinstance(options.cap, bool) or not isinstance(options.cap, Real) or not 0 < options.cap <= 1:
        raise PlanError(
            f"cap is {options.cap!r}. It is the fraction that no group loses more of, above 0 and at most 1."
        )


def _competing(
    graph: DependencyGraph, ratios: Ratios | None, chosen: Mapping[str, tuple[int, ...]], options: Options
) -> dict[str, int]:
    """Kept counts where groups compete for one ratio; kinds that one ratio leaves alone do not."""
    if isinstance(ratios, Mapping):
        raise PlanError(
            f"ranking {options.ranking!r} finds the ratio of each group itself. Give one ratio for all of them, or use "
            "ranking='local'."
        )
    ratio = check_ratio(ratios or 0.0, "all groups")
    counts = {group.name: len(chosen.get(group.name, range(group.size))) for group in graph.groups}
    rivals = [group for group in graph.groups if is_pruned_by_default(group) and group.name not in chosen]
    rivals = with_parameters(rivals, graph.model)
    if not ratio or not rivals:
        return counts
    scores = _scores(graph, rivals, options)
    modules = dict(graph.model.named_modules(remove_duplicate=False))
    for league in leagues(rivals, options.ranking, modules):
        counts |= competing_counts(league, scores, ratio, options)
    return counts


def _scores(graph: DependencyGraph, ranked: Sequence[Group], options: Options) -> Mapping[str, Scores]:
    scores = graph.scores(options)
    missing = unscored(ranked, graph.model, options)
    if missing:
        raise PlanError(
            f"importance {options.importance!r} with scope {options.scope!r} finds nothing to score in "
            f"{len(missing)} of the groups to prune: {', '.join(missing[:5])}. Leave them out by giving ratios by "
            "name, or choose another criterion."
        )
    return scores


def _chosen(groups: Mapping[str, Group], keep: Keep | None) -> dict[str, tuple[int, ...]]:
    check_names(keep or (), groups)
    return {name: check_keep(groups[name], channels) for name, channels in (keep or {}).items()}


def _asked(groups: Mapping[str, Group], ties: Sequence[Tie], ratios: Ratios | None) -> dict[str, float]:
    """The ratio of every group; groups tied to a named one follow it."""
    if ratios is None:
        ratios = {}
    if not isinstance(ratios, Mapping):
        ratio = check_ratio(ratios, "all groups")
        return {name: ratio if is_pruned_by_default(group) else 0.0 for name, group in groups.items()}
    check_names(ratios, groups)
    asked = {name: check_ratio(ratio, f"group {name}") for name, ratio in ratios.items()}
    for component in tied_components([tie for tie in ties if tie.kind == "equal_count"]):
        names = {name for tie in component for name in tie.groups}
        named = [asked[name] for name in sorted(names) if name in asked]
        if named:
            asked |= {name: float(np.mean(named)) for name in names if name not in asked}
    return {name: asked.get(name, 0.0) for name in groups}


def _wanted(group: Group, ratio: float, chosen: Mapping[str, tuple[int, ...]], options: Options) -> int:
    if group.name in chosen:
        return len(chosen[group.name])
    return kept_count(group.size, min(ratio, options.cap), round_to=options.round_to, minimum=options.minimum)


def _best(group: Group, count: int, scores: Mapping[str, Scores]) -> tuple[int, ...]:
    return tuple(range(count)) if count == group.size else most_important(scores[group.name], count)


def _removed(group: Group, kept: tuple[int, ...]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    gone = np.ones(group.size, dtype=bool)
    gone[list(kept)] = False
    channels: np.ndarray[tuple[int], np.dtype[np.int64]] = group.channels[gone]
    return channels


__all__ = ["Cost", "CostChange", "Keep", "Kept", "Plan", "Ratios", "make_plan"]
