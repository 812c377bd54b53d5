"""Groups, their kinds, members and ties, and what is frozen: hand-derived for one net per coupling."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.graph import trace
from tests.engine import patterns
from tests.engine.patterns import Net, all_touched, touched, traced


def test_basic_pattern_couples_producer_batch_norm_and_consumer() -> None:
    assert all_touched(traced(patterns.basic())) == {
        "a": {
            ("a.weight", 0): 4,
            ("a.bias", 0): 4,
            ("bn.weight", 0): 4,
            ("bn.bias", 0): 4,
            ("bn.running_mean", 0): 4,
            ("bn.running_var", 0): 4,
            ("b.weight", 1): 4,
        }
    }


def test_addition_couples_both_producers_and_every_consumer() -> None:
    assert all_touched(traced(patterns.residual())) == {
        "stem": {
            ("stem.weight", 0): 4,
            ("stem.bias", 0): 4,
            ("a.weight", 0): 4,
            ("a.weight", 1): 4,
            ("a.bias", 0): 4,
            ("bn.weight", 0): 4,
            ("bn.bias", 0): 4,
            ("bn.running_mean", 0): 4,
            ("bn.running_var", 0): 4,
            ("head.weight", 1): 4,
        }
    }


def test_concatenation_keeps_two_groups_with_disjoint_stretches_of_the_consumer() -> None:
    graph = traced(patterns.concatenation())
    assert all_touched(graph) == {
        "a": {("a.weight", 0): 4, ("a.bias", 0): 4, ("out.weight", 1): 4},
        "b": {("b.weight", 0): 6, ("b.bias", 0): 6, ("out.weight", 1): 6},
    }
    assert graph.group("a").members[-1].indices == ((0,), (1,), (2,), (3,))
    assert graph.group("b").members[-1].indices == ((4,), (5,), (6,), (7,), (8,), (9,))


def test_reduction_over_space_leaves_the_channels_coupled() -> None:
    assert all_touched(traced(patterns.reduction())) == {
        "a": {("a.weight", 0): 4, ("a.bias", 0): 4, ("out.weight", 1): 4}
    }


def test_depthwise_convolution_passes_its_channels_through() -> None:
    graph = traced(patterns.depthwise())
    assert all_touched(graph) == {
        "a": {
            ("a.weight", 0): 4,
            ("a.bias", 0): 4,
            ("d.weight", 0): 4,
            ("d.bias", 0): 4,
            ("out.weight", 1): 4,
        }
    }
    assert graph.group("a").kind == "channels"


def test_grouped_convolution_gives_conv_groups_and_channels_within_them() -> None:
    graph = traced(patterns.grouped())
    assert {group.name: (group.kind, group.size) for group in graph.groups} == {
        "a": ("channels", 2),
        "a:conv_groups": ("conv_groups", 4),
        "d": ("channels", 3),
    }
    assert touched(graph.group("a")) == {("a.weight", 0): 8, ("a.bias", 0): 8, ("d.weight", 1): 2}
    assert touched(graph.group("d")) == {("d.weight", 0): 12, ("d.bias", 0): 12, ("out.weight", 1): 12}


def test_indices_of_a_member_are_listed_channel_by_channel() -> None:
    graph = traced(patterns.grouped())
    # Flat index of a is 2 g + c: channel c of every group g, and conv group g whole.
    assert graph.group("a").members[0].indices == ((0, 2, 4, 6), (1, 3, 5, 7))
    assert graph.group("a:conv_groups").members[0].indices == ((0, 1), (2, 3), (4, 5), (6, 7))
    member = graph.group("a").members[0]
    assert (member.parameter, member.dim, member.module, member.size) == ("a.weight", 0, "a", 8)


def test_attention_has_heads_head_dim_and_a_residual_stream() -> None:
    graph = traced(patterns.attention())
    assert {group.name: (group.kind, group.size) for group in graph.groups} == {
        "embed": ("channels", 8),
        "attend:heads": ("heads", 2),
        "attend:head_dim": ("head_dim", 4),
    }
    inner = {
        ("attend.in_proj_weight", 0): 24,
        ("attend.in_proj_bias", 0): 24,
        ("attend.out_proj.weight", 1): 8,
    }
    assert touched(graph.group("attend:heads")) == inner
    assert touched(graph.group("attend:head_dim")) == inner
    assert touched(graph.group("embed")) == {
        ("embed.weight", 0): 8,
        ("embed.bias", 0): 8,
        ("attend.in_proj_weight", 1): 8,
        ("attend.out_proj.weight", 0): 8,
        ("attend.out_proj.bias", 0): 8,
        ("out.weight", 1): 8,
    }


def test_heads_take_blocks_of_query_key_and_value_and_head_dims_take_strides() -> None:
    graph = traced(patterns.attention())
    assert graph.group("attend:heads").members[0].indices == (
        (0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19),
        (4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23),
    )
    assert graph.group("attend:head_dim").members[0].indices[1] == (1, 5, 9, 13, 17, 21)
    assert graph.group("attend:heads").members[-1].indices == ((0, 1, 2, 3), (4, 5, 6, 7))


def test_flatten_gives_each_channel_its_features() -> None:
    graph = traced(patterns.flattened())
    assert all_touched(graph) == {"a": {("a.weight", 0): 4, ("a.bias", 0): 4, ("out.weight", 1): 36}}
    features = graph.group("a").members[-1].indices
    assert features[0] == tuple(range(9))
    assert features[3] == tuple(range(27, 36))


def test_halves_that_part_are_two_groups_with_an_equal_count_tie() -> None:
    graph = traced(patterns.chunked())
    assert all_touched(graph) == {
        "a[0:4]": {("a.weight", 0): 4, ("a.bias", 0): 4, ("p.weight", 1): 4},
        "a[4:8]": {("a.weight", 0): 4, ("a.bias", 0): 4, ("q.weight", 1): 4},
    }
    assert graph.group("a[0:4]").ties == ("a[4:8]",)
    assert graph.group("a[4:8]").ties == ("a[0:4]",)
    (tie,) = graph.ties
    assert (tie.kind, set(tie.groups), tie.constant) == ("equal_count", {"a[0:4]", "a[4:8]"}, 0)
    assert sorted(tie.weights) == [-1, 1]
    assert tie.source is not None
    assert tie.source.file == patterns.__file__
    assert "splits these channels evenly" in tie.reason


def test_halves_that_meet_again_are_one_group_without_a_tie() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        left, right = s.a(x).chunk(2, 1)
        return s.out(left * right)

    graph = trace(Net(forward, a=nn.Linear(3, 8), out=nn.Linear(4, 2)), torch.randn(2, 3))
    assert all_touched(graph) == {"a": {("a.weight", 0): 8, ("a.bias", 0): 8, ("out.weight", 1): 4}}
    assert graph.group("a").members[0].indices == ((0, 4), (1, 5), (2, 6), (3, 7))
    assert graph.ties == ()


def test_interleaved_halves_are_parts_that_hold_each_other_in_balance() -> None:
    graph = traced(patterns.shuffled())
    assert {group.name: group.size for group in graph.groups} == {"a[0:4]": 4, "a[4:8]": 4, "a[8:16]": 8}
    relations = {frozenset(zip(tie.groups, tie.weights, strict=True)) for tie in graph.ties}
    # The first chunk: both quarters against the right half. The second: quarter against quarter, each counted twice.
    assert relations == {
        frozenset({("a[0:4]", 1), ("a[4:8]", 1), ("a[8:16]", -1)}),
        frozenset({("a[0:4]", 2), ("a[4:8]", -2)}),
    }


def test_tied_weights_are_one_member_under_their_first_name() -> None:
    graph = traced(patterns.tied())
    assert all_touched(graph) == {
        "embed": {("embed.weight", 1): 6, ("inner.weight", 0): 6, ("inner.weight", 1): 6, ("inner.bias", 0): 6}
    }


def test_a_layer_that_reads_what_it_made_couples_its_two_sides() -> None:
    assert all_touched(traced(patterns.twice())) == {
        "embed": {
            ("embed.weight", 0): 8,
            ("embed.bias", 0): 8,
            ("a.weight", 0): 8,
            ("a.weight", 1): 8,
            ("a.bias", 0): 8,
            ("out.weight", 1): 8,
        }
    }


def test_a_layer_called_in_two_places_joins_what_goes_in() -> None:
    net = Net(
        lambda s, x: s.out(torch.cat([s.shared(s.a(x)), s.shared(s.b(x))], 1)),
        a=nn.Linear(3, 4),
        b=nn.Linear(3, 4),
        shared=nn.Linear(4, 5),
        out=nn.Linear(10, 2),
    )
    groups = all_touched(trace(net, torch.randn(2, 3)))
    assert groups == {
        "a": {
            ("a.weight", 0): 4,
            ("a.bias", 0): 4,
            ("shared.weight", 1): 4,
            ("b.weight", 0): 4,
            ("b.bias", 0): 4,
        },
        "shared": {("shared.weight", 0): 5, ("shared.bias", 0): 5, ("out.weight", 1): 10},
    }


def test_writes_in_place_couple_like_their_pure_twins() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.a(x)
        h.relu_()
        h += s.b(x)
        return s.out(h)

    net = Net(forward, a=nn.Linear(3, 8), b=nn.Linear(3, 8), out=nn.Linear(8, 2))
    assert set(all_touched(trace(net, torch.randn(2, 3)))["a"]) == {
        ("a.weight", 0),
        ("a.bias", 0),
        ("b.weight", 0),
        ("b.bias", 0),
        ("out.weight", 1),
    }


def test_group_norm_channels_are_a_product_of_groups_and_channels_within() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8), nn.Conv2d(8, 2, 1))
    graph = trace(net, torch.randn(1, 3, 2, 2))
    assert sorted(group.size for group in graph.groups) == [2, 4]
    assert [len(group.members) for group in graph.groups] == [5, 5]


@pytest.mark.parametrize(
    ("parameter", "dim", "reason"),
    [
        ("a.weight", 1, "meets a dimension of the model's input"),
        ("a.weight", 2, "kernel extent"),
        ("a.weight", 3, "kernel extent"),
        ("b.weight", 0, "model output"),
        ("b.bias", 0, "model output"),
        ("b.weight", 2, "a single index"),
    ],
)
def test_frozen_dimensions_say_why(parameter: str, dim: int, reason: str) -> None:
    (found,) = [f for f in traced(patterns.basic()).frozen if (f.parameter, f.dim) == (parameter, dim)]
    assert reason in found.reason
    assert found.indices == tuple(range(found.size))


def test_vocabulary_is_frozen() -> None:
    (found,) = [f for f in traced(patterns.tied()).frozen if (f.parameter, f.dim) == ("embed.weight", 0)]
    assert "vocabulary" in found.reason


def test_an_op_without_a_rule_freezes_what_it_touches_and_is_listed() -> None:
    net = Net(lambda s, x: s.out(torch.renorm(s.a(x), 2, 0, 1.0)), a=nn.Linear(4, 4), out=nn.Linear(4, 2))
    graph = trace(net, torch.randn(4, 4))
    assert graph.groups == ()
    assert [unsupported.op for unsupported in graph.unsupported_ops()] == ["aten.renorm.default"]
    reasons = {(f.parameter, f.dim): f.reason for f in graph.frozen}
    assert "no rule for aten.renorm" in reasons["a.weight", 0]


def test_an_index_that_the_code_picks_is_frozen_and_the_others_are_not() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.a(x)
        return s.out(h) * h[:, 3:4]

    graph = trace(Net(forward, a=nn.Linear(3, 6), out=nn.Linear(6, 2)), torch.randn(2, 3))
    assert graph.group("a").members[0].indices == ((0,), (1,), (2,), (4,), (5,))
    (found,) = [f for f in graph.frozen if (f.parameter, f.dim) == ("a.weight", 0)]
    assert found.indices == (3,)
    assert "picks this index" in found.reason


def test_every_index_of_every_parameter_is_in_a_group_or_frozen_and_never_both() -> None:
    for build in patterns.PATTERNS:
        graph = traced(build())
        grouped: dict[tuple[str, int], set[int]] = {}
        for group in graph.groups:
            for member in group.members:
                grouped.setdefault((member.parameter, member.dim), set()).update(member.positions.tolist())
        stuck: dict[tuple[str, int], set[int]] = {}
        for frozen in graph.frozen:
            stuck.setdefault((frozen.parameter, frozen.dim), set()).update(frozen.indices)
        for name, parameter in graph.model.named_parameters():
            for dim, size in enumerate(parameter.shape):
                live, still = grouped.get((name, dim), set()), stuck.get((name, dim), set())
                assert live | still == set(range(size)), (build.__name__, name, dim)
                assert not live & still, (build.__name__, name, dim)


def test_nothing_to_prune_gives_no_groups_and_every_reason() -> None:
    graph = traced(patterns.lone())
    assert graph.groups == ()
    assert {(f.parameter, f.dim) for f in graph.frozen} == {("a.weight", 0), ("a.weight", 1), ("a.bias", 0)}


def test_a_model_without_parameters_has_no_groups_and_nothing_frozen() -> None:
    graph = trace(Net(lambda s, x: x * 2), torch.randn(2, 3))
    assert (graph.groups, graph.frozen, graph.ties, graph.not_reached) == ((), (), (), ())
