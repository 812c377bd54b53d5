"""The primitives that rules call: unify, freeze, split, take and concatenate."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.engine.coupler import MEETS_PLAIN, READS_INPUT, Coupler
from explorer.engine.factors import INPUT, Dim, inert, inert_dim, is_inert_dim, size_of


@pytest.fixture
def coupler() -> Coupler:
    return Coupler()


def _sizes(dims: tuple[Dim, ...]) -> list[list[int]]:
    return [[len(factor) for factor in dim] for dim in dims]


def test_new_atoms_never_repeat(coupler: Coupler) -> None:
    atoms = np.concatenate([coupler.new(3), coupler.new(2)])
    assert len(set(atoms.tolist())) == 5
    assert coupler.count == atoms.max() + 1


def test_unify_pairs_equal_factors(coupler: Coupler) -> None:
    a, b = coupler.new_dim(3), coupler.new_dim(3)
    coupler.unify(a, b)
    (said,) = coupler.unified
    assert (said.a is a[0], said.b is b[0]) == (True, True)


def test_unify_says_nothing_about_itself_or_size_one(coupler: Coupler) -> None:
    a = coupler.new_dim(3)
    coupler.unify(a, a)
    coupler.unify(a, ())
    assert not coupler.unified
    assert not coupler.frozen


@pytest.mark.parametrize(("atom", "reason"), [(0, MEETS_PLAIN), (INPUT, READS_INPUT)])
def test_unify_with_inert_freezes(coupler: Coupler, atom: int, reason: str) -> None:
    a = coupler.new_dim(3)
    coupler.unify(a, inert_dim(3, atom))
    (said,) = coupler.frozen
    assert said.atoms.tolist() == a[0].tolist()
    assert said.reason == reason


def test_unify_refines_to_common_factors(coupler: Coupler) -> None:
    heads, head_dim, flat = coupler.new(2), coupler.new(3), coupler.new(6)
    coupler.unify((heads, head_dim), (flat,))
    (product,) = coupler.products
    assert product.flat is flat
    assert [(len(u.a), len(u.b)) for u in coupler.unified] == [(2, 2), (3, 3)]


def test_unify_of_a_flat_with_one_live_factor_needs_no_product(coupler: Coupler) -> None:
    channels, flat = coupler.new(2), coupler.new(6)
    coupler.unify((channels, inert(3)), (flat,))
    assert not coupler.products
    (said,) = coupler.unified
    assert sorted(map(tuple, (said.a.tolist(), said.b.tolist()))) == sorted(
        [tuple(flat.tolist()), tuple(np.repeat(channels, 3).tolist())]
    )


def test_sizes_without_common_factors_freeze_both(coupler: Coupler) -> None:
    coupler.unify((coupler.new(4), coupler.new(6)), (coupler.new(6), coupler.new(4)))
    assert {f.reason for f in coupler.frozen} == {"sizes 4x6 and 6x4 meet and share no common factors"}
    assert len(coupler.frozen) == 4


def test_split_is_the_same_product_every_time(coupler: Coupler) -> None:
    flat = coupler.new(6)
    assert coupler.split(flat, 2) is not coupler.split(flat, 3)
    first, again = coupler.split(flat, 2), coupler.split(flat, 2)
    assert first[0] is again[0]
    assert first[1] is again[1]
    assert len(coupler.products) == 2


def test_split_of_repeated_rows_or_columns_has_an_inert_factor(coupler: Coupler) -> None:
    channels = coupler.new(3)
    outer, inner = coupler.split(np.tile(channels, 2), 2)
    assert is_inert_dim((outer,))
    assert inner.tolist() == channels.tolist()
    outer, inner = coupler.split(np.repeat(channels, 2), 3)
    assert outer.tolist() == channels.tolist()
    assert is_inert_dim((inner,))
    assert not coupler.products


def test_flat_and_split_undo_each_other(coupler: Coupler) -> None:
    outer, inner = coupler.new(2), coupler.new(3)
    flat = coupler.flat((outer, inner))
    assert coupler.split(flat, 2) == (outer, inner)
    assert coupler.flat(coupler.split(flat, 2)) is flat


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((3, 4), (12,), [[3, 4]]),
        ((12,), (3, 4), [[3], [4]]),
        ((2, 6), (4, 3), [[2, 2], [3]]),
        ((3, 4), (3, 1, 4), [[3], [], [4]]),
        ((6, 5), (2, 15), [[2], [3, 5]]),
    ],
)
def test_regroup(coupler: Coupler, before: tuple[int, ...], after: tuple[int, ...], expected: list[list[int]]) -> None:
    dims = coupler.regroup(tuple(coupler.new_dim(size) for size in before), after)
    assert _sizes(dims) == expected
    assert not coupler.frozen


def test_regroup_across_channels_freezes_and_says_so(coupler: Coupler) -> None:
    dims = coupler.regroup((coupler.new_dim(4), coupler.new_dim(6)), (6, 4))
    assert all(is_inert_dim(dim) for dim in dims)
    assert {f.reason for f in coupler.frozen} == {"a reshape from 4 x 6 to 6 x 4 cuts across channels"}


def test_inert_dims_regroup_freely(coupler: Coupler) -> None:
    dims = coupler.regroup((coupler.new_dim(3), inert_dim(4), inert_dim(6)), (3, 8, 3))
    assert [size_of(dim) for dim in dims] == [3, 8, 3]
    assert not coupler.frozen


def test_regroup_of_nothing(coupler: Coupler) -> None:
    assert [size_of(dim) for dim in coupler.regroup((inert_dim(0), coupler.new_dim(3)), (3, 0))] == [3, 0]


def test_take_is_plain_indexing(coupler: Coupler) -> None:
    (factor,) = dim = coupler.new_dim(6)
    assert coupler.take(dim, 0, 6) is dim
    assert coupler.take(dim, 1, 4)[0].tolist() == factor[1:4].tolist()
    assert coupler.take(dim, 1, 6, 2)[0].tolist() == factor[1:6:2].tolist()


def test_take_of_whole_rows_keeps_the_factors(coupler: Coupler) -> None:
    outer, inner = coupler.new(3), coupler.new(2)
    taken = coupler.take((outer, inner), 2, 6)
    assert taken[0].tolist() == outer[1:].tolist()
    assert taken[1] is inner
    assert not coupler.products


def test_a_single_index_stays(coupler: Coupler) -> None:
    (factor,) = dim = coupler.new_dim(6)
    assert coupler.take(dim, 2, 3) == ()
    coupler.single(dim, 4)
    assert [f.atoms.tolist() for f in coupler.frozen] == [[factor[2]], [factor[4]]]


def test_a_single_index_of_a_product_freezes_its_row_and_column(coupler: Coupler) -> None:
    outer, inner = coupler.new(3), coupler.new(2)
    coupler.single((outer, inner), 3)
    assert sorted(f.atoms.tolist()[0] for f in coupler.frozen) == [outer[1], inner[1]]


def test_concatenate(coupler: Coupler) -> None:
    a = coupler.new_dim(2)
    (joined,) = coupler.concatenate([a, (), inert_dim(2)])
    assert joined.tolist() == [*a[0].tolist(), 0, 0, 0]
    assert is_inert_dim(coupler.concatenate([inert_dim(2), inert_dim(3, INPUT)]))


def test_freeze_and_touch_ignore_what_is_inert(coupler: Coupler) -> None:
    coupler.freeze(inert_dim(3), "why")
    coupler.touch(inert_dim(3))
    coupler.tag("heads", inert_dim(3))
    assert not (coupler.frozen or coupler.touched or coupler.tags)
