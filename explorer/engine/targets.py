"""Plans to a target: how much of a cost is to remain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

from explorer.engine.errors import PlanError
from explorer.engine.groups import Group
from explorer.engine.latency import Timing, time_against
from explorer.engine.plan import Plan, make_plan, settled_plan
from explorer.engine.selection import Options, Wishes, is_pruned_by_default, tied_components

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph

TOLERANCE = 0.02
_LATENCY_LEVELS = 64
MOST_TIMINGS = 7
"""Plans that are timed at most for a latency: bisection over fewer than 2 * `_LATENCY_LEVELS` levels."""
_MOST_NOISE = 0.1
Watch = Callable[[Sequence[Timing]], object]
_WORDS = {"macs": "multiply-adds", "params": "parameters", "bytes": "bytes", "latency": "time of one forward"}


@dataclass(frozen=True)
class Target:
    """What is to remain.

    Attributes:
        cost: ``macs``, ``params``, ``bytes`` or ``latency``.
        fraction: Of the original, above 0 and at most 1.
        tolerance: How far from it a plan may be, as a fraction of the target.
    """

    cost: str
    fraction: float
    tolerance: float = TOLERANCE

    def is_met(self, fraction: float, noise: float = 0.0) -> bool:
        """Whether a fraction that remains is near enough; what a noisy machine cannot tell apart is, up to a limit."""
        return abs(fraction / self.fraction - 1) <= max(self.tolerance, min(noise, _MOST_NOISE))


def one_target(asked: Mapping[str, float | None], tolerance: float) -> Target:
    """The one target that was asked for.

    Raises:
        PlanError: None or several were, or one is no fraction.
    """
    given = {name: fraction for name, fraction in asked.items() if fraction is not None}
    if len(given) != 1:
        found = f"{len(given)} of them: {', '.join(given)}" if given else "none"
        raise PlanError(f"A plan has one target: {', '.join(asked)}. This call gives {found}.")
    ((name, fraction),) = given.items()
    if isinstance(fraction, bool) or not isinstance(fraction, Real) or not 0 < fraction <= 1:
        raise PlanError(f"{name} is {fraction!r}. It is the fraction that remains: above 0 and at most 1.")
    if not 0 < tolerance < 1:
        raise PlanError(f"tolerance is {tolerance!r}. It is a fraction of the target, above 0 and below 1.")
    return Target(name, float(fraction), tolerance)


def plan_to_target(
    graph: DependencyGraph, target: Target, options: Options, watch: Watch = lambda _timings: None
) -> Plan:
    """The plan whose cost is nearest to the target.

    Args:
        graph: The model's graph.
        target: What is to remain.
        options: As for `make_plan`.
        watch: Called with what was timed so far, between forwards; what it raises ends the search.

    Raises:
        PlanError: No plan is near enough; the message says how close is possible and why.
    """
    levels = _levels(graph, options)
    if target.cost == "latency":
        return _plan_to_latency(graph, target, options, levels, watch)
    return _plan_to_cost(graph, target, options, levels)


def _plan_to_cost(graph: DependencyGraph, target: Target, options: Options, levels: Sequence[float]) -> Plan:
    def remains(plan: Plan) -> float:
        before = getattr(plan.cost.before, target.cost)
        return float(getattr(plan.cost.after, target.cost) / before) if before else 1.0

    low, high = _bisect(levels, lambda level: make_plan(graph, level, None, options), remains, target)
    found = [low, high, *_between(graph, low, high, remains, target)]
    best = min(found, key=lambda plan: (abs(remains(plan) - target.fraction), remains(plan)))
    if not target.is_met(remains(best)):
        raise PlanError(_out_of_reach(graph, target, options, [remains(plan) for plan in found]))
    return best


def _bisect(
    levels: Sequence[float],
    make: Callable[[float], Plan],
    remains: Callable[[Plan], float],
    target: Target,
) -> tuple[Plan, Plan]:
    """The plans of the last level that leaves more than the target, and of the next; the same where there is none."""
    first, last = 0, len(levels) - 1
    while first < last:
        middle = (first + last) // 2
        if remains(make(levels[middle])) <= target.fraction:
            last = middle
        else:
            first = middle + 1
    return make(levels[max(0, first - 1)]), make(levels[first])


def _between(
    graph: DependencyGraph, low: Plan, high: Plan, remains: Callable[[Plan], float], target: Target
) -> list[Plan]:
    """Plans between two levels, near the target: some groups are at the one already, the others still at the other.

    Groups move in execution order until the next one would leave too little; then each of the rest is tried for it.
    """
    units = _units(graph, [name for name in low.channels if len(low.channels[name]) != len(high.channels[name])])

    def mixed(moving: Sequence[tuple[str, ...]]) -> Plan:
        moved = {name for unit in moving for name in unit}
        parts = {name: high if name in moved else low for name in low.channels}
        wanted = {name: len(part.channels[name]) for name, part in parts.items()}
        asked = {name: part.ratios[name] for name, part in parts.items()}
        return settled_plan(graph, asked, Wishes(wanted, minimum=low.options.minimum), low.options)

    first, last = 0, len(units)
    while first < last:
        middle = (first + last + 1) // 2
        if remains(mixed(units[:middle])) >= target.fraction:
            first = middle
        else:
            last = middle - 1
    near = [mixed(units[:count]) for count in range(first, min(first + 1, len(units)) + 1)]
    if any(target.is_met(remains(plan)) for plan in near):
        return near
    return [*near, *(mixed([*units[:first], unit]) for unit in units[first + 1 :])]


def _units(graph: DependencyGraph, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Groups that move from one level to the next together: those that ties connect."""
    component_of: dict[str, int] = {}
    for number, ties in enumerate(tied_components(graph.ties)):
        component_of |= {name: number for tie in ties for name in tie.groups}
    units: dict[object, list[str]] = {}
    for name in names:
        units.setdefault(component_of.get(name, name), []).append(name)
    return [tuple(unit) for unit in units.values()]


