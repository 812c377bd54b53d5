"""Costs against closed forms worked out by hand, and against PyTorch's own counter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from explorer.engine.cost import Cost
from explorer.engine.graph import trace
from explorer.engine.trace import call_model, plain_kernels
from tests.engine import patterns
from tests.engine.patterns import Built, Net, traced


def counted_macs(model: nn.Module, example_inputs: Any) -> int:
    """Multiply-adds of one forward as PyTorch counts them."""
    with torch.no_grad(), plain_kernels(), FlopCounterMode(display=False) as counter:
        call_model(model.eval(), example_inputs)
    return int(counter.get_total_flops()) // 2


def stored_bytes(model: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    return sum(state.numel() * state.element_size() for state in (*model.parameters(), *model.buffers()))


def test_convolutions_against_the_closed_form() -> None:
    plan = traced(patterns.basic()).plan(0.5)
    before, after = plan.cost.before, plan.cost.after
    # a: C_out C_in K K H W, b: 2 x 4 x H W with H W = 25
    assert before.macs == 4 * 3 * 9 * 25 + 2 * 4 * 25 == 2900
    assert before.params == (4 * 27 + 4) + 2 * 4 + (2 * 4 + 2) == 130
    assert before.bytes == 4 * 130 + 4 * 2 * 4 + 8  # and the BatchNorm's mean, variance and int64 counter
    assert after.macs == 2 * 3 * 9 * 25 + 2 * 2 * 25 == 1450
    assert after.params == (2 * 27 + 2) + 2 * 2 + (2 * 2 + 2) == 66
    assert after.bytes == 4 * 66 + 4 * 2 * 2 + 8


def test_linear_layers_against_the_closed_form() -> None:
    graph = trace(nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)), torch.randn(5, 3))
    assert graph.cost.macs == 5 * (3 * 8 + 8 * 2)
    assert graph.cost.params == 3 * 8 + 8 + 8 * 2 + 2
    assert graph.plan(0.25).cost.after.macs == 5 * (3 * 6 + 6 * 2)


def test_grouped_convolution_against_the_closed_form() -> None:
    graph = traced(patterns.grouped())
    # d: 12 outputs, each over 2 inputs and 9 taps, at one place
    assert graph.cost.macs == 8 * 3 * 9 + 12 * 2 * 9 + 2 * 12
    after = graph.plan({"a": 0.5, "d": 1 / 3}).cost.after
    assert after.macs == 4 * 3 * 9 + 8 * 1 * 9 + 2 * 8
    halved = graph.plan({"a:conv_groups": 0.5}).cost.after
    assert halved.macs == 4 * 3 * 9 + 6 * 2 * 9 + 2 * 6


def test_attention_against_the_closed_form() -> None:
    graph = traced(patterns.attention())
    tokens, scores = 2 * 5, 2 * 2 * 5 * 5
    assert graph.cost.macs == tokens * (3 * 8 + 8 * 24 + 8 * 8 + 8 * 2) + 2 * scores * 4
    one_head = graph.plan({"attend:heads": 0.5}).cost.after
    assert one_head.macs == tokens * (3 * 8 + 8 * 12 + 4 * 8 + 8 * 2) + scores * 4


def test_a_layer_called_twice_costs_its_work_twice_and_its_weights_once() -> None:
    graph = traced(patterns.twice())
    assert graph.cost.macs == 2 * (3 * 8 + 2 * 8 * 8 + 8 * 2)
    assert graph.cost.params == (3 * 8 + 8) + (8 * 8 + 8) + (8 * 2 + 2)


def test_tied_weights_are_stored_once() -> None:
    graph = traced(patterns.tied())
    assert graph.cost.params == 10 * 6 + 6 * 6 + 6
    assert graph.cost.bytes == 4 * graph.cost.params
    assert graph.cost.macs == 3 * (6 * 6 + 6 * 10)


def test_parameters_that_no_forward_reads_count_and_stay() -> None:
    net = Net(lambda s, x: s.b(s.a(x)), a=nn.Linear(3, 4), b=nn.Linear(4, 2), unused=nn.Linear(7, 7))
    plan = trace(net, torch.randn(2, 3)).plan(0.5)
    assert plan.cost.before.params == 16 + 10 + 56
    assert plan.cost.after.params == 8 + 6 + 56


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_bytes_follow_the_dtype(dtype: torch.dtype) -> None:
    graph = trace(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).to(dtype), torch.randn(2, 3, dtype=dtype))
    assert graph.cost.bytes == 26 * dtype.itemsize
    assert graph.cost.activations == (2 * 4 + 2 * 3) * dtype.itemsize


def test_activations_are_the_peak_of_what_is_alive_and_never_weights() -> None:
    # Elements alive at each op: x 6 + a 8; relu of 8 + 8; 8 + big 40 = 48 at b, the peak; then 40 + 4.
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 20), nn.Linear(20, 2))
    plan = trace(net, torch.randn(2, 3)).plan({"2": 0.5})
    assert plan.cost.before.activations == 4 * (2 * 4 + 2 * 20)
    assert plan.cost.after.activations == 4 * (2 * 4 + 2 * 10)


def test_a_skip_connection_is_alive_until_it_is_added() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.a(x)
        return s.out(h + s.c(s.b(h)))

    net = Net(forward, a=nn.Linear(3, 4), b=nn.Linear(4, 4), c=nn.Linear(4, 4), out=nn.Linear(4, 1))
    # At c: h, what b made and what c makes; at the addition h, c's and the sum.
    assert trace(net, torch.randn(1, 3)).cost.activations == 4 * (4 + 4 + 4)


def test_work_in_place_takes_no_further_memory() -> None:
    def size(inplace: bool) -> int:
        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=inplace), nn.Linear(4, 1))
        return trace(net, torch.randn(1, 3)).cost.activations

    assert size(inplace=False) == 4 * (4 + 4)
    assert size(inplace=True) == 4 * (3 + 4)


def test_views_share_the_memory_of_what_they_view() -> None:
    graph = traced(patterns.flattened())
    assert graph.cost.activations == 4 * (27 + 36)


def test_a_model_without_parameters_costs_only_activations() -> None:
    assert trace(Net(lambda s, x: x * 2), torch.randn(2, 3)).cost == Cost(0, 0, 0, 4 * 12)


@pytest.mark.parametrize("build", patterns.PATTERNS)
def test_counts_equal_pytorchs_own(build: Callable[[], Built]) -> None:
    model, inputs = build()
    cost = trace(model, inputs).cost
    assert cost.macs == counted_macs(model, inputs)
    assert cost.params == sum(parameter.numel() for parameter in model.parameters())
    assert cost.bytes == stored_bytes(model)


def transposed() -> Built:
    layers = nn.ConvTranspose2d(3, 8, 2, stride=2), nn.ConvTranspose2d(8, 4, 3, groups=2), nn.ConvTranspose2d(4, 2, 1)
    return nn.Sequential(*layers), torch.randn(2, 3, 4, 4)


def unbatched() -> Built:
    return nn.Sequential(nn.Conv1d(3, 6, 2, stride=2), nn.Conv1d(6, 4, 3), nn.ConvTranspose1d(4, 2, 2)), torch.randn(
        3, 12
    )


def matrix_products() -> Built:
    def forward(s: Any, x: Tensor) -> Tensor:
        q, k = s.q(x), s.k(x)
        return s.out(torch.einsum("bqk,bkc->bqc", q @ k.transpose(1, 2), torch.baddbmm(k, q @ k.transpose(1, 2), k)))

    return Net(forward, q=nn.Linear(3, 6), k=nn.Linear(3, 6), out=nn.Linear(6, 2)), torch.randn(2, 4, 3)


def recurrent() -> Built:
    net = Net(lambda s, x: s.out(s.lstm(s.a(x))[0]), a=nn.Linear(3, 4), lstm=nn.LSTM(4, 5), out=nn.Linear(5, 2))
    return net, torch.randn(6, 2, 3)


@pytest.mark.parametrize("build", [transposed, unbatched, matrix_products, recurrent])
def test_macs_of_rarer_ops_equal_pytorchs_own(build: Callable[[], Built]) -> None:
    model, inputs = build()
    assert trace(model, inputs).cost.macs == counted_macs(model, inputs) > 0


@pytest.mark.parametrize(
    "build",
    [
        patterns.basic,
        patterns.residual,
        patterns.grouped,
        patterns.attention,
        patterns.flattened,
        patterns.tied,
        transposed,
        recurrent,
    ],
)
def test_the_cost_after_a_plan_is_what_the_pruned_model_has(build: Callable[[], Built]) -> None:
    model, inputs = build()
    plan = trace(model, inputs).plan(0.5)
    pruned = plan.apply().model
    assert plan.cost.after.macs == counted_macs(pruned, inputs) < plan.cost.before.macs
    assert plan.cost.after.params == sum(parameter.numel() for parameter in pruned.parameters())
    assert plan.cost.after.bytes == stored_bytes(pruned)


def test_differences_and_flops() -> None:
    assert Cost(10, 8, 6, 4) - Cost(1, 2, 3, 4) == Cost(9, 6, 3, 0)
    assert Cost(10, 0, 0, 0).flops == 20
