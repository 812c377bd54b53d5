"""What of the screen waits for an answer follows from what is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from explorer.lessons import Place, Show, Step, Task, hidden
from explorer.lessons.tasks import HIDEABLE, KINDS
from explorer.lessons.tasks.choose import FACTS
from explorer.lessons.tasks.pick import FINDERS

PLACE = Place("some.yaml", {"": 1})
SHOW = Show("sample:resnet20")


def step_with(kind: str, show: Show = SHOW, **fields: Any) -> Step:
    return Step("one", "One", "Text.", show, Task(kind, "?", "", "", fields, PLACE), PLACE)


def test_a_step_without_a_task_hides_nothing() -> None:
    assert hidden(replace(step_with("goal"), task=None)) == ()


@pytest.mark.parametrize("find", ["loses_with", "depends_on", "carries"])
def test_who_asks_what_goes_together_hides_what_shows_it(find: str) -> None:
    assert hidden(step_with("pick", find=find)) == ("inspector", "colours", "matrices")


def test_frozen_sides_have_no_locks_and_ties_are_not_listed() -> None:
    assert hidden(step_with("pick", find="frozen")) == ("inspector", "colours", "locks")
    assert hidden(step_with("pick", find="tied_to")) == ("inspector", "sliders")


def test_a_matrix_that_the_step_opens_is_there_to_be_read() -> None:
    shown = replace(SHOW, panels={"centre": "matrices", "matrix": "G"})
    assert hidden(step_with("pick", shown, find="carries")) == ("inspector", "colours")


def test_who_predicts_or_compares_cannot_try_first_and_who_prunes_can() -> None:
    assert hidden(step_with("predict")) == hidden(step_with("choose", by="macs")) == ("sliders",)
    assert hidden(step_with("edits")) == hidden(step_with("goal")) == ()


def test_who_counts_the_layers_of_a_group_does_not_see_them_in_its_colour() -> None:
    assert hidden(step_with("choose", by="layers")) == ("inspector", "colours", "matrices", "sliders")


def test_every_part_that_is_hidden_is_one_that_the_page_knows() -> None:
    asked = [step_with("pick", find=find) for find in FINDERS] + [step_with("choose", by=fact) for fact in FACTS]
    asked += [step_with(kind) for kind in KINDS if kind not in ("pick", "choose")]
    assert {part for step in asked for part in hidden(step)} == set(HIDEABLE)
