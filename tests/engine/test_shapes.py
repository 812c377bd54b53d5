"""The shapes that a plan says every value will have are those that the pruned model makes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.engine.couple import couple
from explorer.engine.provenance import Attribute, Size
from explorer.engine.shapes import PlannedShapes
from explorer.engine.trace import record
from tests.engine.nets import IMAGE, TOKENS, GroupNormCnn, PlainCnn, Transformer, every_group, traced


@pytest.mark.parametrize(
    ("build", "shape"),
    [(PlainCnn, IMAGE), (GroupNormCnn, IMAGE), (Transformer, TOKENS)],
    ids=["CNN", "GroupNorm", "ViT"],
)
def test_every_value_of_a_second_trace_has_the_planned_shape(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    pruned = every_group(traced(build(), *shape))
    graph = pruned.plan.graph
    shapes = PlannedShapes(graph.coupling, 0, pruned.plan.alive, {})
    again = record(pruned.model, graph.example_inputs)
    before = graph.coupling.programs[0]
    assert [op.name for op in again.ops] == [op.name for op in before.ops]
    pairs = [
        (shapes.shape(mine), again.values[other].shape)
        for old, new in zip(before.ops, again.ops, strict=True)
        for mine, other in zip(old.results, new.results, strict=True)
    ]
    assert [planned for planned, _ in pairs] == [found for _, found in pairs]
    changed = [op for op in before.ops if set(op.results) & shapes.changed_values]
    assert 5 < len(changed) < len(before.ops)


def test_sizes_masks_and_attributes_are_looked_up() -> None:
    graph = traced(PlainCnn(), *IMAGE)
    plan = graph.plan(keep={"conv1": [0, 3, 4]})
    shapes = PlannedShapes(graph.coupling, 0, plan.alive, {Attribute("conv1", "groups"): 1})
    first = next(op for op in shapes.program.ops if op.base_name == "aten.convolution").results[0]
    assert shapes.shape(first) == (2, 3, 12, 12)
    assert shapes.size(Size(first, 1)) == 3
    assert np.flatnonzero(shapes.kept(shapes.dims(first)[1])).tolist() == [0, 3, 4]
    assert [shapes.is_whole(dim) for dim in shapes.dims(first)] == [True, False, True, True]
    assert shapes.attribute(Attribute("conv1", "groups")) == 1
    assert first in shapes.changed_values


def test_a_flat_dimension_counts_each_index() -> None:
    graph = traced(PlainCnn(), *IMAGE)
    plan = graph.plan(keep={"conv2": [5, 7]})
    shapes = PlannedShapes(graph.coupling, 0, plan.alive, {})
    flat = next(op for op in shapes.program.ops if op.module == "fc1" and op.base_name == "aten.addmm").args[1].value
    assert shapes.shape(flat) == (2, 8)
    assert np.flatnonzero(shapes.kept(shapes.dims(flat)[1])).tolist() == [20, 21, 22, 23, 28, 29, 30, 31]


def test_a_value_that_no_op_reads_keeps_its_own_shape() -> None:
    class Returning(nn.Module):
        def forward(self, x: Tensor, unused: Tensor) -> tuple[Tensor, Tensor]:
            return x.relu(), unused

    program = record(Returning(), (torch.ones(2, 3), torch.ones(4, 5)))
    coupling = couple([program])
    shapes = PlannedShapes(coupling, 0, np.ones(len(coupling.solution.frozen), dtype=bool), {})
    assert [shapes.shape(value) for value in program.inputs] == [(2, 3), (4, 5)]
