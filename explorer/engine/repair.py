"""Attributes that must follow a plan, found from the provenance of the integers in the user's code.

Every recorded torch call has size arguments: the sizes of a view, the groups of a convolution, the bounds of a slice.
The plan says what each must become; the provenance says which attributes and arithmetic made it. `find_repairs` solves
for the attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from explorer.engine.errors import ApplyError
from explorer.engine.program import Call
from explorer.engine.provenance import (
    Arithmetic,
    Attribute,
    Literal,
    Origin,
    attributes_of,
    evaluate,
    origin_of,
)
from explorer.engine.requirements import Requirement, requirements
from explorer.engine.shapes import PlannedShapes


@dataclass(frozen=True)
class Conflict:
    """A size in the code that no attribute can make right.

    Attributes:
        requirement: What the call needs.
        found: What the code would compute; None where it would divide by zero.
    """

    requirement: Requirement
    found: int | None

    def __str__(self) -> str:
        call = self.requirement.call
        place = f" at {call.source}" if call.source else ""
        where = f" in {call.module}" if call.module else ""
        origin = origin_of(self.requirement.number)
        written = f"the literal {origin}" if isinstance(origin, Literal) else f"{origin}, which gives {self.found},"
        return f"{call.function}{where}{place} uses {written} where {self.requirement.after} is needed"


def find_repairs(shapes: PlannedShapes, known: dict[Attribute, int]) -> dict[Attribute, tuple[int, Call]]:
    """The attributes that the user's code needs changed.

    Args:
        shapes: Shapes of all values under the plan.
        known: Attributes that are already decided, with their new values.

    Returns:
        For each further attribute its new value, and the call that asked for it.

    Raises:
        ApplyError: Some size cannot be expressed by attributes, or two calls need different values.
    """
    needed = requirements(shapes)
    decided = _decide(needed, shapes, known)
    values = known | {attribute: value for attribute, (value, _) in decided.items()}
    conflicts = [conflict for need in needed if (conflict := _check(need, values, shapes))]
    if conflicts:
        shown = "; ".join(str(conflict) for conflict in conflicts[:3])
        raise ApplyError(
            f"The model's own code cannot run with these sizes: {shown}. Ask for a ratio of 0 for the groups involved, "
            "or write the size as an attribute or read it from a tensor.",
            conflicts[0].requirement.call.source,
        )
    return {attribute: found for attribute, found in decided.items() if attribute not in known}


def _decide(
    needed: Iterable[Requirement], shapes: PlannedShapes, known: dict[Attribute, int]
) -> dict[Attribute, tuple[int, Call]]:
    """Solve requirements with one unknown attribute, as long as that decides new ones.

    A quotient has several solutions, so it comes last, and then the original value is as good as any that fits.
    """
    exact = [need for need in needed if not need.is_floor and not _divides(origin_of(need.number))]
    quotients = [need for need in needed if not need.is_floor and _divides(origin_of(need.number))]
    values = dict(known)
    decided = _stated(exact, values)
    is_progress = True
    while is_progress:
        found = list(_solved(exact, values, shapes)) or list(islice(_solved(quotients, values, shapes), 1))
        decided |= {attribute: (value, call) for attribute, value, call in found}
        is_progress = bool(found)
    return decided


def _stated(needed: list[Requirement], values: dict[Attribute, int]) -> dict[Attribute, tuple[int, Call]]:
    """The attributes that stand in a call as they are, which is how most do; each is added to the known ones."""
    decided: dict[Attribute, tuple[int, Call]] = {}
    for need in needed:
        origin = origin_of(need.number)
        if type(origin) is Attribute and origin not in values:
            values[origin] = need.after
            decided[origin] = need.after, need.call
    return decided


def _solved(
    needed: list[Requirement], values: dict[Attribute, int], shapes: PlannedShapes
) -> Iterator[tuple[Attribute, int, Call]]:
    """Attributes that a requirement decides, given the known ones; each is added to them."""
    for need in needed:
        origin = origin_of(need.number)
        if type(origin) is not Arithmetic:
            continue
        unknown = list(dict.fromkeys(a for a in attributes_of(origin) if a not in values))
        if len(unknown) == 1:
            original = {unknown[0]: shapes.attribute(unknown[0])}
            solved = _solve(origin, need.after, unknown[0], values, shapes)
            if _divides(origin) and _value(origin, values | original, shapes) == need.after:
                solved = original[unknown[0]]
            if solved is not None:
                values[unknown[0]] = solved
                yield unknown[0], solved, need.call


def _divides(origin: Origin) -> bool:
    if not isinstance(origin, Arithmetic):
        return False
    return origin.operator == "//" or _divides(origin.left) or _divides(origin.right)


def _value(origin: Origin, values: dict[Attribute, int], shapes: PlannedShapes) -> int | None:
    """The value of an expression; None where it divides by zero."""
    if type(origin) is Attribute and origin in values:
        return values[origin]
    try:
        found: int = evaluate(origin, lambda a: values[a] if a in values else shapes.attribute(a), shapes.size)
    except ZeroDivisionError:
        return None
    return found


def _check(need: Requirement, values: dict[Attribute, int], shapes: PlannedShapes) -> Conflict | None:
    found = _value(origin_of(need.number), values, shapes)
    is_met = found is not None and (found == need.after or (need.is_floor and found > need.after))
    return None if is_met else Conflict(need, found)


def _solve(
    origin: Origin, target: int, unknown: Attribute, values: dict[Attribute, int], shapes: PlannedShapes
) -> int | None:
    """The value of one attribute that makes an expression equal to a target; None where there is no single one."""
    if origin == unknown:
        return target
    if not isinstance(origin, Arithmetic):
        return None
    in_left, in_right = (unknown in attributes_of(side) for side in (origin.left, origin.right))
    if in_left == in_right:
        return None
    side, rest = (origin.left, origin.right) if in_left else (origin.right, origin.left)
    other = _value(rest, values, shapes)
    inner = None if other is None else _invert(origin.operator, target, other, is_left=in_left)
    return None if inner is None else _solve(side, inner, unknown, values, shapes)


def _invert(operator: str, target: int, other: int, *, is_left: bool) -> int | None:
    """What one side must be, given the other: ``x + other == target`` and so on."""
    if operator == "+":
        return target - other
    if operator == "-":
        return target + other if is_left else other - target
    if operator == "*":
        return target // other if other and target % other == 0 else None
    if operator == "//" and is_left:
        return target * other
    if operator == "//":
        return other // target if target and other % target == 0 else None
    return None
