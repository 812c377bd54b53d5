from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from explorer.app.learn.turning import group_of, turned
from explorer.exploration import Recipe
from explorer.lessons import Lesson, bundled_lessons

TOLD = ("page", "address", "lesson", "step", "panes", "hasTask", "hides", "does")


def text_of(parts: Any) -> str:
    return json.dumps(parts, cls=PlotlyJSONEncoder)


def test_a_step_comes_with_its_recipe_and_panes(lesson: Lesson) -> None:
    told = turned([lesson], "/learn/kinds/predict").step
    assert {name: told[name] for name in TOLD} == {
        "page": "step",
        "address": "/learn/kinds/predict",
        "lesson": "kinds",
        "step": "predict",
        "panes": ["groups", "totals"],
        "hasTask": True,
        "hides": ["sliders"],
        "does": "",
    }
    assert Recipe.from_json(told["recipe"]) == lesson.steps[4].show.recipe()


@pytest.mark.parametrize(
    ("lesson", "step", "group"),
    [
        ("attention", "the-stream", "patches"),
        ("attention", "your-turn", "blocks.0.mlp.0"),
        ("residual", "what-it-saves", "conv1"),
        ("accuracy", "game", ""),
        ("sparse", "slider", ""),
        ("sparse", "even", "conv1"),
    ],
)
def test_the_group_that_a_step_is_about(lesson: str, step: str, group: str) -> None:
    found = next(each for each in bundled_lessons() if each.id == lesson).step(step)
    assert found is not None
    assert group_of(found) == group


def test_ways_lead_to_the_steps_around_and_skip_a_task(lesson: Lesson) -> None:
    first, second, last = (text_of(turned([lesson], f"/learn/kinds/{step}").foot) for step in ("see", "pick", "goal"))
    assert '"href": "/learn/"' in first
    assert '"href": "/learn/kinds/pick"' in first
    assert '"Next"' in first
    assert '"href": "/learn/kinds/see"' in second
    assert '"Skip"' in second
    assert '"data-solved": "Next"' in second
    assert '"All lessons"' in last


def test_the_last_step_leads_to_the_next_lesson(lesson: Lesson) -> None:
    other = bundled_lessons()[0]
    foot = text_of(turned([lesson, other], "/learn/kinds/goal").foot)
    assert f"Next lesson: {other.title}" in foot
    assert f"/learn/{other.id}/{other.steps[0].id}" in foot


def test_the_list_has_every_lesson_with_its_steps(lesson: Lesson) -> None:
    shown = turned([lesson], "/learn/")
    assert shown.step == {"page": "list", "address": "/learn/", "title": "Learn"}
    assert '"data-steps": "see pick choose accurate predict edits goal"' in text_of(shown.listed)
    assert "There is no lesson" not in text_of(shown.listed)
    assert shown.text == shown.foot == shown.head == []


@pytest.mark.parametrize("path", ["/learn/nothing", "/learn/kinds/nothing"])
def test_an_address_that_leads_nowhere_says_so_and_lists_the_lessons(lesson: Lesson, path: str) -> None:
    listed = text_of(turned([lesson], path).listed)
    assert f"There is no lesson or step at {path}" in listed
    assert "All kinds" in listed


def test_lessons_of_a_folder_stand_below_its_name(lesson: Lesson) -> None:
    listed = turned([bundled_lessons()[0], replace(lesson, folder="My course")], "/learn/").listed
    drawn = text_of(listed)
    assert drawn.count('"type": "Ol"') == 2
    assert drawn.index(bundled_lessons()[0].title) < drawn.index("My course") < drawn.index("All kinds")
    assert '"start": "2"' in drawn, "numbers go on"


def test_the_glossary_and_the_page_to_print_are_linked(lesson: Lesson) -> None:
    assert '"href": "/learn/glossary"' in text_of(turned([lesson], "/learn/").listed)
    assert '"href": "/learn/kinds/handout"' in text_of(turned([lesson], "/learn/kinds/see").head)
