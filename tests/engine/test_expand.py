"""Full size again: weights at the kept indices, zeros elsewhere, and indices both ways."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.apply import Pruned
from explorer.engine.errors import ApplyError
from explorer.engine.expand import expanded
from explorer.engine.graph import trace
from tests.engine.nets import IMAGE, TOKENS, PlainCnn, Run, Transformer, every_group, traced


def back(pruned: Pruned) -> nn.Module:
    return expanded(pruned.plan.graph.model, pruned.model, pruned.surgery)


def same_outputs(pruned: Pruned) -> None:
    inputs = pruned.plan.graph.example_inputs
    with torch.no_grad():
        torch.testing.assert_close(back(pruned)(inputs), pruned.model(inputs))


def test_parameters_are_the_pruned_ones_where_kept_and_zero_elsewhere() -> None:
    pruned = every_group(traced(PlainCnn(), *IMAGE))
    original, full, small = pruned.plan.graph.model, back(pruned), pruned.model
    kept = list(pruned.plan.kept["conv2.weight", 0])
    into = list(pruned.plan.kept["conv2.weight", 1])
    assert torch.equal(full.conv2.weight[kept][:, into], small.conv2.weight)
    assert full.conv2.weight.count_nonzero() == small.conv2.weight.count_nonzero()
    assert full.conv2.weight.shape == original.conv2.weight.shape
    assert full.conv2.out_channels == original.conv2.out_channels
    gone = [index for index in range(16) if index not in pruned.plan.kept["bn1.weight", 0]]
    assert torch.equal(full.bn1.running_var[gone], original.bn1.running_var[gone])
    assert full.bn1.bias[gone].count_nonzero() == 0


def test_outputs_equal_the_pruned_models() -> None:
    pruned = every_group(traced(PlainCnn(), *IMAGE))
    with torch.no_grad():
        pruned.model.fc1.weight.mul_(1.5)  # trained since
    same_outputs(pruned)
    mlp = traced(Transformer(), *TOKENS).plan({"mlp.0": 0.5}).apply()
    same_outputs(mlp)


def test_a_layer_norm_that_lost_channels_counts_the_zeros() -> None:
    pruned = traced(Transformer(), *TOKENS).plan({"embed": 0.5}).apply()
    inputs = pruned.plan.graph.example_inputs
    with torch.no_grad():
        assert not torch.allclose(back(pruned)(inputs), pruned.model(inputs))
    assert pruned.verify().ok  # the zeroing oracle normalises over the kept


def test_a_model_that_replays_recorded_calls_expands_to_the_original_class() -> None:
    model = Run(lambda m, x: m.b(m.a(x).view(-1, 3, 2).flatten(1)), a=nn.Linear(3, 6), b=nn.Linear(6, 2))
    pruned = every_group(trace(model.eval(), torch.randn(2, 3)))
    assert pruned.way == "program"
    same_outputs(pruned)
    assert type(back(pruned)) is Run


def test_tied_scalars_and_buffers_that_number_channels() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 8), nn.Linear(8, 3)
            self.scale = nn.Parameter(torch.tensor(2.0))
            self.register_buffer("order", torch.tensor([7, 6, 5, 4, 3, 2, 1, 0]))

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x)[:, self.order].relu()) * self.scale

    pruned = every_group(trace(Net().eval(), torch.randn(2, 3)))
    assert len(pruned.model.order) == 4
    assert back(pruned).order.tolist() == [7, 6, 5, 4, 3, 2, 1, 0]
    same_outputs(pruned)


def test_a_pruned_model_of_another_plan_is_refused() -> None:
    graph = traced(PlainCnn(), *IMAGE)
    half, quarter = every_group(graph), every_group(graph, 0.25)
    with pytest.raises(ApplyError, match=r"conv1\.weight has shape \(12, 3, 3, 3\) in the pruned model, .* \(8, 3, 3"):
        expanded(graph.model, quarter.model, half.surgery)
    with pytest.raises(ApplyError, match=r"The pruned Linear has no conv1\.weight"):
        expanded(graph.model, nn.Linear(2, 2), half.surgery)


def test_positions_are_the_inverse_of_what_is_kept() -> None:
    plan = traced(PlainCnn(), *IMAGE).plan(keep={"conv1": [1, 4, 5]})
    assert plan.positions["conv1.weight", 0] == (-1, 0, -1, -1, 1, 2) + (-1,) * 10
    for key, indices in plan.kept.items():
        assert tuple(plan.positions[key][index] for index in indices) == tuple(range(len(indices)))
        assert sum(place >= 0 for place in plan.positions[key]) == len(indices)
