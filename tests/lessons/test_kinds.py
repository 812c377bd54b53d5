"""Each kind of task: what is right is found on the model, and every answer gets its reason."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from explorer.engine.errors import LessonError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, Recipe, set_each_ratio, set_every_ratio, set_options, start
from explorer.lessons import KINDS, Asked, Feedback, Place, Task
from explorer.models.tracing import trace

PLACE = Place("some.yaml", {"steps[0].task": 7, "": 1}, "steps[0].task")


@cache
def graph_of(source: str) -> DependencyGraph:
    return trace(source)


def ask(kind: str, model: str = "sample:resnet20", **fields: Any) -> Asked:
    return Asked(Task(kind, "?", "", "", fields, PLACE), start(graph_of(model)))


def states(feedback: Feedback) -> dict[str, str]:
    return {verdict.name: verdict.state for verdict in feedback.verdicts}


STAGE = ask("pick", find="loses_with", port="conv1+", among=["bn1", "layer1.0", "fc"])


def test_who_loses_a_channel_is_whom_the_propagation_reaches() -> None:
    solution = KINDS["pick"].solution(STAGE)
    assert solution == ["bn1", "layer1.0.conv1", "layer1.0.conv2", "layer1.0.bn2"]
    feedback = KINDS["pick"].check(STAGE, [*solution[1:], "fc"])
    assert not feedback.is_right
    assert feedback.said == "3 of 4 found, 1 missing and 1 extra."
    assert states(feedback)["bn1"] == "missing"
    assert states(feedback)["fc"] == "extra"
    reasons = {verdict.name: verdict.reason for verdict in feedback.verdicts}
    assert reasons["bn1"].startswith("conv1 f+ → bn1 f−: ")  # noqa: RUF001
    assert reasons["fc"] == "what it reads belongs to layer3.0.conv2; no step leads there from conv1 f+"
    assert reasons["layer1.0.bn2"].startswith("layer1.0.add (+) f− → layer1.0.bn2 f+: ")  # noqa: RUF001
    assert reasons["layer1.0.bn2"].endswith("is what layer1.0.add (+) reads")


def test_what_was_rightly_left_alone_is_not_spoken_of() -> None:
    assert "layer1.0.bn1" not in states(KINDS["pick"].check(STAGE, []))


def test_the_row_of_a_port_in_the_dependency_matrix() -> None:
    asked = ask("pick", find="depends_on", port="bn1+", among=["conv1", "bn1", "layer1.0"])
    direct = {
        dependency.b if dependency.a == "bn1+" else dependency.a
        for dependency in asked.graph.dependencies
        if "bn1+" in (dependency.a, dependency.b)
    }
    assert set(KINDS["pick"].solution(asked)) == {name for name in direct if not name.startswith("layer1.0.add")}


def test_what_is_frozen_says_why() -> None:
    asked = ask("pick", find="frozen", among=["conv1", "fc"])
    assert KINDS["pick"].solution(asked) == ["conv1-", "fc+"]
    reasons = [verdict.reason for verdict in KINDS["pick"].check(asked, []).verdicts]
    assert "model output" in reasons[1]


def test_groups_that_are_tied() -> None:
    asked = ask("pick", "torchvision:shufflenet_v2_x0_5", find="tied_to", group="stage2.0.branch1.2[0:3]")
    tied = set(asked.graph.group("stage2.0.branch1.2[0:3]").ties)
    assert set(KINDS["pick"].solution(asked)) == tied != set()


def test_layers_of_a_group() -> None:
    asked = ask("pick", find="carries", group="layer1.0.conv1", among=["layer1.0"])
    assert KINDS["pick"].solution(asked) == ["layer1.0.conv1", "layer1.0.bn1", "layer1.0.conv2"]


def test_the_group_that_saves_most_is_told_by_the_cost() -> None:
    asked = ask("choose", by="params", find="most", options=["conv1", "layer3.2.conv1"])
    feedback = KINDS["choose"].check(asked, "conv1")
    saved = 1 - asked.graph.plan({"layer3.2.conv1": 0.5}).cost.after.params / asked.graph.cost.params
    assert states(feedback) == {"conv1": "extra", "layer3.2.conv1": "missing"}
    assert feedback.facts[0] == f"layer3.2.conv1: saves {saved:.1%} of the parameters"
    assert KINDS["choose"].check(asked, "layer3.2.conv1").is_right


def test_groups_say_what_they_hold() -> None:
    names = ["blocks.0.attention.qkv:heads", "blocks.0.attention.qkv:head_dim", "patches"]
    form = KINDS["choose"].form(ask("choose", "sample:vit", by="macs", find="most", options=names))
    assert [option.detail for option in form.options] == ["4 heads", "16 channels of each head", "64 channels"]


def test_the_channel_with_the_least_importance() -> None:
    asked = ask("choose", by="score", find="least", group="conv1", options=[0, 1, 2, 3])
    scores = asked.graph.plan(0.5).scores["conv1"][:4]
    assert KINDS["choose"].solution(asked) == str(int(scores.argmin()))


def test_accuracy_is_measured() -> None:
    measured = list[dict[str, float]]()

    def measure(exploration: Exploration) -> float:
        measured.append(dict(exploration.recipe.ratios))
        return 0.4 if "conv1" in exploration.recipe.ratios else 0.9

    asked = ask("choose", by="accuracy", find="least", ratio=0.25, options=["layer3.2.conv1", "conv1"])
    assert KINDS["choose"].solution(replace(asked, measure=measure)) == "conv1"
    assert measured == [{"layer3.2.conv1": 0.25}, {"conv1": 0.25}]
    with pytest.raises(LessonError, match="no data here"):
        KINDS["choose"].solution(asked)


def test_a_tie_for_the_first_place_is_no_question() -> None:
    asked = ask("choose", by="layers", find="most", options=["layer1.0.conv1", "layer1.1.conv1"])
    with pytest.raises(LessonError, match=r"some.yaml:7: .*share the first place"):
        KINDS["choose"].solution(asked)


def test_a_prediction_is_right_within_points() -> None:
    asked = ask("predict", "sample:vgg", quantity="params", ratios=0.5, within=3)
    plan = set_each_ratio(asked.exploration, KINDS["predict"].check(asked, 50).ratios).plan()
    truth = 100 * plan.cost.after.params / plan.cost.before.params
    assert KINDS["predict"].check(asked, truth + 2.9).is_right
    assert KINDS["predict"].check(asked, truth - 2.9).is_right
    feedback = KINDS["predict"].check(asked, 50)
    assert not feedback.is_right
    assert f"{truth:.1f} % of the parameters are left. It is less than your 50 %." == feedback.said
    assert any(fact.startswith("features.17: ") and "25%" in fact for fact in feedback.facts)


@pytest.mark.parametrize("answer", [None, "half", True, -1, 101, float("nan"), []])
def test_what_is_no_percentage_is_said_so(answer: object) -> None:
    asked = ask("predict", quantity="macs", ratios={"conv1": 0.5})
    assert "a number from 0 to 100" in KINDS["predict"].check(asked, answer).said


def test_an_explanation_says_how_much_it_leaves_out() -> None:
    facts = KINDS["predict"].check(ask("predict", quantity="macs", ratios={"conv1": 0.5}), 50).facts
    assert facts[0].startswith("layer1.0.conv1: 147,456 → 73,728 MACs, 50%")
    assert facts[4:] == ("and 5 more layers",)


def test_of_several_weights_an_explanation_shows_the_one_that_loses_most() -> None:
    facts = KINDS["predict"].check(ask("predict", "sample:lstm", quantity="params", ratios={"lstm": 0.5}), 50).facts
    assert facts[0].endswith("29% (weight_hh_l0 256 × 64 → 128 × 32)")  # noqa: RUF001
    assert facts[1].endswith("51% (weight 10 × 64 → 10 × 32)")  # noqa: RUF001


EDITS = ask(
    "edits",
    group="layer1.0.conv1",
    channel=3,
    edits=[
        {"title": "only the convolution", "cut": ["layer1.0.conv1.weight 0"]},
        {"title": "all that belongs together", "cut": ["group"]},
    ],
)


def test_edits_are_done_and_run() -> None:
    assert KINDS["edits"].solution(EDITS) == ["0"]
    feedback = KINDS["edits"].check(EDITS, ["1"])
    assert states(feedback) == {"0": "missing", "1": "extra"}
    assert "PyTorch says: running_mean should contain 15 elements not 16" in feedback.verdicts[0].reason
    assert feedback.verdicts[1].reason == "it runs and gives (1, 10)"
    assert KINDS["edits"].check(EDITS, ["0"]).is_right
    assert EDITS.graph.model.get_parameter("layer1.0.conv1.weight").shape[0] == 16


def test_an_edit_that_fused_kernels_do_not_notice_breaks_the_model() -> None:
    first = ["weight_ih_l0 0", "bias_ih_l0 0", "weight_hh_l0 0", "weight_hh_l0 1", "bias_hh_l0 0"]
    edits = [{"title": "half", "cut": [f"lstm.{each}" for each in first]}, {"title": "all", "cut": ["group"]}]
    asked = ask("edits", "sample:lstm", group="lstm", channel=0, edits=edits)
    assert KINDS["edits"].solution(asked) == ["0"]


GOAL = ask("goal", at_most={"macs": 0.6}, at_least={"accuracy": 0.9}, best="macs")


def test_a_goal_asks_the_plan_on_the_screen() -> None:
    asked = replace(GOAL, measure=lambda exploration: 0.93)
    open_still = KINDS["goal"].check(asked, None)
    assert states(open_still) == {"change": "missing", "macs": "missing", "accuracy": "right"}
    assert open_still.said == "Not all conditions hold."
    recipe = Recipe.from_json(KINDS["goal"].solution(asked))
    done = replace(asked, exploration=replace(asked.exploration, recipe=recipe))
    feedback = KINDS["goal"].check(done, None)
    left = done.exploration.plan().cost.after.macs / asked.graph.cost.macs
    assert feedback.is_right
    assert feedback.verdicts[0].reason == f"groups that are smaller: {len(asked.graph.groups)}"
    assert feedback.score == pytest.approx(left)
    assert left <= 0.6


def test_only_plans_that_are_small_enough_are_measured_on_the_way_to_a_solution() -> None:
    left: list[float] = []

    def measure(exploration: Exploration) -> float:
        left.append(exploration.plan().cost.after.macs / exploration.graph.cost.macs)
        return 0.93

    KINDS["goal"].solution(replace(GOAL, measure=measure))
    assert len(left) == 1
    assert left[0] <= 0.6


def test_a_goal_may_limit_how_many_groups_are_smaller() -> None:
    asked = ask("goal", at_most={"groups": 2, "macs": 0.6, "params": 0.5})
    recipe = Recipe.from_json(KINDS["goal"].solution(asked))
    assert len(recipe.ratios) == 2
    everything = set_every_ratio(asked.exploration, 0.7)
    feedback = KINDS["goal"].check(replace(asked, exploration=everything), None)
    assert states(feedback) == {"change": "right", "groups": "missing", "macs": "right", "params": "right"}
    assert feedback.verdicts[1].reason == f"{len(asked.graph.groups)} groups are smaller"
    assert KINDS["goal"].form(asked).conditions[0] == "at most 2 groups made smaller"


def test_the_plan_that_meets_a_goal_ranks_as_the_screen_does() -> None:
    ranked = set_options(GOAL.exploration, importance="l1", reduction="max")
    asked = replace(GOAL, exploration=ranked, measure=lambda exploration: 0.93)
    recipe = Recipe.from_json(KINDS["goal"].solution(asked))
    assert (recipe.importance, recipe.reduction) == ("l1", "max")


def test_a_goal_that_no_plan_meets_is_told_to_its_author() -> None:
    with pytest.raises(LessonError, match="ask for less"):
        KINDS["goal"].solution(replace(GOAL, measure=lambda exploration: 0.5))


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("pick", {"find": "loses_with", "port": "conv9+"}, "has no port 'conv9+'"),
        ("pick", {"find": "loses_with"}, "to find 'loses_with', say which port"),
        ("pick", {"find": "loses_with", "port": "conv1+", "among": ["layer9"]}, "has no layer in 'layer9'"),
        ("pick", {"find": "carries", "group": "conv9"}, "conv9"),
        ("pick", {"find": "loses_with", "port": "conv1+", "among": ["bn1"]}, "all or none"),
        ("choose", {"by": "macs", "find": "most", "options": ["conv1", "conv9"]}, "conv9"),
        ("choose", {"by": "score", "find": "most", "options": [0, 1]}, "say which group"),
        ("choose", {"by": "score", "find": "most", "options": [0, 99], "group": "conv1"}, "channels 0 to 15"),
        ("predict", {"quantity": "macs", "ratios": {"conv9": 0.5}}, "conv9"),
        ("goal", {}, "a goal needs a condition"),
    ],
)  # fmt: skip
def test_names_that_the_model_does_not_have(kind: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(LessonError) as raised:
        KINDS[kind].form(ask(kind, **fields))
    assert str(raised.value).startswith("some.yaml:7: steps[0].task")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("channel", "cut", "words"),
    [(99, "conv1.weight 0", "channels 0 to 15"), (0, "fc.weight 0", "has no 'fc.weight 0'")],
)
def test_edits_of_what_the_group_does_not_have(channel: int, cut: str, words: str) -> None:
    edits = [{"title": "one", "cut": [cut]}, {"title": "all", "cut": ["group"]}]
    with pytest.raises(LessonError, match=words):
        KINDS["edits"].solution(ask("edits", group="conv1", channel=channel, edits=edits))


@pytest.mark.parametrize("asked", [STAGE, EDITS, replace(GOAL, measure=lambda exploration: 0.93)])
@pytest.mark.parametrize("answer", [None, 3, "x", [], [["x"]], {"a": 1}])
def test_answers_that_are_none_are_not_right(asked: Asked, answer: object) -> None:
    assert not KINDS[asked.task.kind].check(asked, answer).is_right
