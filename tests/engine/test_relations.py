from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from tests.engine.nets import Run, proven


class Attention(nn.Module):
    """Attention that computes the size of a head from the width of its input, as window attention does."""

    def __init__(self, width: int = 48, num_heads: int = 4) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.embed = nn.Linear(10, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.num_heads, width // self.num_heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*qkv).transpose(1, 2).reshape(batch, length, width)
        return self.head((x + self.project(mixed)).mean(1))


@pytest.fixture
def graph() -> DependencyGraph:
    torch.manual_seed(0)
    return trace(Attention(), torch.randn(2, 6, 10))


def kept(graph: DependencyGraph, **options: object) -> dict[str, int]:
    plan = graph.plan(**options)  # type: ignore[arg-type]
    return {name: len(channels) for name, channels in plan.channels.items()}


def test_a_width_that_is_divided_by_heads_is_a_size_tie(graph: DependencyGraph) -> None:
    (tie,) = graph.ties
    assert tie.kind == "size"
    assert set(tie.groups) == {"embed", "qkv:heads", "qkv:head_dim"}
    assert dict(zip(tie.groups, tie.weights, strict=True))["embed"] == 1
    assert [(weight, set(names)) for weight, names in tie.products] == [(-1, {"qkv:heads", "qkv:head_dim"})]
    assert "size of dim 2 // model.num_heads" in tie.reason
    assert set(graph.group("embed").ties) == {"qkv:heads", "qkv:head_dim"}


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.45, 0.5, 0.8])
def test_any_ratio_keeps_width_and_heads_in_step_and_is_proven(graph: DependencyGraph, ratio: float) -> None:
    plan = graph.plan(ratio)
    counts = {name: len(channels) for name, channels in plan.channels.items()}
    assert counts["qkv:heads"] == 4
    assert counts["embed"] == 4 * counts["qkv:head_dim"]
    pruned = plan.apply()
    assert pruned.way == "live"
    assert pruned.verify().ok, str(pruned.verify())


def test_pruned_heads_take_the_width_along_and_the_attribute_is_repaired(graph: DependencyGraph) -> None:
    plan = graph.plan({"qkv:heads": 0.5})
    counts = {name: len(channels) for name, channels in plan.channels.items()}
    assert counts == {"embed": 24, "qkv:heads": 2, "qkv:head_dim": 12}
    pruned = plan.apply()
    assert ["model.num_heads: 4 -> 2" in str(repair) for repair in pruned.repairs] == [True]
    assert pruned.verify().ok


def test_what_was_named_stays_as_asked_and_the_others_follow(graph: DependencyGraph) -> None:
    assert kept(graph, ratios={"qkv:head_dim": 0.25}) == {"embed": 36, "qkv:heads": 4, "qkv:head_dim": 9}
    assert kept(graph, ratios={"embed": 0.5}) == {"embed": 24, "qkv:heads": 4, "qkv:head_dim": 6}
    assert kept(graph, keep={"embed": range(12)}) == {"embed": 12, "qkv:heads": 4, "qkv:head_dim": 3}


def test_chosen_channels_that_no_count_can_follow_are_refused(graph: DependencyGraph) -> None:
    with pytest.raises(PlanError, match="computes a size as"):
        graph.plan(keep={"embed": range(13)})


def test_one_attribute_in_two_places_ties_what_it_measures() -> None:
    class Square(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.side = 8
            self.a, self.b, self.c = nn.Linear(6, 64), nn.Linear(6, 8), nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            grid = self.a(x).view(x.shape[0], self.side, self.side)
            return self.c((grid * self.b(x)[:, None, :]).reshape(x.shape[0], self.side * self.side))

    torch.manual_seed(0)
    graph = trace(Square(), torch.randn(4, 6))
    assert [tie.kind for tie in graph.ties] == ["size"]
    plan = graph.plan(0.5)
    assert len({len(channels) for channels in plan.channels.values()}) == 1
    assert set(kept(graph, ratios={graph.groups[0].name: 0.5}).values()) == {4}
    pruned = plan.apply()
    assert pruned.way == "live"
    assert pruned.verify().ok


def test_sizes_that_follow_by_themselves_are_no_ties() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv2d(3, 8, 3), nn.Linear(8 * 36, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            batch, channels, height, width = x.shape
            return self.out(x.view(batch, channels * height * width))

    graph = trace(Plain(), torch.randn(2, 3, 8, 8))
    assert graph.ties == ()
    assert graph.plan(0.5).apply().way == "live"


def test_a_number_in_the_code_that_fixes_a_count_says_so_and_gives_way_to_a_plan_that_names_the_group() -> None:
    """Rows of the batch times two: the parts of a channel, which nothing ties to another group."""

    def forward(s: Any, x: Tensor) -> Tensor:
        return s.b(s.a(x).view(x.shape[0] * 2, -1).tanh().view(x.shape[0], -1))

    torch.manual_seed(0)
    graph = trace(Run(forward, a=nn.Linear(3, 8), b=nn.Linear(8, 2)).eval(), torch.randn(2, 3))
    (tie,) = graph.ties
    assert tie.groups == ("a",)
    assert "computes a size as (size of dim 0 * 2)" in tie.reason
    assert tie.reason.endswith("a number that these channels do not change, so they all stay unless a plan names them")
    assert kept(graph, ratios=0.5) == {"a": 2, "a#2": 2}
    pruned = graph.plan({"a": 0.5}).apply()
    assert pruned.plan.broken_ties == (tie,)
    assert pruned.way == "program"
    assert pruned.reason.startswith(f"The plan breaks a tie of a: {tie.reason}.")
    proven(pruned)
    assert kept(graph, ratios=0.5, break_ties=True) == {"a": 1, "a#2": 2}
