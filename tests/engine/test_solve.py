"""Solving: the finest classes for which every statement holds."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Factor
from explorer.engine.solve import REGROUPED, Solution, solve


@pytest.fixture
def coupler() -> Coupler:
    return Coupler()


def _solve(coupler: Coupler, *states: Factor) -> Solution:
    return solve(coupler, list(states), "untouched")


def _live(solution: Solution, factor: Factor) -> list[bool]:
    return (~solution.frozen[solution.labels[factor]]).tolist()


def _same(solution: Solution, a: Factor, b: Factor) -> list[bool]:
    return (solution.labels[a] == solution.labels[b]).tolist()


def test_unified_atoms_share_a_class(coupler: Coupler) -> None:
    a, b, c = coupler.new(2), coupler.new(2), coupler.new(2)
    coupler.unify((a,), (b,))
    coupler.unify((b,), (c[::-1],))
    solution = _solve(coupler)
    assert _same(solution, a, c[::-1]) == [True, True]
    assert _same(solution, a, c) == [False, False]


def test_states_that_no_rule_touched_stay(coupler: Coupler) -> None:
    a, b = coupler.new(2), coupler.new(2)
    coupler.touch((a,))
    solution = _solve(coupler, a, b)
    assert (_live(solution, a), _live(solution, b)) == ([True, True], [False, False])
    assert solution.reason(int(solution.labels[b[0]])) == ("untouched", -1)


def test_freezing_reaches_the_whole_class_and_keeps_the_first_reason(coupler: Coupler) -> None:
    a, b = coupler.new(2), coupler.new(2)
    coupler.op = 7
    coupler.unify((a,), (b,))
    coupler.freeze((a[:1],), "first")
    coupler.freeze((b[:1],), "second")
    solution = _solve(coupler)
    assert _live(solution, b) == [False, True]
    assert solution.reason(int(solution.labels[b[0]])) == ("first", 7)


def test_a_flat_class_knows_its_factors(coupler: Coupler) -> None:
    flat = coupler.new(6)
    outer, inner = coupler.split(flat, 2)
    solution = _solve(coupler)
    assert solution.outer[solution.labels[flat]].tolist() == np.repeat(solution.labels[outer], 3).tolist()
    assert solution.inner[solution.labels[flat]].tolist() == np.tile(solution.labels[inner], 2).tolist()


def test_equal_flats_have_equal_factors(coupler: Coupler) -> None:
    a, b = coupler.new(6), coupler.new(6)
    first, second = coupler.split(a, 2), coupler.split(b, 2)
    coupler.unify((a,), (b,))
    solution = _solve(coupler)
    assert all(_same(solution, first[0], second[0]) + _same(solution, first[1], second[1]))


def test_a_frozen_flat_index_freezes_its_row_and_column(coupler: Coupler) -> None:
    flat = coupler.new(6)
    outer, inner = coupler.split(flat, 2)
    coupler.freeze((flat[4:5],), "picked")
    solution = _solve(coupler)
    assert (_live(solution, outer), _live(solution, inner)) == ([True, False], [True, False, True])
    assert solution.reason(int(solution.labels[outer[1]]))[0] == "picked"


def test_a_frozen_factor_makes_flat_indices_the_other_factor(coupler: Coupler) -> None:
    flat = coupler.new(6)
    outer, inner = coupler.split(flat, 2)
    coupler.freeze((outer,), "count")
    solution = _solve(coupler)
    assert all(_same(solution, flat, np.tile(inner, 2)))
    assert (solution.outer[solution.labels[flat]] == -1).all()


def test_repeated_flat_classes_unify_factors(coupler: Coupler) -> None:
    flat = coupler.new(6)
    _, inner = coupler.split(flat, 2)
    coupler.unify((flat[0:1],), (flat[2:3],))
    solution = _solve(coupler)
    assert _same(solution, inner[:1], inner[2:]) == [True]


def test_products_that_disagree_freeze_the_counts_first(coupler: Coupler) -> None:
    flat = coupler.new(6)
    (outer, inner), (other_outer, other_inner) = coupler.split(flat, 2), coupler.split(flat, 3)
    coupler.touch((flat,), (outer,), (inner,), (other_outer,), (other_inner,))
    solution = _solve(coupler)
    for count in (outer, other_outer):
        assert not any(_live(solution, count))
        assert solution.reason(int(solution.labels[count[0]]))[0] == REGROUPED


def test_nothing_said_leaves_every_atom_alone(coupler: Coupler) -> None:
    a = coupler.new(3)
    solution = _solve(coupler)
    assert len(set(solution.labels[a].tolist())) == 3
    assert all(_live(solution, a))
