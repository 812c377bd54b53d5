"""One model being explored: its graph and a recipe. Plain immutable data; every change gives a new exploration.

The recipe is the single truth: what is pruned follows from it and the model, so the browser, an undo stack, a link and
an exported file can all hold the same few lines of JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from explorer.engine.errors import PlanError
from explorer.engine.importance import CRITERIA
from explorer.engine.selection import NEVER_BY_DEFAULT

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.plan import Plan

FORMAT = 1
MAX_RATIO = 0.99


@dataclass(frozen=True)
class Recipe:
    """What to prune, as plain data.

    Attributes:
        source: Where the model comes from, or an opaque id that only this server run knows.
        fingerprint: Of the model that the recipe was made for; empty where it does not matter.
        ratios: Fraction to remove per group name, 0-1; groups that keep everything are left out.
        importance: Criterion that ranks the channels.
        round_to: Kept channels are rounded up to a multiple of this.
        minimum: Fewest channels that a group keeps.
    """

    source: str
    fingerprint: str = ""
    ratios: Mapping[str, float] = field(default_factory=dict)
    importance: str = "l2"
    round_to: int = 1
    minimum: int = 1

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON data; `from_json` reads it back."""
        return {
            "format": FORMAT,
            "source": self.source,
            "fingerprint": self.fingerprint,
            "ratios": {name: self.ratios[name] for name in sorted(self.ratios)},
            "importance": self.importance,
            "round_to": self.round_to,
            "minimum": self.minimum,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_json` wrote.

        Raises:
            PlanError: A field is missing or is not what a recipe holds.
        """
        try:
            if data["format"] != FORMAT:
                raise PlanError(f"This recipe has format {data['format']!r}; this version reads format {FORMAT}.")
            ratios = {str(name): checked_ratio(value) for name, value in data["ratios"].items()}
            return cls(
                source=str(data["source"]),
                fingerprint=str(data.get("fingerprint", "")),
                ratios={name: ratio for name, ratio in ratios.items() if ratio},
                importance=checked_importance(data.get("importance", "l2")),
                round_to=_checked_count("round_to", data.get("round_to", 1)),
                minimum=_checked_count("minimum", data.get("minimum", 1)),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise PlanError(f"This is not a recipe: {error!r}. A recipe has format, source and ratios.") from error

    @property
    def key(self) -> str:
        """A short name for exactly this recipe: the same recipe has the same key in every run."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Exploration:
    """A dependency graph and what is to be pruned of it."""

    graph: DependencyGraph
    recipe: Recipe

    def plan(self) -> Plan:
        """The plan of the recipe; nothing runs and nothing changes.

        Raises:
            PlanError: The recipe does not fit the model.
        """
        recipe = self.recipe
        return self.graph.plan(
            dict(recipe.ratios),
            importance=recipe.importance,
            round_to=recipe.round_to,
            minimum=recipe.minimum,
        )

    def is_pruning(self) -> bool:
        """Whether the recipe removes anything."""
        return any(self.recipe.ratios.values())


def start(graph: DependencyGraph, source: str = "") -> Exploration:
    """An exploration of `graph` that prunes nothing yet.

    Args:
        graph: A traced model.
        source: What names the model in the recipe; the graph's own source by default.
    """
    return Exploration(graph, Recipe(source or graph.source, graph.fingerprint))


def tied_groups(graph: DependencyGraph, group: str) -> tuple[str, ...]:
    """The group and every group that an even split ties to it, directly or through others, in the graph's order.

    Groups tied by a computed size are not among them: their counts follow in the plan, at ratios of their own.
    """
    found, waiting = set(), [graph.group(group).name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for tie in graph.ties if tie.kind == "equal_count" and name in tie.groups
                        for other in tie.groups]  # fmt: skip
    return tuple(each.name for each in graph.groups if each.name in found)


def set_ratio(exploration: Exploration, group: str, ratio: float) -> Exploration:
    """The exploration with another ratio for one group and all groups tied to it.

    Args:
        exploration: The state before.
        group: Name of the group.
        ratio: Fraction of its channels to remove, 0-0.99.

    Raises:
        PlanError: There is no such group, or the ratio is outside its range.
    """
    ratio = checked_ratio(ratio)
    changed = dict.fromkeys(tied_groups(exploration.graph, group), ratio)
    return _with_ratios(exploration, {**exploration.recipe.ratios, **changed})


def set_every_ratio(exploration: Exploration, ratio: float) -> Exploration:
    """The exploration with one ratio for every group that a single ratio is meant for (DESIGN section 6)."""
    every = every_group(exploration.graph)
    kept = {name: value for name, value in exploration.recipe.ratios.items() if name not in every}
    return _with_ratios(exploration, kept | dict.fromkeys(every, checked_ratio(ratio)))


def every_group(graph: DependencyGraph) -> tuple[str, ...]:
    """The groups that a single ratio is meant for, in the graph's order."""
    fixed = {
        name for group in graph.groups if group.kind in NEVER_BY_DEFAULT for name in tied_groups(graph, group.name)
    }
    return tuple(group.name for group in graph.groups if group.name not in fixed)


def common_ratio(exploration: Exploration) -> float:
    """The ratio that all groups share that a single ratio is meant for; 0 where they differ."""
    ratios = {exploration.recipe.ratios.get(name, 0.0) for name in every_group(exploration.graph)}
    return ratios.pop() if len(ratios) == 1 else 0.0


def reset(exploration: Exploration) -> Exploration:
    """The exploration with nothing pruned; the options stay."""
    return _with_ratios(exploration, {})


def set_options(
    exploration: Exploration,
    *,
    importance: str | None = None,
    round_to: int | None = None,
    minimum: int | None = None,
) -> Exploration:
    """The exploration with other options; None leaves one as it is.

    Args:
        exploration: The state before.
        importance: Criterion that ranks the channels, one of `CRITERIA`.
        round_to: Kept channels are rounded up to a multiple of this.
        minimum: Fewest channels that a group keeps.

    Raises:
        PlanError: An option outside its range.
    """
    recipe = exploration.recipe
    changed = replace(
        recipe,
        importance=recipe.importance if importance is None else checked_importance(importance),
        round_to=recipe.round_to if round_to is None else _checked_count("round_to", round_to),
        minimum=recipe.minimum if minimum is None else _checked_count("minimum", minimum),
    )
    return replace(exploration, recipe=changed)


def change(exploration: Exploration, what: Mapping[str, Any]) -> Exploration:
    """The exploration after a change that someone made on screen.

    Args:
        exploration: The state before.
        what: ``kind`` and what belongs to it: ``ratio`` (group, ratio), ``percent`` (group, percent as somebody typed
            it), ``every`` (ratio), ``reset``, or ``options`` (importance, round_to, minimum).

    Returns:
        The state after it.

    Raises:
        PlanError: No such change, or one that the model does not allow.
    """
    kind = str(what.get("kind"))
    if kind not in _CHANGES:
        raise PlanError(f"There is no change '{kind}'. The changes are {', '.join(_CHANGES)}.")
    return _CHANGES[kind](exploration, what)


def change_all(exploration: Exploration, changes: Sequence[Mapping[str, Any]]) -> tuple[Exploration, tuple[str, ...]]:
    """The exploration after several changes, in order, and what was wrong with those that could not be made.

    Args:
        exploration: The state before.
        changes: Each as `change` takes it.
    """
    mistakes: list[str] = []
    for what in changes:
        try:
            exploration = change(exploration, what)
        except PlanError as error:
            mistakes.append(str(error))
    return exploration, tuple(mistakes)


_CHANGES: dict[str, Callable[[Exploration, Mapping[str, Any]], Exploration]] = {
    "ratio": lambda state, what: set_ratio(state, str(what["group"]), what["ratio"]),
    "percent": lambda state, what: set_ratio(state, str(what["group"]), _read_percent(what["group"], what["percent"])),
    "every": lambda state, what: set_every_ratio(state, what["ratio"]),
    "reset": lambda state, what: reset(state),
    "options": lambda state, what: set_options(
        state, **{name: what[name] for name in ("importance", "round_to", "minimum") if name in what}
    ),
}


def checked_ratio(ratio: object) -> float:
    """`ratio` as a number in the range that a group allows.

    Raises:
        PlanError: It is none.
    """
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio <= MAX_RATIO:
        raise PlanError(f"A ratio is the fraction of channels to remove, from 0 to {MAX_RATIO}; got {ratio!r}.")
    return round(float(ratio), 4)


def _read_percent(group: str, typed: object) -> float:
    """What somebody typed as the percentage of a group, as a fraction."""
    is_number = isinstance(typed, (int, float)) and not isinstance(typed, bool)
    if not is_number or not 0 <= float(str(typed)) <= 100 * MAX_RATIO:
        said = "an empty entry" if typed in (None, "") else f"{typed} %"
        raise PlanError(
            f"{group} keeps its ratio: {said} is not possible. Give a number from 0 to {100 * MAX_RATIO:.0f}."
        )
    return float(str(typed)) / 100


def checked_importance(importance: object) -> str:
    """`importance` where it names a criterion.

    Raises:
        PlanError: It names none.
    """
    without_data = [name for name, criterion in CRITERIA.items() if not criterion.needs]
    if importance not in without_data:
        why = " without data" if importance in CRITERIA else ""
        raise PlanError(
            f"There is no importance {importance!r}{why}. The criteria of a recipe are {', '.join(without_data)}."
        )
    return str(importance)


_SHOWN_AS = {"round_to": "“multiple of” (round_to)", "minimum": "“at least” (minimum)"}


def _checked_count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        said = "an empty entry" if value in (None, "") else repr(value)
        raise PlanError(f"{_SHOWN_AS[name]} is a whole number of channels, 1 or more, not {said}.")
    return value


def _with_ratios(exploration: Exploration, ratios: Mapping[str, float]) -> Exploration:
    wanted = {name: ratio for name, ratio in ratios.items() if ratio}
    return replace(exploration, recipe=replace(exploration.recipe, ratios=wanted))
