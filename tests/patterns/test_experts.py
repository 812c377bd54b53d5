"""Coupling patterns of mixtures of experts: each expert's hidden width is a group, and what no input reached stays."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.graph import trace
from tests.engine.nets import Run, proven, randomised
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

WIDTH, HIDDEN, EXPERTS = 8, 6, 3


def expert() -> nn.Module:
    return nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, WIDTH))


def mixture(route: Any, *, reached: int = EXPERTS) -> tuple[nn.Module, Tensor]:
    """An embedding, experts of which a gate chooses some for each token, and a last layer.

    Args:
        route: What runs the experts, given the module and the tokens.
        reached: How many of the experts the gate ever chooses.
    """
    net = Run(
        lambda s, x: s.o(route(s, s.i(x).flatten(0, 1)).unflatten(0, x.shape[:2])),
        i=nn.Linear(3, WIDTH),
        gate=nn.Linear(WIDTH, EXPERTS),
        experts=nn.ModuleList([expert() for _ in range(EXPERTS)]),
        o=nn.Linear(WIDTH, 2),
    )
    with torch.no_grad():
        net.gate.weight.normal_()
        net.gate.bias[reached:] = -1e3
    return net, torch.randn(2, 12, 3)


def by_where(s: Any, x: Tensor) -> Tensor:
    """As Mixtral's code: the tokens of an expert are found, sent through it and added at their places."""
    weights, chosen = s.gate(x).softmax(-1).topk(2, -1)
    weights = weights / weights.sum(-1, keepdim=True)
    mixed = torch.zeros_like(x)
    for number, one in enumerate(s.experts):
        rows, places = torch.where(chosen == number)
        if len(rows):
            mixed.index_add_(0, rows, one(x[rows]) * weights[rows, places, None])
    return mixed


def by_mask(s: Any, x: Tensor) -> Tensor:
    """A boolean mask for each expert reads and writes its tokens."""
    weights, chosen = s.gate(x - x.mean(0)).softmax(-1).max(-1)  # balanced, so that each expert gets some tokens
    mixed = torch.zeros_like(x)
    for number, one in enumerate(s.experts):
        mask = chosen == number
        if mask.any():
            mixed[mask] = one(x[mask]) * weights[mask].unsqueeze(-1)
    return x + mixed


def densely(s: Any, x: Tensor) -> Tensor:
    """Every expert sees every token, and the gate weighs what they say."""
    weights = s.gate(x).softmax(-1)
    said = torch.stack([one(x) for one in s.experts], -1)
    return (said * weights.unsqueeze(-2)).sum(-1)


def packed() -> tuple[nn.Module, Tensor]:
    """All experts in two weights, one batched product for each."""

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.i(x)
        weights = s.gate(x).softmax(-1)
        hidden = torch.einsum("btc,ech->bteh", x, s.up).relu()
        return s.o(torch.einsum("bteh,ehc,bte->btc", hidden, s.down, weights))

    weights = {
        "up": nn.Parameter(torch.randn(EXPERTS, WIDTH, HIDDEN)),
        "down": nn.Parameter(torch.randn(EXPERTS, HIDDEN, WIDTH)),
    }
    layers = {"i": nn.Linear(3, WIDTH), "gate": nn.Linear(WIDTH, EXPERTS), "o": nn.Linear(WIDTH, 2)}
    return Run(run, **layers, **weights), torch.randn(2, 6, 3)


WIDTHS = {"i": ("channels", WIDTH)}
HIDDENS = {f"experts.{number}.0": ("channels", HIDDEN) for number in range(EXPERTS)}
SORTED = {("gate.weight", 0): "sorts or accumulates along this axis"}
CHOSEN = {("gate.weight", 0): "asks for positions along this axis"}
COUNTED = {("gate.weight", 0): "never pruned"}

PATTERNS = (
    Pattern("experts by where and index_add", lambda: mixture(by_where), WIDTHS | HIDDENS, stays=SORTED),
    Pattern("experts by masks", lambda: mixture(by_mask), WIDTHS | HIDDENS, stays=CHOSEN),
    Pattern(
        "experts that all run",
        lambda: mixture(densely),
        WIDTHS | HIDDENS | {"experts.0.2": ("channels", WIDTH)},
        stays=COUNTED,
    ),
    Pattern(
        "experts in one weight",
        packed,
        # an expert is one matrix of a batched product, as a head is
        WIDTHS | {"gate:heads": ("heads", EXPERTS), "up": ("channels", HIDDEN), "down": ("channels", WIDTH)},
    ),
)


class TestPatterns(PatternSuite):
    patterns = PATTERNS


@pytest.mark.parametrize("route", [by_where, by_mask])
def test_an_expert_that_no_input_reached_is_listed_and_stays_as_it_is(route: Any) -> None:
    torch.manual_seed(0)
    model, x = mixture(route, reached=2)
    graph = trace(randomised(model), x)
    assert set(graph.not_reached) == {f"experts.2.{layer}.{name}" for layer in (0, 2) for name in ("weight", "bias")}
    hidden = ["experts.0.0", "experts.1.0"]
    assert [group.name for group in graph.groups] == ["i", *hidden]
    pruned = graph.plan(dict.fromkeys(hidden, 0.5)).apply()
    assert pruned.way == "live", pruned.reason
    proven(pruned)
    for name in graph.not_reached:
        assert torch.equal(pruned.model.get_parameter(name), model.get_parameter(name))
    with torch.no_grad():
        pruned.model.gate.bias.zero_()
        assert pruned.model(x).shape == model(x).shape  # the expert still runs when it is chosen
