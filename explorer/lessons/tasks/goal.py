"""Prune the model on the screen until conditions hold; with `best`, a game whose score is what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

from explorer.engine.errors import LessonError, PlanError
from explorer.engine.schema import Schema
from explorer.exploration import Exploration, every_group, set_each_ratio, set_options, start
from explorer.lessons.tasks.kind import Answer, Asked, Feedback, Form, Kind, Verdict

COSTS: Mapping[str, str] = {
    "macs": "MACs",
    "params": "parameters",
    "bytes": "weight bytes",
    "activations": "peak activation memory",
}
GROUPS = "groups"
TRIES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HALF = 0.5
MOST_TRIED = 10
"""Groups of which those that may be pruned together are chosen, where a goal limits how many."""

_FRACTION: Schema = {"type": "number", "minimum": 0, "maximum": 1}
FIELDS: Schema = {
    "properties": {
        "at_most": {
            "type": "object",
            "properties": {**dict.fromkeys(COSTS, _FRACTION), GROUPS: {"type": "integer", "minimum": 1}},
            "additionalProperties": False,
        },
        "at_least": {"type": "object", "properties": {"accuracy": _FRACTION}, "additionalProperties": False},
        "best": {"enum": list(COSTS)},
    },
}
"""``at_most``: the fraction of a cost that may be left, and in how many ``groups`` anything may go; ``at_least``: the
accuracy that has to be; ``best``: the cost that a game is to lower."""


def _conditions(asked: Asked) -> Iterator[tuple[str, str, float, bool]]:
    """Name, words, what there is, and whether it is met: one condition after the other."""
    plan = asked.exploration.plan()
    smaller = sum(len(kept) < asked.graph.group(name).size for name, kept in plan.channels.items())
    yield "change", "something is pruned", float(smaller), smaller > 0
    if most := _most_groups(asked):
        yield GROUPS, f"at most {_groups(most)} smaller", float(smaller), smaller <= most
    for name, limit in _cost_limits(asked):
        left = getattr(plan.cost.after, name) / getattr(asked.graph.cost, name)
        yield name, f"at most {limit:.0%} of the {COSTS[name]} are left", left, left <= limit
    for name, limit in asked.field("at_least", {}).items():
        found = asked.measure(asked.exploration)
        yield name, f"accuracy is at least {limit:.0%}", found, found >= limit


def _cost_limits(asked: Asked) -> list[tuple[str, float]]:
    return [(name, limit) for name, limit in asked.field("at_most", {}).items() if name in COSTS]


def _most_groups(asked: Asked) -> int | None:
    limit: int | None = asked.field("at_most", {}).get(GROUPS)
    return limit


def _groups(count: int) -> str:
    return f"{count} {'group is' if count == 1 else 'groups are'}"


def _form(asked: Asked) -> Form:
    if not (asked.field("at_most") or asked.field("at_least") or asked.field("best")):
        raise asked.error("at_most", "a goal needs a condition: at_most, at_least or best")
    limit = _most_groups(asked)
    words = [f"at most {limit} {'group' if limit == 1 else 'groups'} made smaller"] if limit else []
    words += [f"at most {limit:.0%} of the {COSTS[name]} left" for name, limit in _cost_limits(asked)]
    words += [f"accuracy at least {limit:.0%}, measured" for limit in asked.field("at_least", {}).values()]
    if best := asked.field("best"):
        words.append(f"as few {COSTS[best]} left as you can")
    return Form("plan", conditions=tuple(words))


def _check(asked: Asked, answer: Answer) -> Feedback:
    """Checks the plan on the screen; there is no other answer."""
    try:
        found = list(_conditions(asked))
    except PlanError as error:
        return Feedback(False, str(error))
    verdicts = [
        Verdict(name, words, "right" if is_met else "missing", _there_is(name, number))
        for name, words, number, is_met in found
    ]
    is_right = all(is_met for *_, is_met in found)
    score = _score(asked) if is_right else None
    said = "All conditions hold." if is_right else "Not all conditions hold."
    if score is not None:
        said = f"{said} Your score: {score:.1%} of the {COSTS[asked.field('best')]} left."
    return Feedback(is_right, said, tuple(verdicts), score=score)


def _there_is(name: str, number: float) -> str:
    if name == "change":
        return f"groups that are smaller: {number:.0f}" if number else "move a slider of a group"
    if name == GROUPS:
        return f"{_groups(round(number))} smaller"
    return f"{number:.1%} accuracy, measured" if name == "accuracy" else f"{number:.1%} left"


def _score(asked: Asked) -> float | None:
    best = asked.field("best")
    if best is None:
        return None
    return float(getattr(asked.exploration.plan().cost.after, best) / getattr(asked.graph.cost, best))


def _solution(asked: Asked) -> Answer:
    """The recipe of a plan that meets the goal, its channels ranked as the step ranks them."""
    for exploration in _tries(asked, _choices(asked)):
        tried = replace(asked, exploration=exploration)
        if _is_small(tried) and _check(tried, None).is_right:
            return exploration.recipe.to_json()
    raise LessonError(f"{asked.task.place.file}: no plan that was tried meets {asked.task.place.at}; ask for less.")


def _is_small(asked: Asked) -> bool:
    """Whether the costs are as asked, which is known without measuring."""
    after, before = asked.exploration.plan().cost.after, asked.graph.cost
    return all(getattr(after, name) <= limit * getattr(before, name) for name, limit in _cost_limits(asked))


def _choices(asked: Asked) -> Iterator[tuple[str, ...]]:
    """Groups that one ratio is tried with: all, and each alone; or as many as a goal allows of those that save most."""
    groups, limit = every_group(asked.graph), _most_groups(asked)
    yield from [] if limit else [groups]
    yield from ((name,) for name in reversed(groups))
    for count in range(2, (limit or 1) + 1):
        yield from combinations(sorted(groups, key=lambda name: _left(asked, name))[:MOST_TRIED], count)


def _left(asked: Asked, group: str) -> float:
    """How much of the limited costs is left once half of a group is gone."""
    after, before = set_each_ratio(_fresh(asked), {group: HALF}).plan().cost.after, asked.graph.cost
    return sum(float(getattr(after, name) / getattr(before, name)) for name, _ in _cost_limits(asked))


def _tries(asked: Asked, choices: Iterator[tuple[str, ...]]) -> Iterator[Exploration]:
    fresh = _fresh(asked)
    for names in choices:
        for ratio in TRIES:
            yield set_each_ratio(fresh, dict.fromkeys(names, ratio))


def _fresh(asked: Asked) -> Exploration:
    """The model of which nothing is pruned, its channels ranked as they are on the screen."""
    recipe = asked.exploration.recipe
    fresh = start(asked.graph, recipe.source, asked.exploration.gradients)
    return set_options(fresh, importance=recipe.importance, reduction=recipe.reduction, normalise=recipe.normalise)


def _mistake(asked: Asked) -> Answer:
    """The recipe that prunes nothing, which meets no goal."""
    return start(asked.graph, asked.exploration.recipe.source).recipe.to_json()


GOAL = Kind(FIELDS, _form, _check, _solution, _mistake)
