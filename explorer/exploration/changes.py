"""What people change, from the screen: each change a function from one exploration to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from explorer.engine.errors import PlanError
from explorer.engine.selection import PlanChoices, check_keep
from explorer.exploration.presets import PRESETS
from explorer.exploration.recipe import (
    CHOICES,
    MAX_RATIO,
    checked_channels,
    checked_choice,
    checked_count,
    checked_map,
    checked_ratio,
)
from explorer.exploration.state import Exploration, every_group, tied_groups, unlocked, with_ratios

if TYPE_CHECKING:
    from explorer.engine.plan import Plan

MAX_FACTOR = 100.0
TARGETS = {"macs": "MACs", "params": "parameters", "bytes": "weights"}
"""Costs that a target can be given for, and what they are called on screen."""
TIMED = "latency"
"""One more, which is no change by itself: ratios for it are found by timing plans (`explorer.jobs.find_latency`)."""
OPTIONS = (*CHOICES, "round_to", "minimum")
"""What `set_options` can change."""


def set_ratio(exploration: Exploration, group: str, ratio: float) -> Exploration:
    """The exploration with another ratio for one group and all groups tied to it.

    Args:
        exploration: The state before.
        group: Name of the group.
        ratio: Fraction of its channels to remove, 0-0.99.

    Raises:
        PlanError: There is no such group, it is locked, or the ratio is outside its range.
    """
    return set_ratios(exploration, [group], ratio)


def set_ratios(exploration: Exploration, groups: Sequence[str], ratio: float) -> Exploration:
    """The exploration with one ratio for several groups and all groups tied to them; of several, the locked ones stay.

    Raises:
        PlanError: There is no such group, the only one is locked, or the ratio is outside its range.
    """
    return with_ratios(exploration, dict.fromkeys(_free(exploration, groups), checked_ratio(ratio)))


def set_each_ratio(exploration: Exploration, ratios: Mapping[str, float]) -> Exploration:
    """The exploration with a ratio of its own for each of several groups; the locked ones and all others stay.

    Of groups that are tied, the last one's ratio counts for all.

    Raises:
        PlanError: There is no such group, or a ratio is outside its range.
    """
    for name, ratio in ratios.items():
        free = unlocked(exploration, tied_groups(exploration, name))
        exploration = with_ratios(exploration, dict.fromkeys(free, checked_ratio(ratio)))
    return exploration


def scale_ratios(exploration: Exploration, groups: Sequence[str], factor: float) -> Exploration:
    """The exploration with the ratios of several groups, and of all tied to them, multiplied; the locked ones stay.

    Args:
        exploration: The state before.
        groups: Their names.
        factor: 0 to 100; what would exceed the range of a ratio becomes its end.

    Raises:
        PlanError: There is no such group, the only one is locked, or the factor is outside its range.
    """
    before, times = exploration.recipe.ratios, _checked_factor(factor)
    scaled = {name: min(MAX_RATIO, before.get(name, 0.0) * times) for name in _free(exploration, groups)}
    return with_ratios(exploration, {name: checked_ratio(ratio) for name, ratio in scaled.items()})


def set_every_ratio(exploration: Exploration, ratio: float) -> Exploration:
    """The exploration with one ratio for every group that a single ratio is meant for and that is not locked."""
    every = unlocked(exploration, every_group(exploration.graph))
    return with_ratios(exploration, dict.fromkeys(every, checked_ratio(ratio)))


def set_keep(exploration: Exploration, group: str, channels: Sequence[int] | None) -> Exploration:
    """The exploration in which a group keeps exactly some channels; groups tied to it keep as many.

    Args:
        exploration: The state before.
        group: Name of the group.
        channels: Numbers of the channels to keep; None leaves the choice to the ratio again.

    Raises:
        PlanError: There is no such group or channel, no channel is left, or the group is locked.
    """
    _free(exploration, [group])
    keep = {name: kept for name, kept in exploration.recipe.keep.items() if name != group}
    if channels is not None:
        keep[group] = check_keep(exploration.graph.group(group), checked_channels(group, channels))
    return replace(exploration, recipe=replace(exploration.recipe, keep=keep))


def set_lock(exploration: Exploration, groups: Sequence[str], is_locked: bool) -> Exploration:
    """The exploration with several groups, and all groups tied to them, locked or free again."""
    changed = frozenset(tied_groups(exploration, *groups))
    locked = exploration.recipe.locked
    return replace(
        exploration, recipe=replace(exploration.recipe, locked=locked | changed if is_locked else locked - changed)
    )


def set_break_ties(exploration: Exploration, groups: Sequence[str], is_broken: bool) -> Exploration:
    """The exploration in which the ties of several groups need not hold, or hold again.

    Groups that are tied by an even split again get the ratio of the first one named.

    Raises:
        PlanError: There is no such group, it is tied to none, or it is locked and would get another ratio.
    """
    for name in groups:
        if not any(name in tie.groups for tie in exploration.graph.ties):
            raise PlanError(f"{exploration.graph.group(name).name} is tied to no other group.")
    before = exploration.recipe
    broken = before.break_ties | set(groups) if is_broken else before.break_ties - set(groups)
    changed = replace(exploration, recipe=replace(before, break_ties=broken))
    if is_broken:
        return changed
    tied = tied_groups(changed, *groups)
    if any(name in before.locked for name in tied):
        raise PlanError(f"{groups[0]} is tied to a group that is locked. Unlock it first, with the lock in its row.")
    return with_ratios(changed, dict.fromkeys(tied, before.ratios.get(groups[0], 0.0)))


def reset(exploration: Exploration, groups: Sequence[str] | None = None) -> Exploration:
    """The exploration in which groups keep all their channels: those named, or every one that is not locked."""
    if groups is None:
        freed = unlocked(exploration, (group.name for group in exploration.graph.groups))
    else:
        freed = _free(exploration, groups)
    return with_ratios(exploration, dict.fromkeys(freed, 0.0))


def set_options(exploration: Exploration, **options: Any) -> Exploration:
    """The exploration with other options; those that are not named, or None, stay as they are.

    Args:
        exploration: The state before.
        options: Any of ``importance`` (criterion that ranks the channels), ``reduction`` and ``normalise``, each one of
            its row in `CHOICES`; ``round_to``, a multiple that kept channels are rounded up to; and ``minimum``, the
            fewest channels that a group keeps.

    Raises:
        PlanError: An option outside its range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    checked: dict[str, Any] = {
        name: (checked_choice if name in CHOICES else checked_count)(name, value) for name, value in given.items()
    }
    return replace(exploration, recipe=replace(exploration.recipe, **checked))


