"""Integers that remember where they came from."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.engine.provenance import (
    OPERATORS,
    Arithmetic,
    Attribute,
    Literal,
    Origin,
    Size,
    TracedInt,
    attributes_of,
    evaluate,
    origin_of,
)

HEADS = Attribute("block.attn", "num_heads")
WIDTH = Size(7, 1)


def test_a_traced_integer_is_its_number() -> None:
    traced = TracedInt(8, HEADS)
    assert traced == 8
    assert hash(traced) == hash(8)
    assert isinstance(traced, int)
    assert list(range(10))[traced] == 8


def test_a_plain_integer_is_a_literal() -> None:
    assert origin_of(3) == Literal(3)
    assert origin_of(TracedInt(8, HEADS)) == HEADS


@pytest.mark.parametrize("symbol", OPERATORS)
def test_arithmetic_builds_expressions_from_either_side(symbol: str) -> None:
    traced, compute = TracedInt(7, HEADS), OPERATORS[symbol]
    left, right = compute(traced, 2), compute(20, traced)
    assert (left, right) == (compute(7, 2), compute(20, 7))
    assert origin_of(left) == Arithmetic(symbol, HEADS, Literal(2))
    assert origin_of(right) == Arithmetic(symbol, Literal(20), HEADS)


@pytest.mark.parametrize("operate", [lambda n: n / 2, lambda n: n * 1.5, lambda n: n + True, float, bool])
def test_other_arithmetic_is_that_of_integers(operate: Callable[[int], object]) -> None:
    result = operate(TracedInt(7, HEADS))
    assert result == operate(7)
    assert not isinstance(result, TracedInt)


def test_expressions_read_well() -> None:
    expression = origin_of(TracedInt(64, WIDTH) // TracedInt(8, HEADS))
    assert str(expression) == "(size of dim 1 // block.attn.num_heads)"
    assert str(Attribute("", "kernel_size", 1)) == "model.kernel_size[1]"


def test_attributes_of_an_expression_from_left_to_right() -> None:
    other = Attribute("block.attn", "head_dim")
    assert attributes_of(Arithmetic("*", HEADS, Arithmetic("+", other, WIDTH))) == (HEADS, other)


def test_evaluate_with_new_values() -> None:
    expression = origin_of((TracedInt(64, WIDTH) - 4) // TracedInt(8, HEADS))
    assert evaluate(expression, lambda _: 3, lambda _: 16) == 4
    with pytest.raises(ZeroDivisionError):
        evaluate(expression, lambda _: 0, lambda _: 16)


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_are_plain_integers(copied: Callable[[int], int]) -> None:
    assert type(copied(TracedInt(8, HEADS))) is int


def _leaves(origin: Origin) -> int:
    return _leaves(origin.left) + _leaves(origin.right) if isinstance(origin, Arithmetic) else 1


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.integers(1, 9), st.integers(1, 9), st.lists(st.sampled_from(sorted(OPERATORS)), max_size=4))
def test_evaluating_at_the_old_values_gives_the_number(heads: int, width: int, symbols: list[str]) -> None:
    number = TracedInt(heads, HEADS)
    for symbol in symbols:
        number = OPERATORS[symbol](number, TracedInt(width, WIDTH))  # type: ignore[assignment]
    assert evaluate(origin_of(number), lambda _: heads, lambda _: width) == int(number)
    assert _leaves(origin_of(number)) == len(symbols) + 1
