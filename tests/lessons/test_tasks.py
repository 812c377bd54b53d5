"""What lessons ask of rankings, single channels and counts that follow others."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from explorer.engine.errors import LessonError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, start
from explorer.lessons import KINDS, Asked, Place, Task
from explorer.models.tracing import trace

PLACE = Place("some.yaml", {"steps[0].task": 7, "": 1}, "steps[0].task")
SWIN, WIDTH, HEAD_DIM = "torchvision:swin_t", "features.0.0", "features.1.0.attn.qkv:head_dim"


@cache
def graph_of(source: str) -> DependencyGraph:
    return trace(source)


def ask(kind: str, model: str = "sample:resnet20", **fields: Any) -> Asked:
    return Asked(Task(kind, "?", "", "", fields, PLACE), start(graph_of(model)))


def test_what_one_channel_is_worth_is_measured_without_it() -> None:
    def measure(exploration: Exploration) -> float:
        return 0.5 if 15 not in exploration.plan().channels["conv1"] else 0.9

    asked = replace(ask("choose", by="without", find="least", group="conv1", options=[12, 15]), measure=measure)
    feedback = KINDS["choose"].check(asked, "12")
    assert KINDS["choose"].solution(asked) == "15"
    assert feedback.said == "It would have been channel 15."
    assert feedback.facts[0] == "channel 15: 50.0% accuracy is left, measured, once it is gone"


def test_rankings_take_channels_of_their_own() -> None:
    gone = dict[tuple[str, str], set[int]]()

    def measure(exploration: Exploration) -> float:
        recipe, kept = exploration.recipe, exploration.plan().channels["conv1"]
        gone[recipe.importance, recipe.reduction] = set(range(16)) - set(kept)
        return 1 - len(gone) / 10

    options = ["l2 first", "l2 mean", "random"]
    asked = ask("choose", by="ranking", find="most", group="conv1", ratio=0.19, options=options)
    assert KINDS["choose"].solution(replace(asked, measure=measure)) == "l2 first"
    plan = asked.graph.plan({"conv1": 0.19}, importance="l2", reduction="first")
    assert gone["l2", "first"] == set(range(16)) - set(plan.channels["conv1"])
    assert {len(channels) for channels in gone.values()} == {3}
    assert gone["l2", "first"] != gone["l2", "mean"]


def test_rankings_say_what_they_look_at() -> None:
    asked = ask("choose", by="ranking", find="most", group="conv1", options=["l2 first", "group_norm mean", "random"])
    titles = [option.title for option in KINDS["choose"].form(asked).options]
    assert titles == ["l2 of the first layer alone", "group_norm over the whole group", "random"]


def test_counts_that_follow_others() -> None:
    asked = ask("predict", SWIN, quantity="channels", of=HEAD_DIM, ratios={WIDTH: 0.5})
    feedback = KINDS["predict"].check(asked, 50)
    assert feedback.is_right
    assert feedback.said.startswith("50.0 % of its channels are left.")
    assert f"{WIDTH}: 96 → 48" in feedback.facts
    assert f"{HEAD_DIM}: 32 → 16" in feedback.facts
    assert not KINDS["predict"].check(asked, KINDS["predict"].mistake(asked)).is_right


def test_tied_groups_are_asked_of_some_modules_and_say_the_file_without_its_folder() -> None:
    asked = ask("pick", SWIN, find="tied_to", group=WIDTH, among=["features.1", "features.3.0.mlp.0"])
    names = [option.name for option in KINDS["pick"].form(asked).options]
    assert all(name.startswith("features.1.") or name == "features.3.0.mlp.0" for name in names)
    assert KINDS["pick"].solution(asked) == [*asked.graph.group(WIDTH).ties]
    reasons = {verdict.name: verdict.reason for verdict in KINDS["pick"].check(asked, []).verdicts}
    assert " at swin_transformer.py:" in reasons[HEAD_DIM]
    assert {option.name: option.detail for option in KINDS["pick"].form(asked).options}[HEAD_DIM] == (
        "32 channels of each head"
    )


def test_layers_say_what_of_them_a_group_holds_or_to_which_others_they_belong() -> None:
    asked = ask("pick", find="carries", group="layer1.0.conv1", among=["layer1.0", "layer1.1.conv1", "fc"])
    names = [option.name for option in KINDS["pick"].form(asked).options]
    reasons = {verdict.name: verdict.reason for verdict in KINDS["pick"].check(asked, names).verdicts}
    assert reasons["layer1.0.conv1"] == "the rows of its weight (dim 0) are in the group"
    assert reasons["layer1.0.bn1"] == "the numbers of its weight (dim 0) are in the group"
    assert reasons["layer1.0.conv2"] == "the columns of its weight (dim 1) are in the group"
    assert reasons["layer1.0.bn2"] == "its channels belong to conv1"
    assert reasons["layer1.1.conv1"] == "what it reads belongs to conv1 and what it makes belongs to layer1.1.conv1"
    assert reasons["fc"] == "what it reads belongs to layer3.0.conv2"


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("choose", {"by": "without", "find": "most", "options": [0, 16], "group": "conv1"}, "channels 0 to 15"),
        ("choose", {"by": "without", "find": "most", "options": [0, 1]}, "say which group"),
        ("choose", {"by": "ranking", "find": "most", "options": ["l2", "l9"], "group": "conv1"}, "no criterion"),
        ("choose", {"by": "ranking", "find": "most", "options": ["l2", "taylor"], "group": "conv1"}, "weights alone"),
        ("choose", {"by": "ranking", "find": "most", "options": ["l2", "l2 last"], "group": "conv1"}, "no reduction"),
        ("predict", {"quantity": "channels", "ratios": 0.5}, "say of which group"),
        ("predict", {"quantity": "channels", "ratios": 0.5, "of": "conv9"}, "conv9"),
        ("pick", {"find": "tied_to", "group": "conv1", "among": ["layer9"]}, "has no group in 'layer9'"),
    ],
)  # fmt: skip
def test_what_the_model_does_not_have_is_told_with_its_line(kind: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(LessonError) as raised:
        KINDS[kind].form(ask(kind, **fields))
    assert str(raised.value).startswith("some.yaml:7: steps[0].task")
    assert words in str(raised.value)
