"""The plain pages of Learn mode in a real browser: read at any width and without eyes, and printed on A4."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from explorer.lessons import Lesson, bundled_lessons, glossary
from tests.journeys.browser import Watched

LESSON = bundled_lessons()[0]
HANDOUT = f"/learn/{LESSON.id}/handout?answers=1"
PAGES = ("/learn/glossary", HANDOUT)
A4 = {"width": 680, "height": 1016}
"""Pixels of the text on a sheet of A4, with the margins of the print style sheet."""
AXE = Axe()


def opened(browser: Browser, address: str, **wishes: Any) -> Iterator[Watched]:
    context = browser.new_context(**wishes)
    watched = Watched(context.new_page())
    watched.page.goto(address)
    yield watched
    context.close()


def wider_than_the_page(page: Page) -> list[str]:
    """What reaches beyond the right edge of the screen."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
          .filter((each) => !each.closest("svg svg") && each.getBoundingClientRect().right > innerWidth + 1)
          .map((each) => each.outerHTML.slice(0, 120))"""
    )
    return found


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1024), ("light", 390), ("dark", 390)])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    browser: Browser, address: str, path: str, scheme: str, width: int
) -> None:
    for watched in opened(browser, address + path, color_scheme=scheme, viewport={"width": width, "height": 844}):
        page = watched.page
        assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == scheme
        found = AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert width > 400 or wider_than_the_page(page) == []
        assert (watched.console, watched.foreign, watched.failed) == ([], [], [])


def test_a_term_is_found_by_its_address_and_opens_in_the_explorer(browser: Browser, address: str) -> None:
    for watched in opened(browser, f"{address}/learn/glossary#intra-layer"):
        page = watched.page
        entry = page.locator("#intra-layer")
        expect(entry.get_by_role("heading", level=2)).to_be_in_viewport()
        entry.get_by_role("link", name="Open it in the explorer").click()
        page.wait_for_function("window.explorerCy && window.explorerCy.nodes('.now').nonempty()", timeout=60_000)
        player = glossary()["intra-layer"].show.panels["player"]
        lit = page.evaluate("() => explorerCy.nodes('.port.now').map((node) => node.data('port'))")
        assert sorted(lit) == ["layer1.0.bn1+", "layer1.0.bn1-"]
        expect(page.locator("#player")).to_contain_text(f"{player['step']} of")
        assert watched.console == []


def test_a_handout_is_printed_in_light_colours_without_controls_and_no_step_is_torn(
    browser: Browser, address: str
) -> None:
    for watched in opened(browser, address + HANDOUT, color_scheme="dark", viewport=A4):
        page = watched.page
        page.emulate_media(media="print", color_scheme="dark")
        expect(page.get_by_role("button", name="Print")).to_be_hidden()
        paper = page.locator(".handout-step svg > rect").first
        assert paper.evaluate("each => getComputedStyle(each).fill") == "rgb(255, 255, 255)"
        steps = page.locator(".handout-step")
        expect(steps).to_have_count(len(LESSON.steps))
        for number in range(steps.count()):
            step = steps.nth(number)
            assert step.evaluate("each => getComputedStyle(each).breakInside") == "avoid"
            assert step.evaluate("each => each.offsetHeight") <= A4["height"], "a step has room on one sheet"
        printed = page.pdf(prefer_css_page_size=True, print_background=True)
        sheets = len(re.findall(rb"/Type\s*/Page\b", printed))
        assert 2 <= sheets <= len(LESSON.steps) + 3


@pytest.mark.parametrize("lesson", [pytest.param(lesson, id=lesson.id) for lesson in bundled_lessons()])
def test_a_handout_takes_no_more_sheets_than_it_has_steps(browser: Browser, address: str, lesson: Lesson) -> None:
    for watched in opened(browser, f"{address}/learn/{lesson.id}/handout?answers=1", viewport=A4):
        page = watched.page
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= A4["width"], "or all of it is printed smaller"
        tall = page.locator(".handout-step").evaluate_all(
            "(steps, most) => steps.filter((step) => step.offsetHeight > most).map((step) => step.innerText)",
            A4["height"],
        )
        assert tall == []
        printed = page.pdf(prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= len(lesson.steps)


def test_boxes_and_blanks_of_every_task_are_there_to_be_filled(browser: Browser, address: str) -> None:
    for watched in opened(browser, address + HANDOUT):
        tasks = watched.page.locator(".handout-task")
        expect(tasks).to_have_count(sum(step.task is not None for step in LESSON.steps))
        for number in range(tasks.count()):
            assert tasks.nth(number).locator(".box, .blank").count() >= 1
        answers = watched.page.locator(".handout-answer")
        expect(answers).to_have_count(tasks.count())
        assert watched.page.get_by_role("alert").count() == 0
