"""Handouts: what stands on paper, and that the answers are those of the engine."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from xml.etree import ElementTree as ET

import pytest

from explorer.app.learn_print.answers import Measured
from explorer.app.learn_print.handout import HALF, SMALL, handout
from explorer.app.learn_print.pictures import SMALLEST
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import LessonError
from explorer.exploration import set_each_ratio, start
from explorer.lessons import KINDS, Lesson, asked, bundled_lessons
from explorer.training import evaluate


def parsed(page: str) -> ET.Element:
    """The part of a page that is its own, as XML: so it is well-formed too."""
    main = page[page.index("<main") : page.index("</main>") + len("</main>")]
    return ET.fromstring(main)


def words(element: ET.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def part(page: ET.Element, title: str) -> ET.Element:
    """The section under a title."""
    found = [each for each in page.iter("section") if (head := each.find("h2")) is not None and words(head) == title]
    assert len(found) == 1, title
    return found[0]


def test_every_step_has_its_title_its_text_a_picture_and_room_for_notes(workspace: Workspace, lesson: Lesson) -> None:
    page = parsed(handout(workspace, lesson, with_answers=False))
    assert words(page).startswith("Every <kind> One task of each kind.")
    for number, step in enumerate(lesson.steps, 1):
        section = part(page, f"{number}. {step.title}")
        assert len(list(section.iter("{http://www.w3.org/2000/svg}svg"))) >= 1
        assert "Notes" in words(section)
    assert "A group of conv1 & more." in words(part(page, "1. See"))


def test_a_tall_picture_beside_a_text_leaves_room_for_another_step_unless_it_could_not_be_read(
    workspace: Workspace,
) -> None:
    graphs = next(lesson for lesson in bundled_lessons() if lesson.id == "graphs")
    page = parsed(handout(workspace, graphs, with_answers=False))
    beside = [each[0].attrib for each in page.iter("figure") if each.get("class") == "is-beside"]
    pictures = [(float(each["height"]), float(each["viewBox"].split()[3])) for each in beside]
    tall = [(height, whole) for height, whole in pictures if SMALL * whole > HALF]
    assert tall
    for height, whole in tall:
        assert height == pytest.approx(max(HALF, SMALLEST * whole), abs=0.1)


def test_options_of_a_task_are_boxes_to_tick(workspace: Workspace, lesson: Lesson) -> None:
    page = parsed(handout(workspace, lesson, with_answers=False))
    for title, shape, titles in (
        ("2. Pick", "box", ["layer1.0.bn1", "layer1.0.conv2", "layer1.0.bn2"]),
        ("3. Choose", "box is-round", ["conv1", "layer1.0.conv1"]),
        ("5. Edits", "box", ["Only the weight", "All of it"]),
    ):
        section = part(page, title)
        boxes = [each for each in section.iter("span") if each.get("class") == shape]
        shown = [words(each) for each in section.iter("li")]
        assert len(boxes) == len(shown) == len(titles)
        assert all(text.startswith(name) for name, text in zip(titles, shown, strict=True))


def test_numbers_and_goals_have_blanks_to_fill(workspace: Workspace, lesson: Lesson) -> None:
    page = parsed(handout(workspace, lesson, with_answers=False))
    assert "My prediction: % of the MACs are left" in words(part(page, "4. Predict"))
    goal = words(part(page, "6. Goal"))
    assert "at most 95% of the MACs left" in goal
    assert "accuracy at least 20%, measured" in goal


def test_paper_says_what_terms_mean_and_gives_hints_apart_from_the_steps(workspace: Workspace, lesson: Lesson) -> None:
    page = parsed(handout(workspace, lesson, with_answers=False))
    terms = words(part(page, "Terms"))
    assert terms.index("group All the channels") < terms.index("channel One slice")
    assert "Step 4 Halves." in words(part(page, "Hints"))
    assert not any("Halves" in words(part(page, f"{n}. {s.title}")) for n, s in enumerate(lesson.steps, 1))


def test_answers_are_there_on_request_only_and_are_what_the_engine_finds(
    workspace: Workspace, lesson: Lesson, subject: Subject
) -> None:
    plain, full = (handout(workspace, lesson, with_answers=each) for each in (False, True))
    assert "Found by the engine" not in plain
    said = {words(each[0]): words(each) for each in part(parsed(full), "Answers") if each.tag == "div"}
    assert list(said) == ["2. Pick", "3. Choose", "4. Predict", "5. Edits", "6. Goal"]
    reached = {step.target[:-1] for step in subject.graph.propagation("layer1.0.conv1+")} - {"layer1.0.conv1"}
    assert all(f"{name}: " in said["2. Pick"] for name in reached)
    assert "layer1.0.bn2" not in said["2. Pick"]
    assert said["2. Pick"].endswith("A channel is shared.")
    assert re.fullmatch(r"3\. Choose conv1: saves [\d.]+% .* layer1\.0\.conv1: saves [\d.]+% .*", said["3. Choose"])
    left = subject.graph.plan({"layer1.0.conv1": 0.5}).cost.after.macs / subject.graph.cost.macs
    assert f"{100 * left:.1f} % of the MACs are left." in said["4. Predict"]
    assert "Only the weight: PyTorch says:" in said["5. Edits"]
    assert "All of it: it runs" in said["5. Edits"]
    assert "One plan that does: remove" in said["6. Goal"]


def test_the_plan_that_answers_a_goal_meets_it(workspace: Workspace, lesson: Lesson, subject: Subject) -> None:
    put = asked(lesson.steps[-1], subject.graph, Measured(workspace))
    recipe = KINDS["goal"].solution(put)
    names, ratios = zip(*recipe["ratios"].items(), strict=True)
    page = parsed(handout(workspace, lesson, with_answers=True))
    said = words(part(page, "Answers"))
    assert f"remove {ratios[0]:.0%} of {names[0] if len(names) == 1 else f'{len(names)} of the'}" in said
    assert subject.graph.plan(dict(recipe["ratios"])).cost.after.macs <= 0.95 * subject.graph.cost.macs


@pytest.mark.parametrize("ratios", [{}, {"layer1.0.conv1": 0.5}])
def test_accuracy_is_that_of_the_pruned_model_on_the_test_samples(
    workspace: Workspace, subject: Subject, ratios: dict[str, float]
) -> None:
    assert subject.data is not None
    exploration = set_each_ratio(start(subject.graph, subject.source), ratios)
    model = subject.graph.plan(ratios).apply().model if ratios else subject.graph.model
    assert Measured(workspace)(exploration) == evaluate(model, subject.data.test).accuracy


def test_without_data_there_is_no_accuracy(workspace: Workspace) -> None:
    graph = workspace.open("torchvision:squeezenet1_1").graph
    with pytest.raises(LessonError, match="has no data here"):
        Measured(workspace)(start(graph, "torchvision:squeezenet1_1"))


def test_a_step_that_names_what_is_not_there_says_so_in_its_place(workspace: Workspace, lesson: Lesson) -> None:
    see, pick, *rest = lesson.steps
    assert pick.task is not None
    lost = replace(see, show=replace(see.show, select={"kind": "group", "name": "conv9"}))
    astray = replace(pick, task=replace(pick.task, fields={**pick.task.fields, "port": "conv9+"}))
    page = handout(workspace, replace(lesson, steps=(lost, astray, *rest)), with_answers=True)
    assert "show.select.group: ResNet-20 has no group 'conv9'" in unescape(page)
    assert unescape(page).count("task.port: ResNet-20 has no port 'conv9+'") == 2, "in the step and in the answers"
    assert "Which saves most?" in words(part(parsed(page), "3. Choose"))
