"""A recipe survives JSON, and whatever is not one is refused in words, however it was mangled."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import explorer
from explorer.engine.errors import SaveError
from explorer.engine.recipe import RECIPE_FILE, SCHEMA, VERSION, checked_recipe, read_recipe, recipe_text, surgery_of
from explorer.engine.save import WEIGHTS_FILE, rebuild, save
from explorer.engine.schema import first_mistake
from explorer.exploration import plan_of
from tests.engine.nets import IMAGE, TOKENS, PlainCnn, Transformer, every_group, traced

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
GRAPHS = {"cnn": traced(PlainCnn(), *IMAGE), "transformer": traced(Transformer(), *TOKENS)}
PRUNED = every_group(GRAPHS["transformer"])
RECIPE = PRUNED.recipe

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested JSON data, a few entries of each list."""
    found = [path] if path else []
    entries = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    return found + [place for key, item in entries for place in places(item, (*path, key))]


@st.composite
def mangled(draw: st.DrawFn, recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe with some of its entries replaced, removed or repeated."""
    changed = copy.deepcopy(recipe)
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(changed)))
        holder = changed
        for key in path:
            holder = holder[key]
        how = draw(st.sampled_from(["replace", "remove", "repeat"]))
        if how == "remove":
            del holder[last]
        elif how == "repeat" and isinstance(holder, list):
            holder.append(holder[last])
        else:
            holder[last] = draw(json_values)
    return changed


@given(data=st.data())
@settings(max_examples=12)
def test_every_plan_survives_json(data: st.DataObject) -> None:
    graph = GRAPHS[data.draw(st.sampled_from(sorted(GRAPHS)))]
    ratios = {group.name: data.draw(st.floats(0, 0.9)) for group in graph.groups}
    pruned = graph.plan(ratios, break_ties=data.draw(st.booleans())).apply()
    recipe = json.loads(json.dumps(pruned.recipe))
    assert checked_recipe(recipe) == recipe == pruned.recipe
    assert surgery_of(recipe) == pruned.surgery
    jsonschema.validate(recipe, dict(SCHEMA))


@given(data=mangled(RECIPE))
@settings(max_examples=80)
def test_our_validator_agrees_with_a_full_one(data: dict[str, Any]) -> None:
    is_valid = jsonschema.Draft202012Validator(dict(SCHEMA)).is_valid(data)
    assert (first_mistake(data, SCHEMA) == "") is is_valid


@given(data=mangled(RECIPE) | json_values)
@settings(max_examples=80)
def test_a_mangled_recipe_is_refused_in_words_or_read(data: Any) -> None:
    try:
        recipe = checked_recipe(data, "recipe.json")
    except SaveError as error:
        assert str(error).startswith("recipe.json ")
    else:
        assert recipe["version"] == VERSION
        surgery_of(recipe)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(every_group(GRAPHS["transformer"]), tmp_path_factory.mktemp("saved") / "out")


@given(data=mangled(RECIPE))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_folder_with_a_mangled_recipe_loads_or_is_refused_in_words(folder: Path, data: dict[str, Any]) -> None:
    good = (folder / RECIPE_FILE).read_bytes()
    weights = json.loads(good)["weights_sha256"]
    (folder / RECIPE_FILE).write_text(json.dumps({"weights_sha256": weights} | data), encoding="utf-8")
    try:
        assert isinstance(rebuild(folder, Transformer()), nn.Module)
    except SaveError as error:
        assert str(folder) in str(error)
    finally:
        (folder / RECIPE_FILE).write_bytes(good)


@given(at=st.integers(0, 10**6), byte=st.integers(1, 255), name=st.sampled_from([RECIPE_FILE, WEIGHTS_FILE]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_folder_with_a_changed_byte(folder: Path, at: int, byte: int, name: str) -> None:
    good = (folder / name).read_bytes()
    bad = bytearray(good)
    bad[at % len(bad)] ^= byte
    (folder / name).write_bytes(bad)
    try:
        rebuild(folder, Transformer())
        assert name == RECIPE_FILE, "changed weights were loaded"
    except SaveError as error:
        assert str(folder) in str(error)
    finally:
        (folder / name).write_bytes(good)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": NaN}', '{"a": ' + "9" * 5000 + "}", "\x00"])
def test_json_that_is_meant_to_break_a_reader(tmp_path: Path, text: str) -> None:
    (tmp_path / RECIPE_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(SaveError, match=r"recipe\.json cannot be read"):
        read_recipe(tmp_path)


def test_a_recipe_as_text_has_a_line_for_each_entry() -> None:
    text = recipe_text(RECIPE)
    assert json.loads(text) == RECIPE
    lines = text.splitlines()
    assert sum('"indices": [' in line for line in lines) == len(RECIPE["kept"])
    assert sum(line.startswith("  ") for line in lines) < 1.1 * sum(
        len(part) for part in RECIPE.values() if isinstance(part, (list, dict))
    )


@given(data=json_values)
@settings(max_examples=40)
def test_whatever_is_in_a_recipe_is_read_back(data: Any) -> None:
    assert json.loads(recipe_text({"a": data, "b": [data], "c": {"d": data}})) == {
        "a": data,
        "b": [data],
        "c": {"d": data},
    }


@given(data=mangled(RECIPE))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mangled_recipe_is_applied_and_expanded_or_refused_in_words(data: dict[str, Any]) -> None:
    model = Transformer()
    for use in (
        lambda: explorer.apply_recipe(model, data),
        lambda: explorer.expand(PRUNED.model, data, model),
        lambda: plan_of(GRAPHS["transformer"], data, rerank=True),
    ):
        with suppress(explorer.ExplorerError):
            assert use() is not None


def test_a_recipe_may_be_given_as_a_file(folder: Path) -> None:
    assert read_recipe(folder / RECIPE_FILE) == read_recipe(folder)


def test_the_schema_is_published() -> None:
    published = json.loads((SCHEMAS / "saved-recipe.json").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(SCHEMA))