def change(exploration: Exploration, what: Mapping[str, Any]) -> Exploration:
    """The exploration after a change that someone made on screen.

    Args:
        exploration: The state before.
        what: ``kind`` and what belongs to it, where GROUPS is ``group`` (a name) or ``groups`` (a list of names):

            - ``ratio``: GROUPS, ``ratio`` (0-0.99);
            - ``ratios``: ``ratios``, one by group name;
            - ``percent``: GROUPS, ``percent`` as somebody typed it;
            - ``scale``: GROUPS, ``factor``;
            - ``preset``: ``name`` (one of `PRESETS`) and ``ratio``, the largest that it gives;
            - ``target``: ``cost`` (one of `TARGETS`) and ``fraction``, what is to remain of it, and ``ranking``
              (one of `RANKINGS`, ``local`` where it is left out);
            - ``found``: ``ratios``, as `found_ratios` gives them;
            - ``every``: ``ratio``, for all groups that a single ratio is meant for;
            - ``keep``: ``group``, ``channels`` (numbers of those to keep, or None for what the ratio says);
            - ``lock``: GROUPS, ``locked`` (a truth value);
            - ``ties``: GROUPS, ``broken`` (a truth value): whether their ties need not hold;
            - ``reset``: GROUPS, or every group where none is named;
            - ``options``: any of `OPTIONS`.

    Returns:
        The state after it.

    Raises:
        PlanError: No such change, one that lacks something, or one that the model does not allow.
    """
    kind = _kind(what)
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


