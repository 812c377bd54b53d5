from __future__ import annotations

import json

import pytest

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.exploration import (
    Exploration,
    Recipe,
    change,
    change_all,
    common_ratio,
    reset,
    set_every_ratio,
    set_options,
    set_ratio,
    start,
    tied_groups,
)
from explorer.models import open_model


@pytest.fixture(scope="module")
def graph() -> DependencyGraph:
    opened = open_model("sample:resnet20")
    return trace(opened.model, opened.example_inputs, source=opened.source)


@pytest.fixture(scope="module")
def tied() -> DependencyGraph:
    opened = open_model("torchvision:shufflenet_v2_x0_5")
    return trace(opened.model, opened.example_inputs, source=opened.source)


@pytest.fixture
def fresh(graph: DependencyGraph) -> Exploration:
    return start(graph)


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
    names = tied_groups(tied, group.name)
    assert len(names) > 1
    assert set(set_ratio(start(tied), group.name, 0.5).recipe.ratios) == set(names)
    assert {tied_groups(tied, name) for name in names} == {names}


def test_one_ratio_for_every_group(fresh: Exploration) -> None:
    after = set_every_ratio(fresh, 0.25)
    assert set(after.recipe.ratios.values()) == {0.25}
    assert set(after.recipe.ratios) == {group.name for group in fresh.graph.groups}


def test_options_shape_the_plan(fresh: Exploration) -> None:
    asked = set_options(set_ratio(fresh, "conv1", 0.9), round_to=4, minimum=6)
    assert len(asked.plan().channels["conv1"]) == 8


def test_a_recipe_survives_json(fresh: Exploration) -> None:
    recipe = set_options(set_ratio(fresh, "conv1", 0.3), importance="l1").recipe
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "not a recipe"),
        ({"format": 7}, "format 7"),
        ({"format": 1, "source": "sample:x", "ratios": {"a": 2}}, "got 2"),
        ({"format": 1, "source": "sample:x", "ratios": []}, "not a recipe"),
        ({"format": 1, "source": "sample:x", "ratios": {}, "importance": "best"}, "no importance 'best'"),
        ({"format": 1, "source": "sample:x", "ratios": {}, "importance": "taylor"}, "no importance 'taylor' without"),
        ({"format": 1, "source": "sample:x", "ratios": {}, "minimum": 0}, "at least.* is a whole number"),
        ({"format": 1, "source": "sample:x", "ratios": {}, "round_to": True}, "multiple of.* is a whole number"),
    ],
)
def test_what_is_no_recipe_is_refused(data: dict[str, object], reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        Recipe.from_json(data)


@pytest.mark.parametrize(
    "what",
    [
        {"kind": "ratio", "group": "conv1", "ratio": 0.5},
        {"kind": "percent", "group": "conv1", "percent": 40},
        {"kind": "every", "ratio": 0.5},
        {"kind": "options", "importance": "random"},
    ],
)
def test_changes_from_the_screen_and_back(fresh: Exploration, what: dict[str, object]) -> None:
    assert change(fresh, what).recipe != fresh.recipe
    assert change(change(fresh, what), {"kind": "reset"}).recipe.ratios == {}


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"kind": "explode"}, "There is no change 'explode'"),
        ({"kind": "ratio", "group": "conv1", "ratio": 1.0}, "from 0 to 0.99"),
        ({"kind": "ratio", "group": "conv1", "ratio": "all"}, "from 0 to 0.99"),
        ({"kind": "percent", "group": "conv1", "percent": 150}, "conv1 keeps its ratio: 150 % is not possible"),
        ({"kind": "percent", "group": "conv1", "percent": None}, "conv1 keeps its ratio: an empty entry"),
        ({"kind": "options", "minimum": ""}, "at least.* is a whole number of channels, 1 or more, not an empty entry"),
        ({"kind": "ratio", "group": "nowhere", "ratio": 0.5}, "nowhere"),
    ],
)
def test_changes_that_cannot_be_made_say_why(fresh: Exploration, what: dict[str, object], reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        change(fresh, what)


def test_of_several_changes_the_good_ones_are_made_and_the_others_told(fresh: Exploration) -> None:
    changes = [
        {"kind": "ratio", "group": "conv1", "ratio": 0.5},
        {"kind": "percent", "group": "conv1", "percent": 150},
        {"kind": "options", "minimum": 3},
    ]
    after, mistakes = change_all(fresh, changes)
    assert (after.recipe.ratios, after.recipe.minimum) == ({"conv1": 0.5}, 3)
    assert len(mistakes) == 1


def test_a_ratio_is_common_where_every_group_has_it(fresh: Exploration) -> None:
    every = set_every_ratio(fresh, 0.25)
    assert common_ratio(every) == 0.25
    assert common_ratio(set_ratio(every, "conv1", 0.5)) == 0
    assert common_ratio(reset(every)) == 0
