"""How many channels each group keeps, and which: ratios, minimum, rounding and ties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from math import ceil, floor, prod
from numbers import Real
from operator import index
from typing import Any, TypedDict

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from explorer.engine.batches import Batches
from explorer.engine.errors import PlanError
from explorer.engine.groups import Group, Tie
from explorer.engine.importance.criteria import Scores
from explorer.engine.importance.gradients import Gradients
from explorer.engine.importance.scoring import Scoring

NEVER_BY_DEFAULT = ("heads", "conv_groups")
"""Kinds that a single ratio for the whole model leaves alone."""

ROUNDING = 1e-9
"""How far below a whole number a product of floats may lie and still count as it."""

_NAMED = 1000.0
"""How much more it costs to move a count that was asked for by name."""


class Choices(TypedDict, total=False):
    """What can be chosen of a ranking by keyword; `Options` says what each means."""

    reduction: str
    normalise: str
    scope: str
    seed: int
    ranking: str
    cap: float


class PlanChoices(Choices, total=False):
    """All that can be chosen of a plan by keyword; `DependencyGraph.plan` says what each means."""

    importance: str
    round_to: int
    minimum: int
    break_ties: bool | Iterable[str]
    data: Batches | Gradients | None


@dataclass(frozen=True)
class Options(Scoring):
    """What applies to all groups of a plan: how channels are scored, and this.

    Attributes:
        round_to: Kept counts are rounded up to a multiple of this, as far as the group reaches.
        minimum: Channels that every group keeps at least.
        ranking: A name of `RANKINGS`: who competes when one ratio is given for the whole model.
        cap: Fraction of its channels that no group loses more of, 0-1, whatever ratio or ranking asks.
        break_ties: Whether the counts of tied groups may part: those of all, or of the groups of these names.
    """

    round_to: int = 1
    minimum: int = 1
    ranking: str = "local"
    cap: float = 1.0
    break_ties: bool | tuple[str, ...] = False

    @property
    def scoring(self) -> Scoring:
        """The part that scores depend on."""
        return Scoring(**{field.name: getattr(self, field.name) for field in fields(Scoring)})

    def record(self) -> dict[str, Any]:
        """The options as data that JSON can hold; of gradients only how many samples they were measured on."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        return record | {"gradients": self.gradients and self.gradients.samples}


def is_pruned_by_default(group: Group) -> bool:
    """Whether a single ratio for the whole model prunes a group: not heads, nor what something unreached would read."""
    return group.kind not in NEVER_BY_DEFAULT and not group.warnings


def kept_count(size: int, ratio: float, *, round_to: int = 1, minimum: int = 1) -> int:
    """Channels kept of `size` when the fraction `ratio` is removed: ``max(minimum, n - floor(n * ratio))``, rounded up.

    Example:
        >>> kept_count(10, 0.25), kept_count(10, 0.25, round_to=4), kept_count(3, 0.9)
        (8, 8, 1)
    """
    kept = max(min(minimum, size), size - floor(size * ratio + ROUNDING))
    return min(size, ceil(kept / round_to) * round_to)


def check_ratio(ratio: float, asked: str) -> float:
    """The ratio as a float.

    Raises:
        PlanError: It is not a number in [0, 1).
    """
    if isinstance(ratio, bool) or not isinstance(ratio, Real) or not 0 <= ratio < 1:
        raise PlanError(
            f"The pruning ratio for {asked} is {ratio!r}. It is the fraction removed, so it must be a number from 0 up "
            "to, not including, 1."
        )
    return float(ratio)


def check_names(names: Iterable[str], groups: Mapping[str, Group]) -> None:
    """Nothing, where every name is a group.

    Raises:
        PlanError: One is not; the message lists near names.
    """
    for name in names:
        if name not in groups:
            near = get_close_matches(str(name), groups, n=3, cutoff=0.4)
            hint = f"Did you mean {', '.join(near)}?" if near else _listed(groups)
            raise PlanError(f"There is no group {name!r} in this model. {hint}")


def _listed(groups: Iterable[str]) -> str:
    """The first few names."""
    names = list(groups)
    more = f" and {len(names) - SHOWN} more, which explorer.trace(...).groups lists" if len(names) > SHOWN else ""
    return f"There are {', '.join(names[:SHOWN])}{more}."


SHOWN = 8


def check_keep(group: Group, keep: Sequence[int]) -> tuple[int, ...]:
    """Explicit channels to keep, sorted.

    Raises:
        PlanError: None is left, one is no whole number or out of range, or one comes twice.
    """
    try:
        listed = sorted(index(channel) for channel in keep)
    except TypeError as error:
        raise PlanError(
            f"The plan keeps {keep!r} of group {group.name}. Give the numbers of the channels to keep, as in [0, 2, 5]."
        ) from error
    if not listed:
        raise PlanError(f"The plan keeps no channel of group {group.name}. Keep at least one of its {group.size}.")
    if len(set(listed)) < len(listed):
        raise PlanError(f"The plan names a channel of group {group.name} twice: {listed}. Name each once.")
    if listed[0] < 0 or listed[-1] >= group.size:
        raise PlanError(
            f"The plan keeps channel {listed[0] if listed[0] < 0 else listed[-1]} of group {group.name}, which has "
            f"channels 0 to {group.size - 1}."
        )
    return tuple(listed)


@dataclass(frozen=True)
class Wishes:
    """Kept counts that were asked for, before ties.

    Attributes:
        counts: Kept count that each group would have alone.
        fixed: Groups whose count may not move: their channels were chosen one by one.
        named: Groups that were asked for by name; ties rather move others.
        minimum: Channels that every group keeps at least.
    """

    counts: Mapping[str, int]
    fixed: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    minimum: int = 1


