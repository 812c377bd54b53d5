from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from explorer.app.learn import checking
from explorer.app.learn.checking import Desk
from explorer.app.learn.feedback import measuring
from explorer.app.learn.measuring import Measuring, UnmeasuredError
from explorer.app.panels import totals
from explorer.app.workspace import Workspace
from explorer.exploration import Exploration, set_every_ratio
from explorer.jobs import Job
from explorer.lessons import Lesson

KINDS = ("pick", "choose", "predict", "edits")


def desk(workspace: Workspace, lesson: Lesson, step: str, recipe: dict[str, Any] | None = None) -> Desk:
    shown = recipe or lesson.steps[0].show.recipe().to_json()
    found = checking.desk_at([lesson], {"lesson": lesson.id, "step": step}, workspace, shown, "test-page")
    assert found is not None
    return found


def verdict(where: Desk, want: str = "check", answer: Any = None) -> dict[str, Any]:
    return checking.verdict(where, {"lesson": "kinds", "step": where.step.id, "at": 1, "want": want, "answer": answer})


def settled(where: Desk, want: str = "check", answer: Any = None) -> dict[str, Any]:
    """The verdict once everything is measured, as a page that asks again gets it."""
    ends = time.monotonic() + 60
    while (said := verdict(where, want, answer))["state"] == "measuring":
        assert time.monotonic() < ends
        threading.Event().wait(0.02)
    return said


def recalled(where: Desk, kept: Any, was: str = "right") -> dict[str, Any]:
    """What is said of a task that was done before, once everything is measured."""
    what = {"lesson": "kinds", "step": where.step.id, "at": 1, "want": "recall", "was": was, "answer": kept}
    ends = time.monotonic() + 60
    while (said := checking.verdict(where, what))["state"] == "measuring":
        assert time.monotonic() < ends
        threading.Event().wait(0.02)
    return said


def text_of(parts: Any) -> str:
    return json.dumps(parts, cls=PlotlyJSONEncoder, ensure_ascii=False).replace("\\", "")


@pytest.mark.parametrize("step", KINDS)
def test_the_engines_mistake_is_wrong_and_its_solution_right(workspace: Workspace, lesson: Lesson, step: str) -> None:
    where = desk(workspace, lesson, step)
    asked = where.asked()
    wrong = verdict(where, answer=where.kind.mistake(asked))
    assert wrong["state"] == "wrong"
    assert "Not yet" in text_of(wrong["said"])
    shown = verdict(where, want="solution")
    assert shown["state"] == "shown"
    right = verdict(where, answer=shown["answer"])
    assert (right["state"], right["lesson"], right["step"], right["at"]) == ("right", "kinds", step, 1)


@pytest.mark.parametrize("step", KINDS)
def test_what_was_solved_is_told_again_as_it_was_answered(workspace: Workspace, lesson: Lesson, step: str) -> None:
    where = desk(workspace, lesson, step)
    answer = where.kind.solution(where.asked())
    right = verdict(where, answer=answer)
    again = recalled(where, answer)
    assert right["answer"] == again["answer"] == answer
    for part in ("state", "marks", "said", "more"):
        assert text_of(again[part]) == text_of(right[part])


def test_a_prediction_is_recalled_as_it_was_made(workspace: Workspace, lesson: Lesson) -> None:
    where = desk(workspace, lesson, "predict")
    near = where.kind.solution(where.asked()) + 2
    assert f"Your {near:g} %" in text_of(recalled(where, near)["said"])


@pytest.mark.parametrize("kept", [None, [], ["bn1"], {"a": 1}, 7])
def test_the_engines_answer_stands_in_for_one_that_is_not_right_any_more(
    workspace: Workspace, lesson: Lesson, kept: Any
) -> None:
    where = desk(workspace, lesson, "pick")
    again = recalled(where, kept)
    assert again["state"] == "right"
    assert again["answer"] == where.kind.solution(where.asked())


def test_an_answer_that_was_shown_is_recalled_as_shown(workspace: Workspace, lesson: Lesson) -> None:
    where = desk(workspace, lesson, "pick")
    shown = verdict(where, want="solution")
    again = recalled(where, shown["answer"], was="shown")
    assert again["state"] == "shown"
    assert "This is the answer" in text_of(again["said"])
    assert again["marks"] == shown["marks"]


