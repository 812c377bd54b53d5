from __future__ import annotations

from explorer.engine.polynomials import constant, count_of


def test_sums_and_products_collect_like_terms() -> None:
    heads, size = count_of(0), count_of(1)
    found = (heads + constant(2)) * size - size * constant(2)
    assert found.terms == {(0, 1): 1}
    assert found.groups == (0, 1)


def test_what_cancels_is_gone() -> None:
    assert (count_of(3, 2) - count_of(3) - count_of(3)).terms == {}
    assert (constant(4) - constant(4)).is_constant


def test_a_square_names_its_group_twice() -> None:
    assert (count_of(1, 3) * count_of(1)).terms == {(1, 1): 3}


def test_least_terms_leave_out_what_every_term_has() -> None:
    side, other = count_of(0), count_of(1)
    assert (side * side * constant(6) - side * other * constant(6)).reduced().terms == {(0,): 1, (1,): -1}
    assert (constant(4) - side * constant(2)).reduced().terms == {(): 2, (0,): -1}
    assert constant(0).reduced().terms == {}
