"""Which dimensions one op couples by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.engine.couple import Coupling
from explorer.engine.explain import carriers_of
from explorer.engine.factors import Dim
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.links import Links
from explorer.engine.program import Op
from tests.engine import patterns
from tests.engine.patterns import Net, traced


def ops(coupling: Coupling, name: str) -> list[Op]:
    return [op for op in coupling.programs[0].ops if op.short_name == name]


def dim_of(coupling: Coupling, value: int, dim: int) -> Dim:
    return coupling.dims[0][value][dim]


def linked(graph: DependencyGraph, op: Op, a: Dim, b: Dim) -> bool:
    """Whether an op links two dimensions by any channel."""
    return Links(graph.coupling).are_linked([op.index], a, b, ~graph.coupling.solution.frozen)


def test_a_convolution_links_weight_rows_to_what_it_makes_and_not_to_what_it_reads() -> None:
    graph = traced(patterns.residual())
    coupling = graph.coupling
    op = ops(coupling, "convolution")[1]
    x, weight, bias = op.inputs()
    read, rows, columns = dim_of(coupling, x, 1), dim_of(coupling, weight, 0), dim_of(coupling, weight, 1)
    made = dim_of(coupling, op.results[0], 1)
    assert linked(graph, op, rows, made)
    assert linked(graph, op, rows, dim_of(coupling, bias, 0))
    assert linked(graph, op, columns, read)
    # One group through the addition, yet not through this op.
    assert not linked(graph, op, rows, columns)
    assert not linked(graph, op, read, made)


def test_an_addition_links_its_sides() -> None:
    graph = traced(patterns.residual())
    (op,) = ops(graph.coupling, "add")
    left, right = op.inputs()
    assert linked(graph, op, dim_of(graph.coupling, left, 1), dim_of(graph.coupling, right, 1))
    assert not linked(graph, op, dim_of(graph.coupling, left, 0), dim_of(graph.coupling, right, 1))


def test_a_concatenation_links_each_piece_by_its_own_channels() -> None:
    graph = traced(patterns.concatenation())
    coupling = graph.coupling
    (op,) = ops(coupling, "cat")
    a, b = (dim_of(coupling, value, 1) for value in op.inputs())
    joined = dim_of(coupling, op.results[0], 1)
    assert linked(graph, op, a, joined)
    assert linked(graph, op, b, joined)
    assert not linked(graph, op, a, b)


def test_only_the_channels_asked_for_count() -> None:
    graph = traced(patterns.concatenation())
    coupling = graph.coupling
    (op,) = ops(coupling, "cat")
    a, _ = op.inputs()
    carriers = carriers_of(coupling, int(graph.group("b").channels[0]))
    links = Links(coupling)
    assert not links.are_linked([op.index], dim_of(coupling, a, 1), dim_of(coupling, op.results[0], 1), carriers)


def test_a_split_that_an_earlier_op_stated_links_later_ops_too() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.a(x)
        first, second = h.view(2, 4, 2), h.view(2, 4, 2)
        return s.out((first * second).flatten(1))

    graph = trace(Net(forward, a=nn.Linear(3, 8), out=nn.Linear(8, 2)), torch.randn(2, 3))
    coupling = graph.coupling
    (before, after) = [op for op in ops(coupling, "view") if op.inputs()[0] == ops(coupling, "addmm")[0].results[0]]
    flat = dim_of(coupling, before.inputs()[0], 1)
    for op in (before, after):
        rows, columns = (dim_of(coupling, op.results[0], place) for place in (1, 2))
        assert linked(graph, op, flat, rows)
        assert linked(graph, op, flat, columns)


def test_carriers_of_a_factor_are_the_products_that_it_is_in() -> None:
    graph = traced(patterns.grouped())
    coupling = graph.coupling
    group = graph.group("a:conv_groups")
    carriers = carriers_of(coupling, int(group.channels[1]))
    rows = coupling.solution.labels[coupling.states["a.weight"].dims[0][0]]
    assert np.flatnonzero(carriers[rows]).tolist() == [2, 3]
    assert carriers[group.channels].tolist() == [False, True, False, False]
