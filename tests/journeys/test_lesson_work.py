"""What is done on the screen of a lesson belongs to the step in which it was done."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from explorer.lessons import KINDS
from tests.journeys.lesson_pages import LONG, answer, expect_verdict, learning, question, step_of, wait_for_step

KEPT = "explorer.recipe().keep"


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
