"""Groups that compete: which channels go first, caps, leagues of like structure, and steps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.groups import Group
from explorer.engine.ranking import competing_counts, leagues
from explorer.engine.schedule import of_what_is_left, step_ratios
from explorer.engine.selection import Options
from tests.engine import patterns
from tests.engine.patterns import traced


def groups(**sizes: int) -> list[Group]:
    return [Group(name, "channels", size, ()) for name, size in sizes.items()]


SCORES = {"a": np.array([5.0, 1.0, 4.0, 2.0]), "b": np.array([9.0, 3.0, 8.0, 7.0, 6.0, 10.0])}


@pytest.mark.parametrize(
    ("ratio", "options", "kept"),
    [
        (0.0, {}, {"a": 4, "b": 6}),
        (0.3, {}, {"a": 2, "b": 5}),  # 1, 2 and 3 go
        (0.5, {}, {"a": 1, "b": 4}),  # 1, 2, 3, 4 and 6 go: of a, 5 stays as the minimum
        (0.5, {"minimum": 2}, {"a": 2, "b": 3}),
        (0.5, {"cap": 0.5}, {"a": 2, "b": 3}),
        (0.3, {"cap": 0.25}, {"a": 3, "b": 5}),  # each may lose one: 2 of the 3 that were asked for
        (0.3, {"round_to": 4}, {"a": 4, "b": 6}),
        (0.999, {}, {"a": 1, "b": 1}),
    ],
)
def test_the_lowest_scores_of_all_groups_go(ratio: float, options: dict[str, Any], kept: dict[str, int]) -> None:
    assert competing_counts(groups(a=4, b=6), SCORES, ratio, Options(**options)) == kept


def test_of_equal_scores_those_go_first_whose_group_lost_least() -> None:
    scores = {"a": np.zeros(4), "b": np.zeros(4), "c": np.zeros(4)}
    assert competing_counts(groups(a=4, b=4, c=4), scores, 0.5, Options()) == {"a": 2, "b": 2, "c": 2}


def chain(*widths: int) -> DependencyGraph:
    """Linear layers whose channels all have the norm 1, but for a factor that grows from group to group."""
    net = nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(widths)))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for number, parameter in enumerate(net.parameters()):
            parameter.copy_((number + 1) * (0.5 + torch.rand(parameter.shape, generator=generator)))
    return trace(net, torch.randn(2, widths[0]))


def counts(graph: DependencyGraph, ratio: float, **options: Any) -> dict[str, int]:
    return {name: len(kept) for name, kept in graph.plan(ratio, **options).channels.items()}


def test_a_global_ranking_takes_from_the_weakest_groups_and_keeps_the_strongest_channels() -> None:
    graph = chain(4, 8, 8, 4)
    plan = graph.plan(0.25, ranking="global", normalise="none")
    assert {name: len(kept) for name, kept in plan.channels.items()} == {"0": 4, "1": 8}
    assert plan.ratios == {"0": 0.5, "1": 0.0}
    scores = graph.plan(0.25).scores["0"]
    assert min(scores[list(plan.channels["0"])]) >= max(np.delete(scores, plan.channels["0"]))


def test_a_common_scale_is_the_default_where_groups_compete() -> None:
    graph = chain(4, 8, 8, 4)
    assert graph.plan(0.5, ranking="global").options.normalise == "mean"
    assert graph.plan(0.5, ranking="global", importance="lamp").options.normalise == "none"
    assert graph.plan(0.5).options.normalise == "none"
    assert min(counts(graph, 0.5, ranking="global").values()) >= 2  # none loses nearly all for its scale alone


def test_a_cap_holds_for_every_ranking() -> None:
    graph = chain(4, 8, 8, 4)
    assert counts(graph, 0.5, ranking="global", normalise="none", cap=0.75) == {"0": 2, "1": 6}
    assert counts(graph, 0.9, cap=0.5) == {"0": 4, "1": 4}


def test_heads_do_not_compete_and_ties_hold() -> None:
    assert counts(traced(patterns.attention()), 0.5, ranking="global")["attend:heads"] == 2
    halves = counts(traced(patterns.shuffled()), 0.4, ranking="global")
    assert halves["a[0:4]"] == halves["a[4:8]"]


def test_channels_chosen_one_by_one_do_not_compete() -> None:
    plan = chain(4, 8, 8, 4).plan(0.5, keep={"0": [0, 1]}, ranking="global")
    assert plan.channels["0"] == (0, 1)
    assert len(plan.channels["1"]) == 4


def test_groups_of_like_structure_are_one_league() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 8, 3), nn.ReLU(),
        nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1),
    )  # fmt: skip
    graph = trace(net, torch.randn(1, 1, 12, 12))
    modules = dict(net.named_modules())
    named = [[group.name for group in league] for league in leagues(graph.groups, "isomorphic", modules)]
    assert named == [["0", "2", "6"], ["4"]]
    assert [len(league) for league in leagues(graph.groups, "global", modules)] == [4]
    kept = counts(graph, 0.5, ranking="isomorphic")
    assert kept["4"] == 4
    assert kept["0"] + kept["2"] + kept["6"] == 9


def test_groups_that_are_all_of_one_structure_rank_as_in_a_global_ranking() -> None:
    graph = chain(4, 8, 8, 4)
    before = counts(graph, 0.5, ranking="isomorphic", normalise="none")
    assert before == counts(graph, 0.5, ranking="global", normalise="none")


@pytest.mark.parametrize(
    ("ratios", "options", "message"),
    [
        (0.5, {"ranking": "fair"}, "ranking 'fair' is not known. Choose one of: local, global, isomorphic"),
        ({"0": 0.5}, {"ranking": "global"}, "finds the ratio of each group itself. Give one ratio"),
        (0.5, {"cap": 0}, "cap is 0. It is the fraction that no group loses more of"),
        (0.5, {"cap": 1.5}, r"cap is 1\.5"),
        (1.0, {"ranking": "global"}, "pruning ratio for all groups is 1.0"),
    ],
)
def test_rankings_that_make_no_sense_are_refused(ratios: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        chain(4, 8, 8, 4).plan(ratios, **options)


def test_step_ratios_are_linear_in_what_goes_or_geometric_in_what_stays() -> None:
    assert step_ratios(0.8, 4) == pytest.approx((0.2, 0.4, 0.6, 0.8))
    assert step_ratios(0.875, 3, "geometric") == pytest.approx((0.5, 0.75, 0.875))
    assert step_ratios(0.3, 1) == (0.3,)
    assert of_what_is_left(step_ratios(0.875, 3, "geometric")) == pytest.approx((0.5, 0.5, 0.5))
    assert of_what_is_left((0.2, 0.4, 0.6, 0.8)) == pytest.approx((0.2, 0.25, 1 / 3, 0.5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.5, 2, "cosine"), "schedule 'cosine' is not known. Choose one of: linear, geometric"),
        ((0.5, 0), "steps is 0"),
        ((1.0, 2), "pruning ratio for all groups is 1.0"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        step_ratios(*arguments)


def test_plans_of_a_schedule_keep_ever_fewer_of_the_same_channels() -> None:
    plans = list(chain(4, 8, 8, 4).plans(0.75, steps=3, schedule="linear", importance="l1", minimum=3))
    assert [len(plan.channels["0"]) for plan in plans] == [6, 4, 3]
    assert [plan.importance for plan in plans] == ["l1"] * 3
    assert set(plans[0].channels["0"]) > set(plans[1].channels["0"]) > set(plans[2].channels["0"])


def test_a_model_that_is_traced_anew_between_steps_ends_as_the_schedule_says() -> None:
    graph = chain(4, 8, 16, 4)
    for ratio in of_what_is_left(step_ratios(0.75, 2, "geometric")):
        graph = trace(graph.plan(ratio).apply().model, graph.example_inputs)
    assert {group.name: group.size for group in graph.groups} == {"0": 2, "1": 4}
