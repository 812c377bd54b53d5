"""Ties broken on purpose: counts part where the ratios say so, the recorded calls are replayed, and that is proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import SwinTransformer

from explorer.engine.errors import ApplyError, PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.save import rebuild, save
from tests.engine.nets import Run, proven, randomised
from tests.patterns.pattern import check_other_batch, check_training_step
from tests.patterns.test_indexing import apart, c2f, c2f_residual, thirds

Built = tuple[nn.Module, Any]


def split_heads(s: Any, x: Tensor) -> Tensor:
    """Self-attention in which the size of a head is computed from the width of the stream."""
    b, n, c = x.shape
    q, k, v = s.qkv(x).view(b, n, 3, s.heads, c // s.heads).permute(2, 0, 3, 1, 4)
    scores = (q * (c // s.heads) ** -0.5) @ k.mT
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c)


def stream() -> Built:
    """A residual stream whose width is the number of heads times their size."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.embed(x)
        return s.out(x + s.proj(split_heads(s, s.norm(x))))

    layers = {"qkv": nn.Linear(12, 36), "proj": nn.Linear(12, 12), "norm": nn.LayerNorm(12)}
    return Run(forward, heads=3, embed=nn.Linear(4, 12), out=nn.Linear(12, 2), **layers), torch.randn(2, 5, 4)


def swin() -> Built:
    """Swin with two stages of one block each."""
    return SwinTransformer([4, 4], 16, [1, 1], [2, 4], [4, 4], num_classes=5), torch.randn(2, 3, 32, 32)


def gated() -> Built:
    """Halves of a split that gate each other's convolution."""

    def forward(s: Any, x: Tensor) -> Tensor:
        left, right = s.a(x).split(8, 1)
        return s.p(left * s.m(right).sigmoid())

    layers = {"a": nn.Conv2d(3, 16, 1), "m": nn.Conv2d(8, 8, 1), "p": nn.Conv2d(8, 2, 1)}
    return Run(forward, **layers), torch.randn(2, 3, 4, 4)


@dataclass(frozen=True)
class Broken:
    """A net, ratios that its ties do not allow, and the counts that they ask for."""

    name: str
    build: Callable[[], Built]
    ratios: Mapping[str, float]
    counts: Mapping[str, int]
    ties: int = 1


LEFT, RIGHT = "a[0:8]", "a[8:16]"
BLOCK = "features.1.0.attn"
CASES = (
    Broken("chunk", lambda: apart(lambda s, x: x.chunk(2, 1)), {LEFT: 0.5}, {LEFT: 4, RIGHT: 8}),
    Broken("chunk, both", lambda: apart(lambda s, x: x.chunk(2, 1)), {LEFT: 0.25, RIGHT: 0.75}, {LEFT: 6, RIGHT: 2}),
    Broken("tensor_split", lambda: apart(lambda s, x: x.tensor_split(2, 1)), {RIGHT: 0.5}, {LEFT: 8, RIGHT: 4}),
    Broken("split by a literal", gated, {LEFT: 0.5}, {LEFT: 4, RIGHT: 8}),
    Broken("thirds", lambda: thirds(lambda x: x.chunk(3, 1), (6, 6, 4)), {"a[0:6]": 0.5}, {"a[0:6]": 3, "a[6:12]": 6}),
    Broken("C2f", c2f, {LEFT: 0.5, "m": 0.25}, {LEFT: 4, RIGHT: 8, "m": 6}),
    Broken("C2f with a shortcut", c2f_residual, {LEFT: 0.5}, {LEFT: 4, RIGHT: 8}),
    Broken("stream apart from its heads", stream, {"embed": 0.5}, {"embed": 6, "qkv:heads": 3, "qkv:head_dim": 4}),
    Broken("size of heads", stream, {"qkv:head_dim": 0.5}, {"embed": 12, "qkv:heads": 3, "qkv:head_dim": 2}),
    Broken("heads", stream, {"qkv:heads": 0.34}, {"embed": 12, "qkv:heads": 2, "qkv:head_dim": 4}),
    Broken(
        "stream, heads and their size",
        stream,
        {"embed": 0.25, "qkv:heads": 0.34, "qkv:head_dim": 0.25},
        {"embed": 9, "qkv:heads": 2, "qkv:head_dim": 3},
    ),
    Broken(
        "Swin's first stage apart from its heads",
        swin,
        {"features.0.0": 0.25},
        {"features.0.0": 12, f"{BLOCK}:heads": 2, f"{BLOCK}.qkv:head_dim": 8, "features.2.reduction": 32},
    ),
    Broken(
        "both stages of Swin",
        swin,
        {f"{BLOCK}.qkv:head_dim": 0.5, "features.2.reduction": 0.25},
        {"features.0.0": 16, f"{BLOCK}.qkv:head_dim": 4, "features.2.reduction": 24},
        ties=2,
    ),
)


