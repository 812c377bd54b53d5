"""What is done on the screen of a lesson belongs to the step in which it was done."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from explorer.lessons import KINDS
from tests.journeys.lesson_pages import LONG, answer, expect_verdict, learning, prune, question, step_of, wait_for_step

KEPT = "explorer.recipe().keep"


def go(page: Page, lesson: str, step: str) -> None:
    """Goes to a step as a link does."""
    page.evaluate("address => explorer.lessons.go(address)", f"/learn/{lesson}/{step}")
    wait_for_step(page, step_of(lesson, step))


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
