"""Numbers that remember where they came from."""

from __future__ import annotations

import contextlib
import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

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
    TracedFloat,
    TracedInt,
    attributes_of,
    evaluate,
    origin_of,
    plain,
    square_root,
)

HEADS = Attribute("block.attn", "num_heads")
WIDTH = Size(7, 1)


def test_a_traced_integer_is_its_number() -> None:
    traced = TracedInt(8, HEADS)
    assert traced == 8
    assert hash(traced) == hash(8)
    assert isinstance(traced, int)
    assert list(range(10))[traced] == 8


@pytest.mark.parametrize(
    ("operate", "after"),
    [
        (lambda n: n >> 1, 8),
        (lambda n: n << 2, 64),
        (lambda n: divmod(n, 5)[0], 3),
        (lambda n: divmod(n, 5)[1], 1),
        (lambda n: math.floor(n / 3), 5),
        (lambda n: math.ceil(n / 3), 6),
        (lambda n: math.ceil(n / 4) - 1, 3),
    ],
)
def test_integers_of_other_arithmetic_follow_what_they_were_made_of(operate: Callable[[Any], int], after: int) -> None:
    result = operate(TracedInt(7, HEADS))
    assert result == operate(7)
    assert isinstance(result, TracedInt)
    found = evaluate(result.origin, lambda _: 16, lambda _: 0)
    assert (found, type(found)) == (after, int)


@pytest.mark.parametrize("operate", [lambda n: math.ceil(n**0.5), lambda n: math.floor(n / 2 + 0.5)])
def test_what_is_no_quotient_is_rounded_to_a_plain_integer(operate: Callable[[Any], int]) -> None:
    assert type(operate(TracedInt(7, HEADS))) is int


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


@pytest.mark.parametrize("operate", [lambda n: n + True, float, bool, lambda n: (-n) ** 0.5])
def test_other_arithmetic_is_that_of_integers(operate: Callable[[int], object]) -> None:
    result = operate(TracedInt(7, HEADS))
    assert result == operate(7)
    assert not isinstance(result, (TracedInt, TracedFloat))


@pytest.mark.parametrize(
    ("operate", "after"),
    [
        (lambda n: n**-0.5, 16**-0.5),
        (lambda n: 1 / square_root(n), 0.25),
        (lambda n: -(n / 2), -8.0),
        (lambda n: 2 ** (n / 8) * 3, 12.0),
        (lambda n: (n + 0.5) // 1, 16.0),
    ],
)
def test_fractions_follow_what_they_were_made_of(operate: Callable[[Any], float], after: float) -> None:
    scale = operate(TracedInt(64, WIDTH))
    assert type(scale) is TracedFloat
    assert float(scale) == operate(64)
    assert evaluate(origin_of(scale), lambda _: 0, lambda _: 16) == after
    assert type(copy.deepcopy(scale)) is type(pickle.loads(pickle.dumps(scale))) is float


def test_the_root_of_a_plain_number_is_exact() -> None:
    assert square_root(2) == math.sqrt(2)
    assert type(square_root(2)) is float
    with pytest.raises(ValueError, match=r"nonnegative|domain"):
        square_root(-1)


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
    number: Any = TracedInt(heads, HEADS)
    steps = 0
    for symbol in symbols:
        with contextlib.suppress(ZeroDivisionError, OverflowError):
            number = OPERATORS[symbol](number, TracedInt(width, WIDTH))
            steps += 1
    assert evaluate(origin_of(number), lambda _: heads, lambda _: width) == plain(number)
    assert _leaves(origin_of(number)) == steps + 1
