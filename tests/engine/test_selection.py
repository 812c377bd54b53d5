"""How many channels stay and which: the formula, rounding, minimum, ties and bad input."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Group, Tie
from explorer.engine.selection import (
    Wishes,
    check_keep,
    check_names,
    check_ratio,
    counts_with_ties,
    kept_count,
    most_important,
    tied_components,
)
from tests.engine import patterns
from tests.engine.patterns import traced


def group(name: str, size: int) -> Group:
    return Group(name, "channels", size, ())


def tie(groups: tuple[str, ...], weights: tuple[int, ...], constant: int = 0) -> Tie:
    return Tie("equal_count", groups, weights, constant, "the code splits these channels evenly")


EIGHTS = {name: group(name, 8) for name in "abc"}
EQUAL = (tie(("a", "b"), (1, -1)), tie(("b", "c"), (1, -1)))


@pytest.mark.parametrize(
    ("size", "ratio", "round_to", "minimum", "kept"),
    [
        (10, 0.0, 1, 1, 10),
        (10, 0.25, 1, 1, 8),  # floor(2.5) = 2 go
        (10, 0.29, 1, 1, 8),
        (10, 0.3, 1, 1, 7),  # 10 * 0.3 is a hair below 3 in floats, and 3 go all the same
        (10, 0.999, 1, 1, 1),
        (3, 0.9, 1, 1, 1),
        (64, 0.5, 8, 1, 32),
        (64, 0.45, 8, 1, 40),  # 36 stay, rounded up
        (10, 0.5, 8, 1, 8),
        (10, 0.1, 8, 1, 10),  # 9 would round to 16, the group has 10
        (8, 0.75, 1, 4, 4),
        (8, 0.9, 3, 4, 6),
        (2, 0.5, 1, 4, 2),  # the minimum is more than there is
    ],
)
def test_kept_count(size: int, ratio: float, round_to: int, minimum: int, kept: int) -> None:
    assert kept_count(size, ratio, round_to=round_to, minimum=minimum) == kept


@given(
    size=st.integers(1, 3000),
    percent=st.integers(0, 99),
    round_to=st.integers(1, 32),
    minimum=st.integers(1, 16),
)
def test_kept_count_is_the_formula_of_the_contract(size: int, percent: int, round_to: int, minimum: int) -> None:
    kept = max(min(minimum, size), size - floor(size * Fraction(percent, 100)))
    expected = min(size, ceil(Fraction(kept, round_to)) * round_to)
    assert kept_count(size, percent / 100, round_to=round_to, minimum=minimum) == expected


@pytest.mark.parametrize("ratio", [-0.1, 1, 1.0, 1.5, float("nan"), float("inf"), "0.5", None, True, [0.5]])
def test_ratios_outside_the_range_are_refused(ratio: object) -> None:
    with pytest.raises(PlanError, match=r"pruning ratio for group x is .*from 0 up to, not including, 1"):
        check_ratio(ratio, "group x")  # type: ignore[arg-type]


@pytest.mark.parametrize("ratio", [0, 0.0, 0.999, np.float32(0.5), np.float64(0.5)])
def test_ratios_inside_the_range_are_floats(ratio: float) -> None:
    checked = check_ratio(ratio, "all groups")
    assert type(checked) is float
    assert checked == pytest.approx(float(ratio))


def test_an_unknown_group_lists_near_names() -> None:
    groups = {name: group(name, 8) for name in ("layer1.0.conv1", "layer1.0.conv2", "fc")}
    with pytest.raises(PlanError, match=r"no group 'layer1.0.conv3'.*Did you mean layer1.0.conv\d, layer1.0.conv\d"):
        check_names(["fc", "layer1.0.conv3"], groups)


def test_an_unknown_group_that_is_like_none_points_to_the_list() -> None:
    with pytest.raises(PlanError, match=r"no group 'zzz'.*There are \w+, \w+, \w+\."):
        check_names(["zzz"], EIGHTS)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ([], "keeps no channel of group a. Keep at least one of its 8"),
        ([0, 0], "names a channel of group a twice"),
        ([0, 8], "keeps channel 8 of group a, which has channels 0 to 7"),
        ([-1, 3], "keeps channel -1 of group a"),
        ([0.5], r"keeps \[0.5\] of group a. Give the numbers"),
        (["first"], "Give the numbers of the channels"),
        (3, "keeps 3 of group a"),
    ],
)
def test_explicit_channels_that_cannot_be_kept_are_refused(keep: object, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        check_keep(EIGHTS["a"], keep)  # type: ignore[arg-type]


def test_explicit_channels_are_sorted() -> None:
    assert check_keep(EIGHTS["a"], [5, np.int64(0), 2]) == (0, 2, 5)


def test_the_most_important_channels_stay_in_channel_order_and_ties_go_to_the_first() -> None:
    assert most_important(np.array([1.0, 3.0, 2.0, 3.0]), 2) == (1, 3)
    assert most_important(np.array([3.0, 1.0, 2.0, 0.0]), 3) == (0, 1, 2)
    assert most_important(np.ones(4), 2) == (0, 1)


def test_counts_that_hold_every_tie_are_left_alone() -> None:
    wanted = {"a": 5, "b": 5, "c": 5}
    assert counts_with_ties(EIGHTS, EQUAL, Wishes(wanted)) == wanted


def test_counts_that_break_a_tie_move_as_little_as_they_can() -> None:
    wanted = {"a": 6, "b": 2, "c": 6}
    assert counts_with_ties(EIGHTS, EQUAL, Wishes(wanted)) == {"a": 6, "b": 6, "c": 6}


def test_groups_outside_the_broken_ties_keep_their_counts() -> None:
    groups = EIGHTS | {"d": group("d", 8)}
    counts = counts_with_ties(groups, EQUAL, Wishes({"a": 6, "b": 2, "c": 6, "d": 3}))
    assert counts["d"] == 3


def test_a_fixed_count_draws_the_others_along() -> None:
    counts = counts_with_ties(EIGHTS, EQUAL, Wishes({"a": 3, "b": 8, "c": 8}, frozenset({"a"})))
    assert counts == {"a": 3, "b": 3, "c": 3}


def test_a_constant_is_part_of_the_tie() -> None:
    counts = counts_with_ties(EIGHTS, [tie(("a", "b"), (1, -1), 2)], Wishes({"a": 4, "b": 4}, frozenset({"a"})))
    assert counts == {"a": 4, "b": 6}


def test_weights_are_part_of_the_tie() -> None:
    counts = counts_with_ties(EIGHTS, [tie(("a", "b"), (1, -2))], Wishes({"a": 6, "b": 8}, frozenset({"a"})))
    assert counts == {"a": 6, "b": 3}


def test_the_minimum_holds_where_ties_move_counts() -> None:
    relation = [tie(("a", "b"), (1, -4))]
    assert counts_with_ties(EIGHTS, relation, Wishes({"a": 4, "b": 2})) == {"a": 4, "b": 1}
    assert counts_with_ties(EIGHTS, relation, Wishes({"a": 4, "b": 2}, minimum=2)) == {"a": 8, "b": 2}


def test_ties_that_cannot_hold_are_refused_by_name() -> None:
    with pytest.raises(PlanError, match=r"No kept counts hold the ties between a, b.*Ask for other ratios"):
        counts_with_ties(EIGHTS, EQUAL[:1], Wishes({"a": 3, "b": 4}, frozenset({"a", "b"})))


def test_ties_that_share_groups_through_others_are_one_component() -> None:
    first, second, apart = tie(("a", "b"), (1, -1)), tie(("c", "d"), (1, -1)), tie(("x", "y"), (1, -1))
    bridge = tie(("b", "c"), (1, -1))
    components = tied_components([first, second, apart, bridge])
    assert {frozenset(map(id, found)) for found in components} == {
        frozenset(map(id, (first, second, bridge))),
        frozenset({id(apart)}),
    }


@pytest.fixture(scope="module")
def shuffled() -> DependencyGraph:
    return traced(patterns.shuffled())


@settings(max_examples=60, deadline=None)
@given(ratios=st.lists(st.floats(0, 0.99), min_size=3, max_size=3), minimum=st.integers(1, 3))
def test_plans_of_a_shuffled_chain_hold_every_tie(shuffled: DependencyGraph, ratios: list[float], minimum: int) -> None:
    names = [found.name for found in shuffled.groups]
    plan = shuffled.plan(dict(zip(names, ratios, strict=True)), minimum=minimum)
    counts = {name: len(kept) for name, kept in plan.channels.items()}
    assert len(shuffled.ties) == 2
    for found in shuffled.ties:
        assert sum(w * counts[name] for name, w in zip(found.groups, found.weights, strict=True)) == -found.constant
    assert all(minimum <= counts[found.name] <= found.size for found in shuffled.groups)


@settings(max_examples=30, deadline=None)
@given(ratio=st.floats(0, 0.99), round_to=st.sampled_from([1, 2, 4]))
def test_one_ratio_for_a_shuffled_chain_leaves_equal_halves(
    shuffled: DependencyGraph, ratio: float, round_to: int
) -> None:
    counts = {name: len(kept) for name, kept in shuffled.plan(ratio, round_to=round_to).channels.items()}
    assert counts["a[0:4]"] == counts["a[4:8]"]
    assert counts["a[0:4]"] + counts["a[4:8]"] == counts["a[8:16]"]
