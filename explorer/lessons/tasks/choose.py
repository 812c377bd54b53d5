"""Choose the one of which something is most or least true, by a number that the engine finds for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from explorer.engine.errors import PlanError
from explorer.engine.importance import CRITERIA, REDUCTIONS
from explorer.engine.schema import Schema
from explorer.exploration import Exploration, set_each_ratio, set_keep, set_options
from explorer.lessons.lesson import Task
from explorer.lessons.tasks.kind import (
    COUPLING,
    SLIDERS,
    Answer,
    Asked,
    Feedback,
    Form,
    Kind,
    Option,
    Verdict,
    sized,
)

GROUPS, CHANNELS, RANKINGS = "groups", "channels", "rankings"
HALF = 0.5
OVER = {
    "mean": "over the whole group",
    "sum": "summed over the whole group",
    "max": "of the strongest layer of the group",
    "prod": "multiplied over the whole group",
    "first": "of the first layer alone",
}
"""How a reduction reads after the name of a criterion."""
EVEN = 1e-6
"""Two numbers nearer than this, relative to the larger, are the same, and no question is asked of them."""


@dataclass(frozen=True)
class Fact:
    """A number that each option has.

    Attributes:
        of: What the options are: `GROUPS`, `CHANNELS` of one, or `RANKINGS` of the channels of one.
        find: The number of one option.
        say: The number in words.
        hides: As `Kind.hides`.
    """

    of: str
    find: Callable[[Asked, str], float]
    say: Callable[[float], str]
    hides: tuple[str, ...] = (SLIDERS,)


def pruned(asked: Asked, group: str) -> Exploration:
    """The model with the fraction ``ratio`` of one group gone, on top of what the step shows."""
    return set_each_ratio(asked.exploration, {group: asked.field("ratio", HALF)})


def _saved(quantity: str) -> Callable[[Asked, str], float]:
    def find(asked: Asked, group: str) -> float:
        cost = pruned(asked, group).plan().cost
        before, after = getattr(asked.graph.cost, quantity), getattr(cost.after, quantity)
        return float(1 - after / before) if before else 0.0

    return find


def _layers(asked: Asked, group: str) -> float:
    return float(len({member.module for member in asked.graph.group(group).members}))


def _accuracy(asked: Asked, group: str) -> float:
    return asked.measure(pruned(asked, group))


def _score(asked: Asked, channel: str) -> float:
    return float(asked.exploration.plan().scores[asked.field("group")][int(channel)])


def _accuracy_without(asked: Asked, channel: str) -> float:
    """What is left once this one channel is gone."""
    group = asked.graph.group(asked.field("group"))
    rest = [each for each in range(group.size) if each != int(channel)]
    return asked.measure(set_keep(asked.exploration, group.name, rest))


def _accuracy_ranked(asked: Asked, ranking: str) -> float:
    """What is left once ``ratio`` of the group is gone, the channels that a ranking puts last."""
    criterion, _, reduction = ranking.partition(" ")
    ranked = set_options(asked.exploration, importance=criterion, reduction=reduction or None)
    return asked.measure(set_each_ratio(ranked, {asked.field("group"): asked.field("ratio", HALF)}))


def _left(number: float) -> str:
    return f"{number:.1%} accuracy is left, measured"


FACTS: Mapping[str, Fact] = {
    "macs": Fact(GROUPS, _saved("macs"), lambda number: f"saves {number:.1%} of the MACs"),
    "params": Fact(GROUPS, _saved("params"), lambda number: f"saves {number:.1%} of the parameters"),
    "layers": Fact(GROUPS, _layers, lambda number: f"touches {number:.0f} layers", (*COUPLING, SLIDERS)),
    "accuracy": Fact(GROUPS, _accuracy, _left),
    "score": Fact(CHANNELS, _score, lambda number: f"importance {number:.4g}"),
    "without": Fact(CHANNELS, _accuracy_without, lambda number: f"{_left(number)}, once it is gone"),
    "ranking": Fact(RANKINGS, _accuracy_ranked, _left),
}
"""What options can be compared by, by the word that lessons use."""

FIELDS: Schema = {
    "required": ["by", "find", "options"],
    "properties": {
        "by": {"enum": list(FACTS)},
        "find": {"enum": ["most", "least"]},
        "options": {"type": "array", "minItems": 2, "maxItems": 8},
        "group": {"type": "string"},
        "ratio": {"type": "number", "minimum": 0.01, "maximum": 0.99},
    },
}
"""``options`` are names of groups, of each of which ``ratio`` is removed; for ``score`` and ``without`` numbers of
channels of ``group``; for ``ranking`` criteria such as ``l2``, or with a reduction ``l2 first``, by which ``ratio`` of
``group`` is removed."""


def numbers(asked: Asked) -> dict[str, float]:
    """The number of each option, by its name.

    Raises:
        LessonError: An option is none of the model's, or two share the first place.
    """
    fact = FACTS[asked.field("by")]
    try:
        found = {name: fact.find(asked, name) for name in _names(asked, fact)}
    except PlanError as error:
        raise asked.error("options", str(error)) from error
    first, second = _ranked(asked, found)[:2]
    if abs(found[first] - found[second]) <= EVEN * max(abs(found[first]), abs(found[second])):
        raise asked.error("options", f"{first} and {second} share the first place: {fact.say(found[first])}")
    return found


def _names(asked: Asked, fact: Fact) -> list[str]:
    """The options by name, each of which the model has."""
    names = [str(option) for option in asked.field("options")]
    for place, name in enumerate(names):
        _check_option(asked, fact, name, f"options[{place}]")
    return names


def _check_option(asked: Asked, fact: Fact, name: str, where: str) -> None:
    if fact.of == GROUPS:
        asked.group(name, where)
        return
    if asked.field("group") is None:
        raise asked.error("group", "say which group the channels are of")
    size = asked.group(asked.field("group"), "group").size
    if fact.of == RANKINGS:
        _check_ranking(asked, name, where)
    elif not name.isdigit() or int(name) >= size:
        raise asked.error(where, f"{asked.field('group')} has the channels 0 to {size - 1}, and no {name}")


def _check_ranking(asked: Asked, name: str, where: str) -> None:
    """Refuses what is no ranking, and one that would have to ask the data."""
    criterion, _, reduction = name.partition(" ")
    usable = [each for each in CRITERIA if not CRITERIA[each].needs]
    if criterion not in usable:
        raise asked.error(where, f"{criterion!r} is no criterion that weights alone answer: {', '.join(usable)}")
    if reduction and reduction not in REDUCTIONS:
        raise asked.error(where, f"{reduction!r} is no reduction: {', '.join(REDUCTIONS)}")


def _ranked(asked: Asked, found: Mapping[str, float]) -> list[str]:
    return sorted(found, key=lambda name: found[name], reverse=asked.field("find") == "most")


def _form(asked: Asked) -> Form:
    fact = FACTS[asked.field("by")]
    return Form("one", tuple(_option(asked, fact.of, name) for name in _names(asked, fact)))


def _option(asked: Asked, of: str, name: str) -> Option:
    if of == GROUPS:
        return Option(name, name, sized(asked.graph.group(name)))
    if of == CHANNELS:
        return Option(name, f"channel {name}")
    criterion, _, reduction = name.partition(" ")
    return Option(name, f"{criterion} {OVER[reduction]}" if reduction else criterion, CRITERIA[criterion].text)


def _check(asked: Asked, answer: Answer) -> Feedback:
    found, fact = numbers(asked), FACTS[asked.field("by")]
    best = _ranked(asked, found)[0]
    titles = {option.name: option.title for option in _form(asked).options}
    states = {str(answer): "extra", best: "missing"} | ({best: "right"} if answer == best else {})
    verdicts = [Verdict(name, titles[name], states[name], fact.say(found[name])) for name in titles if name in states]
    facts = [f"{titles[name]}: {fact.say(found[name])}" for name in _ranked(asked, found)]
    said = f"{'It is' if answer == best else 'It would have been'} {titles[best]}."
    return Feedback(answer == best, said, tuple(verdicts), tuple(facts))


def _solution(asked: Asked) -> Answer:
    return _ranked(asked, numbers(asked))[0]


def _mistake(asked: Asked) -> Answer:
    return _ranked(asked, numbers(asked))[-1]


def _hides(task: Task) -> tuple[str, ...]:
    return FACTS[task.fields["by"]].hides


CHOOSE = Kind(FIELDS, _form, _check, _solution, _mistake, _hides)
