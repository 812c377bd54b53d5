from __future__ import annotations

import pytest

from explorer.app.learn.addresses import Spot, address_of, glossary_address, is_list, spot_at
from explorer.lessons import Lesson


def test_a_path_leads_to_a_step_and_back(lesson: Lesson) -> None:
    for number, step in enumerate(lesson.steps):
        spot = spot_at([lesson], address_of(lesson, step))
        assert spot == Spot(lesson, number)
        assert spot.step is step
        assert spot.address == f"/learn/kinds/{step.id}"


def test_a_lesson_alone_is_its_first_step(lesson: Lesson) -> None:
    assert spot_at([lesson], "/learn/kinds") == spot_at([lesson], "/learn/kinds/") == Spot(lesson, 0)


@pytest.mark.parametrize("path", ["/learn/", "/learn/other", "/learn/kinds/other", "/learn/kinds/pick/more", "/", ""])
def test_what_is_no_step_leads_nowhere(lesson: Lesson, path: str) -> None:
    assert spot_at([lesson], path) is None


def test_the_list_has_an_address_with_and_without_a_slash() -> None:
    assert [is_list(path) for path in ("/learn", "/learn/", "/learn/x", "/")] == [True, True, False, False]
    assert glossary_address("group") == "/learn/glossary#group"
