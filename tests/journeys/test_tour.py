"""The tour of a first visit, by pointer and by keys, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import Watched, visiting

RINGED = """selector => {
  const inside = document.querySelector(selector).getBoundingClientRect();
  return [...document.querySelectorAll(".tour-ring:not([hidden])")].some(ring => {
    const around = ring.getBoundingClientRect();
    return around.left <= inside.left && around.right >= inside.right - 1 && around.top <= inside.top + 1 &&
      around.bottom >= inside.bottom - 1 && around.width < inside.width + 40;
  });
}"""
COVERED = """() => {
  const card = document.getElementById("tour").getBoundingClientRect();
  return [...document.querySelectorAll(".tour-ring:not([hidden])")].some(ring => {
    const box = ring.getBoundingClientRect();
    return card.left < box.right && card.right > box.left && card.top < box.bottom && card.bottom > box.top;
  });
}"""
ROW = "#grid .ag-row[row-id='conv1']"


def points_at(page: Page, step: int, *selectors: str) -> None:
    expect(page.locator("#tour")).to_contain_text(f"{step} of 4")
    for selector in selectors:
        page.wait_for_function(RINGED, arg=selector)
    assert not page.evaluate(COVERED), "The card hides what it points at"


def test_a_first_visit_is_led_through_the_screen_by_keys_and_only_once(browser: Browser, address: str) -> None:
    with visiting(browser, address, is_first_visit=True) as watched:
        page, keys = watched.page, watched.page.keyboard
        expect(page.get_by_role("dialog", name="Tour of the explorer")).to_be_visible()
        expect(page.get_by_role("button", name="Next")).to_be_focused()
        points_at(page, 1, ".centre")
        keys.press("Enter")
        points_at(page, 2, "#right")
        keys.press("Enter")
        points_at(page, 3, f"{ROW} .ratio-slider", "#totals")

        # the controls are the real ones, and the card stays
        page.locator(f"{ROW} input[type=range]").focus()
        keys.press("End")
        expect(page.locator("#totals .card").first).to_contain_text("→")
        page.get_by_role("button", name="Back", exact=True).focus()
        keys.press("Enter")
        points_at(page, 2, "#right")
        expect(page.get_by_role("button", name="Back", exact=True)).to_be_focused()
        for _ in range(2):
            page.get_by_role("button", name="Next").press("Enter")
        points_at(page, 4, "#accuracy", "#export")
        expect(page.get_by_role("button", name="Done")).to_be_focused()
        page.get_by_role("button", name="Open your own model…").press("Enter")
        expect(page.locator("#tour")).to_be_hidden()
        expect(page.get_by_role("dialog", name="Open your own model")).to_be_visible()

        # never again by itself
        page.goto("about:blank")
        watched.open(address)
        watched.settle()
        expect(page.locator("#tour")).to_be_hidden()
        assert watched.console == []
        assert watched.failed == []


def test_it_is_skipped_by_escape_and_begins_again_from_the_help(browser: Browser, address: str) -> None:
    with visiting(browser, address, is_first_visit=True) as watched:
        page = watched.page
        expect(page.locator("#tour")).to_be_visible()
        selected = page.evaluate("explorer.graph.selection.name")
        page.keyboard.press("Escape")
        expect(page.locator("#tour")).to_be_hidden()
        expect(page.locator("#help")).to_be_focused()
        assert page.evaluate("explorer.graph.selection.name") == selected  # Escape was for the tour alone

        # from another view, with nothing selected
        page.locator("#centre-view label", has_text="Matrices").click()
        page.keyboard.press("Escape")
        page.wait_for_function("!explorer.graph.selection.name")
        page.locator("#help").click()
        page.get_by_role("button", name="Take the tour").click()
        points_at(page, 1, ".centre")
        page.get_by_role("button", name="Next").click()
        page.get_by_role("button", name="Next").click()
        points_at(page, 3, f"{ROW} .ratio-slider")  # a group was selected for it
        page.get_by_role("button", name="Skip the tour").click()
        expect(page.locator("#help")).to_be_focused()
        assert watched.console == []


def test_panes_that_it_opened_close_again_where_they_lie_over_the_graph(browser: Browser, address: str) -> None:
    with visiting(browser, address, is_first_visit=True, viewport={"width": 1024, "height": 768}) as watched:
        page = watched.page
        expect(page.locator("#right")).to_be_hidden()
        page.get_by_role("button", name="Next").click()
        points_at(page, 2, "#right")
        page.get_by_role("button", name="Next").click()
        points_at(page, 3, f"{ROW} .ratio-slider", "#totals")
        expect(page.locator("#right")).to_be_hidden()
        assert watched.console == []


def test_who_came_with_a_link_is_not_led(browser: Browser, address: str) -> None:
    with visiting(browser, f"{address}/#m=sample:resnet20", is_first_visit=True) as watched:
        watched.page.wait_for_selector("#accuracy [data-accuracy]", timeout=30_000)
        expect(watched.page.locator("#tour")).to_be_hidden()


def test_nothing_moves_where_no_movement_is_wanted(browser: Browser, address: str) -> None:
    for wish, moves in (("reduce", False), ("no-preference", True)):
        with visiting(browser, address, is_first_visit=True, reduced_motion=wish) as watched:
            duration = "getComputedStyle(document.getElementById('tour')).transitionDuration"
            assert (watched.page.evaluate(duration) != "0s") == moves
            watched.page.get_by_role("button", name="Next").click()
            points_at(watched.page, 2, "#right")


def test_other_journeys_are_not_led(watched: Watched) -> None:
    expect(watched.page.locator("#tour")).to_be_hidden()
