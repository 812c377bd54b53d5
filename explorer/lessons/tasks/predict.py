"""Predict a number; then see what the engine finds, and move the slider to see it happen."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from explorer.engine.changes import LayerChange, layer_changes
from explorer.engine.errors import PlanError
from explorer.engine.groups import Group
from explorer.engine.plan import Plan
from explorer.engine.schema import Schema
from explorer.exploration import Exploration, every_group, set_each_ratio
from explorer.lessons.tasks.kind import SLIDERS, Answer, Asked, Feedback, Form, Kind, Verdict

QUANTITIES: Mapping[str, str] = {
    "macs": "of the MACs are left",
    "params": "of the parameters are left",
    "bytes": "of the weight bytes are left",
    "activations": "of the peak activation memory is left",
    "accuracy": "accuracy",
    "channels": "of its channels are left",
}
"""What can be predicted, and how a percentage of it reads; ``channels`` are those of one group."""
UNITS: Mapping[str, str] = {"macs": "MACs", "params": "parameters"}
"""What can be explained layer by layer."""
WITHIN = 5
MOST_LAYERS = 4
"""Layers that an explanation shows, those that change most."""

FIELDS: Schema = {
    "required": ["quantity", "ratios"],
    "properties": {
        "quantity": {"enum": list(QUANTITIES)},
        "ratios": {
            "anyOf": [
                {"type": "number", "minimum": 0.01, "maximum": 0.99},
                {"type": "object", "additionalProperties": {"type": "number", "minimum": 0.01, "maximum": 0.99}},
            ]
        },
        "of": {"type": "string"},
        "within": {"type": "number", "minimum": 0.5, "maximum": 30},
    },
}
"""``ratios`` is what goes, one number for every group or by group; ``of`` is the group whose ``channels`` are counted;
within ``within`` percentage points is right."""


def ratios(asked: Asked) -> dict[str, float]:
    """What is to go of each group."""
    said = asked.field("ratios")
    if isinstance(said, Mapping):
        for name in said:
            asked.group(name, f"ratios.{name}")
        return dict(said)
    return dict.fromkeys(every_group(asked.graph), float(said))


def after(asked: Asked) -> tuple[Exploration, Plan]:
    """The model with that gone, on top of what the step shows, and its plan.

    Raises:
        LessonError: No plan can be made of it.
    """
    changed = set_each_ratio(asked.exploration, ratios(asked))
    try:
        return changed, changed.plan()
    except PlanError as error:
        raise asked.error("ratios", str(error)) from error


def truth(asked: Asked) -> float:
    """The number that is asked for, in percent."""
    return _found(asked, *after(asked))


def _found(asked: Asked, changed: Exploration, plan: Plan) -> float:
    quantity = asked.field("quantity")
    if quantity == "accuracy":
        return 100 * asked.measure(changed)
    if quantity == "channels":
        group = _counted(asked)
        return 100 * len(plan.channels[group.name]) / group.size
    return 100 * float(getattr(plan.cost.after, quantity) / getattr(asked.graph.cost, quantity))


def _counted(asked: Asked) -> Group:
    """The group whose channels are counted."""
    if asked.field("of") is None:
        raise asked.error("of", "say of which group the channels are counted")
    return asked.group(asked.field("of"), "of")


def _form(asked: Asked) -> Form:
    after(asked)  # names and numbers are checked before anybody is asked
    if asked.field("quantity") == "channels":
        _counted(asked)
    return Form("number", unit=f"% {QUANTITIES[asked.field('quantity')]}")


def _check(asked: Asked, answer: Answer) -> Feedback:
    if isinstance(answer, bool) or not isinstance(answer, (int, float)) or not 0 <= answer <= 100:
        return Feedback(False, "Say a percentage: a number from 0 to 100.")
    changed, plan = after(asked)
    found, within = _found(asked, changed, plan), asked.field("within", WITHIN)
    is_right = abs(float(answer) - found) <= within
    unit = QUANTITIES[asked.field("quantity")]
    side = "more" if found > float(answer) else "less"
    said = f"{found:.1f} % {unit}. " + (
        f"Your {answer:g} % is within {within:g} points." if is_right else f"It is {side} than your {answer:g} %."
    )
    verdict = Verdict("answer", f"{answer:g} %", "right" if is_right else "extra", f"the engine finds {found:.1f} %")
    return Feedback(is_right, said, (verdict,), _breakdown(plan, asked.field("quantity")), ratios(asked))


def _breakdown(plan: Plan, quantity: str) -> tuple[str, ...]:
    """The layers that change most, one line each, with the sizes that their cost is the product of; or the groups."""
    if quantity == "channels":
        sizes = {group.name: group.size for group in plan.graph.groups}
        kept = {name: len(channels) for name, channels in plan.channels.items()}
        return tuple(f"{name}: {sizes[name]} → {left}" for name, left in kept.items() if left < sizes[name])
    if quantity not in UNITS:
        return ()
    changed = [change for change in layer_changes(plan) if _loss(change, quantity)]
    most = sorted(changed, key=lambda change: _loss(change, quantity), reverse=True)[:MOST_LAYERS]
    lines = [_line(change, quantity) for change in changed if change in most]
    others = len(changed) - len(most)
    return (*lines, f"and {others} more {'layer' if others == 1 else 'layers'}") if others else tuple(lines)


def _loss(change: LayerChange, quantity: str) -> int:
    before, later = getattr(change, quantity)
    return int(before - later)


def _line(change: LayerChange, quantity: str) -> str:
    before, later = getattr(change, quantity)
    weight = f" ({_weight(change)})" if change.parameters else ""
    unit = UNITS[quantity]
    return f"{change.layer.name}: {before:,} → {later:,} {unit}, {later / before:.0%}{weight}"


def _weight(change: LayerChange) -> str:
    """The parameter of a layer that loses most numbers, the first of several, with its shapes."""
    name, old, new = max(change.parameters, key=lambda each: prod(each[1]) - prod(each[2]))
    return f"{name.rpartition('.')[2]} {_sizes(old)} → {_sizes(new)}"


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))  # noqa: RUF001 - a multiplication sign


def _solution(asked: Asked) -> Answer:
    return round(truth(asked), 1)


def _mistake(asked: Asked) -> Answer:
    """As far off as a guess can be."""
    return 0 if truth(asked) > 50 else 100


PREDICT = Kind(FIELDS, _form, _check, _solution, _mistake, lambda _task: (SLIDERS,))
