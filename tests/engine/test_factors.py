"""Factors: arrays of atoms."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.engine.factors import (
    FIRST_ATOM,
    INPUT,
    PLAIN,
    coalesce,
    inert,
    inert_dim,
    is_inert,
    is_inert_dim,
    size_of,
    spread,
)

C = np.array([5, 6, 7])


def test_inert_factors_are_shared_and_read_only() -> None:
    assert inert(3) is inert(3)
    with pytest.raises(ValueError, match="read-only"):
        inert(3)[0] = 9


def test_an_inert_dim_of_size_one_has_no_factor() -> None:
    assert inert_dim(1) == ()
    assert size_of(inert_dim(1)) == 1
    assert size_of(inert_dim(0)) == 0


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(inert(3), True), (inert(3, INPUT), True), (inert(0), True), (C, False), (np.array([PLAIN, FIRST_ATOM]), False)],
)
def test_is_inert(factor: np.ndarray, expected: bool) -> None:
    assert is_inert(factor) is expected
    assert is_inert_dim((inert(2), factor)) is expected


def test_size_is_the_product_of_factors() -> None:
    assert size_of((C, inert(4))) == 12


def test_coalesce_merges_neighbouring_inert_factors_and_keeps_the_input_atom() -> None:
    merged = coalesce((inert(2), inert(3, INPUT), C, inert(4)))
    assert [len(factor) for factor in merged] == [6, 3, 4]
    assert merged[0].tolist() == [INPUT] * 6


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([C], [5, 6, 7]),
        ([C, inert(2)], [5, 5, 6, 6, 7, 7]),
        ([inert(2), C], [5, 6, 7, 5, 6, 7]),
        ([inert(2), inert(2, INPUT)], [INPUT] * 4),
        ([], [PLAIN]),
    ],
)
def test_spread(factors: list[np.ndarray], expected: list[int]) -> None:
    flat = spread(factors)
    assert flat is not None
    assert flat.tolist() == expected


def test_spread_of_two_live_factors_is_a_product() -> None:
    assert spread([C, C]) is None
