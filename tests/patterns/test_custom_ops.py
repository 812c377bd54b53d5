"""Code that PyTorch does not know: seen through where made of known ops, else frozen with a reason and a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import explorer
from explorer.engine.errors import ApplyError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.rules import table
from tests.engine.nets import Run, proven

HIDDEN = 6


@torch.library.custom_op("explorer_patterns::gated", mutates_args=())
def gated(x: Tensor, gate: Tensor) -> Tensor:
    """An op of a user's own package, of which PyTorch knows no more than that it exists."""
    return x * gate.sigmoid()


@torch.library.custom_op("explorer_patterns::reversed", mutates_args=())
def reversed_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two results, one of them without channels."""
    return x.flip(0), x.new_zeros(3)


class Swish(torch.autograd.Function):
    """A function with a backward of its own, made of ops that are known."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 7 * gradients[0] * x.sigmoid()


class Doubled(torch.autograd.Function):
    """One that writes into what it reads."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return 2 * gradients[0]


class NumpyTanh(torch.autograd.Function):
    """One that computes outside of PyTorch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.from_numpy(np.tanh(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0]


class Between(nn.Module):
    """A function as a module, so that it has a place."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def traced(function: Callable[[Tensor], Tensor]) -> DependencyGraph:
    """Three layers; the function stands between the first two, so that the second pair is left alone by it."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(3, HIDDEN), Between(function), nn.Linear(HIDDEN, 8), nn.ReLU(), nn.Linear(8, 2))
    return trace(layers.eval(), torch.randn(5, 3))


def reasons(graph: DependencyGraph, parameter: str, dim: int) -> set[tuple[str, str]]:
    """(reason, module) of a dimension that stays whole."""
    parts = [part for part in graph.frozen if (part.parameter, part.dim) == (parameter, dim)]
    assert sum(len(part.indices) for part in parts) == graph.state_shapes[parameter][dim]
    return {(part.reason, part.module) for part in parts}


@pytest.fixture
def _same_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes back what a test registers."""
    monkeypatch.setattr(table, "_RULES", dict(table._RULES))
    yield


@pytest.mark.parametrize("function", [Swish.apply, Doubled.apply], ids=["swish", "in place"])
def test_an_autograd_function_of_known_ops_is_seen_through_and_keeps_its_backward(function: Any) -> None:
    graph = traced(function)
    assert [(group.name, group.size) for group in graph.groups] == [("0", HIDDEN), ("2", 8)]
    pruned = graph.plan(0.5).apply()
    assert pruned.way == "live"
    proven(pruned)
    hidden = torch.randn(4, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(pruned.model[1](hidden * 1).sum(), hidden)
    expected = 7 * hidden.sigmoid() if function == Swish.apply else torch.full_like(hidden, 2)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("is_custom", [False, True], ids=["known ops", "a function of its own"])
def test_a_backward_of_its_own_is_never_lost_in_a_replay(is_custom: bool) -> None:
    swish = Swish.apply if is_custom else torch.nn.functional.silu
    net = Run(lambda s, x: s.b(swish(s.a(x).view(-1, 6))), a=nn.Linear(3, 6), b=nn.Linear(6, 2)).eval()
    plan = trace(net, torch.randn(5, 3)).plan(0.5)
    if is_custom:
        with pytest.raises(ApplyError, match=r"uses the literal 6 .* is part of Swish, a function with a backward"):
            plan.apply()
    else:
        assert plan.apply().way == "program"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (NumpyTanh.apply, "numpy"),
        (lambda x: torch.tensor(x.tolist()), "tolist"),
        (lambda x: torch.as_tensor(np.asarray(x) * 2), "__array__"),
    ],
    ids=["function with numpy", "list", "array"],
)
def test_what_leaves_pytorch_stays_and_the_rest_is_pruned(function: Any, words: str) -> None:
    graph = traced(function)
    assert [group.name for group in graph.groups] == ["2"]
    for parameter in ("0.weight", "0.bias"):
        ((reason, _),) = reasons(graph, parameter, 0)
        assert reason == f"the code takes its elements out of PyTorch by {words} in 1"
    ((reason, module),) = reasons(graph, "2.weight", 1)
    assert (reason.endswith("a constant, that is never pruned"), module) == (True, "2")
    proven(graph.plan(0.5).apply())


def test_an_op_without_a_rule_freezes_what_touches_it_and_says_where() -> None:
    graph = traced(lambda x: torch.ops.explorer_patterns.gated(x, x))
    assert [group.name for group in graph.groups] == ["2"]
    assert [(found.op, found.module) for found in graph.unsupported_ops()] == [("explorer_patterns.gated.default", "1")]
    for parameter in ("0.weight", "0.bias"):
        assert reasons(graph, parameter, 0) == {
            ("the explorer has no rule for explorer_patterns.gated.default in 1", "1")
        }
    reasons(graph, "2.weight", 1)
    proven(graph.plan(0.5).apply())


@pytest.mark.usefixtures("_same_rules")
@pytest.mark.parametrize(
    "op",
    ["explorer_patterns.gated", torch.ops.explorer_patterns.gated, torch.ops.explorer_patterns.gated.default],
    ids=["name", "packet", "overload"],
)
def test_a_registered_rule_makes_its_channels_live(op: Any) -> None:
    @explorer.register_rule(op)
    def rule(op: Any, couple: Any) -> Any:
        x, gate = op.tensor(0), op.tensor(1)
        for one, other in zip(x.dims, gate.dims, strict=True):
            couple.unify(one, other)
        return (x.dims,)

    graph = traced(lambda x: gated(x, x.sin()))
    assert graph.unsupported_ops() == ()
    assert [(group.name, group.size) for group in graph.groups] == [("0", HIDDEN), ("2", 8)]
    for ratios in ({"0": 0.5}, {"2": 0.5}, 0.5):
        proven(graph.plan(ratios).apply())


@pytest.mark.usefixtures("_same_rules")
def test_a_registered_rule_may_freeze_an_axis_with_its_own_reason() -> None:
    @explorer.register_rule("explorer_patterns.reversed")
    def rule(op: Any, couple: Any) -> Any:
        couple.freeze(op.tensor(0).dims[1], "these rows have a fixed width")
        return table.inert_result(op)

    graph = traced(lambda x: reversed_rows(x)[0])
    assert graph.unsupported_ops() == ()
    assert reasons(graph, "0.weight", 0) == {("these rows have a fixed width", "1")}
    proven(graph.plan(0.5).apply())


def test_a_registration_of_one_test_is_gone_in_the_next() -> None:
    assert not [name for name in table.registered() if name.startswith("explorer_patterns")]
