"""The reader of recipes: it takes what its published schema allows, and refuses everything else in words."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.engine.errors import ExplorerError, PlanError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, Recipe, View, exported_recipe, fitted, plan_of, start
from explorer.exploration.recipe import CHOICES, MAX_NAMES, MAX_PINS, MAX_RATIO, PANEL_BYTES, SELECTABLE, migrated
from explorer.exploration.schema import SCHEMA
from tests.engine.nets import IMAGE, PlainCnn, every_group, traced

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "app-recipe.json"
VALIDATOR = jsonschema.Draft202012Validator(dict(SCHEMA))
GRAPH = traced(PlainCnn(), *IMAGE)
GROUPS = [group.name for group in GRAPH.groups]

names = st.sampled_from([*GROUPS, "gone"]) | st.text(max_size=6)
some_names = st.lists(names, max_size=4, unique=True)
fractions = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | fractions | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
selections = st.none() | st.just({}) | st.fixed_dictionaries({"kind": st.sampled_from(SELECTABLE), "name": names})
views = st.builds(
    View,
    opened=st.none() | st.lists(names, max_size=4).map(tuple),
    selection=selections,
    pins=st.lists(names, max_size=MAX_PINS, unique=True).map(tuple),
    panels=st.dictionaries(st.text(max_size=8), json_values, max_size=3),
)
recipes = st.builds(
    Recipe,
    source=st.text(max_size=12),
    fingerprint=st.text(max_size=12),
    ratios=st.dictionaries(names, st.integers(1, int(MAX_RATIO * 10**4)).map(lambda part: part / 10**4), max_size=4),
    keep=st.dictionaries(names, st.sets(st.integers(0, 2**40), max_size=5).map(sorted).map(tuple), max_size=3),
    locked=some_names.map(frozenset),
    break_ties=some_names.map(frozenset),
    importance=st.sampled_from(sorted(CHOICES["importance"])),
    reduction=st.sampled_from(sorted(CHOICES["reduction"])),
    normalise=st.sampled_from(sorted(CHOICES["normalise"])),
    round_to=st.integers(1, 2**40),
    minimum=st.integers(1, 2**40),
    view=views,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested JSON data."""
    found = [path] if path else []
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, item in entries for place in places(item, (*path, key))]


@st.composite
def mangled(draw: st.DrawFn, whole: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """JSON data with some of its entries replaced or removed."""
    changed = copy.deepcopy(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        if not (found := places(changed)):
            break
        *path, last = draw(st.sampled_from(found))
        holder: Any = changed
        for key in path:
            holder = holder[key]
        if draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = draw(json_values)
    return changed


written = recipes.map(Recipe.to_json)
FULL = Recipe(
    "sample:x", "f", {GROUPS[0]: 0.5}, {GROUPS[1]: (0, 2)}, frozenset(GROUPS[:1]), frozenset(GROUPS[1:]),
    view=View((GROUPS[0],), {"kind": "group", "name": GROUPS[0]}, (GROUPS[0],), {"player": {"step": 2}}),
).to_json()  # fmt: skip


@given(recipe=recipes)
@settings(max_examples=100)
def test_every_recipe_survives_json_and_is_what_the_schema_says(recipe: Recipe) -> None:
    data = json.loads(json.dumps(recipe.to_json()))
    assert Recipe.from_json(data) == recipe
    assert Recipe.from_json(data).key == recipe.key
    jsonschema.validate(data, dict(SCHEMA))


@given(data=mangled(written | st.just(FULL) | st.just({"format": 1, "source": "sample:x", "ratios": {"a": 0.5}})))
@settings(max_examples=400)
def test_the_reader_takes_what_the_schema_allows_and_nothing_else(data: dict[str, Any]) -> None:
    try:
        recipe = Recipe.from_json(data)
    except ExplorerError as error:
        assert str(error)
        is_known = data.get("format") in (1, 2) and type(data["format"]) is int
        assert not is_known or not VALIDATOR.is_valid(migrated(data))
    else:
        assert VALIDATOR.is_valid(migrated(data))
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@given(data=json_values | st.binary(max_size=5) | st.dictionaries(st.sampled_from(sorted(FULL)), json_values))
@settings(max_examples=100)
def test_what_is_no_recipe_at_all_is_refused_in_words(data: Any) -> None:
    with pytest.raises(ExplorerError):
        Recipe.from_json(data)


@given(data=mangled(st.just(FULL) | written))
@settings(max_examples=60)
def test_a_mangled_recipe_is_carried_out_or_refused_in_words(data: dict[str, Any]) -> None:
    try:
        plan = plan_of(GRAPH, data)
    except ExplorerError as error:
        assert str(error)
    else:
        assert plan.cost.after.params <= plan.cost.before.params


@given(data=mangled(st.just(FULL) | written))
@settings(max_examples=60)
def test_what_fits_of_a_mangled_recipe_is_a_plan(data: dict[str, Any]) -> None:
    try:
        recipe = Recipe.from_json(data)
    except ExplorerError:
        return
    exploration, remarks = fitted(GRAPH, "sample:x", recipe)
    assert all(remarks)
    try:
        exploration.plan()
    except PlanError as error:
        assert "data" in str(error) or "channel" in str(error)


SAVED = every_group(GRAPH).recipe


@given(data=mangled(st.just(SAVED)))
@settings(max_examples=60)
def test_the_mangled_recipe_of_an_exported_model_is_read_or_refused_in_words(data: dict[str, Any]) -> None:
    try:
        fitted(GRAPH, "sample:x", Recipe.from_json(exported_recipe(data)))
    except ExplorerError as error:
        assert str(error)


@pytest.mark.parametrize(
    "data",
    [
        {**FULL, "format": True},
        {**FULL, "format": 2.0},
        {**FULL, "fingerprint": None},
        {**FULL, "locked": 0},
        {**FULL, "keep": {"a": [-1]}},
        {**FULL, "ratios": {"a": float("inf")}},
        {**FULL, "ratios": {str(number): 0.5 for number in range(MAX_NAMES + 1)}},
        {**FULL, "view": {"panels": {"a": float("nan")}}},
        {**FULL, "view": {"panels": {"a": b"no JSON"}}},
        {**FULL, "view": {"panels": {"a": "x" * PANEL_BYTES}}},
    ],
)
def test_what_looks_almost_right_is_refused_in_words(data: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        Recipe.from_json(data)


def test_panels_nested_too_deeply_for_json_are_refused_in_words() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(PlanError, match="panels hold what JSON cannot"):
        Recipe.from_json({**FULL, "view": {"panels": {"a": deep}}})


def test_the_schema_is_published() -> None:
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json.loads(json.dumps(SCHEMA))
    jsonschema.Draft202012Validator.check_schema(dict(SCHEMA))


def test_a_saved_recipe_of_every_kind_fits_its_schema(graph: DependencyGraph, fresh: Exploration) -> None:
    for exploration in (fresh, start(graph), Exploration(GRAPH, Recipe("", "", {GROUPS[0]: 0.3}))):
        jsonschema.validate(exploration.recipe.to_json(), dict(SCHEMA))
