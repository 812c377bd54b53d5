"""Choose the one of which something is most or least true, by a number that the engine finds for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from explorer.engine.errors import PlanError
from explorer.engine.schema import Schema
from explorer.exploration import Exploration, set_each_ratio
from explorer.lessons.tasks.kind import Answer, Asked, Feedback, Form, Kind, Option, Verdict, sized

HALF = 0.5
EVEN = 1e-6
"""Two numbers nearer than this, relative to the larger, are the same, and no question is asked of them."""


@dataclass(frozen=True)
class Fact:
    """A number that each option has.

    Attributes:
        of: What the options are: ``groups`` or ``channels``.
        find: The number of one option.
        say: The number in words.
    """

    of: str
    find: Callable[[Asked, str], float]
    say: Callable[[float], str]


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


FACTS: Mapping[str, Fact] = {
    "macs": Fact("groups", _saved("macs"), lambda number: f"saves {number:.1%} of the MACs"),
    "params": Fact("groups", _saved("params"), lambda number: f"saves {number:.1%} of the parameters"),
    "layers": Fact("groups", _layers, lambda number: f"touches {number:.0f} layers"),
    "accuracy": Fact("groups", _accuracy, lambda number: f"{number:.1%} accuracy is left, measured"),
    "score": Fact("channels", _score, lambda number: f"importance {number:.4g}"),
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
"""``options`` are names of groups, or for ``score`` numbers of channels of ``group``; ``ratio`` of each is removed."""


def numbers(asked: Asked) -> dict[str, float]:
    """The number of each option, by its name.

    Raises:
        LessonError: An option is none of the model's, or two share the first place.
    """
    fact = FACTS[asked.field("by")]
    names = [str(option) for option in asked.field("options")]
    for place, name in enumerate(names):
        _check_option(asked, fact, name, f"options[{place}]")
    try:
        found = {name: fact.find(asked, name) for name in names}
    except PlanError as error:
        raise asked.error("options", str(error)) from error
    first, second = _ranked(asked, found)[:2]
    if abs(found[first] - found[second]) <= EVEN * max(abs(found[first]), abs(found[second])):
        raise asked.error("options", f"{first} and {second} share the first place: {fact.say(found[first])}")
    return found


def _check_option(asked: Asked, fact: Fact, name: str, where: str) -> None:
    if fact.of == "groups":
        asked.group(name, where)
        return
    if asked.field("group") is None:
        raise asked.error("group", "say which group the channels are of")
    size = asked.group(asked.field("group"), "group").size
    if not name.isdigit() or int(name) >= size:
        raise asked.error(where, f"{asked.field('group')} has the channels 0 to {size - 1}, and no {name}")


def _ranked(asked: Asked, found: Mapping[str, float]) -> list[str]:
    return sorted(found, key=lambda name: found[name], reverse=asked.field("find") == "most")


def _form(asked: Asked) -> Form:
    names = [str(option) for option in asked.field("options")]
    is_group = FACTS[asked.field("by")].of == "groups"
    for place, name in enumerate(names):
        _check_option(asked, FACTS[asked.field("by")], name, f"options[{place}]")
    details = {name: sized(asked.graph.group(name)) for name in names} if is_group else {}
    titles = {name: name if is_group else f"channel {name}" for name in names}
    return Form("one", tuple(Option(name, titles[name], details.get(name, "")) for name in names))


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


CHOOSE = Kind(FIELDS, _form, _check, _solution, _mistake)
