"""Sensitivity: what is measured, in which order, how it resumes, and the estimate made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from explorer.engine.errors import EvaluationError, PlanError, TrainingError
from explorer.engine.graph import DependencyGraph, trace
from explorer.training import Estimate, Point, Sensitivity, evaluate, measure_point, sensitivity
from explorer.training.checkpoint import CheckpointError
from explorer.training.sensitivity import JOINT_RATIOS, ranked_groups
from tests.training.blobs import is_same, loader, points, state


@pytest.fixture
def graph() -> DependencyGraph:
    """A net of which only channels 0 and 1 of the first layer, and 0 of the second, tell the classes apart."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model[0].weight[:2] = torch.tensor([[9.0], [-9.0]])
        model[2].weight[0, 0] = model[2].weight[1, 1] = 1.0
        model[4].weight[0, 0] = model[4].weight[1, 1] = 1.0
    return trace(model.eval(), points()[0])


def test_each_group_is_pruned_alone_and_measured(graph: DependencyGraph) -> None:
    before = state(graph.model)
    found = sensitivity(graph, loader(), ratios=(0.9, 0.5))
    base = evaluate(graph.model, loader())
    assert found.base == Point("", 0.0, base.accuracy, base.loss)
    assert base.accuracy > 0.9
    assert found.is_complete
    assert (found.groups, found.ratios, found.importance) == (("0", "2"), (0.5, 0.9), "l2")
    assert [(point.group, point.ratio) for point in found.points] == [("0", 0.5), ("0", 0.9), ("2", 0.5), ("2", 0.9)]
    for point in found.points:
        pruned = graph.plan({point.group: point.ratio}).apply().model
        measured = evaluate(pruned, loader())
        assert (point.accuracy, point.loss) == (measured.accuracy, measured.loss)
    assert found.curve("0")[:2] == ((0.0, base.accuracy), (0.5, base.accuracy))
    assert found.curve("0")[2][1] < base.accuracy  # one of the two channels that count is gone
    assert is_same(state(graph.model), before)


def test_all_groups_are_pruned_together_too(graph: DependencyGraph) -> None:
    found = sensitivity(graph, loader(), ratios=(0.5,))
    assert tuple(point.ratio for point in found.joint) == JOINT_RATIOS
    both = graph.plan({"0": 0.9, "2": 0.9}).apply().model
    assert found.curve()[-1] == (0.9, evaluate(both, loader()).accuracy)
    assert sensitivity(graph, loader(), ratios=(0.5,), groups=["0"]).joint == ()  # one alone is its own curve


def test_groups_come_first_that_save_most_when_halved(graph: DependencyGraph) -> None:
    # halving saves 4 * (4 + 4) multiply-adds per sample of group 0, and 2 * (8 + 2) of group 2
    assert ranked_groups(graph) == ("0", "2")
    wide = trace(nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 16), nn.Linear(16, 2)), torch.randn(1, 2))
    assert ranked_groups(wide) == ("1", "0")  # 8 * (4 + 2) = 48 against 2 * (2 + 16) = 36
    assert ranked_groups(wide, ["0"]) == ("0",)


def test_options_of_plans_go_through(graph: DependencyGraph) -> None:
    found = sensitivity(graph, loader(), ratios=(0.9,), groups=["0"], minimum=2, importance="l1")
    assert [(point.ratio, point.accuracy) for point in found.points] == [(0.9, found.base.accuracy)]
    assert found.importance == "l1"


def test_criteria_that_need_gradients_take_them_from_the_data(graph: DependencyGraph) -> None:
    found = sensitivity(graph, loader(), ratios=(0.5,), groups=["0"], importance="taylor")
    assert len(found.points) == 1
    with pytest.raises(PlanError, match="needs data"):
        measure_point(graph, loader(), "0", 0.5, importance="taylor")


