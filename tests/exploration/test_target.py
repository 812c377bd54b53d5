"""Ratios that leave a wanted part of a cost."""

from __future__ import annotations

import pytest

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, change, found_ratios, set_keep, set_lock, set_options, set_target, start


@pytest.mark.parametrize("cost", ["macs", "params", "bytes"])
@pytest.mark.parametrize("fraction", [0.3, 0.8])
def test_what_remains_is_what_was_asked_for(fresh: Exploration, cost: str, fraction: float) -> None:
    found = change(fresh, {"kind": "target", "cost": cost, "fraction": fraction}).plan().cost
    assert getattr(found.after, cost) / getattr(found.before, cost) == pytest.approx(fraction, rel=0.02)


def test_tied_groups_reach_a_target_together(tied: DependencyGraph) -> None:
    found = set_target(start(tied), "macs", 0.5).plan().cost
    assert found.after.macs / found.before.macs == pytest.approx(0.5, rel=0.02)


def test_a_target_replaces_what_was_there_before(fresh: Exploration) -> None:
    chosen = set_keep(fresh, "layer1.0.conv1", [0, 1])
    after = set_target(chosen, "macs", 0.5)
    assert not after.recipe.keep
    assert after.recipe.ratios == set_target(fresh, "macs", 0.5).recipe.ratios
    assert not set_target(after, "macs", 1).recipe.ratios


def test_a_target_that_cannot_be_reached_says_why(fresh: Exploration) -> None:
    with pytest.raises(PlanError, match="macs"):
        set_target(fresh, "macs", 0.0001)
    with pytest.raises(PlanError, match=r"layer1\.0\.conv1 is locked"):
        set_target(set_lock(fresh, ["layer1.0.conv1"], True), "macs", 0.5)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"cost": "time", "fraction": 0.5}, "no target 'time'. The targets are macs, params, bytes"),
        ({"cost": "macs", "fraction": ""}, "got ''"),
        ({"cost": "macs"}, "got 'none'"),
    ],
)
def test_targets_that_are_none_say_why(fresh: Exploration, what: dict[str, object], reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        change(fresh, {"kind": "target", **what})


def test_what_a_plan_came_to_is_set_as_it_is_also_where_groups_are_tied(tied: DependencyGraph) -> None:
    for start_from in (start(tied), set_options(start(tied), round_to=4)):
        plan = tied.plan(0.4, round_to=start_from.recipe.round_to)
        after = change(start_from, {"kind": "found", "ratios": found_ratios(plan)})
        assert after.plan().channels == plan.channels


def test_found_ratios_replace_what_was_chosen_and_leave_locked_groups_alone(fresh: Exploration) -> None:
    ratios = found_ratios(fresh.graph.plan(0.5))
    chosen = set_keep(fresh, "layer1.0.conv1", [0, 1])
    assert not change(chosen, {"kind": "found", "ratios": ratios}).recipe.keep
    with pytest.raises(PlanError, match=r"layer1\.0\.conv1 is locked"):
        change(set_lock(fresh, ["layer1.0.conv1"], True), {"kind": "found", "ratios": ratios})


@pytest.mark.parametrize("ratios", [{}, {"conv1": 0.5}, {"other": 0.5}])
def test_ratios_that_were_found_for_another_model_are_refused(fresh: Exploration, ratios: dict[str, float]) -> None:
    with pytest.raises(PlanError, match="found for another model"):
        change(fresh, {"kind": "found", "ratios": ratios})


def test_a_found_ratio_is_in_its_range(fresh: Exploration) -> None:
    ratios = dict.fromkeys(found_ratios(fresh.graph.plan(0.5)), 1.5)
    with pytest.raises(PlanError, match=r"from 0 to 0\.99"):
        change(fresh, {"kind": "found", "ratios": ratios})
