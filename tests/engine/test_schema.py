"""Where data departs from a schema is said in words."""

from __future__ import annotations

import pytest

from explorer.engine.schema import Schema, first_mistake


@pytest.mark.parametrize(
    ("data", "schema", "mistake"),
    [
        ({"a": 1}, {"required": ["b"]}, "it has no 'b'"),
        ({"a": {"c": 1}}, {"properties": {"a": {"required": ["b"]}}}, "a has no 'b'"),
        ({"a": 1}, {"additionalProperties": False}, "it has 'a', which is not known"),
        ({"a": [1, "x"]}, {"properties": {"a": {"items": {"type": "null"}}}}, "a[0] is 1, and should be null"),
        (True, {"type": "integer"}, "it is True, and should be an integer"),
        (True, {"type": "number"}, "it is True, and should be a number"),
        (2.5, {"type": "integer"}, "it is 2.5, and should be an integer"),
        ("x", {"anyOf": [{"type": "null"}, {"type": "array"}]}, "it is 'x', and should be null or an array"),
        (-1, {"minimum": 0, "maximum": 5}, "it is -1, and should be from 0 to 5"),
        (6, {"maximum": 5}, "it is 6, and should be from any to 5"),
        ("b", {"enum": ["a", "c"]}, "it is 'b', and should be one of 'a', 'c'"),
        (1, {"const": 2}, "it is 1, and should be 2"),
        ("g", {"pattern": "^[a-f]$"}, "it is 'g', and should look like ^[a-f]$"),
        ([1], {"minItems": 2, "maxItems": 3}, "it has 1 entries, and should have 2 to 3"),
        ("x" * 999, {"type": "null"}, f"it is '{'x' * 39}…, and should be null"),
        ([1, 2, 9], {"items": {"type": "integer", "maximum": 5}}, "[2] is 9, and should be from any to 5"),
        ([1, True], {"items": {"type": "integer"}}, "[1] is True, and should be an integer"),
        ([1, -1], {"items": {"type": "integer", "minimum": 0, "maximum": 5}}, "[1] is -1, and should be from 0 to 5"),
    ],
)  # fmt: skip
def test_the_first_mistake(data: object, schema: Schema, mistake: str) -> None:
    assert first_mistake(data, schema) == mistake


def test_what_may_be_anything_may_be_deep_and_what_is_shown_of_it_is_short() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert first_mistake({"a": deep}, {"properties": {"b": {"type": "null"}}}) == ""
    assert first_mistake(deep, {"type": "null"}) == "it is [[[[[[[...]]]]]]], and should be null"


@pytest.mark.parametrize(
    ("data", "schema"),
    [
        ({}, {}),
        (None, {"anyOf": [{"type": "null"}, {"type": "array"}]}),
        ({"a": [0, 5]}, {"properties": {"a": {"type": "array", "items": {"minimum": 0, "maximum": 5}}}}),
        ("text", {"minimum": 3, "items": {"type": "null"}, "required": ["a"]}),
    ],
)
def test_data_that_fits(data: object, schema: Schema) -> None:
    assert first_mistake(data, schema) == ""
