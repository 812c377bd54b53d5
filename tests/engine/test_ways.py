"""Which way a plan needs is known before it is applied, with the reason and the user's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from tests.engine.nets import Run, traced

X = (2, 3, 4, 4)


class Doubled(torch.autograd.Function):
    """Twice its input, with a backward of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 2


def flattened(between: Callable[[Tensor], Tensor] = lambda x: x, size: int | None = None) -> nn.Module:
    """Two convolutions, and a flatten that states its size by a literal."""

    def forward(s: Any, x: Tensor) -> Tensor:
        hidden = between(s.b(s.a(x).relu()).tanh())
        return s.out(hidden.view(-1, 8 * 16))

    return Run(forward, a=nn.Conv2d(3, 6, 1), b=nn.Conv2d(6, 8, 1), out=nn.Linear(8 * 16, 2))


@pytest.fixture(scope="module")
def graph() -> DependencyGraph:
    torch.manual_seed(0)
    return traced(flattened(), *X)


def test_a_group_that_every_size_follows_is_live(graph: DependencyGraph) -> None:
    way = graph.way("a")
    assert (way.way, way.reason, way.source) == ("live", "", None)
    assert graph.plan({"a": 0.5}).apply().way == "live"


def test_a_literal_asks_for_the_program_way_and_names_the_line(graph: DependencyGraph) -> None:
    way = graph.way("b")
    assert way.way == "program"
    assert "uses the literal 128 where 64 is needed" in way.reason
    assert way.source is not None
    assert (way.source.file, way.source.function) == (__file__, "forward")
    assert way.reason == graph.plan({"b": 0.5}).apply().reason


def test_the_numbers_in_the_reason_are_those_of_the_ratio(graph: DependencyGraph) -> None:
    assert "where 32 is needed" in graph.way("b", 0.75).reason
    assert graph.way("b", 0).way == "live"


def test_a_plan_knows_its_way(graph: DependencyGraph) -> None:
    assert graph.plan(0.5).expected_way.way == "program"
    assert graph.plan({"a": 0.5}).expected_way.way == "live"
    assert graph.plan().expected_way.way == "live"


def test_asking_runs_nothing_and_builds_nothing() -> None:
    model = flattened()
    graph = traced(model, *X)
    runs: list[nn.Module] = []
    model.register_forward_hook(lambda module, *_: runs.append(module))
    assert [graph.way(group.name).way for group in graph.groups] == ["live", "program"]
    assert not runs


def test_a_way_is_found_once_until_the_weights_change() -> None:
    graph = traced(flattened(), *X)
    first = graph.way("b")
    assert graph.way("b") is first
    with torch.no_grad():
        graph.model.b.weight.mul_(2)
    assert graph.way("b") is not first
    assert graph.way("b") == first


def test_a_backward_of_the_users_own_leaves_no_way() -> None:
    graph = traced(flattened(Doubled.apply), *X)
    way = graph.way("b")
    assert way.way == "none"
    assert "uses the literal 128" in way.reason
    assert "part of Doubled, a function with a backward of its own" in way.reason
    assert way.source is not None
    assert way.source.file == __file__
    with pytest.raises(Exception, match="would lose in training"):
        graph.plan({"b": 0.5}).apply()


def test_a_callable_that_brings_its_own_inputs_leaves_no_program_way() -> None:
    torch.manual_seed(0)
    graph = trace(flattened().eval(), lambda model: model(torch.ones(X)))
    assert graph.way("a").way == "live"
    way = graph.way("b")
    assert way.way == "none"
    assert "example inputs are a callable, so it is not known which tensors it hands to the model" in way.reason
    with pytest.raises(Exception, match="Pass the tensors themselves as example inputs"):
        graph.plan({"b": 0.5}).apply()


def test_an_unknown_group_is_refused(graph: DependencyGraph) -> None:
    with pytest.raises(PlanError, match="no group 'c'"):
        graph.way("c")
