from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.exploration import (
    Exploration,
    change,
    change_all,
    common_ratio,
    reset,
    scale_ratios,
    set_every_ratio,
    set_keep,
    set_lock,
    set_options,
    set_ratio,
    set_ratios,
    start,
    tied_groups,
)


def test_a_new_exploration_prunes_nothing(fresh: Exploration) -> None:
    assert not fresh.is_pruning()
    assert fresh.plan().cost.before == fresh.plan().cost.after
    assert fresh.recipe.source == "sample:resnet20"


def test_a_change_gives_a_new_state_and_leaves_the_old_one(fresh: Exploration) -> None:
    after = set_ratio(fresh, "layer1.0.conv1", 0.5)
    assert after.recipe.ratios == {"layer1.0.conv1": 0.5}
    assert fresh.recipe.ratios == {}
    assert len(after.plan().channels["layer1.0.conv1"]) == 8


def test_setting_a_ratio_back_to_nothing_gives_the_same_recipe(fresh: Exploration) -> None:
    there = set_ratio(fresh, "conv1", 0.5)
    assert set_ratio(there, "conv1", 0).recipe == fresh.recipe
    assert reset(there).recipe == fresh.recipe
    assert there.recipe.key != fresh.recipe.key


def test_tied_groups_move_together(tied: DependencyGraph) -> None:
    group = next(group for group in tied.groups if group.ties)
    names = tied_groups(start(tied), group.name)
    assert len(names) > 1
    assert set(set_ratio(start(tied), group.name, 0.5).recipe.ratios) == set(names)
    assert {tied_groups(start(tied), name) for name in names} == {names}


def test_ties_are_let_go_and_hold_again(tied: DependencyGraph) -> None:
    group = next(group for group in tied.groups if group.ties)
    both = set_ratio(start(tied), group.name, 0.5)
    alone = set_ratio(change(both, {"kind": "ties", "group": group.name, "broken": True}), group.name, 0.25)
    assert tied_groups(alone, group.name) == (group.name,)
    assert {alone.recipe.ratios[name] for name in group.ties} == {0.5}
    assert alone.plan().broken_ties
    assert not both.plan().broken_ties
    assert alone.recipe.key != both.recipe.key
    again = change(alone, {"kind": "ties", "group": group.name, "broken": False})
    assert not again.plan().broken_ties
    assert {again.recipe.ratios[name] for name in (group.name, *group.ties)} == {0.25}


def test_ties_that_are_not_there_or_locked_are_refused(fresh: Exploration, tied: DependencyGraph) -> None:
    with pytest.raises(PlanError, match="conv1 is tied to no other group"):
        change(fresh, {"kind": "ties", "group": "conv1", "broken": True})
    name = next(group for group in tied.groups if group.ties).name
    locked = set_lock(change(start(tied), {"kind": "ties", "group": name, "broken": True}), [name], True)
    with pytest.raises(PlanError, match="is locked"):
        change(locked, {"kind": "ties", "group": name, "broken": False})


def test_one_ratio_for_every_group(fresh: Exploration) -> None:
    after = set_every_ratio(fresh, 0.25)
    assert set(after.recipe.ratios.values()) == {0.25}
    assert set(after.recipe.ratios) == {group.name for group in fresh.graph.groups}


def test_options_shape_the_plan(fresh: Exploration) -> None:
    asked = set_options(set_ratio(fresh, "conv1", 0.9), round_to=4, minimum=6)
    assert len(asked.plan().channels["conv1"]) == 8


