"""What each number in a torch call must become, stated literally for calls on shrunken axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.errors import ApplyError
from explorer.engine.provenance import Attribute, TracedInt, origin_of
from explorer.engine.requirements import requirements
from explorer.engine.shapes import PlannedShapes
from tests.engine.nets import Run, names, traced

WIDTH = 12


def needed(call: Callable[[Any, Tensor], Tensor], keep: list[int], **attributes: Any) -> list[tuple[str, int, int]]:
    """(function, number in the code, what it must become) for one call on 12 channels of which some are kept.

    Only the call's own numbers are listed, and of those that change or name an attribute.
    """

    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.a(x))
        return self.b(hidden) + call(self, hidden).sum()

    graph = traced(Run(forward, a=nn.Linear(4, WIDTH), b=nn.Linear(WIDTH, 5), **attributes), 3, 4)
    free = {index: name for name in names(graph) for index in _indices(graph, name)}
    assert set(free) <= set(range(WIDTH))
    plan = graph.plan(
        keep={name: [_place(graph, name, i) for i in keep if free.get(i) == name] for name in names(graph)}
    )
    shapes = PlannedShapes(
        graph.coupling, 0, plan.alive, {Attribute("", name): value for name, value in attributes.items()}
    )
    found = requirements(shapes)
    return [
        (n.call.function, int(n.number), n.after) for n in found if n.call.module == "" and n.call.function != "sum"
    ]


def _indices(graph: Any, name: str) -> list[int]:
    member = next(m for m in graph.group(name).members if (m.parameter, m.dim) == ("a.weight", 0))
    return [index for channel in member.indices for index in channel]


def _place(graph: Any, name: str, index: int) -> int:
    return _indices(graph, name).index(index)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda m, x: x[:, :6], [("__getitem__", 6, 2)]),
        (lambda m, x: x[:, 6:], [("__getitem__", 6, 2)]),
        (lambda m, x: x[..., 3:9], [("__getitem__", 3, 1), ("__getitem__", 9, 4)]),
        (lambda m, x: x[:, -6:], [("__getitem__", -6, -3)]),
        (lambda m, x: x[:, :-6], [("__getitem__", -6, -3)]),
        (lambda m, x: x[None, :, None, 3:], [("__getitem__", 3, 1)]),
        (lambda m, x: x[1:, :6], [("__getitem__", 1, 1), ("__getitem__", 6, 2)]),
        (lambda m, x: x[:, :12], [("__getitem__", 12, 5)]),
        (lambda m, x: x.narrow(1, 3, 6), [("narrow", 3, 1), ("narrow", 6, 3)]),
        (lambda m, x: torch.narrow(x, dim=-1, start=-6, length=6), [("narrow", -6, -3), ("narrow", 6, 3)]),
        (lambda m, x: x.split([6, 6], 1)[0], [("split", 6, 2), ("split", 6, 3)]),
        (lambda m, x: torch.split(x, (3, 9), dim=-1)[1], [("split", 3, 1), ("split", 9, 4)]),
        (lambda m, x: x.tensor_split((3, 8), 1)[0], [("tensor_split", 3, 1), ("tensor_split", 8, 3)]),
        (lambda m, x: x.reshape(-1, 12), [("reshape", 12, 5)]),
        (lambda m, x: x.view(3, 12), [("view", 3, 3), ("view", 12, 5)]),
        (
            lambda m, x: torch.reshape(input=x, shape=(3, 1, 12)),
            [("reshape", 3, 3), ("reshape", 1, 1), ("reshape", 12, 5)],
        ),
        (lambda m, x: x[:, None].expand(3, 2, 12), [("expand", 3, 3), ("expand", 2, 2), ("expand", 12, 5)]),
        (lambda m, x: x[:, None].expand(size=(-1, 2, -1)), [("expand", 2, 2)]),
        (lambda m, x: x + x.new_zeros(12), [("new_zeros", 12, 5)]),
        (lambda m, x: x + torch.full((1, 12), 12), [("full", 1, 1), ("full", 12, 5)]),
        (lambda m, x: x + x.new_full((12,), 12), [("new_full", 12, 5)]),
        (lambda m, x: x + torch.zeros(12, dtype=x.dtype), [("zeros", 12, 5)]),
        (lambda m, x: F.layer_norm(x, (12,)), [("layer_norm", 12, 5)]),
        (lambda m, x: F.rms_norm(x, [12]), [("rms_norm", 12, 5)]),
    ],
)
def test_numbers_on_an_axis_that_keeps_five_of_twelve(
    call: Callable[[Any, Tensor], Tensor], expected: list[tuple[str, int, int]]
) -> None:
    found = [need for need in needed(call, [1, 4, 7, 8, 11]) if need[0] == expected[0][0]]
    assert found == expected


def test_a_grouped_convolution_asks_for_its_groups() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.c(F.conv2d(self.a(x), self.weight, groups=self.groups))

    layers = {"a": nn.Conv2d(3, 8, 1), "c": nn.Conv2d(8, 4, 1)}
    model = Run(forward, **layers, weight=nn.Parameter(torch.randn(8, 1, 3, 3)), groups=8)
    graph = traced(model, 2, 3, 6, 6)
    plan = graph.plan({graph.groups[0].name: 0.5})
    found = requirements(PlannedShapes(graph.coupling, 0, plan.alive, {Attribute("", "groups"): 8}))
    (need,) = [need for need in found if origin_of(need.number) == Attribute("", "groups")]
    assert (need.call.function, int(need.number), need.after, need.is_floor) == ("conv2d", 8, 4, False)
    assert isinstance(need.number, TracedInt)


def test_a_call_out_of_reach_states_that_its_attributes_stay() -> None:
    found = needed(lambda m, x: F.avg_pool1d(m.other[None], m.k), [0, 1], k=2, other=torch.ones(3, 8))
    assert ("avg_pool1d", 2, 2) in found


@pytest.mark.parametrize(
    "call",
    [lambda m, x: x[:, -3:], lambda m, x: x[:, :-3], lambda m, x: x.narrow(1, -3, 3)],
    ids=["from", "to", "narrow"],
)
def test_a_count_from_the_end_needs_something_there(call: Callable[[Any, Tensor], Tensor]) -> None:
    """Minus nothing is zero, which in Python means the other end."""
    with pytest.raises(ApplyError, match=r"counts -3 from the end, and the plan keeps nothing there"):
        needed(call, [0, 1, 4])


def test_pieces_of_unequal_size_are_refused_where_the_call_makes_equal_ones() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        first, second = torch.tanh(self.a(x)).chunk(2, 1)
        return self.b(first) + self.c(second)

    graph = traced(Run(forward, a=nn.Linear(4, 8), b=nn.Linear(4, 5), c=nn.Linear(4, 5)), 3, 4)
    plan = graph.plan(0.5)
    alive = plan.alive.copy()
    extra = graph.groups[0].channels[[i for i in range(4) if i not in plan.channels[graph.groups[0].name]]]
    alive[extra] = True  # a plan that breaks the tie
    with pytest.raises(
        ApplyError, match=r"chunk at .* would cut 6 channels into \[3, 3\], and the plan needs \[4, 2\]"
    ):
        requirements(PlannedShapes(graph.coupling, 0, alive, {}))


def test_groups_that_lose_unequally_many_channels_are_refused() -> None:
    graph = traced(nn.Sequential(nn.Conv2d(3, 12, 1), nn.GroupNorm(3, 12), nn.Conv2d(12, 4, 1)), 2, 3, 4, 4)
    alive = graph.plan(0.0).alive.copy()
    rows = graph.coupling.solution.labels[graph.coupling.states["0.weight"].dims[0][0]]
    alive[rows[:2]] = False  # two channels of the first group alone
    with pytest.raises(ApplyError, match=r"group_norm at .* keeps \[2, 4, 4\] channels in them"):
        requirements(PlannedShapes(graph.coupling, 0, alive, {Attribute("1", "num_groups"): 3}))