def _levels(graph: DependencyGraph, options: Options) -> list[float]:
    """Every ratio at which some count changes, from nothing to as much as can go."""
    groups = _eligible(graph)
    sizes = {group.size for group in groups}
    if options.ranking != "local":
        sizes = {sum(group.size for group in groups)} if groups else set()
    return sorted({0.0, *(count / size for size in sizes for count in range(size))})


def _eligible(graph: DependencyGraph) -> list[Group]:
    return [group for group in graph.groups if is_pruned_by_default(group)]


def _plan_to_latency(
    graph: DependencyGraph, target: Target, options: Options, levels: Sequence[float], watch: Watch
) -> Plan:
    """Bisection on measured times, until one is near enough."""
    if any(parameter.is_meta for parameter in graph.model.parameters()):
        raise PlanError(
            "The model has shapes but no weights, so its time cannot be measured. Use macs=, or load weights."
        )
    step = max(1, len(levels) // _LATENCY_LEVELS)
    coarse = [*levels[:-1:step], levels[-1]]
    first, last = 0, len(coarse) - 1
    plans: list[tuple[Plan, Timing]] = []

    def watched() -> None:
        watch(tuple(timing for _, timing in plans))

    while first <= last:
        middle = (first + last) // 2
        plan = make_plan(graph, coarse[middle], None, options)
        timing = time_against(graph.model, plan.apply().model, graph.example_inputs, _removed(plan), watched)
        plans.append((plan, timing))
        if target.is_met(timing.fraction, timing.noise):
            break
        first, last = (first, middle - 1) if timing.fraction < target.fraction else (middle + 1, last)
    timings = tuple(timing for _, timing in plans)
    best, timing = min(plans, key=lambda found: abs(found[1].fraction - target.fraction))
    if not target.is_met(timing.fraction, timing.noise):
        raise PlanError(
            f"{_out_of_reach(graph, target, options, [each.fraction for each in timings])} Measured: {_table(timings)}."
        )
    return replace(best, timings=timings)


def _removed(plan: Plan) -> float:
    sizes = {group.name: group.size for group in plan.graph.groups}
    return 1 - sum(map(len, plan.channels.values())) / sum(sizes.values()) if sizes else 0.0


def _table(timings: Sequence[Timing]) -> str:
    rows = sorted(timings, key=lambda timing: timing.removed)
    return "; ".join(
        f"{100 * row.removed:.0f} % of the channels gone: {1000 * row.seconds:.2f} of {1000 * row.before:.2f} ms "
        f"(± {100 * row.noise:.0f} %)"
        for row in rows
    )


def _out_of_reach(graph: DependencyGraph, target: Target, options: Options, found: Sequence[float]) -> str:
    is_floor = min(found) > target.fraction
    nearest = sorted(found, key=lambda fraction: abs(fraction - target.fraction))
    near = list(dict.fromkeys(f"{fraction:.4f}" for fraction in nearest))[: 1 if is_floor else 2]
    said = " and ".join(sorted(near))
    head = (
        f"{target.cost}={target.fraction:g} is out of reach: the nearest "
        f"{'plans leave' if len(near) > 1 else 'plan leaves'} {said} of the {_WORDS[target.cost]}."
    )
    return f"{head} {' '.join(_causes(graph, target, options, is_floor))}"


def _causes(graph: DependencyGraph, target: Target, options: Options, is_floor: bool) -> list[str]:
    """Why no plan comes nearer, and what to do."""
    if not graph.groups:
        return ["Nothing in this model can be pruned; graph.frozen says why."]
    if not is_floor:
        coarse = f"round_to={options.round_to} and few" if options.round_to > 1 else "Few"
        return [f"{coarse} channels per group make the steps coarse. Ask for a near fraction, or a larger tolerance."]
    causes = [f"Every group keeps at least minimum={options.minimum}, and {len(graph.frozen)} dimensions are frozen."]
    if options.cap < 1:
        causes.append(f"cap={options.cap:g} keeps more.")
    if options.round_to > 1:
        causes.append(f"round_to={options.round_to} keeps more.")
    whole = [group.name for group in graph.groups if not is_pruned_by_default(group)]
    if whole:
        causes.append(f"{len(whole)} groups of heads or conv groups go only where a plan names them.")
    if target.cost == "latency":
        causes.append("Part of the time of a forward does not depend on the channels.")
    return causes
