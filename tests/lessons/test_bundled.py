"""The lessons that come with the explorer, on the trained models that they show: nothing in them goes stale unseen."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest

from explorer.app.outline import Outline
from explorer.app.remembered import fitting
from explorer.app.scene import closed_ancestor
from explorer.app.unfolding import NODE_LIMIT, opened_by_name, visible_nodes
from explorer.app.workspace import Subject
from explorer.engine.errors import LessonError
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration, Recipe, fitted, set_each_ratio
from explorer.lessons import KINDS, Answer, Asked, Feedback, Lesson, Step, asked, bundled_lessons, hidden, verify
from explorer.models.tracing import trace
from explorer.training import Split, evaluate, open_data
from sample_models import SAMPLES

SPREADS = ("loses_with", "carries")
"""What somebody would find by looking at where a colour is."""
LESSONS = bundled_lessons()
STEPS = [pytest.param(step, id=f"{lesson.id}-{step.id}") for lesson in LESSONS for step in lesson.steps]
TASKS = [each for each in STEPS if each.values[0].task is not None]


@cache
def graph_of(source: str) -> DependencyGraph:
    return trace(source)


@cache
def data_of(source: str) -> Split:
    return open_data(SAMPLES[source.removeprefix("sample:")].data).test


MEASURED = dict[tuple[str, str], float]()


def measure(exploration: Exploration) -> float:
    """The accuracy of what a recipe makes of its model, each recipe measured once."""
    source, key = exploration.recipe.source, exploration.recipe.key
    if (source, key) not in MEASURED:
        pruned = exploration.plan().apply()
        MEASURED[source, key] = evaluate(pruned.model, data_of(source)).accuracy
    return MEASURED[source, key]


def answered(question: Asked, answer: Answer) -> Feedback:
    """What is said of an answer; of a recipe, what is said of the model on the screen pruned so."""
    kind = KINDS[question.task.kind]
    if kind.form(question).control == "plan":
        recipe = Recipe.from_json(answer)
        question = replace(question, exploration=fitted(question.graph, recipe.source, recipe)[0])
    return kind.check(question, answer)


def question_of(step: Step) -> Asked:
    return asked(step, graph_of(step.show.model), measure)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_what_a_lesson_names_is_there(lesson: Lesson) -> None:
    verify(lesson, graph_of)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_a_lesson_takes_minutes_and_asks_for_several_things(lesson: Lesson) -> None:
    kinds = [step.task.kind for step in lesson.steps if step.task is not None]
    assert 5 <= len(lesson.steps) <= 8
    assert 3 <= lesson.minutes <= 5
    assert len(kinds) >= 3
    assert len(set(kinds)) >= 2


@pytest.mark.parametrize("step", TASKS)
def test_the_solution_of_a_task_is_right(step: Step) -> None:
    question = question_of(step)
    feedback = answered(question, KINDS[question.task.kind].solution(question))
    assert feedback.is_right, feedback.said
    assert {verdict.state for verdict in feedback.verdicts} <= {"right"}
    assert step.task is not None
    assert step.task.because.strip()


@pytest.mark.parametrize("step", TASKS)
def test_a_mistake_is_wrong_and_told_why(step: Step) -> None:
    question = question_of(step)
    feedback = answered(question, KINDS[question.task.kind].mistake(question))
    assert not feedback.is_right
    assert {"missing", "extra"} & {verdict.state for verdict in feedback.verdicts}
    assert all(verdict.reason for verdict in feedback.verdicts)


@pytest.mark.parametrize("answer", [None, [], "x", 10**9, {"a": 1}, [[1]]], ids=repr)
@pytest.mark.parametrize("step", TASKS)
def test_an_answer_that_is_none_gets_feedback(step: Step, answer: object) -> None:
    question = question_of(step)
    assert not KINDS[question.task.kind].check(question, answer).is_right


@pytest.mark.parametrize("step", STEPS)
def test_what_panels_are_to_show_can_be_shown(step: Step) -> None:
    subject = Subject(step.show.model, step.show.model, graph_of(step.show.model))
    assert fitting(subject, step.show.panels) == step.show.panels


@pytest.mark.parametrize("step", STEPS)
def test_what_a_step_speaks_of_is_drawn(step: Step) -> None:
    outline = outline_of(step.show.model)
    assert step.show.opened is not None
    opened = opened_by_name(outline, step.show.opened)
    assert visible_nodes(outline, opened) <= NODE_LIMIT
    assert not {name for name in spoken_of(step) if closed_ancestor(outline.by_name[name], opened)}


@pytest.mark.parametrize("step", TASKS)
def test_nothing_but_the_selection_shows_what_is_asked(step: Step) -> None:
    task, waits = step.task, hidden(step)
    assert task is not None
    assert "player" not in step.show.panels
    if task.fields.get("find") in SPREADS:
        assert {"inspector", "colours"} <= {*waits}
    if task.kind in ("predict", "choose"):
        assert "sliders" in waits


@pytest.mark.parametrize("step", TASKS)
def test_nobody_is_sent_to_what_waits_for_the_answer(step: Step) -> None:
    assert step.task is not None
    said = f"{step.task.question} {step.task.hint}".casefold()
    named = {"inspector": ("inspector", "*members*", "*tied*"), "locks": ("lock",), "sliders": ("the grid", "drag")}
    assert not [word for part in hidden(step) for word in named.get(part, ()) if word in said]


@pytest.mark.parametrize("step", STEPS)
def test_a_button_that_has_to_be_pressed_is_asked_for(step: Step) -> None:
    is_told = re.search(r"[Pp]ress (the play button|\*)", step.text) is not None
    assert bool(step.does) == (is_told or step.id == "proof")


def test_the_two_sliders_of_the_cost_lesson_take_a_thought() -> None:
    (step,) = [step for lesson in LESSONS for step in lesson.steps if (lesson.id, step.id) == ("cost", "target")]
    question = question_of(step)
    groups = [group.name for group in question.graph.groups]
    pairs = [pair for pair in combinations(groups, 2) if is_met(question, dict.fromkeys(pair, 0.8))]
    assert {"layer3.0.conv2"} == set.intersection(*map(set, pairs))
    assert 1 <= len(pairs) <= 3
    assert not any(is_met(question, {name: 0.95}) for name in groups)
    assert not is_met(question, dict.fromkeys(groups, 0.8))


def is_met(question: Asked, ratios: dict[str, float]) -> bool:
    tried = replace(question, exploration=set_each_ratio(question.exploration, ratios))
    return KINDS["goal"].check(tried, None).is_right


def spoken_of(step: Step) -> set[str]:
    """The layers that a step selects, plays from and to, and offers to pick."""
    graph, show = graph_of(step.show.model), step.show
    names = {show.select["name"]} if show.select.get("kind") == "layer" else set[str]()
    if player := show.panels.get("player"):
        steps = graph.propagation(player["port"])[: player["step"]]
        names |= {player["port"][:-1], *(each.target[:-1] for each in steps[-1:])}
    if step.task is not None:
        names |= {option.layer for option in KINDS[step.task.kind].form(question_of(step)).options}
    return names - {""}


@cache
def outline_of(source: str) -> Outline:
    return Subject(source, source, graph_of(source)).outline


@pytest.mark.parametrize(("path", "is_there"), [("layer1.*0-2.0", True), ("*0-2", True), ("layer1.*0-2.7", False)])
def test_modules_are_named_as_the_model_or_the_screen_has_them(path: str, is_there: bool) -> None:
    lesson = LESSONS[0]
    show = replace(lesson.steps[0].show, model="sample:resnet20", opened=(path,), select={})
    changed = replace(lesson, steps=(replace(lesson.steps[0], show=show, task=None),))
    if is_there:
        verify(changed, graph_of)
        return
    with pytest.raises(LessonError, match=r"show.open\[0\]: ResNet-20 has no module"):
        verify(changed, graph_of)
