"""What the server answers to a page that changes or opens something."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from explorer.app import ids
from explorer.app.answers import RECIPE_BYTES, after_changes, after_restoring
from explorer.app.workspace import Workspace
from explorer.engine.save import save
from explorer.exploration import Exploration, View, set_keep, set_options, set_ratio


def said(answer: dict[str, Any], place: str) -> str:
    return " ".join(part.children for part in answer["set"][place])


def test_a_change_is_answered_with_words_where_it_was_not_as_asked(
    workspace: Workspace, exploration: Exploration
) -> None:
    changes = [
        {"kind": "every", "ratio": 0.5},
        {"kind": "percent", "group": "conv1", "percent": 150},
        {"kind": "options", "minimum": 500},
    ]
    asked = {"changes": changes, "serial": 7, "epoch": 3}
    answer = after_changes(workspace, asked, exploration.recipe.to_json())
    assert (answer["serial"], answer["epoch"], answer["isMade"]) == (7, 3, True)
    held = answer["set"]
    assert held[ids.RECIPE]["minimum"] == held[ids.PREVIEW]["controls"]["minimum"] == 500
    assert [part.className for part in held[ids.CHANGE_ERROR]] == ["message is-bad", "message is-warn"]
    assert "150 % is not possible" in said(answer, ids.CHANGE_ERROR)


@pytest.mark.parametrize(
    "asked", [{}, {"changes": "all"}, {"changes": [None]}, {"changes": [{"kind": "ratio"}]}, {"changes": [[1]]}]
)
def test_what_is_no_change_is_refused_in_words(
    workspace: Workspace, exploration: Exploration, asked: dict[str, Any]
) -> None:
    answer = after_changes(workspace, asked, exploration.recipe.to_json())
    assert answer["set"][ids.RECIPE] == exploration.recipe.to_json()
    assert said(answer, ids.CHANGE_ERROR).startswith(("There is no change", "The change 'ratio' names no group"))


@pytest.mark.parametrize("recipe", [{}, None, [], {"format": 2, "source": "/etc/passwd"}])
def test_changes_of_what_is_no_recipe_are_refused_in_words(workspace: Workspace, recipe: Any) -> None:
    answer = after_changes(workspace, {"changes": [{"kind": "reset"}]}, recipe)
    assert not answer["isMade"]
    assert list(answer["set"]) == [ids.CHANGE_ERROR]


def test_a_recipe_brings_back_what_was_pruned_and_how_it_looked(workspace: Workspace, exploration: Exploration) -> None:
    view = View(("layer2",), {"kind": "layer", "name": "fc"}, ("conv1",), {"centre": "matrices", "unknown": 3})
    state = set_options(set_keep(set_ratio(exploration, "conv1", 0.5), "layer1.0.conv1", [0, 3]), minimum=2)
    recipe = replace(state.recipe, view=view)
    held = after_restoring(workspace, {"recipe": recipe.to_json(), "why": "link"})["set"]
    assert held[ids.MODEL] == held[ids.PICKER] == "sample:resnet20"
    assert held[ids.RECIPE] == state.recipe.to_json()
    assert held[ids.OPENED] == {"source": "sample:resnet20", "paths": ["layer2"]}
    assert held[ids.PINS] == ["conv1"]
    assert held[ids.PANELS] == {"centre": "matrices"}
    assert held[ids.SELECTION]["name"] == "fc"
    assert "layer3.2.conv1" in str(held[ids.SELECTION]["groups"]) or held[ids.SELECTION]["groups"]
    assert held[ids.PREVIEW]["groups"]["conv1"][1] == 8
    assert held[ids.NOTICE] == []


def test_an_undo_leaves_the_view_as_it_is(workspace: Workspace, exploration: Exploration) -> None:
    recipe = replace(set_ratio(exploration, "conv1", 0.5).recipe, view=View(pins=("conv1",)))
    asked = {"recipe": recipe.to_json(), "why": "undo", "shown": "sample:resnet20"}
    held = after_restoring(workspace, asked)["set"]
    assert not {ids.MODEL, ids.OPENED, ids.SELECTION, ids.PANELS} & set(held)
    assert held[ids.PINS] == ["conv1"]
    assert held[ids.RECIPE]["ratios"] == {"conv1": 0.5}


def test_a_link_brings_the_view_that_it_says_and_else_the_first_one(
    workspace: Workspace, exploration: Exploration
) -> None:
    recipe = exploration.recipe.to_json()
    asked = {"recipe": recipe, "why": "link", "shown": "sample:resnet20", "panels": {"centre": "plans"}}
    held = after_restoring(workspace, asked)["set"]
    assert held[ids.PANELS] == {}
    assert held[ids.SELECTION]["kind"] == "group"


def test_another_model_is_looked_at_in_the_same_way_but_for_what_was_played(workspace: Workspace) -> None:
    panels = {"centre": "matrices", "scope": "layer1", "player": {"port": "conv1+", "step": 2}}
    asked = {"source": "sample:vgg", "why": "pick", "shown": "sample:resnet20", "panels": panels}
    assert after_restoring(workspace, asked)["set"][ids.PANELS] == {"centre": "matrices"}


def test_a_model_with_trained_weights_is_ranked_as_the_one_before(workspace: Workspace) -> None:
    ranking = {"importance": "group_norm", "reduction": "max", "normalise": "mean"}
    held = after_restoring(workspace, {"source": "sample:vgg", "ranking": ranking, "why": "pick"})["set"]
    assert {name: held[ids.RECIPE][name] for name in ranking} == ranking
    plain = after_restoring(workspace, {"source": "sample:vgg", "why": "pick"})["set"]
    assert plain[ids.RECIPE]["importance"] == "l2"
    for wrong in ({"importance": "luck"}, "l1"):
        assert not after_restoring(workspace, {"source": "sample:vgg", "ranking": wrong, "why": "pick"})["isMade"]


def test_a_recipe_for_another_model_warns_and_what_fits_is_used(workspace: Workspace, exploration: Exploration) -> None:
    other = replace(set_ratio(exploration, "conv1", 0.5).recipe, fingerprint="0" * 16)
    other = replace(other, ratios={**other.ratios, "nowhere": 0.5}, keep={"layer1.0.conv1": (99,)})
    answer = after_restoring(workspace, {"recipe": other.to_json(), "why": "file"})
    assert answer["set"][ids.RECIPE]["ratios"] == {"conv1": 0.5}
    assert answer["set"][ids.RECIPE]["keep"] == {}
    assert answer["set"][ids.RECIPE]["fingerprint"] == exploration.graph.fingerprint
    assert "made for another model" in said(answer, ids.NOTICE)
    assert "2 of 3 (layer1.0.conv1, nowhere)" in said(answer, ids.NOTICE)


@pytest.mark.parametrize("source", ["session:guess", "model.py:build", "/etc/passwd", "sample"])
def test_a_link_names_samples_and_torchvision_models_only(workspace: Workspace, source: str) -> None:
    answer = after_restoring(workspace, {"recipe": {"format": 2, "source": source}, "why": "link"})
    assert not answer["isMade"]
    assert "cannot be opened from here" in said(answer, ids.NOTICE)


def test_a_link_cannot_name_a_model_of_this_run_by_its_id(exploration: Exploration) -> None:
    own = Workspace()
    source = own.add(exploration.graph).source
    recipe = {"format": 2, "source": source}
    assert not after_restoring(own, {"recipe": recipe, "why": "link"})["isMade"]
    assert after_restoring(own, {"recipe": recipe, "why": "reload"})["set"][ids.MODEL] == source
    own.close()


def test_after_a_restart_an_own_model_is_known_by_its_fingerprint(exploration: Exploration) -> None:
    restarted = Workspace()
    source = restarted.add(exploration.graph).source
    before = replace(set_ratio(exploration, "conv1", 0.5).recipe, source="session:of-an-earlier-run")
    held = after_restoring(restarted, {"recipe": before.to_json(), "why": "reload"})["set"]
    assert (held[ids.MODEL], held[ids.RECIPE]["source"]) == (source, source)
    assert held[ids.RECIPE]["ratios"] == {"conv1": 0.5}
    unknown = replace(before, fingerprint="0" * 16)
    answer = after_restoring(restarted, {"recipe": unknown.to_json(), "why": "reload"})
    assert "a model of an earlier session" in said(answer, ids.NOTICE)
    restarted.close()


def test_a_recipe_file_is_read_whatever_it_calls_a_model_from_memory(
    workspace: Workspace, exploration: Exploration
) -> None:
    recipe = replace(set_ratio(exploration, "conv1", 0.5).recipe, source="session:elsewhere")
    asked = {"text": json.dumps(recipe.to_json()), "why": "file", "shown": "sample:resnet20"}
    held = after_restoring(workspace, asked)["set"]
    assert held[ids.RECIPE]["source"] == "sample:resnet20"
    assert held[ids.NOTICE] == []


def test_the_recipe_of_an_exported_model_opens_too(
    workspace: Workspace, exploration: Exploration, tmp_path: Path
) -> None:
    state = set_keep(set_ratio(exploration, "conv1", 0.5), "layer1.0.conv1", [0, 3])
    save(state.plan().apply(), tmp_path / "out")
    text = (tmp_path / "out" / "recipe.json").read_text(encoding="utf-8")
    held = after_restoring(workspace, {"text": text, "why": "file"})["set"]
    assert held[ids.RECIPE] == state.recipe.to_json()


@pytest.mark.parametrize("break_ties", [False, True])
def test_the_recipe_of_a_model_that_was_pruned_in_python_opens_too(
    workspace: Workspace, exploration: Exploration, tmp_path: Path, break_ties: bool
) -> None:
    plan = exploration.graph.plan(0.5, break_ties=break_ties)
    save(plan.apply(), tmp_path / "out")
    text = (tmp_path / "out" / "recipe.json").read_text(encoding="utf-8")
    held = after_restoring(workspace, {"text": text, "why": "file"})["set"]
    assert workspace.exploration(held[ids.RECIPE]).plan().channels == plan.channels


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[1]", "no recipe"),
        ("{}", "says no format"),
        ("[" * 100_000, "no JSON"),
        (
            "\u00fc" * (RECIPE_BYTES // 2) + "  ",
            "has 32.0 MB, and a page takes recipes of up to 32 MB. Nothing was opened. The command line takes larger",
        ),
        ('{"format": 2, "source": "sample:resnet20", "keep": {"conv1": "x"}}', "list of whole numbers"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_in_words(workspace: Workspace, text: str, reason: str) -> None:
    answer = after_restoring(workspace, {"text": text, "why": "file"})
    assert not answer["isMade"]
    assert reason in said(answer, ids.NOTICE)


def test_a_model_that_cannot_be_opened_is_told_in_its_place_with_what_is_near(workspace: Workspace) -> None:
    answer = after_restoring(workspace, {"source": "sample:resnet21", "why": "pick", "epoch": 4})
    assert (answer["isMade"], answer["epoch"]) == (False, 4)
    assert list(answer["set"]) == [ids.FAILURE]
    card = json.dumps(answer["set"][ids.FAILURE].to_plotly_json(), cls=PlotlyJSONEncoder)
    assert "no sample model 'resnet21'" in card
    assert '"data-open": "sample:resnet20"' in card


def test_whatever_goes_wrong_the_page_gets_an_answer(
    workspace: Workspace, exploration: Exploration, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in the model")

    monkeypatch.setattr("explorer.app.answers.preview", broken)
    answer = after_changes(workspace, {"changes": []}, exploration.recipe.to_json())
    assert "did not expect" in said(answer, ids.CHANGE_ERROR)
    assert "in the model" in caplog.text