def set_preset(exploration: Exploration, name: str, ratio: float) -> Exploration:
    """The exploration with the ratios of a preset; the locked groups and those that it says nothing about stay.

    Args:
        exploration: The state before.
        name: One of `PRESETS`.
        ratio: The largest ratio that it gives, 0-0.99.

    Raises:
        PlanError: There is no such preset, it has nothing to say about this model, or the ratio is outside its range.
    """
    if name not in PRESETS:
        raise PlanError(f"There is no preset {name!r}. The presets are {', '.join(PRESETS)}.")
    ratios = PRESETS[name].ratios(exploration.graph, checked_ratio(ratio))
    if not ratios:
        raise PlanError(f"“{PRESETS[name].title}” changes nothing here: this model has no such groups.")
    return set_each_ratio(exploration, ratios)


def set_target(exploration: Exploration, cost: str, fraction: float, ranking: str = "local") -> Exploration:
    """The exploration with the ratios of a plan that leaves a wanted fraction of a cost, by `DependencyGraph.plan_to`.

    Args:
        exploration: The state before; every ratio and every choice of channels in it is replaced.
        cost: One of `TARGETS`.
        fraction: What is to remain, above 0 and at most 1.
        ranking: One of `RANKINGS`: ``local`` finds one ratio for all groups, the others one for each, by letting the
            channels of groups compete.

    Raises:
        PlanError: No such cost, fraction or ranking, one that is out of reach (the message says how close is
            possible), or groups are locked, which a target for the whole model would have to change.
    """
    if cost not in TARGETS:
        raise PlanError(f"There is no target {cost!r}. The targets are {', '.join(TARGETS)}.")
    wanted: dict[str, Any] = {cost: checked_target(exploration, fraction)}
    plan = exploration.graph.plan_to(**wanted, **competing(exploration, ranking))
    return set_found_ratios(exploration, found_ratios(plan))


