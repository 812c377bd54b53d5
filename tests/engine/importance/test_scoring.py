"""Importance of channels from weights, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from explorer.engine.errors import EvaluationError, PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.importance import CRITERIA, Gradients, Scoring, gradients, score_groups, squared_norms
from explorer.engine.selection import Options
from tests.engine import patterns
from tests.engine.nets import Run
from tests.engine.patterns import traced


def scored(graph: DependencyGraph, importance: str, **how: Any) -> dict[str, np.ndarray]:
    return score_groups(graph.groups, graph.model, Scoring(importance, **how))


LABELLED = [(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0], [3.0]]))]


def squared_error(output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return (output - wanted).square().mean()


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


@pytest.mark.parametrize("importance", ["l1", "l2"])
def test_a_weight_that_is_read_in_pieces_scores_as_a_whole(importance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 7, 3), nn.ReLU(), nn.Conv2d(7, 5, 3)), torch.randn(1, 3, 8, 8))
    whole = score_groups(graph.groups, graph.model, Scoring(importance))
    monkeypatch.setattr(
        "explorer.engine.importance.scoring.PIECE", 130
    )  # two rows of the second weight, four of the first
    pieces = score_groups(graph.groups, graph.model, Scoring(importance))
    assert [group.name for group in graph.groups] == ["0"]
    np.testing.assert_allclose(pieces["0"], whole["0"], rtol=1e-6)


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
    with pytest.raises(PlanError, match=r"importance 'l3' is not known. Choose one of: l1, l2, group_norm"):
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


def test_only_the_scores_of_the_last_gradients_are_held(graph: DependencyGraph) -> None:
    first, second = (gradients(graph.model, LABELLED, loss=squared_error) for _ in range(2))
    weights = graph.scores(Options("l1"))
    held = graph.scores(Options("taylor", gradients=first))
    assert graph.scores(Options("taylor", gradients=first)) is held
    graph.scores(Options("taylor", gradients=second))
    assert graph.scores(Options("taylor", gradients=first)) is not held
    assert graph.scores(Options("l1")) is weights


def test_every_criterion_says_what_it_is() -> None:
    assert list(CRITERIA) == ["l1", "l2", "group_norm", "lamp", "fpgm", "bn_scale", "taylor", "hessian", "random"]
    assert all(criterion.text for criterion in CRITERIA.values())


# Rows of 0.weight, entries of 0.bias and columns of 1.weight have the norms [5, 1, 10], [1, 0, 2] and [2, 5, 0].


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("mean", [8 / 3, 2, 4]),
        ("sum", [8, 6, 12]),
        ("max", [5, 5, 10]),
        ("prod", [10, 0, 0]),
        ("first", [5, 1, 10]),
    ],
)
def test_reductions_over_the_coupled_slices(graph: DependencyGraph, reduction: str, expected: list[float]) -> None:
    assert scored(graph, "l2", reduction=reduction)["0"].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("normalise", "expected"),
    [
        ("none", [8, 6, 12]),
        ("mean", [8 * 3 / 26, 6 * 3 / 26, 12 * 3 / 26]),
        ("max", [8 / 12, 6 / 12, 1]),
        # mean 26 / 3, variance (4 + 64 + 100) / 27
        ("standardise", [-0.2672612, -1.0690450, 1.3363062]),
    ],
)
def test_normalisers_of_one_group(graph: DependencyGraph, normalise: str, expected: list[float]) -> None:
    assert scored(graph, "l2", reduction="sum", normalise=normalise)["0"].tolist() == pytest.approx(expected)


def test_scores_that_are_all_alike_have_no_spread_and_all_zero_ones_no_scale(graph: DependencyGraph) -> None:
    with torch.no_grad():
        for parameter in graph.model.parameters():
            parameter.zero_()
    for normalise in ("none", "mean", "max", "standardise"):
        assert scored(graph, "l2", normalise=normalise)["0"].tolist() == [0, 0, 0]
    assert scored(graph, "group_norm")["0"].tolist() == scored(graph, "lamp")["0"].tolist() == [0, 0, 0]


def test_group_norm_is_the_squared_norm_relative_to_the_better_half(graph: DependencyGraph) -> None:
    # squared norms [25 + 1 + 4, 1 + 0 + 25, 100 + 4 + 0]; the better half of three channels are two: 104 + 30
    assert squared_norms(graph.groups, graph.model)["0"].tolist() == pytest.approx([30, 26, 104])
    assert squared_norms(graph.groups, graph.model, "producer")["0"].tolist() == pytest.approx([25, 1, 100])
    expected = [30 * 2 / 134, 26 * 2 / 134, 104 * 2 / 134]
    assert scored(graph, "group_norm")["0"].tolist() == pytest.approx(expected)


def test_lamp_is_the_squared_norm_over_those_that_are_not_smaller(graph: DependencyGraph) -> None:
    assert scored(graph, "lamp")["0"].tolist() == pytest.approx([30 / 134, 26 / 160, 1])


def test_fpgm_is_the_sum_of_distances_to_the_other_slices(graph: DependencyGraph) -> None:
    # rows (3, -4), (0, 1), (6, 8); biases 1, 0, -2; columns -2, 5, 0
    a, b, c = 34**0.5, 153**0.5, 85**0.5
    expected = [(a + b + 1 + 3 + 7 + 2) / 3, (a + c + 1 + 2 + 7 + 5) / 3, (b + c + 3 + 2 + 2 + 5) / 3]
    assert scored(graph, "fpgm")["0"].tolist() == pytest.approx(expected)


def test_fpgm_compares_all_indices_of_a_channel_as_one_slice() -> None:
    graph = traced(patterns.flattened())
    with torch.no_grad():
        for parameter in graph.model.parameters():
            parameter.zero_()
        graph.model.get_parameter("out.weight")[:, 9:18] = 2.0  # channel 1 is (18 * 4) ** 0.5 away from three others
    far = 72**0.5
    assert scored(graph, "fpgm")["a"].tolist() == pytest.approx([far / 3, far, far / 3, far / 3], rel=1e-6)


def test_bn_scale_looks_at_the_scale_of_batch_norm_alone() -> None:
    graph = traced(patterns.basic())
    bn = graph.model.get_submodule("bn")
    with torch.no_grad():
        bn.weight.copy_(torch.tensor([-4.0, 1.0, 2.0, 3.0][: len(bn.weight)]))
        bn.bias.zero_()
    assert scored(graph, "bn_scale")["a"].tolist() == pytest.approx([2, 0.5, 1, 1.5])  # the mean with the bias, zero


def test_groups_without_what_a_criterion_looks_at_are_refused_by_name(graph: DependencyGraph) -> None:
    with pytest.raises(PlanError, match=r"'bn_scale' with scope 'group' finds nothing to score in 1 of.*: 0. Leave"):
        graph.plan(0.5, importance="bn_scale")
    with pytest.raises(PlanError, match="'l2' with scope 'conv' finds nothing"):
        graph.plan(0.5, scope="conv")
    assert graph.plan(keep={"0": [1]}, importance="bn_scale").channels["0"] == (1,)


def test_of_a_group_of_buffers_alone_the_first_channels_are_kept() -> None:
    """Random features: none matters more than another, and a plan for the others must not fail for them."""

    def forward(s: Any, x: torch.Tensor) -> torch.Tensor:
        x = s.a(x)
        return s.out(x * (x @ s.features).cos().mean(1, keepdim=True))

    torch.manual_seed(0)
    net = Run(forward, a=nn.Linear(3, 8), out=nn.Linear(8, 2), features=nn.Buffer(torch.randn(8, 5)))
    graph = trace(net.eval(), torch.randn(4, 3))
    assert [(group.name, group.size) for group in graph.groups] == [("a", 8), ("features", 5)]
    plan = graph.plan(0.4)
    assert plan.channels["features"] == (0, 1, 2)
    assert plan.apply().verify().ok
    assert graph.plan(0.4, ranking="global").channels["features"] == (0, 1, 2, 3, 4)


def test_no_grouping_looks_at_the_producer_and_conv_at_convolutions() -> None:
    graph = traced(patterns.basic())
    with torch.no_grad():
        for parameter in graph.model.parameters():
            parameter.zero_()
        graph.model.get_parameter("a.weight")[0, 0, 0, 0] = 2.0
        graph.model.get_parameter("bn.weight")[1] = 7.0
        graph.model.get_parameter("b.weight")[0, 2, 0, 0] = 6.0
    members = [(member.parameter, member.dim) for member in graph.groups[0].members]
    parameters = sum(1 for name, _ in members if "running" not in name)
    convolutions = sum(1 for name, _ in members if name.startswith(("a.", "b.")))
    everything = np.array([2.0, 7.0, 6.0, *[0.0] * (graph.groups[0].size - 3)])
    assert np.allclose(scored(graph, "l1")["a"] * parameters, everything)
    assert np.allclose(scored(graph, "l1", scope="producer")["a"], [2.0] + [0.0] * (len(everything) - 1))
    assert np.allclose(scored(graph, "l1", scope="conv")["a"] * convolutions, everything * (everything != 7))


def test_taylor_is_the_magnitude_of_weight_times_gradient(graph: DependencyGraph) -> None:
    weight = torch.tensor([[0.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    zeros = {name: torch.zeros_like(value) for name, value in graph.model.named_parameters()}
    measured = Gradients(zeros | {"0.weight": weight}, {}, samples=1)
    # rows (3, -4), (0, 1), (6, 8) times the gradient: 0, 2, 14; of three slices
    assert scored(graph, "taylor", gradients=measured)["0"].tolist() == pytest.approx([0, 2 / 3, 14 / 3])
    negative = Gradients(zeros | {"0.weight": -weight}, {}, samples=1)
    assert scored(graph, "taylor", gradients=negative)["0"].tolist() == pytest.approx([0, 2 / 3, 14 / 3])


def test_hessian_is_half_the_fisher_weighted_square(graph: DependencyGraph) -> None:
    fisher = {"1.weight": torch.tensor([[1.0, 2.0, 3.0]])}
    measured = Gradients({}, fisher, samples=1)  # a parameter that the loss does not depend on counts zero
    assert scored(graph, "hessian", gradients=measured)["0"].tolist() == pytest.approx([4 / 6, 50 / 6, 0])


def test_gradients_are_those_of_the_mean_loss_and_the_model_is_untouched(graph: DependencyGraph) -> None:
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 1.0]]))
    model.train()
    # errors 1 - 1 = 0 and 2 - 3 = -1: gradients (0, 0) and 2 * -1 * (0, 2) = (0, -4)
    measured = gradients(model, LABELLED, fisher=True, loss=squared_error)
    assert measured.samples == 2
    assert measured.mean["weight"].tolist() == [[0.0, -2.0]]
    assert measured.fisher["weight"].tolist() == [[0.0, 8.0]]
    assert gradients(model, LABELLED, loss=squared_error).mean["weight"].tolist() == [[0.0, -2.0]]
    assert model.weight.grad is None
    assert model.training


def test_gradients_of_batches_of_unequal_sizes_weigh_samples_alike() -> None:
    model = nn.Linear(1, 1, bias=False)
    inputs, wanted = torch.tensor([[1.0], [2.0], [3.0]]), torch.zeros(3, 1)
    whole = gradients(model, [(inputs, wanted)], loss=squared_error)
    parts = gradients(model, [(inputs[:2], wanted[:2]), (inputs[2:], wanted[2:])], loss=squared_error)
    assert parts.mean["weight"] == pytest.approx(whole.mean["weight"].item())


def test_gradients_stop_at_the_most_samples_that_were_asked_for() -> None:
    model = nn.Linear(2, 1)
    assert gradients(model, LABELLED * 9, loss=squared_error, max_samples=3).samples == 4


@pytest.mark.parametrize("importance", ["taylor", "hessian"])
def test_a_criterion_that_needs_data_says_so(graph: DependencyGraph, importance: str) -> None:
    with pytest.raises(PlanError, match=rf"'{importance}' asks what .* needs data: plan\(.*data=loader"):
        graph.plan(0.5, importance=importance)
    assert graph.plan(0.0, importance=importance).is_identity


def test_fisher_information_cannot_be_made_of_mean_gradients(graph: DependencyGraph) -> None:
    measured = gradients(graph.model, LABELLED, loss=squared_error)
    with pytest.raises(PlanError, match=r"explorer.gradients\(model, loader, fisher=True\)"):
        graph.plan(0.5, importance="hessian", data=measured)


def test_plans_measure_gradients_on_the_data_they_are_given() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.copy_(torch.tensor([1.0, 1.0, 1.0]))
        net[1].weight.copy_(torch.tensor([[1.0, 0.0, 5.0], [1.0, 0.0, -5.0]]))  # only channel 2 tells classes apart
    graph = trace(net, torch.randn(4, 2))
    data = [(torch.randn(6, 2), torch.ones(6, dtype=torch.int64))]
    for importance in ("taylor", "hessian"):
        assert graph.plan(2 / 3, importance=importance, data=data).channels["0"] == (2,)
    # channel 0 does not change the loss, whatever its norm; l2 cannot know
    assert graph.plan(1 / 3, importance="l2").channels["0"] == (0, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "holds no samples"),
        ([(torch.randn(2, 3), torch.zeros(2, dtype=torch.int64))], "could not be taken on labels of shape"),
        ([(torch.randn(2, 2), torch.tensor([0, 4]))], "could not be taken on labels of shape"),
        ([(torch.full((2, 2), float("nan")), torch.zeros(2, dtype=torch.int64))], "The loss is nan"),
    ],
)
def test_data_that_gives_no_gradients_is_refused(data: Any, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        gradients(nn.Linear(2, 2), data)


class Neighbours(nn.Module):
    """Adds to each node what its edges bring."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 3)

    def forward(self, nodes: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.a(nodes)
        return made.index_add(0, edges[1], made[edges[0]])


class Joint(list[Any]):
    is_joint = True


def test_the_nodes_of_a_graph_are_no_single_samples() -> None:
    graph = torch.randn(4, 2), torch.tensor([[0, 1, 2], [1, 2, 3]])
    data = [(graph, torch.tensor([0, 1, 2, 0]))]
    with pytest.raises(EvaluationError, match=r"4 labels has inputs of shape \(4, 2\), \(2, 3\), which cannot be cut"):
        gradients(Neighbours(), data, fisher=True)
    assert gradients(Neighbours(), data).samples == 4
    assert gradients(Neighbours(), Joint(data), fisher=True).samples == 4


def test_the_squared_gradients_of_the_nodes_of_a_graph_are_those_of_each_node() -> None:
    torch.manual_seed(0)
    model, nodes, edges = Neighbours(), torch.randn(4, 2), torch.tensor([[0, 1, 2], [1, 2, 3]])
    labels = torch.tensor([0, 1, 2, 0])
    measured = gradients(model, Joint([((nodes, edges), labels)]), fisher=True)
    losses = [
        nn.functional.cross_entropy(model(nodes, edges)[row : row + 1], labels[row : row + 1]) for row in range(4)
    ]
    own = torch.stack([torch.autograd.grad(loss, model.a.weight, retain_graph=True)[0] for loss in losses])
    assert torch.allclose(measured.fisher["a.weight"], own.square().mean(dim=0))
    assert torch.allclose(measured.mean["a.weight"], own.mean(dim=0))
    assert not torch.allclose(measured.fisher["a.weight"], measured.mean["a.weight"].square())
    few = gradients(model, Joint([((nodes, edges), labels)]), fisher=True, max_samples=2)
    assert few.samples == 2
    assert torch.allclose(few.fisher["a.weight"], own[:2].square().mean(dim=0))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"reduction": "median"}, "reduction 'median' is not known. Choose one of: mean, sum, max, prod, first"),
        ({"normalise": "sum"}, "normalise 'sum' is not known. Choose one of: none, mean, max, standardise"),
        ({"scope": "layer"}, "scope 'layer' is not known. Choose one of: group, producer, conv"),
    ],
)
def test_unknown_options_list_the_known_ones(graph: DependencyGraph, option: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        graph.plan(0.5, **option)


@pytest.mark.parametrize("importance", ["l2", "group_norm", "lamp", "fpgm", "bn_scale"])
def test_weights_without_values_score_zero(importance: str) -> None:
    graph = trace(nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), torch.randn(3, 2))
    shape_only = graph.model.to("meta")
    assert score_groups(graph.groups, shape_only, Scoring(importance))["0"].tolist() == [0, 0, 0, 0]
