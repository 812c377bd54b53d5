from __future__ import annotations

import json
from dataclasses import replace

import pytest

from explorer.engine.errors import PlanError
from explorer.exploration import Exploration, Recipe, View, set_keep, set_lock, set_options, set_ratio
from explorer.exploration.recipe import FORMAT, MAX_NAMES, PANEL_BYTES

VIEW = View(
    opened=("layer1", "layer1.0"),
    selection={"kind": "group", "name": "conv1"},
    pins=("conv1", "layer1.0.conv1"),
    panels={"centre": "matrices", "player": {"port": "conv1+", "step": 2}},
)
SMALLEST = {"format": FORMAT, "source": "sample:x"}


def test_a_recipe_survives_json(fresh: Exploration) -> None:
    options = {"importance": "l1", "reduction": "max", "normalise": "mean", "round_to": 2, "minimum": 3}
    state = set_options(set_ratio(fresh, "conv1", 0.3), **options)
    state = set_lock(set_keep(state, "layer1.0.conv1", [5, 0, 2]), ["conv1"], True)
    recipe = replace(state.recipe, break_ties=frozenset({"conv1", "fc"}), view=VIEW)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.keep == {"layer1.0.conv1": (0, 2, 5)}


def test_a_recipe_of_the_first_format_is_read() -> None:
    old = {"format": 1, "source": "sample:x", "fingerprint": "f", "ratios": {"a": 0.5}, "importance": "l1"}
    read = Recipe.from_json({**old, "round_to": 2, "minimum": 3})
    assert read == Recipe("sample:x", "f", {"a": 0.5}, importance="l1", round_to=2, minimum=3)
    assert read.to_json()["format"] == FORMAT


def test_the_key_says_what_is_pruned_and_nothing_else(fresh: Exploration) -> None:
    half = set_ratio(fresh, "conv1", 0.5)
    assert half.recipe.key != fresh.recipe.key
    assert set_keep(half, "conv1", [0, 1]).recipe.key != half.recipe.key
    assert set_lock(half, ["conv1"], True).recipe.key == half.recipe.key
    assert replace(half.recipe, view=VIEW).key == half.recipe.key
    other = set_ratio(fresh, "conv1", 0.25)  # chosen channels win, so what the ratio would be makes no difference
    assert set_keep(other, "conv1", [0, 1]).recipe.key == set_keep(half, "conv1", [0, 1]).recipe.key


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "says no format"),
        ([], "says no format"),
        (None, "says no format"),
        ({"format": 7}, "format 7"),
        ({"format": "2"}, "format '2'"),
        ({"format": FORMAT}, "names no source"),
        ({**SMALLEST, "ratios": {"a": 2}}, "got 2"),
        ({**SMALLEST, "ratios": {"a": float("nan")}}, "got nan"),
        ({**SMALLEST, "ratios": []}, "ratios of a recipe are a JSON object"),
        ({**SMALLEST, "keep": {"a": 3}}, "channels to keep of a are a list"),
        ({**SMALLEST, "keep": {"a": [True]}}, "channels to keep of a are a list"),
        ({**SMALLEST, "locked": "conv1"}, "its locked are no list"),
        ({**SMALLEST, "locked": ["x"] * (MAX_NAMES + 1)}, "its locked are no list"),
        ({**SMALLEST, "break_ties": True}, "its break_ties are no list"),
        ({**SMALLEST, "importance": "best"}, "no importance 'best'"),
        ({**SMALLEST, "reduction": "median"}, "no reduction 'median'. A recipe can have mean, sum"),
        ({**SMALLEST, "normalise": None}, "no normalise None"),
        ({**SMALLEST, "importance": ["l2"]}, "no importance"),
        ({**SMALLEST, "minimum": 0}, "at least.* is a whole number"),
        ({**SMALLEST, "round_to": True}, "multiple of.* is a whole number"),
        ({**SMALLEST, "view": 3}, "view of a recipe are a JSON object"),
        ({**SMALLEST, "view": {"opened": [3]}}, "its opened are no list"),
        ({**SMALLEST, "view": {"selection": {"kind": "file", "name": "x"}}}, "its selection names no group"),
        ({**SMALLEST, "view": {"panels": {"centre": "x" * PANEL_BYTES}}}, "its panels hold more than"),
    ],
)
def test_what_is_no_recipe_is_refused(data: dict[str, object], reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        Recipe.from_json(data)
