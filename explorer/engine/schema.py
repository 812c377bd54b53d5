"""Checks JSON data against a JSON schema, and says in words where it first departs from it.

Only the keywords that our schemas use are known; the tests compare the verdicts with those of a full validator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from reprlib import Repr
from typing import Any

Schema = Mapping[str, Any]

_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


@dataclass(frozen=True)
class Mistake:
    """Where data departs from a schema.

    Attributes:
        at: The place, as ``kept[1]``; empty for the whole.
        text: What is wrong, in words that name the place.
    """

    at: str
    text: str


def first_mistake(data: object, schema: Schema) -> str:
    """Where data first departs from a schema, in words; empty where it does not.

    Args:
        data: What `json.loads` gave.
        schema: A JSON schema of the keywords ``type``, ``const``, ``enum``, ``pattern``, ``minimum``, ``maximum``,
            ``minItems``, ``maxItems``, ``items``, ``required``, ``properties``, ``additionalProperties``, ``anyOf``.

    Example:
        >>> first_mistake({"kept": [1, "2"]}, {"properties": {"kept": {"items": {"type": "integer"}}}})
        "kept[1] is '2', and should be an integer"
    """
    return next((mistake.text for mistake in mistakes(data, schema)), "")


def mistakes(data: object, schema: Schema) -> Iterator[Mistake]:
    """Every place where data departs from a schema, from the first to the last.

    Args:
        data: As for `first_mistake`.
        schema: As for `first_mistake`.
    """
    yield from _mistakes(data, schema, "")


def _mistakes(value: Any, schema: Schema, at: str) -> Iterator[Mistake]:
    if not schema:
        return  # anything will do, however deep it is
    place = at or "it"
    if "anyOf" in schema and all(first_mistake(value, option) for option in schema["anyOf"]):
        yield Mistake(at, f"{place} is {_shown(value)}, and should be {' or '.join(map(_named, schema['anyOf']))}")
        return
    if "type" in schema and not _TYPES[schema["type"]](value):
        yield Mistake(at, f"{place} is {_shown(value)}, and should be {_named(schema)}")
        return
    if "const" in schema and value != schema["const"]:
        yield Mistake(at, f"{place} is {_shown(value)}, and should be {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        yield Mistake(at, f"{place} is {_shown(value)}, and should be one of {', '.join(map(repr, schema['enum']))}")
    yield from _mistakes_of_kind(value, schema, at, place)


def _mistakes_of_kind(value: Any, schema: Schema, at: str, place: str) -> Iterator[Mistake]:
    """What only some types of values can do wrong."""
    if isinstance(value, dict):
        yield from _in_object(value, schema, at)
    elif isinstance(value, list):
        yield from _in_array(value, schema, at)
    elif isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield Mistake(at, f"{place} is {_shown(value)}, and should look like {schema['pattern']}")
    elif _TYPES["number"](value) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        lowest, highest = schema.get("minimum", "any"), schema.get("maximum", "any")
        yield Mistake(at, f"{place} is {_shown(value)}, and should be from {lowest} to {highest}")


def _in_object(value: dict[str, Any], schema: Schema, at: str) -> Iterator[Mistake]:
    for name in schema.get("required", ()):
        if name not in value:
            yield Mistake(at, f"{at or 'it'} has no {name!r}")
    known = schema.get("properties", {})
    for name, item in value.items():
        inner = known.get(name, schema.get("additionalProperties", {}))
        if inner is False:
            yield Mistake(f"{at}.{name}" if at else str(name), f"{at or 'it'} has {_shown(name)}, which is not known")
        else:
            yield from _mistakes(item, inner, f"{at}.{name}" if at else str(name))


def _in_array(value: list[Any], schema: Schema, at: str) -> Iterator[Mistake]:
    fewest, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if not fewest <= len(value) <= most:
        yield Mistake(at, f"{at or 'it'} has {len(value)} entries, and should have {fewest} to {most}")
    items = schema.get("items", {})
    if _are_whole(value, items):
        return
    for number, item in enumerate(value):
        yield from _mistakes(item, items, f"{at}[{number}]")


def _are_whole(value: list[Any], items: Schema) -> bool:
    """Whether a list holds nothing but the whole numbers that it should: told at once, since a recipe has millions."""
    if (
        items.get("type") != "integer"
        or items.keys() - {"type", "minimum", "maximum"}
        or set(map(type, value)) != {int}
    ):
        return False
    lowest, highest = min(value), max(value)
    return bool(items.get("minimum", lowest) <= lowest and highest <= items.get("maximum", highest))


def _named(schema: Schema) -> str:
    kind = str(schema.get("type", "something else"))
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" if kind != "null" else kind


_SHOWN = 40
_REPR = Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 4 * _SHOWN


def _shown(value: object) -> str:
    """A value as text, cut short; of one that is large or deep no more is looked at."""
    text = _REPR.repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
