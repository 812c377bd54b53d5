"""Names of groups: from module paths, unique, and the same each time."""

from __future__ import annotations

import torch
from torch import nn

import explorer
from explorer.engine.graph import trace
from explorer.engine.naming import owner
from tests.engine import patterns
from tests.engine.patterns import Net, traced


def test_a_group_is_named_after_the_path_of_its_first_producer() -> None:
    net = nn.Sequential()
    net.add_module("stem", nn.Sequential(nn.Linear(3, 4), nn.ReLU()))
    net.add_module("body", nn.Sequential(nn.Linear(4, 5), nn.ReLU()))
    net.add_module("head", nn.Linear(5, 2))
    assert [group.name for group in trace(net, torch.randn(2, 3)).groups] == ["stem.0", "body.0"]


def test_the_first_producer_is_the_first_in_execution_not_in_definition() -> None:
    net = Net(
        lambda s, x: s.out(s.late(x) + s.early(x)), early=nn.Linear(3, 4), late=nn.Linear(3, 4), out=nn.Linear(4, 2)
    )
    assert [group.name for group in trace(net, torch.randn(2, 3)).groups] == ["late"]


def test_kinds_other_than_channels_are_in_the_name() -> None:
    assert [group.name for group in traced(patterns.attention()).groups] == ["embed", "attend:heads", "attend:head_dim"]
    assert [group.name for group in traced(patterns.grouped()).groups] == ["a", "a:conv_groups", "d"]


def test_parts_of_one_producer_are_named_by_their_range() -> None:
    assert [group.name for group in traced(patterns.chunked()).groups] == ["a[0:4]", "a[4:8]"]


def test_parameters_of_one_module_are_told_apart_by_their_names() -> None:
    class Perceptron(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Parameter(torch.randn(4, 3))
            self.second = nn.Parameter(torch.randn(5, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x @ self.first.t()).relu() @ self.second.t()

    names = [group.name for group in trace(nn.Sequential(Perceptron(), nn.Linear(5, 2)), torch.randn(2, 3)).groups]
    assert names == ["0", "0.second"]


def test_a_parameter_of_the_model_itself_names_its_group() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.randn(4, 3))
            self.out = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(x @ self.scale.t())

    assert [group.name for group in trace(Root(), torch.randn(2, 3)).groups] == ["scale"]


def test_a_parametrised_weight_is_named_after_its_layer() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    graph = trace(nn.Sequential(layer, nn.Linear(4, 2)), torch.randn(2, 3))
    assert [group.name for group in graph.groups] == ["0"]
    assert {member.module for member in graph.groups[0].members} == {"0", "1"}


def test_groups_of_equal_range_are_numbered_and_not_called_parts() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8), nn.Conv2d(8, 2, 1))
    assert [group.name for group in trace(net, torch.randn(1, 3, 2, 2)).groups] == ["0", "0#2"]


def test_names_are_unique_in_every_net() -> None:
    for build in patterns.PATTERNS:
        names = [group.name for group in traced(build()).groups]
        assert len(names) == len(set(names)), build.__name__


def test_names_repeat_over_two_traces_with_other_weights_and_inputs() -> None:
    for build in (patterns.attention, patterns.shuffled, patterns.grouped):
        first, again = traced(build()), traced(build())
        assert [group.name for group in first.groups] == [group.name for group in again.groups]
        assert first.fingerprint == again.fingerprint


def test_names_of_a_sample_are_what_people_would_call_its_layers() -> None:
    names = [group.name for group in explorer.trace("sample:resnet20").groups]
    assert names[:2] == ["conv1", "layer1.0.conv1"]
    assert len(names) == len(set(names)) == 12


def test_owner_is_the_module_of_a_state() -> None:
    assert owner("layer1.0.conv1.weight") == "layer1.0.conv1"
    assert owner("scale") == ""
    assert owner("a.parametrizations.weight.0._u") == "a"
