"""Coupling patterns of mixtures of experts: each expert's hidden width is a group, and what no input reached stays."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.errors import ApplyError
from explorer.engine.graph import trace
from tests.engine.nets import Run, proven, randomised
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

WIDTH, HIDDEN, EXPERTS = 8, 6, 3
ROWS = 8


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


def sorted_into_runs(s: Any, x: Tensor) -> Tensor:
    """As the experts of transformers 5: tokens sorted by expert, one grouped product for all, and back to their places.

    Counts are taken by `histc`, and a token is found by dividing the place of one of its copies.
    """
    weights, chosen = s.gate(x).softmax(-1).topk(2, -1)
    order = chosen.flatten().argsort()
    counts = torch.histc(chosen.flatten()[order].float(), bins=s.experts, min=0, max=s.experts - 1)
    ends = counts.cumsum(0, dtype=torch.int32)
    gate, up = torch._grouped_mm(x[order // 2], s.gate_up.transpose(1, 2), ends).chunk(2, -1)
    said = torch._grouped_mm(F.silu(gate) * up, s.down.transpose(1, 2), ends)
    said = said * weights.flatten()[order].unsqueeze(-1)
    return said[order.argsort()].unflatten(0, (-1, 2)).sum(1)


def grouped() -> tuple[nn.Module, Tensor]:
    """All experts in two weights, and a grouped product for each; its kernel wants rows of 16 bytes."""
    net = Run(
        lambda s, x: s.o(sorted_into_runs(s, s.i(x).flatten(0, 1)).unflatten(0, x.shape[:2])),
        i=nn.Linear(3, WIDTH),
        gate=nn.Linear(WIDTH, EXPERTS),
        gate_up=nn.Parameter(torch.randn(EXPERTS, 2 * ROWS, WIDTH)),
        down=nn.Parameter(torch.randn(EXPERTS, WIDTH, ROWS)),
        o=nn.Linear(WIDTH, 2),
    )
    net.experts = EXPERTS
    return net, torch.randn(2, 12, 3)


WIDTHS = {"i": ("channels", WIDTH)}
HIDDENS = {f"experts.{number}.0": ("channels", HIDDEN) for number in range(EXPERTS)}
SORTED = {("gate.weight", 0): "sorts or accumulates along this axis"}
CHOSEN = {("gate.weight", 0): "asks for positions along this axis"}
RUNS = {(name, 0): "a run of this axis" for name in ("gate_up", "down")}
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
    Pattern(
        "experts in grouped products",
        grouped,
        WIDTHS | {"gate_up": ("channels", ROWS), "down": ("channels", WIDTH)},
        stays=SORTED | RUNS,
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


UNREACHED = (
    r"experts\.2 was not reached by the example inputs and stays as it is\. It is built like experts\.0, which reads "
    "or makes these channels, so it would no longer fit"
)


@pytest.mark.parametrize("route", [by_where, by_mask])
def test_the_width_that_an_unreached_expert_would_read_says_so(route: Any) -> None:
    torch.manual_seed(0)
    graph = trace(randomised(mixture(route, reached=2)[0]), torch.randn(2, 12, 3))
    (part,) = graph.unreached
    assert (part.path, part.twin, part.groups) == ("experts.2", "experts.0", ("i",))
    assert part.parameters == graph.not_reached
    assert re.match(UNREACHED, str(part))
    assert {group.name: group.warnings for group in graph.groups} == {
        "i": (str(part),),
        "experts.0.0": (),
        "experts.1.0": (),
    }


def test_one_ratio_for_all_leaves_the_unreached_expert_able_to_run() -> None:
    torch.manual_seed(0)
    model, x = mixture(by_where, reached=2)
    plan = trace(randomised(model), x).plan(0.5)
    assert {name: len(kept) for name, kept in plan.channels.items()} == {"i": 8, "experts.0.0": 3, "experts.1.0": 3}
    assert plan.warnings == ()
    pruned = plan.apply()
    proven(pruned)
    with torch.no_grad():
        pruned.model.gate.bias.zero_()
        assert pruned.model(x).shape == model(x).shape


def test_a_plan_that_names_the_width_warns_and_the_unreached_expert_no_longer_fits() -> None:
    torch.manual_seed(0)
    model, x = mixture(by_where, reached=2)
    plan = trace(randomised(model), x).plan({"i": 0.5})
    (warning,) = plan.warnings
    assert re.match(UNREACHED, warning)
    pruned = plan.apply()
    proven(pruned)
    pruned.model.gate.bias.data.zero_()
    with pytest.raises(RuntimeError, match="shapes"):
        pruned.model(x)


def test_an_input_that_reaches_every_expert_takes_the_warning_away() -> None:
    torch.manual_seed(0)
    model, x = mixture(by_where)
    graph = trace(randomised(model), x)
    assert graph.unreached == ()
    assert not any(group.warnings for group in graph.groups)
    pruned = graph.plan(0.5).apply()
    assert len(pruned.plan.channels["i"]) == 4
    proven(pruned)


def weights_in_lists() -> tuple[nn.Module, Tensor]:
    """Experts that are entries of two lists of parameters, of which the last is never chosen."""

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.i(x)
        return s.o(sum((x @ s.up[number]).relu() @ s.down[number] for number in range(2)))

    lists = {
        "up": nn.ParameterList([torch.randn(WIDTH, HIDDEN) for _ in range(EXPERTS)]),
        "down": nn.ParameterList([torch.randn(HIDDEN, WIDTH) for _ in range(EXPERTS)]),
    }
    return Run(run, i=nn.Linear(3, WIDTH), o=nn.Linear(WIDTH, 2), **lists), torch.randn(2, 3)


def test_entries_of_a_list_of_parameters_are_told_by_their_shapes() -> None:
    torch.manual_seed(0)
    graph = trace(*weights_in_lists())
    found = {part.path: (part.twin, set(part.groups)) for part in graph.unreached}
    # `up` of an expert reads the width and makes its hidden channels, which `down` reads
    assert found["up.2"][0] == "up.0"
    assert found["down.2"][0] == "down.0"
    assert "i" in found["up.2"][1]
    assert "i" not in found["down.2"][1]


def test_what_has_no_sibling_says_that_nothing_is_known() -> None:
    torch.manual_seed(0)
    net = Run(lambda s, x: s.b(s.a(x)), a=nn.Linear(3, 8), b=nn.Linear(8, 2), spare=nn.Linear(8, 4), bias=None)
    net.scale = nn.Parameter(torch.ones(8))
    graph = trace(net, torch.randn(2, 3))
    assert [(part.path, part.twin, part.groups) for part in graph.unreached] == [("spare", "", ()), ("scale", "", ())]
    assert "what it reads is not known" in str(graph.unreached[0])
    assert not any(group.warnings for group in graph.groups)
    assert len(graph.plan(0.5).channels["a"]) == 4


def test_rows_that_the_kernel_of_a_grouped_product_cannot_read_are_refused_and_round_to_gives_others() -> None:
    torch.manual_seed(0)
    model, x = grouped()
    graph = trace(randomised(model), x)
    with pytest.raises(ApplyError, match=r"does not run with the planned sizes.*16 bytes"):
        graph.plan({"gate_up": 0.3}).apply()
    pruned = graph.plan({"gate_up": 0.3, "down": 0.5}, round_to=4).apply()
    assert {name: len(kept) for name, kept in pruned.plan.channels.items()} == {"i": 8, "gate_up": 8, "down": 4}
    proven(pruned)
