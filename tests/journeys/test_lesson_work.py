"""What is done on the screen of a lesson belongs to the step in which it was done."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from explorer.lessons import KINDS
from tests.journeys.lesson_pages import (
    LONG,
    answer,
    expect_verdict,
    holding,
    learning,
    prune,
    question,
    step_of,
    wait_for_held,
    wait_for_step,
)

RENDERED = "() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 100))"
KEPT = "explorer.recipe().keep"


def go(page: Page, lesson: str, step: str) -> None:
    """Goes to a step as a link does."""
    page.evaluate("address => explorer.lessons.go(address)", f"/learn/{lesson}/{step}")
    wait_for_step(page, step_of(lesson, step))


def fulfil(page: Page, route: Route, word: str) -> None:
    """Answers what the page asked, once the answer has a word in it."""
    ends = time.monotonic() + LONG / 1000
    while word not in (answered := route.fetch()).text():
        assert time.monotonic() < ends, f"the server never said {word}"
        page.wait_for_timeout(200)
    route.fulfill(response=answered)


@pytest.fixture
def recovering(browser: Browser, address: str) -> Iterator[Page]:
    """A step that asks for a training."""
    with learning(browser, f"{address}/learn/accuracy/recover") as watched:
        wait_for_step(watched.page, step_of("accuracy", "recover"))
        yield watched.page


def begin_and_leave(page: Page, held: list[Route]) -> None:
    """Begins the training, and goes on to the next step while an answer of the server is held."""
    page.get_by_role("button", name="Recover", exact=True).click()
    wait_for_held(page, held)
    go(page, "accuracy", "statistics")


def test_what_is_told_of_a_training_after_its_step_was_left_is_dropped(recovering: Page) -> None:
    with holding(recovering, "recover-clock.n_intervals", '"key":"recover:') as held:
        begin_and_leave(recovering, held)
        fulfil(recovering, held.pop(), '"recover-shown"')
        recovering.evaluate(RENDERED)
        expect(recovering.locator("#recover-plot .empty")).to_be_visible()
        expect(recovering.locator("#recover-status")).to_be_empty()
    recovering.evaluate(RENDERED)
    expect(recovering.locator("#recover-plot .trace")).to_have_count(0)
    expect(recovering.locator(".lesson-does")).to_have_attribute("data-state", "open")


def test_a_training_that_begins_after_its_step_was_left_is_not_followed(recovering: Page) -> None:
    with holding(recovering, "recover-begin.n_clicks", "recover-epochs") as held:
        begin_and_leave(recovering, held)
        late = held[0].request
    assert late.response() is not None, "it was begun"
    recovering.evaluate(RENDERED)
    expect(recovering.locator("#recover-status")).to_be_empty()
    expect(recovering.locator("#recover-plot .empty")).to_be_visible()


def test_a_step_begins_with_the_original_alone_however_channels_are_ranked(browser: Browser, address: str) -> None:
    with learning(browser, f"{address}/learn/cost/target") as watched:
        page, rows = watched.page, watched.page.locator("#plans-table tbody tr")
        wait_for_step(page, step_of("cost", "target"))
        page.locator("#centre-view").get_by_text("Plans").click()
        expect(rows).to_have_count(1, timeout=LONG)
        prune(page, {"conv1": 0.5})
        expect(rows).to_have_count(2, timeout=LONG)
        assert page.evaluate("explorer.recipe().importance") != "group_norm"

        go(page, "sparse", "slider")
        assert page.evaluate("explorer.recipe().importance") == "group_norm"
        page.locator("#centre-view").get_by_text("Plans").click()
        expect(page.locator("#plans-table .is-current")).to_contain_text("Original", timeout=LONG)
        expect(rows).to_have_count(1)
        prune(page, {"conv1": 0.5})
        expect(rows.nth(1)).to_contain_text("Plan 1", timeout=LONG)

        page.goto(address)  # the explorer's own plans are none of a lesson's
        page.locator("#centre-view").get_by_text("Plans").click()
        expect(rows).to_have_count(1, timeout=LONG)
        expect(rows).to_contain_text("Original")


def test_no_channel_is_dropped_by_hand_before_a_prediction(browser: Browser, address: str) -> None:
    asks = step_of("sparse", "even")
    with learning(browser, f"{address}/learn/sparse/even") as watched:
        page, bars, said = watched.page, watched.page.locator(".channel-bars"), watched.page.locator(".channel-readout")
        wait_for_step(page, asks)
        expect(said).to_have_text("All 16 kept. You can drop and keep bars once you have answered.", timeout=LONG)
        expect(bars).to_have_attribute("aria-readonly", "true")
        bars.click(position={"x": 6, "y": 100})
        expect(said).to_contain_text("rank 1 of 16, kept. You can drop and keep bars once you have answered.")
        page.keyboard.press("Space")
        assert page.evaluate(KEPT) == {}
        assert page.evaluate("explorer.unanswered()") == []

        answer(page, asks, KINDS["predict"].mistake(question(asks)))
        expect_verdict(page, "Not yet")
        expect(bars).to_have_attribute("aria-readonly", "false")
        bars.click(position={"x": 6, "y": 100})
        page.wait_for_function(f"Object.keys({KEPT}).length === 1", timeout=LONG)
        expect(said).to_contain_text("Click to keep it.")


def test_tools_that_have_no_room_in_their_row_begin_the_next_one_at_its_left_edge(
    browser: Browser, address: str
) -> None:
    small = {"width": 1024, "height": 768}
    with learning(browser, f"{address}/learn/sparse/train", viewport=small) as watched:
        page = watched.page
        wait_for_step(page, step_of("sparse", "train"))
        names = ("#training-tab", "#sparse-epochs", "#sparse-strength", "#sparse-begin")
        boxes = [page.locator(name).bounding_box() for name in names]
        tab, epochs, strength, begin = [box for box in boxes if box]
        assert tab["y"] + tab["height"] > epochs["y"], "beside the tabs"
        assert strength["y"] > tab["y"] + tab["height"], "in a row of its own"
        label = page.locator("label:has(#sparse-strength)").bounding_box()
        assert label is not None
        assert label["x"] == tab["x"]
        assert begin["x"] + begin["width"] <= small["width"]
