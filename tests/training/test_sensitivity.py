"""Sensitivity: what is measured, in which order, how it resumes, and the estimate made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from explorer.engine.errors import EvaluationError, PlanError, TrainingError
from explorer.engine.graph import DependencyGraph, trace
from explorer.training import Point, Sensitivity, evaluate, measure_point, sensitivity
from explorer.training.sensitivity import ranked_groups
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
    assert found.base == evaluate(graph.model, loader()).accuracy > 0.9
    assert found.is_complete
    assert (found.groups, found.ratios, found.importance) == (("0", "2"), (0.5, 0.9), "l2")
    assert [(point.group, point.ratio) for point in found.points] == [("0", 0.5), ("0", 0.9), ("2", 0.5), ("2", 0.9)]
    for point in found.points:
        pruned = graph.plan({point.group: point.ratio}).apply().model
        assert point.accuracy == evaluate(pruned, loader()).accuracy
    assert found.curve("0")[:2] == ((0.0, found.base), (0.5, found.base))
    assert found.curve("0")[2][1] < found.base  # one of the two channels that count is gone
    assert is_same(state(graph.model), before)


def test_groups_come_first_that_save_most_when_halved(graph: DependencyGraph) -> None:
    # halving saves 4 * (4 + 4) multiply-adds per sample of group 0, and 2 * (8 + 2) of group 2
    assert ranked_groups(graph) == ("0", "2")
    wide = trace(nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 16), nn.Linear(16, 2)), torch.randn(1, 2))
    assert ranked_groups(wide) == ("1", "0")  # 8 * (4 + 2) = 48 against 2 * (2 + 16) = 36
    assert ranked_groups(wide, ["0"]) == ("0",)


def test_options_of_plans_go_through(graph: DependencyGraph) -> None:
    found = sensitivity(graph, loader(), ratios=(0.9,), groups=["0"], minimum=2, importance="l1")
    assert found.points == (Point("0", 0.9, found.base),)
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
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sensitivity(graph, loader(), checkpoint=path, watch=killed)
    steps: list[int] = []
    resumed = sensitivity(graph, loader(), checkpoint=path, watch=lambda found: steps.append(len(found.points)))
    assert steps == [4, 5, 6, 7, 8, 9, 10]
    assert resumed == sensitivity(graph, loader())
    fewer = sensitivity(graph, loader(), checkpoint=path, groups=["2"], ratios=(0.5, 0.6))
    assert fewer.curve("2")[1] in resumed.curve("2")
    again = sensitivity(graph, loader(), checkpoint=path, watch=lambda _: pytest.fail("all of it was measured"))
    assert set(again.points) == set(resumed.points)
    assert len(json.loads(path.read_text())["points"]) == 11


def test_a_cancelled_sweep_keeps_what_was_measured(graph: DependencyGraph) -> None:
    found = sensitivity(graph, loader(), watch=lambda found: len(found.points) == 2)
    assert len(found.points) == 2
    assert not found.is_complete
    assert found.curve("2") == ((0.0, found.base),)


def test_a_file_of_another_sweep_is_refused(graph: DependencyGraph, tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    sensitivity(graph, loader(), checkpoint=path, ratios=(0.5,))
    with pytest.raises(TrainingError, match="another sweep: it has another choices"):
        sensitivity(graph, loader(), checkpoint=path, importance="l1")
    with torch.no_grad():
        graph.model[0].bias += 1
    with pytest.raises(TrainingError, match="another sweep: it has another model"):
        sensitivity(graph, loader(), checkpoint=path)
    path.write_text("{}")
    with pytest.raises(TrainingError, match="is no sweep of sensitivity"):
        sensitivity(graph, loader(), checkpoint=path)


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


def test_the_estimate_multiplies_what_each_group_leaves() -> None:
    found = Sensitivity(
        0.8, (Point("a", 0.5, 0.6), Point("b", 0.5, 0.4), Point("a", 0.9, 0.2)), ("a", "b"), (0.5, 0.9), "l2"
    )
    assert found.drop("a", 0.25) == pytest.approx(0.1)
    assert found.drop("a", 0.7) == pytest.approx(0.4)
    assert found.estimate({}) == found.estimate({"c": 0.5}) == 0.8
    assert found.estimate({"a": 0.5, "b": 0.5}) == pytest.approx(0.8 * 0.75 * 0.5)
