"""Plans: what stays of which parameter, ratios and explicit channels, and that making one touches nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from explorer.engine.errors import ExplorerError, PlanError
from explorer.engine.graph import DependencyGraph, trace
from tests.engine import patterns
from tests.engine.patterns import traced


def sizes(graph: DependencyGraph, **options: Any) -> dict[str, int]:
    return {name: len(kept) for name, kept in graph.plan(**options).channels.items()}


def test_one_ratio_is_for_every_group_but_heads_and_conv_groups() -> None:
    assert sizes(traced(patterns.attention()), ratios=0.5) == {"embed": 4, "attend:heads": 2, "attend:head_dim": 2}
    assert sizes(traced(patterns.grouped()), ratios=0.5) == {"a": 1, "a:conv_groups": 4, "d": 2}


def test_heads_and_conv_groups_go_where_they_are_named() -> None:
    assert sizes(traced(patterns.attention()), ratios={"attend:heads": 0.5})["attend:heads"] == 1
    assert sizes(traced(patterns.grouped()), ratios={"a:conv_groups": 0.5}) == {"a": 2, "a:conv_groups": 2, "d": 3}


def test_groups_that_are_not_named_stay_whole() -> None:
    assert sizes(traced(patterns.concatenation()), ratios={"b": 0.5}) == {"a": 4, "b": 3}
    assert traced(patterns.concatenation()).plan().is_identity


def test_tied_groups_move_together() -> None:
    graph = traced(patterns.chunked())
    assert sizes(graph, ratios={"a[0:4]": 0.5}) == {"a[0:4]": 2, "a[4:8]": 2}
    assert sizes(graph, keep={"a[4:8]": [3]}) == {"a[0:4]": 1, "a[4:8]": 1}
    assert sizes(graph, ratios={"a[0:4]": 0.5, "a[4:8]": 0.5}) == {"a[0:4]": 2, "a[4:8]": 2}


def test_keeping_unequal_parts_of_an_even_split_is_refused() -> None:
    with pytest.raises(PlanError, match=r"No kept counts hold the ties between a\[0:4\], a\[4:8\]"):
        traced(patterns.chunked()).plan(keep={"a[0:4]": [0], "a[4:8]": [0, 1]})


def test_explicit_channels_win_over_ratios() -> None:
    plan = traced(patterns.concatenation()).plan(0.5, keep={"b": [5, 0]})
    assert plan.channels["b"] == (0, 5)
    assert len(plan.channels["a"]) == 2


def test_the_most_important_channels_stay() -> None:
    graph = traced(patterns.concatenation())
    with torch.no_grad():
        for parameter in graph.model.parameters():
            parameter.zero_()
        graph.model.get_parameter("a.bias").copy_(torch.tensor([1.0, 4.0, 2.0, 3.0]))
    assert graph.plan({"a": 0.5}).channels["a"] == (1, 3)


def test_kept_names_indices_of_every_member() -> None:
    plan = traced(patterns.concatenation()).plan(keep={"a": [1, 3], "b": [0, 2, 4]})
    assert plan.kept == {
        ("a.weight", 0): (1, 3),
        ("a.bias", 0): (1, 3),
        ("b.weight", 0): (0, 2, 4),
        ("b.bias", 0): (0, 2, 4),
        ("out.weight", 1): (1, 3, 4, 6, 8),
    }


def test_kept_holds_flat_product_dimensions() -> None:
    plan = traced(patterns.attention()).plan(keep={"attend:heads": [1], "attend:head_dim": [0, 2]})
    # Query, key and value are rows 0-7, 8-15 and 16-23; head 1 is the upper four of each.
    assert plan.kept["attend.in_proj_weight", 0] == (4, 6, 12, 14, 20, 22)
    assert plan.kept["attend.in_proj_bias", 0] == (4, 6, 12, 14, 20, 22)
    assert plan.kept["attend.out_proj.weight", 1] == (4, 6)
    assert plan.kept["attend.in_proj_weight", 1] == tuple(range(8))
    assert plan.shape("attend.in_proj_weight") == (6, 8)


def test_kept_spreads_a_channel_over_its_flattened_features() -> None:
    plan = traced(patterns.flattened()).plan(keep={"a": [2]})
    assert plan.kept["out.weight", 1] == tuple(range(18, 27))
    assert plan.shape("out.weight") == (2, 9)


def test_kept_holds_buffers_and_leaves_frozen_dimensions_out() -> None:
    plan = traced(patterns.basic()).plan(keep={"a": [0, 3]})
    assert plan.kept["bn.running_var", 0] == (0, 3)
    assert ("b.weight", 0) not in plan.kept
    assert plan.shape("bn.num_batches_tracked") == ()
    assert plan.shape("b.weight") == (2, 2, 1, 1)


def test_rounding_and_minimum_apply_to_every_pruned_group() -> None:
    graph = traced(patterns.concatenation())
    assert sizes(graph, ratios=0.9, round_to=2) == {"a": 2, "b": 2}
    assert sizes(graph, ratios=0.9, minimum=3) == {"a": 3, "b": 3}
    assert sizes(graph, ratios=0.1, round_to=4) == {"a": 4, "b": 6}
    assert sizes(graph, ratios={"a": 0.9}, round_to=4) == {"a": 4, "b": 6}


def test_a_ratio_of_zero_changes_nothing() -> None:
    plan = traced(patterns.residual()).plan(0)
    assert plan.is_identity
    assert plan.cost.before == plan.cost.after


def test_a_model_without_groups_has_a_plan_that_does_nothing() -> None:
    plan = traced(patterns.lone()).plan(0.5)
    assert (plan.channels, plan.kept, plan.is_identity) == ({}, {}, True)
    assert plan.cost.before == plan.cost.after


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratios": 1.0}, "pruning ratio for all groups is 1.0"),
        ({"ratios": -0.5}, "pruning ratio for all groups is -0.5"),
        ({"ratios": {"stem": 2}}, "pruning ratio for group stem is 2"),
        ({"ratios": {"stm": 0.5}}, r"no group 'stm' in this model. Did you mean stem\?"),
        ({"keep": {"stems": [0]}}, r"no group 'stems' in this model. Did you mean stem\?"),
        ({"keep": {"stem": []}}, "keeps no channel of group stem"),
        ({"keep": {"stem": [4]}}, "channel 4 of group stem, which has channels 0 to 3"),
        ({"ratios": 0.5, "round_to": 0}, "round_to is 0. It must be a whole number of at least 1"),
        ({"ratios": 0.5, "round_to": 2.5}, "round_to is 2.5"),
        ({"ratios": 0.5, "minimum": -1}, "minimum is -1"),
        ({"ratios": 0.5, "importance": "magnitude"}, "importance 'magnitude' is not known"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], message: str) -> None:
    graph = traced(patterns.residual())
    with pytest.raises(PlanError, match=message):
        graph.plan(**options)


def test_a_plan_error_is_an_explorer_error() -> None:
    with pytest.raises(ExplorerError):
        traced(patterns.residual()).plan(1.5)


def test_planning_runs_nothing_and_changes_nothing() -> None:
    graph = traced(patterns.residual())
    before = {name: tensor.clone() for name, tensor in graph.model.state_dict().items()}
    ran: list[nn.Module] = []
    for module in graph.model.modules():
        module.register_forward_pre_hook(lambda found, _: ran.append(found))
    plan = graph.plan(0.5, importance="l1")
    assert plan.cost.after.macs < plan.cost.before.macs
    assert len(plan.kept) == 10
    assert ran == []
    after = graph.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_plan_tells_what_was_asked() -> None:
    plan = traced(patterns.chunked()).plan({"a[0:4]": 0.5}, importance="l1")
    assert plan.ratios == {"a[0:4]": 0.5, "a[4:8]": 0.5}
    assert plan.importance == "l1"
    assert set(plan.scores) == {"a[0:4]", "a[4:8]"}


def test_a_part_of_a_layer_leaves_its_other_part_whole() -> None:
    def forward(s: Any, x: torch.Tensor) -> torch.Tensor:
        h = s.a(x)
        return s.p(h[:, :3]) + s.q(h[:, 3:])

    net = patterns.Net(forward, a=nn.Linear(3, 8), p=nn.Linear(3, 2), q=nn.Linear(5, 2))
    graph = trace(net, torch.randn(2, 3))
    assert graph.ties == ()
    plan = graph.plan(keep={"a[3:8]": [0, 4]})
    assert plan.kept["a.weight", 0] == (0, 1, 2, 3, 7)
    assert plan.kept["q.weight", 1] == (0, 4)
    assert plan.kept["p.weight", 1] == (0, 1, 2)
