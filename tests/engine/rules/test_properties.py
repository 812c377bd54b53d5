"""Shapes drawn at random: running the op on smaller operands gives what the rules predict."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.engine.rules.oracle import check_execution, trace_case

quick = settings(max_examples=15, deadline=None, derandomize=True, database=None)
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@st.composite
def regroupings(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes of equally many elements, whose boundaries need not nest."""
    primes = draw(st.lists(st.sampled_from([2, 2, 3]), min_size=1, max_size=4))
    shapes = []
    for _ in range(2):
        order = draw(st.permutations(primes))
        cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=2)))
        bounds = [0, *cuts, len(order)]
        shapes.append(tuple(prod(order[a:b]) for a, b in pairwise(bounds)))
    return shapes[0], shapes[1]


@quick
@given(regroupings())
def test_view_regroups(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    before, after = shapes
    check_execution(trace_case(lambda a: a.view(after), before))


@quick
@given(regroupings(), st.randoms(use_true_random=False))
def test_view_then_transpose_then_view(shapes: tuple[tuple[int, ...], tuple[int, ...]], random: object) -> None:
    before, after = shapes
    check_execution(trace_case(lambda a: a.view(after).transpose(0, -1).reshape(-1), before))


@quick
@given(regroupings())
def test_regrouped_tensors_meet(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    before, after = shapes
    check_execution(trace_case(lambda a, b: a.view(after) + b, before, after))


@quick
@given(sizes, st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 2))
def test_cat(shape: list[int], along: list[int], axis: int) -> None:
    axis %= len(shape)
    shapes = [(*shape[:axis], size, *shape[axis + 1 :]) for size in along]
    check_execution(trace_case(lambda *tensors: torch.cat(tensors, axis), *shapes))


@quick
@given(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8))
def test_split(rows: int, size: int, piece: int) -> None:
    check_execution(trace_case(lambda a: a.split(min(piece, size), 1), (rows, size)))


@quick
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 3))
def test_split_of_a_product(pieces: list[int], inner: int) -> None:
    widths = [piece * inner for piece in pieces]
    check_execution(trace_case(lambda a: a.flatten().split(widths), (sum(pieces), inner)))


@quick
@given(st.integers(2, 8), st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
def test_slice(size: int, start: int, stop: int, step: int) -> None:
    check_execution(trace_case(lambda a: a[:, start:stop:step] * 2, (2, size)))


@quick
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_grouped_convolution(groups: int, into: int, out: int, is_transposed: bool) -> None:
    kernel = (groups * into, out, 1) if is_transposed else (groups * out, into, 1)
    convolve = F.conv_transpose1d if is_transposed else F.conv1d
    function = lambda a, b, c: convolve(a, b, c, groups=groups)  # noqa: E731
    check_execution(trace_case(function, (1, groups * into, 2), kernel, (groups * out,)))


@quick
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
def test_grouped_convolution_after_a_shuffle(groups: int, into: int, out: int) -> None:
    def function(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        mixed = a.view(1, groups, into, 2).transpose(1, 2).reshape(1, groups * into, 2)
        return F.conv1d(mixed, b, groups=groups)

    check_execution(trace_case(function, (1, groups * into, 2), (groups * out, into, 1)))


@quick
@given(st.integers(1, 2), st.integers(1, 3), st.integers(1, 2))
def test_slices_of_products_meet(heads: int, head_dim: int, parts: int) -> None:
    width = heads * head_dim

    def function(a: torch.Tensor) -> torch.Tensor:
        first, second = a.view(2, parts * 2 * width).chunk(2, 1)
        return first.reshape(2, parts, heads, head_dim) * second.reshape(2, parts, heads, head_dim)

    check_execution(trace_case(function, (2, parts * 2 * heads, head_dim)))
