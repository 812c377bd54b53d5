"""Sparse training: the paper's gamma and gradients by hand, and what a run leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from explorer.engine.errors import TrainingError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.importance import squared_norms
from explorer.training import finetune, sparsify
from explorer.training.sparsify import _Groups, _Scales, gamma
from tests.engine import patterns
from tests.engine.patterns import traced
from tests.training.blobs import is_same, loader, net, state


def graph_of(model: nn.Module) -> DependencyGraph:
    return trace(model.eval(), torch.randn(3, 4))


def test_gamma_presses_the_smallest_channel_16_times_as_hard_as_the_largest() -> None:
    assert gamma(np.array([0.0, 1.0, 4.0, 2.0])).tolist() == [16, 8, 1, 4]
    assert gamma(np.array([3.0, 3.0])).tolist() == [1, 1]
    assert gamma(np.array([0.0, 4.0]), alpha=1).tolist() == [2, 1]
    assert gamma(np.empty(0)).tolist() == []


def test_every_coupled_slice_gets_the_gradient_of_the_group_regulariser() -> None:
    model = nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [2.0]]))
        model[0].bias.copy_(torch.tensor([0.0, 3.0]))
        model[1].weight.copy_(torch.tensor([[1.0, -1.0]]))
    pressure = _Groups(trace(model, torch.randn(2, 1)).groups, strength=0.5)
    pressure.begin_epoch(model)
    assert pressure.history()["0"].tolist() == [[2.0, 14.0]]  # 1 + 0 + 1 and 4 + 9 + 1: gamma 16 and 1
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    pressure.add_gradients(model)
    # 1 + 2 * 0.5 * gamma * w
    assert model[0].weight.grad.tolist() == [[17.0], [3.0]]
    assert model[0].bias.grad.tolist() == [1.0, 4.0]
    assert model[1].weight.grad.tolist() == [[17.0, 0.0]]
    assert model[1].bias.grad.tolist() == [1.0]  # the output is in no group


def test_a_weight_in_two_groups_gets_the_gradients_of_both() -> None:
    graph = traced(patterns.concatenation())
    model = graph.model
    pressure = _Groups(graph.groups, strength=0.25)
    pressure.begin_epoch(model)
    parameters = dict(model.named_parameters())
    for parameter in parameters.values():
        parameter.grad = torch.zeros_like(parameter)
    pressure.add_gradients(model)
    found = {name: parameter.grad.clone() for name, parameter in parameters.items()}
    total = torch.zeros(())
    for group in graph.groups:
        pressed = gamma(pressure.history()[group.name][0])
        for member in group.members:
            weight = parameters[member.parameter]
            for channel, indices in enumerate(member.indices):
                rows = weight.index_select(member.dim, torch.tensor(indices))
                total = total + float(pressed[channel]) * rows.square().sum()
    (0.25 * total).backward()
    for parameter, name in zip(parameters.values(), parameters, strict=True):
        assert torch.allclose(parameter.grad - found[name], found[name], atol=1e-6), name


def test_scales_of_batch_norm_get_the_sign_times_the_strength() -> None:
    model = net()
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([-2.0, 2.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    pressure = _Scales(graph_of(model).groups, strength=0.5)
    pressure.begin_epoch(model)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    pressure.add_gradients(model)
    assert model[1].weight.grad.tolist() == [-0.5, 0.5, 0, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert all(not parameter.grad.any() for name, parameter in model.named_parameters() if name != "1.weight")


@pytest.mark.parametrize("regulariser", ["group", "bn_scale"])
def test_without_strength_it_only_trains(regulariser: str) -> None:
    graph = graph_of(net())
    before = state(graph.model)
    settings: dict[str, Any] = {"epochs": 2, "learning_rate": 0.1}
    sparse = sparsify(graph, loader(), regulariser=regulariser, strength=0.0, **settings)
    assert is_same(state(sparse.model), state(finetune(graph.model, loader(), **settings).model))
    assert is_same(state(graph.model), before)


def test_a_run_drives_the_weak_channels_towards_zero_and_keeps_the_strong_ones() -> None:
    graph = graph_of(net())
    sparse = sparsify(graph, loader(), strength=0.02, epochs=12, learning_rate=0.1, schedule="constant", weight_decay=0)
    norms = sparse.norms["0"]
    assert norms.shape == (13, 8)
    assert np.array_equal(norms[0], squared_norms(graph.groups, graph.model)["0"])
    assert np.array_equal(norms[-1], squared_norms(graph.groups, sparse.model)["0"])
    assert norms[-1].min() / norms[-1].max() < 0.2 * norms[0].min() / norms[0].max()
    assert sparse.training.history[-1].accuracy is None
    assert len(sparse.training.history) == 12


def test_a_cancelled_run_has_the_norms_of_what_was_done() -> None:
    sparse = sparsify(graph_of(net()), loader(), epochs=5, watch=lambda progress: progress.epoch == 2)
    assert sparse.training.stopped == "cancelled"
    assert sparse.norms["0"].shape == (3, 8)


def test_a_run_of_another_strength_or_of_none_is_another_run(tmp_path: Path) -> None:
    graph, path = graph_of(net()), tmp_path / "run.pt"
    sparsify(graph, loader(), epochs=2, checkpoint=path)
    assert sparsify(graph, loader(), epochs=2, checkpoint=path).norms["0"].shape == (1, 8)  # it was done
    with pytest.raises(TrainingError, match=r"regulariser was 'groups 0\.0001', now 'groups 0\.001'"):
        sparsify(graph, loader(), epochs=2, checkpoint=path, strength=1e-3)
    with pytest.raises(TrainingError, match="now 'None'"):
        finetune(graph.model, loader(), epochs=2, keep_best=False, checkpoint=path)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"regulariser": "l0"}, "regulariser 'l0' is not known. Choose one of: group, bn_scale"),
        ({"strength": -1.0}, "strength is -1.0. It must be a number of at least 0"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"epoch": 1}, "Did you mean epochs"),
        ({"scope": "linear"}, "scope 'linear' is not known. Choose one of: group, producer, conv"),
        ({"scope": "conv", "regulariser": "bn_scale"}, "scope 'conv' is for regulariser='group'"),
    ],
)
def test_what_makes_no_sense_is_refused(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        sparsify(graph_of(net()), loader(), **choices)


def test_models_that_offer_nothing_to_press_are_refused() -> None:
    with pytest.raises(TrainingError, match="Nothing in this model can be pruned"):
        sparsify(trace(nn.Linear(4, 2), torch.randn(1, 4)), loader())
    plain = trace(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), torch.randn(1, 4))
    with pytest.raises(TrainingError, match="No prunable channel passes a BatchNorm"):
        sparsify(plain, loader(), regulariser="bn_scale")


def test_partial_grouping_presses_only_what_its_scope_counts() -> None:
    graph = graph_of(net())
    before = state(graph.model)
    choices: dict[str, Any] = {"epochs": 6, "learning_rate": 0.1, "weight_decay": 0, "schedule": "constant"}
    full, producer, none = (
        sparsify(graph, loader(), strength=strength, scope=scope, **choices).model.state_dict()
        for strength, scope in ((0.05, "group"), (0.05, "producer"), (0.0, "group"))
    )
    assert producer["0.weight"].norm() < 0.5 * none["0.weight"].norm()
    assert full["1.weight"].norm() < 0.9 * before["1.weight"].norm()  # BatchNorm's scales hang on the same channels
    assert full["1.weight"].norm() < 0.9 * producer["1.weight"].norm()
