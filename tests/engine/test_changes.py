"""Every layer before and after a plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import explorer
from explorer.engine.changes import LayerChange, layer_changes
from explorer.engine.plan import Plan
from tests.engine import patterns
from tests.engine.patterns import Built, traced


def changes(plan: Plan) -> dict[str, LayerChange]:
    return {change.layer.name: change for change in layer_changes(plan)}


@pytest.mark.parametrize("build", patterns.PATTERNS)
def test_the_layers_sum_up_to_the_cost_and_to_what_apply_builds(build: Callable[[], Built]) -> None:
    plan = traced(build()).plan(0.5)
    found = changes(plan)
    for at, cost in enumerate((plan.cost.before, plan.cost.after)):
        assert sum(change.params[at] for change in found.values()) == cost.params
        assert sum(change.macs[at] for change in found.values()) == cost.macs
    after = {name: tuple(parameter.shape) for name, parameter in plan.apply().model.named_parameters()}
    assert {name: shape for change in found.values() for name, _, shape in change.parameters} == after


def test_shapes_are_those_of_the_smaller_model() -> None:
    graph = explorer.trace("sample:resnet20")
    found = changes(graph.plan({"layer1.0.conv1": 0.25}))
    assert found["layer1.0.conv1"].parameters == (("layer1.0.conv1.weight", (16, 16, 3, 3), (12, 16, 3, 3)),)
    assert found["layer1.0.conv1"].output == ((1, 16, 8, 8), (1, 12, 8, 8))
    assert found["layer1.0.conv2"].macs == (16 * 16 * 9 * 64, 12 * 16 * 9 * 64)
    assert {name for name, change in found.items() if change.is_changed} == {
        f"layer1.0.{name}" for name in ("conv1", "bn1", "conv2")
    }


def test_a_parameter_that_two_layers_share_counts_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False)
            self.c.weight = self.b.weight
            self.head = nn.Linear(6, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.c(torch.relu(self.b(torch.relu(self.a(x))))))

    plan = explorer.trace(Tied(), torch.randn(2, 4)).plan(0.5)
    found = changes(plan)
    assert found["b"].params == (36, 9)
    assert found["c"].params == (0, 0)
    assert sum(change.params[1] for change in found.values()) == plan.cost.after.params


def test_a_plan_that_removes_nothing_changes_no_layer() -> None:
    assert not any(change.is_changed for change in layer_changes(traced(patterns.residual()).plan(0.0)))