@pytest.mark.parametrize(
    "what",
    [
        {"kind": "ratio", "group": "conv1", "ratio": 0.5},
        {"kind": "percent", "group": "conv1", "percent": 40},
        {"kind": "ratio", "groups": ["conv1", "layer1.0.conv1"], "ratio": 0.5},
        {"kind": "every", "ratio": 0.5},
        {"kind": "keep", "group": "conv1", "channels": [0, 3]},
        {"kind": "lock", "groups": ["conv1"], "locked": True},
        {"kind": "options", "importance": "random"},
    ],
)
def test_changes_from_the_screen_and_back(fresh: Exploration, what: dict[str, object]) -> None:
    assert change(fresh, what).recipe != fresh.recipe
    unlocked = change(change(fresh, what), {"kind": "lock", "group": "conv1", "locked": False})
    assert not change(unlocked, {"kind": "reset"}).is_pruning()


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"kind": "explode"}, "There is no change 'explode'"),
        ("conv1", "There is no change 'conv1'"),
        ({"kind": "ratio", "ratio": 0.5}, "'ratio' names no group"),
        ({"kind": "percent", "groups": [], "percent": 5}, "'percent' names no group"),
        ({"kind": "scale", "groups": "conv1", "factor": 2}, "'scale' names no group"),
        ({"kind": "lock", "groups": [3]}, "'lock' names no group"),
        ({"kind": "reset", "group": None}, "'reset' names no group"),
        ({"kind": "ratio", "group": "conv1"}, "from 0 to 0.99; got 'none'"),
        ({"kind": "every"}, "from 0 to 0.99; got 'none'"),
        ({"kind": "scale", "group": "conv1", "factor": -1}, "from 0 to 100; got -1"),
        ({"kind": "keep", "group": "conv1"}, "'keep' names no channels"),
        ({"kind": "keep", "group": "conv1", "channels": "all"}, "list of whole numbers"),
        ({"kind": "keep", "group": "conv1", "channels": []}, "keeps no channel"),
        ({"kind": "keep", "group": "conv1", "channels": [99]}, "channels 0 to 15"),
        ({"kind": "percent", "groups": ["conv1", "layer1.0.conv1"], "percent": 150}, "2 groups keep their ratios"),
        ({"kind": "ratio", "group": "conv1", "ratio": 1.0}, "from 0 to 0.99"),
        ({"kind": "ratio", "group": "conv1", "ratio": "all"}, "from 0 to 0.99"),
        ({"kind": "percent", "group": "conv1", "percent": 150}, "conv1 keeps its ratio: 150 % is not possible"),
        ({"kind": "percent", "group": "conv1", "percent": None}, "conv1 keeps its ratio: an empty entry"),
        ({"kind": "options", "minimum": ""}, "at least.* is a whole number of channels, 1 or more, not an empty entry"),
        ({"kind": "ratio", "group": "nowhere", "ratio": 0.5}, "nowhere"),
    ],
)
def test_changes_that_cannot_be_made_say_why(fresh: Exploration, what: Any, reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        change(fresh, what)


def test_chosen_channels_win_until_a_ratio_is_set_or_they_are_given_up(fresh: Exploration) -> None:
    half = set_ratio(fresh, "conv1", 0.5)
    chosen = set_keep(half, "conv1", [1, 4, 15])
    assert chosen.plan().channels["conv1"] == (1, 4, 15)
    assert set_keep(chosen, "conv1", None).recipe == half.recipe
    assert len(set_ratio(chosen, "conv1", 0.25).plan().channels["conv1"]) == 12
    assert reset(chosen).recipe == fresh.recipe
    assert set_keep(fresh, "conv1", [0]).is_pruning()
    assert not set_keep(half, "conv1", range(16)).is_pruning()


def test_groups_tied_to_a_chosen_one_follow(tied: DependencyGraph) -> None:
    group = max((group for group in tied.groups if group.ties), key=lambda group: group.size)
    chosen = range(0, group.size, 2)
    kept = set_keep(start(tied), group.name, chosen).plan().channels
    assert kept[group.name] == tuple(chosen)
    assert all(len(kept[name]) < tied.group(name).size for name in group.ties)


def test_several_groups_are_set_scaled_and_reset_together(fresh: Exploration) -> None:
    two = ["conv1", "layer1.0.conv1"]
    after = scale_ratios(set_ratios(fresh, two, 0.4), two, 1.5)
    assert after.recipe.ratios == dict.fromkeys(two, 0.6)
    assert scale_ratios(after, ["conv1"], 100).recipe.ratios["conv1"] == 0.99
    assert reset(after, ["conv1"]).recipe.ratios == {"layer1.0.conv1": 0.6}


def test_tied_groups_are_scaled_once(tied: DependencyGraph) -> None:
    group = next(group for group in tied.groups if group.ties)
    names = tied_groups(start(tied), group.name)
    assert set(scale_ratios(set_ratio(start(tied), group.name, 0.2), names, 2).recipe.ratios.values()) == {0.4}


def test_a_locked_group_stays_as_it_is(fresh: Exploration) -> None:
    locked = set_lock(set_ratio(fresh, "conv1", 0.5), ["conv1"], True)
    assert set_every_ratio(locked, 0.25).recipe.ratios["conv1"] == 0.5
    assert set_ratios(locked, ["conv1", "layer1.0.conv1"], 0.25).recipe.ratios["conv1"] == 0.5
    assert reset(locked).recipe.ratios == {"conv1": 0.5}
    for refused in (lambda: set_ratio(locked, "conv1", 0.25), lambda: set_keep(locked, "conv1", [0])):
        with pytest.raises(PlanError, match="conv1 is locked"):
            refused()
    assert set_ratio(set_lock(locked, ["conv1"], False), "conv1", 0.25).recipe.ratios == {"conv1": 0.25}


def test_a_lock_holds_tied_groups_too(tied: DependencyGraph) -> None:
    group = next(group for group in tied.groups if group.ties)
    locked = set_lock(start(tied), [group.name], True)
    assert locked.recipe.locked == set(tied_groups(start(tied), group.name))


def test_of_several_changes_the_good_ones_are_made_and_the_others_told(fresh: Exploration) -> None:
    changes = [
        {"kind": "ratio", "group": "conv1", "ratio": 0.5},
        {"kind": "percent", "group": "conv1", "percent": 150},
        {"kind": "options", "minimum": 3},
    ]
    after, mistakes = change_all(fresh, changes)
    assert (after.recipe.ratios, after.recipe.minimum) == ({"conv1": 0.5}, 3)
    assert len(mistakes) == 1


def test_to_a_target_groups_can_compete(fresh: Exploration) -> None:
    alike, competing = (
        change(fresh, {"kind": "target", "cost": "macs", "fraction": 0.5, "ranking": ranking}).recipe.ratios
        for ranking in ("local", "global")
    )
    assert max(alike.values()) - min(alike.values()) < 0.1  # one ratio, up to whole channels
    assert max(competing.values()) - min(competing.values()) > 0.1
    scaled = change(
        set_options(fresh, normalise="max"), {"kind": "target", "cost": "macs", "fraction": 0.5, "ranking": "global"}
    )
    assert scaled.recipe.ratios != competing
    with pytest.raises(PlanError, match="ranking 'best' is not known"):
        change(fresh, {"kind": "target", "cost": "macs", "fraction": 0.5, "ranking": "best"})


def test_slices_are_joined_as_the_recipe_says(fresh: Exploration) -> None:
    half = set_every_ratio(fresh, 0.5)
    options = set_options(half, reduction="max").plan().options
    assert (options.importance, options.reduction, options.normalise) == ("l2", "max", "none")
    assert set_options(half, reduction="max").plan().channels != half.plan().channels
    assert set_options(half, reduction="max").recipe.key != half.recipe.key


def test_a_criterion_that_needs_data_is_refused_where_there_is_none(fresh: Exploration) -> None:
    asked = set_options(set_every_ratio(fresh, 0.5), importance="taylor")
    with pytest.raises(PlanError, match="asks what a channel does to the loss, so it needs labelled data"):
        asked.plan()


def test_a_ratio_is_common_where_every_group_has_it(fresh: Exploration) -> None:
    every = set_every_ratio(fresh, 0.25)
    assert common_ratio(every) == 0.25
    assert common_ratio(set_ratio(every, "conv1", 0.5)) == 0
    assert common_ratio(reset(every)) == 0


def test_one_ratio_leaves_what_an_unreached_module_would_read() -> None:
    class Routed(nn.Module):
        """Two experts, of which inputs with a positive sum reach the first."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 8)
            self.experts = nn.ModuleList([nn.Linear(8, 6), nn.Linear(8, 6)])
            self.out = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.experts[0 if x.sum() > 0 else 1](self.inner(x)))

    exploration = set_every_ratio(start(trace(Routed().eval(), torch.ones(2, 3))), 0.5)
    assert exploration.recipe.ratios == {}
    assert all(group.warnings for group in exploration.graph.groups)
