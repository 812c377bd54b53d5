"""Every lesson, walked through as students do: each task is answered the wrong way, then the right way.

What is wrong and what is right the engine finds here, on models of its own; a lesson that is added later is walked too.
"""

from __future__ import annotations

import pytest
from _pytest.mark.structures import ParameterSet
from playwright.sync_api import Browser, Page, expect

from explorer.app.learn.prose import words
from explorer.lessons import KINDS, Lesson, Step, bundled_lessons
from tests.journeys.browser import Watched
from tests.journeys.lesson_pages import (
    LONG,
    answer,
    do,
    expect_verdict,
    option,
    progress,
    question,
    wait_for_step,
)


def answer_wrongly(page: Page, step: Step) -> None:
    """Gives the engine's mistake; each option says what it was, and why."""
    assert step.task
    asked, kind = question(step), KINDS[step.task.kind]
    mistake = kind.mistake(asked)
    answer(page, step, mistake)
    expect_verdict(page, "Not yet")
    if kind.form(asked).control in ("several", "one"):
        for verdict in kind.check(asked, mistake).verdicts:
            row = option(page, verdict.name)
            expect(row).to_have_attribute("data-state", verdict.state)
            expect(row.locator("[data-said]")).to_contain_text(verdict.reason)
    expect(page.locator("#lesson-solution")).to_be_visible()
    expect(page.locator("#lesson-more .because")).to_have_count(0)


def answer_rightly(page: Page, lesson: Lesson, step: Step) -> None:
    """Gives the engine's solution: it is solved, says what is to be learned of it, and stays so."""
    assert step.task
    answer(page, step, KINDS[step.task.kind].solution(question(step)))
    expect_verdict(page, "Right")
    if step.task.because:
        expect(page.locator("#lesson-more .because")).to_contain_text(words(step.task.because)[:30])
    assert progress(page, lesson.id)[step.id]["state"] == "solved"


ALWAYS = ("channels", "matrices")
"""Lessons with tasks of all kinds; a walk takes half a minute, so the others are walked by ``make large``."""


def walked(lesson: Lesson) -> ParameterSet:
    marks = () if lesson.id in ALWAYS else pytest.mark.large
    return pytest.param(lesson, marks=marks, id=lesson.id)


@pytest.mark.parametrize("lesson", [walked(lesson) for lesson in bundled_lessons()])
def test_a_lesson_is_learned_from_its_first_step_to_its_last(browser: Browser, address: str, lesson: Lesson) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    watched = Watched(context.new_page())
    page = watched.page
    page.goto(f"{address}/learn/{lesson.id}", timeout=LONG)
    for step in lesson.steps:
        wait_for_step(page, step)
        assert page.url == f"{address}/learn/{lesson.id}/{step.id}"
        if step.task:
            answer_wrongly(page, step)
            answer_rightly(page, lesson, step)
        if step.does:
            do(page, step)
        page.locator("[data-way=on]").click()
    page.wait_for_function("from => !location.pathname.startsWith(from)", arg=f"/learn/{lesson.id}/")
    done = progress(page, lesson.id)
    assert {name: kept["state"] for name, kept in done.items()} == {
        step.id: "solved" if step.task else "done" if step.does else "seen" for step in lesson.steps
    }
    assert watched.console == []
    assert watched.failed == []
    assert watched.foreign == []
    context.close()
