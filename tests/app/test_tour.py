"""The tour of a first visit: what it says and points at."""

from __future__ import annotations

import re
from typing import Any

from dash.development.base_component import Component

from explorer.app import ids
from explorer.app.panels import tour


def parts(content: Any) -> list[Any]:
    """Everything inside of what a panel lays out."""
    if isinstance(content, (list, tuple)):
        return [each for part in content for each in parts(part)]
    inside = parts(content.children) if getattr(content, "children", None) is not None else []
    return [content, *inside]


def shown(content: Any) -> str:
    return " ".join(each for each in parts(content) if isinstance(each, str))


def test_four_steps_are_hidden_until_the_tour_begins() -> None:
    found = parts(tour.layout("sample:resnet20"))
    steps = [each for each in found if isinstance(each, Component) and hasattr(each, "data-tour-step")]
    assert [getattr(step, "data-tour-step") for step in steps] == ["0", "1", "2", "3"]
    assert all(step.hidden for step in steps)
    card = next(each for each in found if getattr(each, "id", "") == ids.TOUR)
    assert card.hidden
    assert card.role == "dialog"


def test_every_step_points_at_something_that_has_an_id_or_a_place() -> None:
    known = {value for name, value in vars(ids).items() if name.isupper() and isinstance(value, str)}
    for step in tour.STEPS:
        named = [name for point in step.points for name in re.findall(r"#([\w-]+)", point)]
        assert set(named) <= known
        assert step.points
        assert ("{group}" in "".join(step.points)) <= step.needs_group


def test_there_are_as_many_rings_as_a_step_needs() -> None:
    rings = [each for each in parts(tour.layout("")) if getattr(each, "className", "") == "tour-ring"]
    assert len(rings) == max(len(step.points) for step in tour.STEPS) == 2


def test_who_has_a_model_of_their_own_open_is_not_told_how_to_open_one() -> None:
    assert "Open your own model" in shown(tour.layout("sample:resnet20"))
    assert "Open your own model" not in shown(tour.layout("session:abc"))


def test_the_help_says_the_same_and_begins_the_tour() -> None:
    lines = tour.help_lines()
    assert all(step.title in shown(lines) and step.text in shown(lines) for step in tour.STEPS)
    assert any(getattr(each, "data-tour", "") == "begin" for each in parts(lines))


def test_the_help_of_lessons_speaks_of_nothing_that_only_the_explorer_has() -> None:
    lines = tour.help_lines(in_lessons=True)
    assert all(step.title in shown(lines) and step.text in shown(lines) for step in tour.STEPS_IN_LESSONS)
    assert "Export" not in shown(lines)
    assert not any(hasattr(each, "data-tour") for each in parts(lines))