def test_a_killed_sweep_goes_on_where_it_was(graph: DependencyGraph, tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"

    def killed(found: Sensitivity) -> None:
        if len(found.points) == 3:
            raise KeyboardInterrupt  # once all groups together are done

    with pytest.raises(KeyboardInterrupt):
        sensitivity(graph, loader(), checkpoint=path, watch=killed)
    steps: list[int] = []
    resumed = sensitivity(graph, loader(), checkpoint=path, watch=lambda found: steps.append(len(found.points)))
    assert steps == [4, 5, 6, 7, 8, 9, 10]
    assert resumed == sensitivity(graph, loader())
    fewer = sensitivity(graph, loader(), checkpoint=path, groups=["2"], ratios=(0.5, 0.6))
    assert fewer.curve("2")[1] in resumed.curve("2")
    assert fewer.joint == ()
    left: list[str] = []  # all together again, since the file is of one group now
    again = sensitivity(graph, loader(), checkpoint=path, watch=lambda found: left.append(found.joint[-1].group))
    assert left == [""] * len(JOINT_RATIOS)
    assert (set(again.points), again.joint) == (set(resumed.points), resumed.joint)
    assert len(json.loads(path.read_text())["points"]) == 11


def test_a_cancelled_sweep_keeps_what_was_measured(graph: DependencyGraph) -> None:
    found = sensitivity(graph, loader(), watch=lambda found: len(found.points) == 2)
    assert len(found.points) == 2
    assert not found.is_complete
    assert found.curve("2") == ((0.0, found.base.accuracy),)
    with pytest.raises(TrainingError, match="was stopped"):
        found.estimate({"0": 0.5})


def test_a_file_of_another_sweep_is_refused(graph: DependencyGraph, tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    sensitivity(graph, loader(), checkpoint=path, ratios=(0.5,))
    with pytest.raises(TrainingError, match="another sweep: of other options of plans"):
        sensitivity(graph, loader(), checkpoint=path, importance="l1")
    with torch.no_grad():
        graph.model[0].bias += 1
    with pytest.raises(TrainingError, match="another sweep: of another model"):
        sensitivity(graph, loader(), checkpoint=path)
    for damaged in ("{}", "not JSON", '{"points": 3}'):
        path.write_text(damaged)
        with pytest.raises(CheckpointError, match="is no sweep of sensitivity"):
            sensitivity(graph, loader(), checkpoint=path)


def test_as_much_of_other_data_is_told_by_what_the_whole_model_makes_of_it(
    graph: DependencyGraph, tmp_path: Path
) -> None:
    path = tmp_path / "sweep.json"
    inputs, labels = points()
    data = [(inputs, labels)]
    sensitivity(graph, data, checkpoint=path, ratios=(0.5,))
    sensitivity(graph, data, checkpoint=path, watch=lambda _: True)
    with pytest.raises(CheckpointError, match="another sweep: of other data"):
        sensitivity(graph, [(inputs + 0.5, labels)], checkpoint=path)


@pytest.mark.parametrize(
    ("data", "choices", "kind", "message"),
    [
        (loader(), {"groups": ["3"]}, PlanError, "There is no group '3'"),
        (loader(), {"groups": []}, PlanError, "There is no group to measure"),
        (loader(), {"ratios": (1.0,)}, PlanError, "pruning ratio for a sweep is 1.0"),
        (loader(), {"importance": "best"}, PlanError, "importance 'best' is not known"),
        ([], {}, EvaluationError, "holds no samples"),
        ([(torch.randn(2, 4), torch.tensor([0, 5]))], {}, EvaluationError, "labels run from 0 to 5"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    graph: DependencyGraph, data: Any, choices: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        sensitivity(graph, data, **choices)


def two_groups() -> Sensitivity:
    """Two groups that lose little alone and much together."""
    points = [
        Point("a", 0.5, 0.8, 0.6),
        Point("a", 0.9, 0.2, 3.5),
        Point("b", 0.5, 0.7, 0.9),
        Point("b", 0.9, 0.5, 2.5),
    ]
    falling = dict(zip(JOINT_RATIOS, (0.9, 0.9, 0.8, 0.8, 0.7, 0.6, 0.4, 0.3, 0.1, 0.1), strict=True))
    joint = tuple(Point("", ratio, accuracy, 1.0) for ratio, accuracy in falling.items())
    return Sensitivity(Point("", 0.0, 0.9, 0.5), tuple(points), joint, ("a", "b"), (0.5, 0.9), "l2")


def test_one_group_alone_is_estimated_from_its_curve() -> None:
    found = two_groups()
    assert found.drop("a", 0.25) == pytest.approx(0.05)
    assert found.drop("a", 0.7) == pytest.approx(0.4)
    assert found.estimate({}) == found.estimate({"c": 0.5}) == Estimate(0.9, 0.9, 0.9)
    guess = found.estimate({"a": 0.7, "b": 0.0})
    assert (guess.accuracy, guess.low, guess.high) == (pytest.approx(0.5), 0.2, 0.8)


def test_several_groups_are_estimated_between_a_hopeful_and_a_wary_guess() -> None:
    found = two_groups()
    hopeful = 0.9 * (0.8 / 0.9) * (0.7 / 0.9)
    # at a half each, the loss rises by 0.1 and 0.4, just as where all were pruned by half: 0.3 was measured there
    assert found.estimate({"a": 0.5, "b": 0.5}) == Estimate(pytest.approx((hopeful * 0.3) ** 0.5), 0.3, 0.7)
    blind = replace(found, base=replace(found.base, accuracy=0.0))
    assert blind.estimate({"a": 0.5, "b": 0.5}).accuracy == 0.0


def test_an_estimate_lies_between_what_was_measured_of_less_and_of_more() -> None:
    guess = two_groups().estimate({"a": 0.9, "b": 0.05})
    assert (guess.low, guess.high) == (0.1, 0.2)  # all groups by 0.9, and a alone by 0.9
    assert guess.low <= guess.accuracy <= guess.high
    assert two_groups().estimate({"a": 0.95, "b": 0.95}).low == 0.0  # nothing that removes more was measured