def checked_target(exploration: Exploration, fraction: object) -> float:
    """`fraction` where it is a number and a target for the whole model can be looked for.

    Raises:
        PlanError: It is none, or groups are locked, which a target would have to change.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)):
        raise PlanError(f"A target is the fraction that is to remain, above 0 and at most 1; got {fraction!r}.")
    if locked := sorted(exploration.recipe.locked):
        raise PlanError(f"A target changes every group, and {locked[0]} is locked. Unlock all groups first.")
    return float(fraction)


def found_ratios(plan: Plan) -> dict[str, float]:
    """The ratio of each group that a plan came to: counts of tied groups differ from what was asked of each."""
    sizes = {group.name: group.size for group in plan.graph.groups}
    removed = {name: size - len(plan.channels.get(name, range(size))) for name, size in sizes.items()}
    return {name: _rounded_up(removed[name] / size) for name, size in sizes.items()}


def set_found_ratios(exploration: Exploration, ratios: Mapping[str, float]) -> Exploration:
    """The exploration with exactly these ratios, which a plan for the whole model came to; ties hold in it already.

    Args:
        exploration: The state before; every ratio and every choice of channels in it is replaced.
        ratios: As `found_ratios` gives them.

    Raises:
        PlanError: A ratio is outside its range, or they are not those of all groups of this model.
    """
    names = {group.name for group in exploration.graph.groups}
    if ratios.keys() != names:
        raise PlanError(f"These ratios were found for another model: {len(ratios)} groups, {len(names)} are here.")
    checked_target(exploration, 1)
    return with_ratios(exploration, {name: checked_ratio(ratio) for name, ratio in ratios.items()})


def competing(exploration: Exploration, ranking: str) -> PlanChoices:
    """The options of a recipe for a ranking; where groups compete and no scale is chosen, the engine chooses one."""
    choices = exploration.choices()
    if choices["normalise"] == "none":
        del choices["normalise"]
    choices["ranking"] = ranking
    return choices


def _rounded_up(ratio: float) -> float:
    """A ratio in the precision of a recipe that removes no channel less."""
    return min(MAX_RATIO, ceil(10_000 * ratio) / 10_000)


def _change_percent(exploration: Exploration, what: Mapping[str, Any]) -> Exploration:
    groups = _named(what)
    return set_ratios(exploration, groups, _read_percent(groups, what.get("percent")))


def _change_keep(exploration: Exploration, what: Mapping[str, Any]) -> Exploration:
    if "channels" not in what:
        raise PlanError("The change 'keep' names no channels: give their numbers, or null for what the ratio says.")
    return set_keep(exploration, _named(what)[0], what["channels"])


_CHANGES: dict[str, Callable[[Exploration, Mapping[str, Any]], Exploration]] = {
    "ratio": lambda state, what: set_ratios(state, _named(what), what.get("ratio", "none")),
    "ratios": lambda state, what: set_each_ratio(state, checked_map("ratios", what.get("ratios"))),
    "percent": _change_percent,
    "scale": lambda state, what: scale_ratios(state, _named(what), what.get("factor", "none")),
    "preset": lambda state, what: set_preset(state, str(what.get("name")), what.get("ratio", "none")),
    "target": lambda state, what: set_target(
        state, str(what.get("cost")), what.get("fraction", "none"), str(what.get("ranking", "local"))
    ),
    "found": lambda state, what: set_found_ratios(state, checked_map("ratios", what.get("ratios"))),
    "every": lambda state, what: set_every_ratio(state, what.get("ratio", "none")),
    "keep": _change_keep,
    "lock": lambda state, what: set_lock(state, _named(what), bool(what.get("locked"))),
    "ties": lambda state, what: set_break_ties(state, _named(what), bool(what.get("broken"))),
    "reset": lambda state, what: reset(state, _named(what) if {"group", "groups"} & set(what) else None),
    "options": lambda state, what: set_options(state, **{name: what[name] for name in OPTIONS if name in what}),
}


def _kind(what: object) -> str:
    return str(what.get("kind")) if isinstance(what, Mapping) else str(what)


def _named(what: Mapping[str, Any]) -> list[str]:
    """The groups that a change names."""
    groups = what["groups"] if "groups" in what else [what.get("group")]
    if not isinstance(groups, (list, tuple)) or not groups or not all(isinstance(name, str) for name in groups):
        raise PlanError(f"The change '{what['kind']}' names no group: give 'group', or 'groups' as a list of names.")
    return list(groups)


def _free(exploration: Exploration, groups: Sequence[str]) -> tuple[str, ...]:
    """The groups and all tied to them, less those that are locked.

    Raises:
        PlanError: There is no such group, or it is a single one and locked.
    """
    free = unlocked(exploration, tied_groups(exploration, *groups))
    if len(groups) == 1 and groups[0] not in free:
        raise PlanError(f"{groups[0]} is locked. Unlock it first, with the lock in its row.")
    return free


def _checked_factor(factor: object) -> float:
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 <= factor <= MAX_FACTOR:
        raise PlanError(f"Ratios are scaled by a number from 0 to {MAX_FACTOR:.0f}; got {factor!r}.")
    return float(factor)


def _read_percent(groups: Sequence[str], typed: object) -> float:
    """What somebody typed as the percentage of groups, as a fraction."""
    is_number = isinstance(typed, (int, float)) and not isinstance(typed, bool)
    if not is_number or not 0 <= float(str(typed)) <= 100 * MAX_RATIO:
        said = "an empty entry" if typed in (None, "") else f"{typed} %"
        kept = f"{groups[0]} keeps its ratio" if len(groups) == 1 else f"{len(groups)} groups keep their ratios"
        raise PlanError(f"{kept}: {said} is not possible. Give a number from 0 to {100 * MAX_RATIO:.0f}.")
    return float(str(typed)) / 100