def graph_of(build: Callable[[], Built]) -> DependencyGraph:
    torch.manual_seed(11)
    model, inputs = build()
    return trace(randomised(model), inputs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_counts_part_and_the_result_is_proven(case: Broken) -> None:
    graph = graph_of(case.build)
    plan = graph.plan(case.ratios, break_ties=True)
    counts = {name: len(kept) for name, kept in plan.channels.items()}
    assert counts == {group.name: group.size for group in graph.groups} | counts | dict(case.counts)
    assert len(plan.broken_ties) == case.ties
    assert plan.expected_way.way == "program"
    pruned = plan.apply()
    assert pruned.way == "program"
    assert pruned.reason == plan.expected_way.reason
    assert pruned.reason.startswith("The plan breaks a tie of ")
    assert all(tie.reason in pruned.reason for tie in plan.broken_ties)
    assert proven(pruned).error < 1e-6
    check_other_batch(pruned)
    check_training_step(pruned)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_asking_ties_are_kept(case: Broken) -> None:
    """Tied counts move along; where all of them were asked for by name they settle between."""
    plan = graph_of(case.build).plan(case.ratios)
    assert plan.broken_ties == ()
    assert {name: len(plan.channels[name]) for name in case.counts} != dict(case.counts)


def test_only_the_ties_of_the_groups_named_are_broken() -> None:
    graph = graph_of(swin)
    plan = graph.plan({"features.0.0": 0.25, "features.2.reduction": 0.5}, break_ties=["features.0.0"])
    counts = {name: len(kept) for name, kept in plan.channels.items()}
    assert counts["features.0.0"] == 12
    assert counts["features.1.0.attn.qkv:head_dim"] == 8
    assert counts["features.3.0.attn:heads"] * counts["features.3.0.attn.qkv:head_dim"] == 16
    assert counts["features.2.reduction"] == 16
    (broken,) = plan.broken_ties
    assert broken.groups[0] == "features.0.0"
    assert graph.plan({"features.0.0": 0.25}, break_ties="features.0.0").broken_ties == (broken,)


def test_explicit_channels_break_a_tie_only_where_that_was_asked_for() -> None:
    graph = graph_of(c2f)
    keep = {LEFT: [0, 1, 2], RIGHT: [4]}
    with pytest.raises(PlanError, match=r"No kept counts hold the ties.*let the plan break ties \(break_ties\)"):
        graph.plan(keep=keep)
    pruned = graph.plan(keep=keep, break_ties=True).apply()
    assert pruned.plan.kept["a.weight", 0] == (0, 1, 2, 12)
    proven(pruned)


def test_nothing_is_broken_where_the_ratios_hold_the_ties() -> None:
    graph = graph_of(c2f)
    plan = graph.plan({LEFT: 0.5, RIGHT: 0.5}, break_ties=True)
    assert plan.broken_ties == ()
    assert plan.apply().way == "live"


def test_a_plan_that_breaks_a_tie_is_saved_and_recorded_again(tmp_path: Path) -> None:
    graph = graph_of(c2f)
    pruned = graph.plan({LEFT: 0.5}, break_ties=[LEFT]).apply()
    folder = save(pruned, tmp_path / "out")
    again = rebuild(folder, graph.model, graph.example_inputs)
    with torch.no_grad():
        torch.testing.assert_close(again(graph.example_inputs), pruned.model(graph.example_inputs), rtol=0, atol=0)


def test_a_tie_that_the_code_can_do_without_is_broken_live() -> None:
    """Pieces of 8 are what `split(8)` makes of 12 channels too: the last one is what is left."""
    pruned = graph_of(gated).plan({RIGHT: 0.5}, break_ties=True).apply()
    assert len(pruned.plan.broken_ties) == 1
    assert (pruned.way, pruned.reason) == ("live", "")
    assert proven(pruned).error < 1e-6


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(PlanError, match="no group 'b'"):
        graph_of(c2f).plan(0.5, break_ties=["b"])


class Negated(torch.autograd.Function):
    """A function with a backward of its own, which no replay keeps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return -x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


def test_a_tie_that_no_way_can_break_is_refused_with_the_tie_and_the_obstacle() -> None:
    graph = graph_of(lambda: apart(lambda s, x: Negated.apply(x).chunk(2, 1)))
    plan = graph.plan({LEFT: 0.5}, break_ties=True)
    assert plan.expected_way.way == "none"
    with pytest.raises(
        ApplyError, match=r"breaks a tie of .* splits these channels evenly.* part of Negated"
    ) as caught:
        plan.apply()
    assert str(caught.value) == plan.expected_way.reason


def test_a_default_scale_follows_the_size_of_the_heads_that_are_left() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.embed(x)
        b, n, c = x.shape
        q, k, v = s.qkv(x).view(b, n, 3, s.heads, c // s.heads).permute(2, 0, 3, 1, 4)
        return s.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))

    layers = {"qkv": nn.Linear(12, 36), "out": nn.Linear(12, 2)}
    graph = graph_of(lambda: (Run(forward, heads=3, embed=nn.Linear(4, 12), **layers), torch.randn(2, 5, 4)))
    pruned = graph.plan({"embed": 0.5, "qkv:head_dim": 0.25}, break_ties=True).apply()
    assert pruned.way == "program"
    assert proven(pruned).error < 1e-6
