"""Attributes of the user's code follow a plan, found by what the integers were computed from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.errors import ApplyError, PlanError
from explorer.engine.graph import DependencyGraph
from explorer.engine.provenance import Attribute
from explorer.engine.repair import find_repairs
from explorer.engine.shapes import PlannedShapes
from tests.engine.nets import (
    TOKENS,
    Attention,
    Run,
    Transformer,
    assert_refused,
    every_group,
    names,
    proven,
    sizes,
    traced,
)


def changed(graph: DependencyGraph, ratio: float = 0.5) -> dict[str, int]:
    """New values of all attributes that are not of torch.nn, after every group was pruned and proven."""
    pruned = every_group(graph, ratio)
    proven(pruned)
    return {f"{change.module}.{change.name}".lstrip("."): change.after for change in pruned.repairs}


def named(graph: DependencyGraph, kind: str) -> str:
    (name,) = (group.name for group in graph.groups if group.kind == kind)
    return name


def attending(attend: Callable[[Any, Tensor, Tensor, Tensor], Tensor], **attributes: Any) -> nn.Module:
    """Three projections of 16 channels to 24, mixed as `attend` says, then projected to 7."""

    def forward(self: Any, x: Tensor) -> Tensor:
        return self.head(self.out(attend(self, self.q(x), self.k(x), self.v(x))))

    layers = {name: nn.Linear(12, 24) for name in "qkv"} | {"out": nn.Linear(24, 16), "head": nn.Linear(16, 7)}
    return Run(forward, **layers, **attributes)


def mixed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """(B, L, heads, size) each to (B, L, heads, size)."""
    return F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v))).transpose(1, 2)


def test_heads_and_head_size_named_in_a_view() -> None:
    def attend(self: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        n, length, _ = q.shape
        return mixed(*(t.view(n, length, self.num_heads, self.head_dim) for t in (q, k, v))).flatten(2)

    graph = traced(attending(attend, num_heads=4, head_dim=6), *TOKENS)
    assert changed(graph) == {"num_heads": 2, "head_dim": 3}
    assert graph.model.num_heads == 4


def test_a_head_size_computed_from_a_size_read_off_a_tensor() -> None:
    def attend(self: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        n, length, _ = q.shape
        divided = (t.view(n, length, self.num_heads, t.shape[2] // self.num_heads) for t in (q, k, v))
        return mixed(*divided).flatten(2)

    graph = traced(attending(attend, num_heads=4), *TOKENS)
    assert changed(graph) == {"num_heads": 2}
    for group in graph.groups:
        if group.kind == "head_dim":
            pruned = graph.plan({group.name: 0.5}).apply()
            proven(pruned)
            assert pruned.repairs == ()


def test_a_quotient_keeps_the_original_value_where_that_fits() -> None:
    """33 // 2 and 32 // 2 are the same: nothing says that the attribute must become 32."""

    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = F.relu(self.a(x)).reshape(x.shape[0], self.channels, self.whole // 2)
        return self.b(hidden.mean(2))

    graph = traced(Run(forward, a=nn.Conv2d(3, 8, 1), b=nn.Linear(8, 5), channels=8, whole=33), 2, 3, 4, 4)
    assert changed(graph) == {"channels": 4}


@pytest.mark.parametrize(
    ("compute", "attributes", "expected"),
    [
        (lambda m: m.part + m.rest, {"part": 14, "rest": 10}, None),
        (lambda m: m.width - m.spare, {"width": 30, "spare": 6}, None),
        (lambda m: m.pairs * 2, {"pairs": 12}, {"pairs": 6}),
        (lambda m: m.double // 2, {"double": 48}, {"double": 24}),
        (lambda m: m.whole - 40, {"whole": 64}, {"whole": 52}),
        (lambda m: 40 - m.taken, {"taken": 16}, {"taken": 28}),
        (lambda m: (m.quarter + 1) * 3 - 3, {"quarter": 8}, {"quarter": 4}),
        (lambda m: 48 // m.share, {"share": 2}, {"share": 4}),
    ],
    ids=["sum of two", "difference of two", "product", "quotient", "minuend", "subtrahend", "nested", "divisor"],
)
def test_arithmetic_is_inverted_where_one_attribute_is_unknown(
    compute: Callable[[Any], int], attributes: dict[str, int], expected: dict[str, int] | None
) -> None:
    """A width of 24 becomes 12; where two attributes could follow, nothing is guessed."""

    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = F.relu(self.a(x))
        return self.b(hidden.reshape(x.shape[0], compute(self)))

    graph = traced(Run(forward, a=nn.Linear(12, 24), b=nn.Linear(24, 5), **attributes), 4, 12)
    if expected is None:
        assert_refused(graph.plan(dict.fromkeys(names(graph), 0.5)), "which gives 24, where 12 is needed")
    else:
        assert changed(graph) == expected


def test_two_attributes_of_a_sum_are_found_when_other_calls_tell_one() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        joined = torch.cat([F.relu(self.a(x)), torch.tanh(self.c(x))], 1)
        first, second = joined.split([self.part, self.rest], 1)
        return self.b(torch.cat([second, first], 1).reshape(x.shape[0], self.part + self.rest))

    layers = {"a": nn.Linear(12, 14), "c": nn.Linear(12, 10), "b": nn.Linear(24, 5)}
    graph = traced(Run(forward, **layers, part=14, rest=10), 4, 12)
    pruned = graph.plan({"a": 0.5, "c": 0.2}).apply()
    proven(pruned)
    assert sizes(pruned.model, "part", "rest") == [7, 8]


def test_entries_of_a_tuple_and_of_a_list_change_alone_and_keep_their_type() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = F.relu(self.a(x)).view(x.shape[0], *self.shape)
        return self.b(hidden.transpose(1, 2)).reshape(-1, self.flat[0])

    layers = {"a": nn.Linear(12, 6 * 4), "b": nn.Linear(6, 5)}
    for kind in (tuple, list):
        graph = traced(Run(forward, **layers, shape=kind((6, 4)), flat=kind((5, 9))), 4, 12)
        pruned = every_group(graph)
        proven(pruned)
        six, four = pruned.model.shape
        assert type(pruned.model.shape) is kind
        assert (six, four) == (pruned.model.b.in_features, pruned.model.a.out_features // six)
        assert pruned.model.flat == kind((5, 9))


def test_an_unflatten_module_and_a_layer_norm_without_parameters() -> None:
    layers = [nn.Linear(12, 24), nn.LayerNorm(24, elementwise_affine=False), nn.GELU(), nn.Unflatten(1, (4, 6))]
    graph = traced(nn.Sequential(*layers, nn.Linear(6, 8), nn.Flatten(), nn.Linear(32, 5)), 4, 12)
    pruned = every_group(graph)
    proven(pruned)
    model = pruned.model
    assert model[1].normalized_shape == (model[0].out_features,)
    assert model[3].unflattened_size == (model[0].out_features // 3, 3)
    assert model[4].in_features == 3


def test_slices_up_to_and_from_an_attribute() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.b(F.relu(x[:, : self.k])) + self.c(torch.tanh(x[:, self.k :]))

    layers = {"a": nn.Linear(12, 16), "b": nn.Linear(6, 5), "c": nn.Linear(10, 5)}
    graph = traced(Run(forward, **layers, k=6), 4, 12)
    assert len(graph.groups) == 2
    for ratios, expected in (((0.5, 0.0), 3), ((0.0, 0.5), 6), ((0.34, 0.5), 4)):
        pruned = graph.plan(dict(zip(names(graph), ratios, strict=True))).apply()
        proven(pruned)
        assert pruned.model.k == expected


def test_slices_counted_from_the_end() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.b(F.relu(x[:, : -self.k])) + self.c(torch.tanh(x[:, -self.k :]))

    layers = {"a": nn.Linear(12, 16), "b": nn.Linear(10, 5), "c": nn.Linear(6, 5)}
    assert changed(traced(Run(forward, **layers, k=6), 4, 12)) == {"k": 3}


def test_a_bound_at_or_behind_the_end_needs_no_repair() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.b(F.relu(self.a(x))[:, : self.width])

    layers = {"a": nn.Linear(12, 16), "b": nn.Linear(16, 5)}
    for width in (16, 100):
        assert changed(traced(Run(forward, **layers, width=width), 4, 12)) == {}


def test_every_second_channel_follows_only_a_regular_plan() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.b(F.relu(x[:, ::2])) + self.c(torch.tanh(x[:, 1::2]))

    graph = traced(Run(forward, a=nn.Linear(12, 16), b=nn.Linear(8, 5), c=nn.Linear(8, 5)), 4, 12)
    even, odd = names(graph)
    proven(graph.plan(keep={even: [0, 2, 5], odd: [1, 2, 7]}).apply())
    assert_refused(graph.plan(keep={even: [0, 1, 2], odd: [5, 6, 7]}), r"__getitem__ at .*takes every 2\. channel")
    assert_refused(graph.plan({even: 0.5}), r"takes every 2\. channel")


@pytest.mark.parametrize(
    "cut",
    [
        lambda m, x: x.split(m.k, 1),
        lambda m, x: torch.split(x, [m.k, m.k], dim=1),
        lambda m, x: x.split((m.k, m.k), dim=-1),
        lambda m, x: (x.narrow(1, 0, m.k), x.narrow(1, m.k, m.k)),
        lambda m, x: torch.tensor_split(x, (m.k,), 1),
        lambda m, x: x.unflatten(1, (2, m.k)).unbind(1),
    ],
    ids=["split", "sizes", "tuple", "narrow", "tensor_split", "unflatten"],
)
def test_halves_cut_by_an_attribute(cut: Callable[[Any, Tensor], tuple[Tensor, Tensor]]) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        value, gate = cut(self, self.a(x))
        return self.b(value * torch.sigmoid(gate))

    graph = traced(Run(forward, a=nn.Linear(12, 16), b=nn.Linear(8, 5), k=8), 4, 12)
    assert changed(graph) == {"k": 4}


def test_tensor_split_into_a_number_of_pieces_keeps_them_equal() -> None:
    """It runs as slices, which by themselves promise nothing."""

    def forward(self: Any, x: Tensor) -> Tensor:
        first, second = self.a(x).tensor_split(2, 1)
        return self.b(F.relu(first)) + self.c(torch.tanh(second))

    graph = traced(Run(forward, a=nn.Linear(12, 16), b=nn.Linear(8, 5), c=nn.Linear(8, 5)), 4, 12)
    first, second = names(graph)
    pruned = graph.plan({first: 0.5}).apply()
    proven(pruned)
    assert {len(kept) for kept in pruned.plan.channels.values()} == {4}
    with pytest.raises(PlanError, match="splits these channels evenly"):
        graph.plan(keep={first: range(4), second: range(8)})


def test_writing_to_a_slice() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = F.relu(self.a(x))
        hidden[:, : self.k] = x.mean(1, keepdim=True)
        return self.b(hidden)

    graph = traced(Run(forward, a=nn.Linear(12, 16), b=nn.Linear(16, 5), k=9), 4, 12)
    pruned = graph.plan(dict.fromkeys(names(graph), 0.5)).apply()
    proven(pruned)
    kept = pruned.plan.kept["b.weight", 1]
    assert pruned.model.k == sum(index < 9 for index in kept)
    assert 0 < pruned.model.k < 9


def test_constants_made_in_forward() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = self.a(x)
        hidden = hidden + torch.ones(self.k) + torch.full((1, self.k), 2) + hidden.new_zeros(self.k)
        hidden = hidden * hidden.new_full((1, self.k), 3) + torch.zeros(1, 1).expand(1, self.k)
        return self.b(F.relu(hidden + self.one.repeat(1, self.k)))

    model = Run(forward, a=nn.Linear(12, 16), b=nn.Linear(16, 5), one=nn.Parameter(torch.ones(1, 1)), k=16)
    assert changed(traced(model, 4, 12)) == {"k": 8}


def test_a_channel_repeated_as_often_as_there_are_others() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        scale = self.one.repeat(1, self.k) + self.one[0].tile((self.n,))
        return self.b(F.relu(self.a(x)) * scale)

    model = Run(forward, a=nn.Linear(12, 16), b=nn.Linear(16, 5), one=nn.Parameter(torch.ones(1, 1)), k=16, n=16)
    assert changed(traced(model, 4, 12)) == {"k": 8, "n": 8}


def test_padded_channels() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = F.relu(self.a(x))
        return self.c(F.pad(hidden, (self.before, self.after)) + self.b(x))

    layers = {"a": nn.Linear(12, 8), "b": nn.Linear(12, 16), "c": nn.Linear(16, 5)}
    graph = traced(Run(forward, **layers, before=4, after=4), 4, 12)
    pruned = every_group(graph)
    proven(pruned)
    assert pruned.model.before + pruned.model.after + pruned.model.a.out_features == pruned.model.b.out_features


def test_rolled_channels() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = self.a(x)
        return self.b(F.relu(hidden).roll(self.shift, 1)) + self.c(torch.tanh(hidden).roll(-self.shift, 1))

    layers = {"a": nn.Linear(12, 16), "b": nn.Linear(16, 5), "c": nn.Linear(16, 5)}
    graph = traced(Run(forward, **layers, shift=4), 4, 12)
    keep = {names(graph)[0]: [0, 1, 5, 6, 9, 10, 13, 14]}
    pruned = graph.plan(keep=keep).apply()
    proven(pruned)
    assert pruned.model.shift == 2
    assert_refused(graph.plan(keep={names(graph)[0]: [4, 5, 6, 13, 14, 15]}), "roll")  # first four: 0; last four: 3


@pytest.mark.parametrize(
    "pick",
    [
        lambda m, x: x[:, m.which],
        lambda m, x: x[..., m.which],
        lambda m, x: x.select(1, m.which),
        lambda m, x: torch.select(x, dim=-1, index=m.which),
    ],
    ids=["index", "ellipsis", "select", "by name"],
)
@pytest.mark.parametrize("which", [9, -3])
def test_one_channel_picked_by_number(pick: Callable[[Any, Tensor], Tensor], which: int) -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = F.relu(self.a(x))
        return self.b(hidden) + pick(self, hidden)[:, None]

    graph = traced(Run(forward, a=nn.Linear(12, 16), b=nn.Linear(16, 5), which=which), 4, 12)
    pruned = graph.plan(0.7).apply()
    proven(pruned)
    assert pruned.plan.kept["a.weight", 0][pruned.model.which] == which % 16
    assert pruned.model.which != which


def test_group_counts_of_convolutions_norms_and_shuffles() -> None:
    layers = [
        nn.Conv2d(3, 16, 1),
        nn.Conv2d(16, 16, 3, groups=4),
        nn.GroupNorm(4, 16),
        nn.ChannelShuffle(4),
        nn.Conv2d(16, 4, 1),
    ]
    graph = traced(nn.Sequential(*layers), 2, 3, 6, 6)
    pruned = every_group(graph)
    proven(pruned)
    convolution = pruned.model[1]
    assert convolution.weight.shape == (convolution.out_channels, convolution.in_channels // convolution.groups, 3, 3)


class TestEqualByChance:
    """Numbers that are equal without being the same thing."""

    def test_eight_heads_of_eight(self) -> None:
        graph = traced(Transformer(num_heads=8, head_dim=8), *TOKENS)
        pruned = graph.plan({named(graph, "heads"): 0.5}).apply()
        proven(pruned)
        assert sizes(pruned.model, "attention.num_heads", "attention.head_dim") == [4, 8]
        pruned = graph.plan({named(graph, "head_dim"): 0.5}).apply()
        proven(pruned)
        assert sizes(pruned.model, "attention.num_heads", "attention.head_dim") == [8, 4]

    def test_an_attention_as_wide_as_the_embedding(self) -> None:
        graph = traced(Transformer(num_heads=4, head_dim=4), *TOKENS)
        embedding = next(group.name for group in graph.groups if group.kind == "channels" and group.size == 16)
        pruned = graph.plan({embedding: 0.5}).apply()
        proven(pruned)
        assert sizes(pruned.model, "attention.num_heads", "attention.head_dim", "attention.proj.in_features") == [
            4,
            4,
            16,
        ]
        pruned = graph.plan({named(graph, "head_dim"): 0.5}).apply()
        proven(pruned)
        assert sizes(pruned.model, "norm1.normalized_shape", "attention.qkv.in_features") == [(16,), 16]

    def test_the_same_number_in_two_modules(self) -> None:
        class Two(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.second = Attention(12, 4, 4), Attention(12, 4, 4)
                self.head = nn.Linear(12, 5)

            def forward(self, x: Tensor) -> Tensor:
                return self.head(self.second(torch.tanh(self.first(x))))

        graph = traced(Two(), *TOKENS)
        heads = [group.name for group in graph.groups if group.kind == "heads"]
        pruned = graph.plan({heads[1]: 0.75}).apply()
        proven(pruned)
        assert sizes(pruned.model, "first.num_heads", "second.num_heads") == [4, 1]
        assert [(c.module, c.name) for c in pruned.repairs] == [("second", "num_heads")]

    def test_one_attribute_for_two_sizes_that_part_is_refused(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            a = F.relu(self.a(x)).view(x.shape[0], self.dim)
            return self.c(a) + self.d(torch.tanh(self.b(x)).view(x.shape[0], self.dim))

        layers = {"a": nn.Linear(12, 8), "b": nn.Linear(12, 8), "c": nn.Linear(8, 5), "d": nn.Linear(8, 5)}
        graph = traced(Run(forward, **layers, dim=8), 4, 12)
        proven(every_group(graph))
        apart = graph.coupling.solution.alive(graph.group("a").channels[:4])  # whatever a plan would do about the ties
        with pytest.raises(ApplyError, match=r"view at .* uses model\.dim, which gives 4, where 8 is needed"):
            find_repairs(PlannedShapes(graph.coupling, 0, apart, {Attribute("", "dim"): 8}), {})

    def test_a_call_that_the_plan_does_not_reach_keeps_its_numbers(self) -> None:
        """With k = 4 the slice of the input would still run, and read other features."""

        def forward(self: Any, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(x)).view(x.shape[0], self.k)) + x[:, : self.k].sum(1, keepdim=True)

        graph = traced(Run(forward, a=nn.Linear(12, 8), b=nn.Linear(8, 5), k=8), 4, 12)
        assert_refused(
            graph.plan(dict.fromkeys(names(graph), 0.5)),
            r"__getitem__ at .* uses model\.k, which gives 4, where 8 is needed",
        )

    def test_an_attribute_of_a_layer_says_what_the_layer_is(self) -> None:
        """The view could be made right by a false `in_features`; it is refused instead."""

        def forward(self: Any, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(x)).view(x.shape[0], self.other.in_features)) + self.other(x[:, :8])

        layers = {"a": nn.Linear(12, 8), "b": nn.Linear(8, 5), "other": nn.Linear(8, 5)}
        graph = traced(Run(forward, **layers), 4, 12)
        assert_refused(
            graph.plan(dict.fromkeys(names(graph), 0.5)), r"other\.in_features, which gives 8, where 4 is needed"
        )


class TestRefused:
    def test_a_literal_names_call_place_and_number_and_leaves_the_model_alone(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(x)).view(-1, 16 * 2 * 2))

        graph = traced(Run(forward, a=nn.Conv2d(3, 16, 3), b=nn.Linear(64, 5)), 2, 3, 4, 4)
        before = {name: tensor.clone() for name, tensor in graph.model.state_dict().items()}
        attributes = {path: dict(vars(module)) for path, module in graph.model.named_modules()}
        line = forward.__code__.co_firstlineno + 1
        place = re.escape(f"{__file__}:{line}")
        assert_refused(
            graph.plan(dict.fromkeys(names(graph), 0.5)),
            rf"view at {place} uses the literal 64 where 32 is needed.*ratio of 0",
        )
        assert all(torch.equal(before[name], tensor) for name, tensor in graph.model.state_dict().items())
        assert {path: dict(vars(module)) for path, module in graph.model.named_modules()} == attributes

    def test_numbers_written_as_an_index_list(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(x))[:, [3, 2, 1, 0]])

        graph = traced(Run(forward, a=nn.Linear(12, 4), b=nn.Linear(4, 5)), 4, 12)
        assert_refused(
            graph.plan(keep={names(graph)[0]: [0, 2]}),
            r"numbers written in the code, \[3, 2, 1, 0\], .* become \[1, 0\]",
        )

    def test_a_size_that_only_python_sees(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            hidden = F.relu(self.a(x))
            if hidden.shape[1] != 16:
                raise ValueError("expected 16 channels")
            return self.b(hidden)

        graph = traced(Run(forward, a=nn.Linear(12, 16), b=nn.Linear(16, 5)), 4, 12)
        plan = graph.plan(dict.fromkeys(names(graph), 0.5))
        assert_refused(plan, "Run does not run with the planned sizes: ValueError: expected 16 channels")


def test_a_number_of_elements_is_the_product_of_its_sizes() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        bias = self.first.bias.clone()
        third = bias.numel() // 3
        bias[third : 2 * third].zero_()
        kept = F.linear(x, self.first.weight, bias).view(x.shape[0], 3, third).sum(1)
        return self.second(kept.view(x.shape[0], kept.numel() // x.shape[0]))

    torch.manual_seed(0)
    graph = traced(Run(forward, first=nn.Linear(6, 24), second=nn.Linear(8, 5)), 4, 6)
    pruned = graph.plan(0.5).apply()
    assert pruned.way == "live"
    proven(pruned)
