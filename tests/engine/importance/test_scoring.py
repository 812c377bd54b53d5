"""Importance of channels from weights, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.importance import CRITERIA, score_groups
from explorer.engine.selection import Options
from tests.engine import patterns
from tests.engine.patterns import traced


def scored(graph: DependencyGraph, importance: str, seed: int = 0) -> dict[str, np.ndarray]:
    return score_groups(graph.groups, dict(graph.model.named_parameters()), importance, seed=seed)


@pytest.fixture
def graph() -> DependencyGraph:
    """Two linear layers with weights that add up in the head."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[3.0, -4.0], [0.0, 1.0], [6.0, 8.0]]))
        net[0].bias.copy_(torch.tensor([1.0, 0.0, -2.0]))
        net[1].weight.copy_(torch.tensor([[-2.0, 5.0, 0.0]]))
    return trace(net, torch.randn(4, 2))


def test_l1_is_the_mean_over_slices_of_summed_absolute_values(graph: DependencyGraph) -> None:
    # rows of 0.weight, entries of 0.bias, columns of 1.weight
    expected = [(7 + 1 + 2) / 3, (1 + 0 + 5) / 3, (14 + 2 + 0) / 3]
    assert scored(graph, "l1")["0"].tolist() == pytest.approx(expected)


def test_l2_is_the_mean_over_slices_of_norms(graph: DependencyGraph) -> None:
    expected = [(5 + 1 + 2) / 3, (1 + 0 + 5) / 3, (10 + 2 + 0) / 3]
    assert scored(graph, "l2")["0"].tolist() == pytest.approx(expected)


def test_a_slice_of_many_indices_counts_as_one() -> None:
    graph = traced(patterns.flattened())
    with torch.no_grad():
        for parameter in graph.model.parameters():
            parameter.zero_()
        graph.model.get_parameter("out.weight")[:, 9:18] = 2.0  # the 9 features of channel 1, 2 outputs
    assert scored(graph, "l1")["a"].tolist() == pytest.approx([0, 36 / 3, 0, 0])
    assert scored(graph, "l2")["a"].tolist() == pytest.approx([0, (4 * 18) ** 0.5 / 3, 0, 0], rel=1e-6)


def test_buffers_do_not_count() -> None:
    graph = traced(patterns.basic())
    before = scored(graph, "l2")["a"]
    graph.model.get_buffer("bn.running_mean").fill_(1e6)
    assert np.array_equal(scored(graph, "l2")["a"], before)


def test_random_repeats_with_its_seed_and_differs_between_groups_and_seeds() -> None:
    graph = traced(patterns.shuffled())
    first, again, other = scored(graph, "random"), scored(graph, "random"), scored(graph, "random", seed=1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["a[0:4]"], other["a[0:4]"])
    assert not np.array_equal(first["a[0:4]"], first["a[4:8]"])
    assert {name: len(scores) for name, scores in first.items()} == {"a[0:4]": 4, "a[4:8]": 4, "a[8:16]": 8}


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_weights_that_cannot_be_ranked_are_refused_by_name(graph: DependencyGraph, poison: float) -> None:
    with torch.no_grad():
        graph.model.get_parameter("1.weight")[0, 1] = poison
    with pytest.raises(PlanError, match=r"1\.weight holds NaN or infinite values.*Mend the weights"):
        graph.plan(0.5)
    assert len(graph.plan(0.5, importance="random").channels["0"]) == 2


def test_an_unknown_criterion_lists_the_known_ones(graph: DependencyGraph) -> None:
    with pytest.raises(PlanError, match=r"importance 'l3' is not known. Choose one of: l1, l2, random"):
        graph.plan(0.5, importance="l3")


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_float_types_score_alike(graph: DependencyGraph, dtype: torch.dtype) -> None:
    expected = scored(graph, "l2")["0"]
    graph.model.to(dtype)
    assert scored(graph, "l2")["0"] == pytest.approx(expected)


def test_complex_weights_score_by_their_magnitude() -> None:
    options = {"bias": False, "dtype": torch.complex64}
    net = nn.Sequential(nn.Linear(1, 2, **options), nn.Linear(2, 1, **options))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[3 + 4j], [2 + 0j]]))
        net[1].weight.copy_(torch.tensor([[0 + 1j, 0 + 0j]]))
    graph = trace(net, torch.randn(1, 1, dtype=torch.complex64))
    assert scored(graph, "l1")["0"].tolist() == pytest.approx([(5 + 1) / 2, (2 + 0) / 2])


def test_scores_are_computed_once_and_again_after_the_weights_change(graph: DependencyGraph) -> None:
    first = graph.scores(Options("l1"))
    assert graph.scores(Options("l1", round_to=8)) is first
    assert graph.plan(2 / 3, importance="l1").channels["0"] == (2,)
    with torch.no_grad():
        graph.model.get_parameter("0.weight")[1] += 100
    assert graph.plan(2 / 3, importance="l1").channels["0"] == (1,)


def test_every_criterion_says_what_it_is() -> None:
    assert list(CRITERIA) == ["l1", "l2", "random"]
    assert all(criterion.text for criterion in CRITERIA.values())