def counts_with_ties(groups: Mapping[str, Group], ties: Sequence[Tie], wishes: Wishes) -> dict[str, int]:
    """Kept counts nearest to the wanted ones that hold every tie.

    Args:
        groups: All groups by name.
        ties: Relations between counts.
        wishes: The counts wanted.

    Returns:
        A count for every group.

    Raises:
        PlanError: No counts hold the ties.
    """
    counts = dict(wishes.counts)
    for component in tied_components([tie for tie in ties if not _is_overruled(tie, wishes)]):
        if any(is_broken(tie, counts) for tie in component):
            counts |= _nearest(component, groups, wishes)
    return counts


def tied_components(ties: Sequence[Tie]) -> list[list[Tie]]:
    """Ties that share groups, directly or through others, together."""
    components: list[tuple[set[str], list[Tie]]] = []
    for tie in ties:
        names, joined = set(tie.groups), [tie]
        touching = [component for component in components if component[0] & names]
        for component in touching:
            names |= component[0]
            joined = component[1] + joined
            components.remove(component)
        components.append((names, joined))
    return [joined for _, joined in components]


def most_important(scores: Scores, count: int) -> tuple[int, ...]:
    """The channels with the highest scores, in channel order; of equal ones the first stay."""
    order = np.argsort(-scores, kind="stable")
    return tuple(np.sort(order[:count]).tolist())


def _is_overruled(tie: Tie, wishes: Wishes) -> bool:
    """Whether a number in the code says how many channels one group has, and that group was asked for by name.

    Then the number has to follow: the program way can write another one.
    """
    return len(tie.groups) == 1 and tie.groups[0] in wishes.named | wishes.fixed


def holding(ties: Sequence[Tie], break_ties: bool | tuple[str, ...]) -> list[Tie]:
    """The ties that a plan has to hold: those that touch no group whose ties may be broken."""
    if isinstance(break_ties, bool):
        return [] if break_ties else list(ties)
    return [tie for tie in ties if not set(break_ties) & set(tie.groups)]


def is_broken(tie: Tie, counts: Mapping[str, int]) -> bool:
    """Whether kept counts do not hold a tie."""
    return _excess(tie, counts) != 0


def _excess(tie: Tie, counts: Mapping[str, int]) -> int:
    linear = sum(weight * counts[name] for name, weight in zip(tie.groups, tie.weights, strict=True))
    return tie.constant + linear + sum(weight * prod(counts[name] for name in names) for weight, names in tie.products)


def _nearest(ties: list[Tie], groups: Mapping[str, Group], wishes: Wishes) -> dict[str, int]:
    """An integer program: least sum of relative deviations, subject to the ties.

    Variables are the counts, then one bound on the absolute deviation of each. Of counts that are multiplied all but
    one stay as wanted, which makes the relation linear.
    """
    names = list({name: None for tie in ties for name in tie.groups})
    pinned = wishes.fixed | _pinned(ties, groups)
    size = np.array([groups[name].size for name in names], dtype=float)
    target = np.array([wishes.counts[name] for name in names], dtype=float)
    is_pinned = np.array([name in pinned for name in names])
    lowest = np.where(is_pinned, target, np.minimum(size, wishes.minimum))
    highest = np.where(is_pinned, target, size)
    effort = np.where([name in wishes.named for name in names], _NAMED, 1) / size
    rows = [_row(tie, names, wishes.counts, pinned) for tie in ties]
    n, eye = len(names), np.eye(len(names))
    relations = np.hstack([np.array([row for row, _ in rows]), np.zeros((len(ties), n))])
    constants = np.array([-constant for _, constant in rows], dtype=float)
    found = milp(
        np.concatenate([np.zeros(n), effort]),
        integrality=np.concatenate([np.ones(n), np.zeros(n)]),
        bounds=Bounds(np.concatenate([lowest, np.zeros(n)]), np.concatenate([highest, np.full(n, np.inf)])),
        constraints=[
            LinearConstraint(relations, constants, constants),
            LinearConstraint(np.hstack([eye, -eye]), -np.inf, target),
            LinearConstraint(np.hstack([-eye, -eye]), -np.inf, -target),
        ],
    )
    if found.x is None:
        raise PlanError(
            f"No kept counts hold the ties between {', '.join(names)}: {ties[0].reason}. Ask for other ratios, or the "
            "same for all of them, or let the plan break ties (break_ties)."
        )
    return {name: round(count) for name, count in zip(names, found.x[:n], strict=True)}


def _pinned(ties: list[Tie], groups: Mapping[str, Group]) -> frozenset[str]:
    """Of every product, the counts that stay as wanted: heads before anything else, and all but one."""
    pinned: set[str] = set()
    for tie in ties:
        for _, names in tie.products:
            ranked = sorted(names, key=lambda name: groups[name].kind not in NEVER_BY_DEFAULT)
            pinned.update(ranked[:-1])
    return frozenset(pinned)


def _row(tie: Tie, names: list[str], counts: Mapping[str, int], pinned: frozenset[str]) -> tuple[list[float], float]:
    """The weight of each count in a tie, and its constant, once the pinned counts are numbers."""
    row = dict.fromkeys(names, 0.0) | dict(zip(tie.groups, map(float, tie.weights), strict=True))
    constant = float(tie.constant)
    for weight, factors in tie.products:
        free = [name for name in factors if name not in pinned]
        known = float(weight * prod(counts[name] for name in factors if name in pinned))
        if free:
            row[free[0]] += known
        else:
            constant += known
    return [row[name] for name in names], constant