def test_a_goal_is_recalled_with_the_plan_that_met_it_and_without_one_its_closing_text(
    workspace: Workspace, lesson: Lesson, exploration: Exploration
) -> None:
    met = set_every_ratio(exploration, 0.4)
    solved = settled(desk(workspace, lesson, "goal", met.recipe.to_json()))
    assert solved["answer"]["ratios"] == met.recipe.to_json()["ratios"]
    where = desk(workspace, lesson, "goal")  # the page shows the plan of the step by now
    again = recalled(where, solved["answer"])
    assert (again["state"], again["score"]) == ("right", solved["score"])
    nothing = exploration.recipe.to_json()
    for other in (None, nothing, {**nothing, "source": "sample:lstm"}, "conv1"):
        closing = recalled(where, other)
        assert closing["state"] == "right"
        assert closing["marks"] == []
        assert "You have solved this." in text_of(closing["said"])
    assert "have looked at a plan" in text_of(recalled(where, None, was="shown")["said"])


def test_each_pick_is_told_with_its_reason_and_the_because_when_solved(workspace: Workspace, lesson: Lesson) -> None:
    where = desk(workspace, lesson, "pick")
    said = verdict(where, answer=["layer1.0.conv2", "layer1.0.bn1"])
    states = {mark["name"]: mark["state"] for mark in said["marks"]}
    assert states == {
        "bn1": "missing",
        "layer1.0.conv1": "missing",
        "layer1.0.conv2": "right",
        "layer1.0.bn1": "extra",
        "layer1.0.bn2": "missing",
    }
    assert all(mark["reason"] and mark["layer"] == mark["name"] for mark in said["marks"])
    assert "because" not in text_of(said["more"])
    assert "because" in text_of(verdict(where, answer=where.kind.solution(where.asked()))["more"])


@pytest.mark.parametrize(
    ("step", "picks", "words"),
    [
        ("edits", ["0"], {"0": "breaks, as you said", "1": "runs, as you said"}),
        ("edits", ["1"], {"0": "breaks", "1": "runs"}),
        ("pick", ["layer1.0.conv2", "layer1.0.bn1"], {"layer1.0.conv2": "right", "layer1.0.bn1": "does not belong"}),
        ("choose", "layer3.0.conv1", {"layer3.0.conv1": "not this one", "conv1": "this one"}),
        ("choose", "conv1", {"conv1": "right"}),
    ],
)
def test_each_option_is_called_what_its_kind_calls_it(
    workspace: Workspace, lesson: Lesson, step: str, picks: Any, words: dict[str, str]
) -> None:
    told = {mark["name"]: mark["word"] for mark in verdict(desk(workspace, lesson, step), answer=picks)["marks"]}
    assert told | words == told


@pytest.mark.parametrize("step", ["pick", "edits", "choose"])
def test_nothing_picked_gives_nothing_away(workspace: Workspace, lesson: Lesson, step: str) -> None:
    said = verdict(desk(workspace, lesson, step), answer=[] if step != "choose" else None)
    assert said["state"] == "none"
    assert "then check" in text_of(said["said"])
    assert "marks" not in said


def test_a_prediction_brings_the_facts_and_what_to_move(workspace: Workspace, lesson: Lesson) -> None:
    said = verdict(desk(workspace, lesson, "predict"), answer=10)
    assert said["state"] == "wrong"
    assert "Move the sliders there" in text_of(said["more"])
    assert "layer1.0.conv1: " in text_of(said["more"])


def test_a_goal_is_checked_on_what_the_page_prunes(
    workspace: Workspace, lesson: Lesson, exploration: Exploration
) -> None:
    nothing = settled(desk(workspace, lesson, "goal", exploration.recipe.to_json()))
    assert nothing["state"] == "wrong"
    pruned = set_every_ratio(exploration, 0.4)
    where = desk(workspace, lesson, "goal", pruned.recipe.to_json())
    said = settled(where)
    assert said["state"] == "right"
    assert said["score"] == pytest.approx(pruned.plan().cost.after.macs / exploration.graph.cost.macs)
    assert "data-best" in text_of(said["more"])
    assert workspace.jobs.job("anybody", totals.job_key(pruned)).state == "done"  # the totals know it too


def test_the_engines_plan_for_a_goal_is_a_recipe(workspace: Workspace, lesson: Lesson) -> None:
    where = desk(workspace, lesson, "goal")
    said = settled(where, want="solution")
    assert said["state"] == "shown"
    solved = settled(desk(workspace, lesson, "goal", said["answer"]))
    assert solved["state"] == "right"


def test_a_goal_of_another_model_is_not_checked(workspace: Workspace, lesson: Lesson) -> None:
    where = desk(workspace, lesson, "goal", {"format": 2, "source": "sample:lstm"})
    said = verdict(where)
    assert said["state"] == "none"
    assert "another model" in text_of(said["said"])
    assert checking.conditions(where) == []


def test_conditions_hold_or_not_and_accuracy_is_open_until_it_is_measured(
    workspace: Workspace, lesson: Lesson, exploration: Exploration
) -> None:
    pruned = set_every_ratio(exploration, 0.35)
    where = desk(workspace, lesson, "goal", pruned.recipe.to_json())
    before = text_of(checking.conditions(where))
    assert before.count("condition-name") == 3
    assert "as soon as the sliders rest" in before
    settled(where)
    after = text_of(checking.conditions(where))
    assert "accuracy, measured" in after
    assert "as soon as" not in after


def test_options_are_compared_by_measured_accuracy(workspace: Workspace, lesson: Lesson) -> None:
    where = desk(workspace, lesson, "accurate")
    said = settled(where, answer="conv1")
    assert said["state"] in ("right", "wrong")
    assert all("measured" in mark["reason"] for mark in said["marks"])


def test_measuring_can_be_stopped_and_is_asked_for_anew(workspace: Workspace, exploration: Exploration) -> None:
    pruned = set_every_ratio(exploration, 0.77)
    asking, polling = Measuring(workspace, "stopping", is_asked=True), Measuring(workspace, "stopping")
    with pytest.raises(UnmeasuredError) as begun:
        asking(pruned)
    asking.stop(begun.value.job.key)
    with pytest.raises(UnmeasuredError) as stopped:
        polling(pruned)
    assert stopped.value.job.state == "stopped"
    with pytest.raises(UnmeasuredError) as again:
        asking(pruned)
    assert again.value.job.is_pending
    asking.stop(again.value.job.key)


def test_a_stopped_measurement_says_how_to_go_on() -> None:
    assert "Check again" in text_of(measuring(Job("key", "stopped"))["said"])
    assert "out of memory" in text_of(measuring(Job("key", "failed", error="out of memory"))["said"])
    running = measuring(Job("key", "running", fraction=0.4))
    assert (running["state"], running["job"]) == ("measuring", "key")
    assert "40%" in text_of(running["said"])


@pytest.mark.parametrize(
    ("step", "control", "texts"),
    [
        ("pick", "several", ["checkbox", "layer1.0.conv2", "data-layer", "Follow the arrows"]),
        ("choose", "one", ["radio", "layer3.0.conv1", "channels"]),
        ("predict", "number", ["of the MACs are left", "decimal"]),
        ("edits", "several", ["Only one weight", "The whole group"]),
        ("goal", "plan", ["Halve the MACs"]),
    ],
)
def test_a_task_has_the_controls_of_its_kind(
    workspace: Workspace, lesson: Lesson, step: str, control: str, texts: list[str]
) -> None:
    shown = text_of(checking.form(desk(workspace, lesson, step)))
    assert f'"data-control": "{control}"' in shown
    assert all(text in shown for text in texts)


def test_there_is_no_desk_where_there_is_no_task(workspace: Workspace, lesson: Lesson) -> None:
    for at in (None, {}, {"lesson": "kinds", "step": "see"}, {"lesson": "kinds", "step": "x"}, {"lesson": "x"}):
        assert checking.desk_at([lesson], at, workspace, {}, "page") is None


def test_a_task_that_does_not_fit_its_model_says_why(workspace: Workspace, lesson: Lesson) -> None:
    step = lesson.steps[1]
    assert step.task is not None
    broken = replace(step, task=replace(step.task, fields={**step.task.fields, "port": "nowhere+"}))
    where = replace(desk(workspace, lesson, "pick"), step=broken)
    assert "has no port" in text_of(checking.form(where))
    assert verdict(where, answer=["bn1"])["state"] == "none"
