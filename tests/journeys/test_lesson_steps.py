"""Steps of lessons: what was done of them shows when they are opened again, and what would give answers away waits."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from explorer.lessons import KINDS, bundled_lessons
from tests.journeys.lesson_pages import (
    LONG,
    answer,
    expect_verdict,
    holding,
    learning,
    progress,
    prune,
    question,
    shown_states,
    step_of,
    wait_for_held,
    wait_for_step,
)

LESSON = next(lesson for lesson in bundled_lessons() if lesson.id == "residual")
FOCUSED = "document.activeElement.id"
FILLED = """fields => fields.filter(field => field.type === "number" ? field.value : field.checked)
  .map(field => field.value)"""


@pytest.mark.parametrize(
    ("lesson", "step"),
    [
        ("residual", "who-loses"),
        pytest.param("residual", "what-it-saves", marks=pytest.mark.large),
        pytest.param("cost", "save-macs", marks=pytest.mark.large),
    ],
)
def test_what_was_solved_shows_its_answer_when_it_is_opened_again(
    browser: Browser, address: str, lesson: str, step: str
) -> None:
    asks = step_of(lesson, step)
    assert asks.task
    right = KINDS[asks.task.kind].solution(question(asks))
    with learning(browser, f"{address}/learn/{lesson}/{step}") as watched:
        page = watched.page
        wait_for_step(page, asks)
        answer(page, asks, right)
        expect_verdict(page, "Right")
        before, said = shown_states(page), page.locator("#lesson-more").inner_text()
        for leave in (None, "[data-way=on]"):
            if leave:
                page.locator(leave).click()
                expect(page.locator("#lesson-title")).not_to_have_text(asks.title, timeout=LONG)
                page.go_back()
            else:
                page.reload()
            wait_for_step(page, asks)
            expect_verdict(page, "Right")
            assert shown_states(page) == before
            assert page.locator("#lesson-more").inner_text() == said
            expect(page.locator("#lesson-title")).to_be_in_viewport()
            filled = page.locator("#lesson-task input").evaluate_all(FILLED)
            assert filled == (right if isinstance(right, list) else [str(right)])
        page.locator("#lesson-retry").click()
        expect(page.locator("#lesson-said")).to_be_empty()
        expect(page.locator("#lesson-retry")).to_be_hidden()
        assert shown_states(page) == {}
        assert page.locator("#lesson-task input").evaluate_all(FILLED) == []
        assert progress(page, lesson)[step]["state"] == "solved"


def test_a_goal_that_was_met_is_opened_with_the_plan_that_met_it(browser: Browser, address: str) -> None:
    asks = step_of("cost", "target")
    plan = {"conv1": 0.75, "layer3.0.conv2": 0.7}
    with learning(browser, f"{address}/learn/cost/target") as watched:
        page = watched.page
        wait_for_step(page, asks)
        expect(page.locator(".condition")).to_have_count(4)
        answer(page, asks, {"ratios": plan})
        expect_verdict(page, "Right")
        page.locator("[data-way=back]").click()
        wait_for_step(page, step_of("cost", "time"))
        page.go_back()
        wait_for_step(page, asks)
        expect_verdict(page, "Right")
        assert page.evaluate("explorer.recipe().ratios") == plan
        expect(page.locator("#lesson-more .because")).to_be_visible()
        page.locator("#lesson-retry").click()
        page.wait_for_function("Object.keys(explorer.recipe().ratios).length === 0")
        prune(page, {"conv1": 0.2})
        page.reload()  # which brings back what somebody tries now
        wait_for_step(page, asks)
        expect(page.locator("#lesson-said")).to_contain_text("You have solved this.")
        assert page.evaluate("explorer.recipe().ratios") == {"conv1": 0.2}


@pytest.mark.parametrize(
    ("lesson", "step", "told"),
    [
        ("importance", "members", "Members ("),
        pytest.param("sparse", "whole", "Members (", marks=pytest.mark.large),
        pytest.param("limits", "ends", "Frozen", marks=pytest.mark.large),
        ("limits", "ties", "Tied"),
    ],
)
def test_the_inspector_waits_for_the_answer_that_it_would_give(
    browser: Browser, address: str, lesson: str, step: str, told: str
) -> None:
    asks = step_of(lesson, step)
    assert asks.task
    with learning(browser, f"{address}/learn/{lesson}/{step}") as watched:
        page, inspector = watched.page, watched.page.locator("#right .inspector")
        wait_for_step(page, asks)
        expect(inspector.get_by_text(told).first).to_be_attached(timeout=LONG)
        expect(inspector).to_have_text("What the inspector says is shown once you have answered.", use_inner_text=True)
        answer(page, asks, KINDS["pick"].mistake(question(asks)))
        expect_verdict(page, "Not yet")
        expect(inspector).to_have_text("What the inspector says is shown once you have answered.", use_inner_text=True)
        answer(page, asks, KINDS["pick"].solution(question(asks)))
        expect_verdict(page, "Right")
        expect(inspector.get_by_text(told).first).to_be_visible()
        expect(inspector.locator(".waits-note")).to_be_hidden()


def test_in_a_narrow_window_the_inspector_opens_with_the_answer(browser: Browser, address: str) -> None:
    asks, small = step_of("importance", "members"), {"width": 1024, "height": 768}
    with learning(browser, f"{address}/learn/importance/members", viewport=small) as watched:
        page, pane = watched.page, watched.page.locator("#right")
        wait_for_step(page, asks)
        expect(pane).not_to_be_in_viewport()
        answer(page, asks, KINDS["pick"].solution(question(asks)))
        expect_verdict(page, "Right")
        expect(pane.get_by_text("Members (").first).to_be_in_viewport()


def test_neither_colours_nor_names_nor_locks_give_an_answer_away(browser: Browser, address: str) -> None:
    asks = step_of("limits", "ends")
    locks = "explorerCy.nodes('.port.frozen').length"
    with learning(browser, f"{address}/learn/limits/ends") as watched:
        page = watched.page
        wait_for_step(page, asks)
        page.wait_for_function("explorerCy.nodes('.port').length > 4")
        assert page.evaluate(locks) == 0
        reason = "explorer.coupling({reason: 'it is so', groups: []})"
        assert page.evaluate(reason) == ""
        page.evaluate("explorer.select({kind: 'group', name: 'conv1', groups: ['conv1'], via: 'list'})")
        watched.settle()
        assert page.evaluate("explorerCy.elements('.group-0').length") == 0
        answer(page, asks, KINDS["pick"].solution(question(asks)))
        expect_verdict(page, "Right")
        assert page.evaluate(locks) > 0
        assert page.evaluate(reason) == "it is so"
        page.wait_for_function("explorerCy.elements('.group-0').length > 0")


def test_who_predicts_gets_the_sliders_afterwards(browser: Browser, address: str) -> None:
    asks = step_of("residual", "what-it-saves")
    with learning(browser, f"{address}/learn/residual/what-it-saves") as watched:
        page, note = watched.page, watched.page.locator(".drawer > .waits-note")
        wait_for_step(page, asks)
        expect(note).to_be_visible()
        expect(page.locator("#grid")).to_be_hidden()
        page.evaluate("explorer.select({kind: 'group', name: 'conv1', groups: ['conv1'], via: 'list'})")
        watched.settle()
        page.locator("#lesson-title").click()
        page.keyboard.press("+")
        assert page.evaluate("explorer.unanswered()") == []
        answer(page, asks, KINDS["predict"].mistake(question(asks)))
        expect_verdict(page, "Not yet")
        expect(note).to_be_hidden()
        expect(page.locator("#grid")).to_be_in_viewport()


def test_the_matrices_wait_unless_the_step_opens_them(browser: Browser, address: str) -> None:
    for lesson, step, is_read in (("residual", "who-loses", False), ("matrices", "grouping", True)):
        asks = step_of(lesson, step)
        with learning(browser, f"{address}/learn/{lesson}/{step}") as watched:
            page = watched.page
            wait_for_step(page, asks)
            page.locator("#centre-view").get_by_text("Matrices").click()
            note, box = page.locator('[data-view="matrices"] > .waits-note'), page.locator("#matrix-box")
            (expect(box) if is_read else expect(note)).to_be_visible()
            (expect(note) if is_read else expect(box)).to_be_hidden()


def test_what_is_to_be_done_on_the_screen_is_noticed_or_skipped(browser: Browser, address: str) -> None:
    asks = step_of("attention", "the-road")
    with learning(browser, f"{address}/learn/attention/the-road") as watched:
        page = watched.page
        wait_for_step(page, asks)
        wanted, way = page.locator(".lesson-does"), page.locator("[data-way=on]")
        expect(wanted).to_contain_text("To do play the propagation to its end.", use_inner_text=True)
        assert "the-road" not in progress(page, "attention")
        way.click()
        wait_for_step(page, step_of("attention", "a-head"))
        assert progress(page, "attention")["the-road"] == {"state": "skipped"}
        page.go_back()
        wait_for_step(page, asks)
        expect(page.locator("[data-playing]")).to_have_count(1)
        page.locator("[data-player=forward]").click()
        expect(wanted).to_have_attribute("data-state", "open")
        page.locator("[data-player=last]").click()
        expect(wanted).to_contain_text("Done play the propagation to its end.", use_inner_text=True)
        expect(way).to_contain_text("Next")
        assert progress(page, "attention")["the-road"] == {"state": "done"}


def test_the_list_tells_what_was_skipped(browser: Browser, address: str) -> None:
    with learning(browser, f"{address}/learn/") as watched:
        page, row = watched.page, watched.page.locator(f"[data-lesson={LESSON.id}] [data-progress]")
        for left, words in (
            (2, f"{len(LESSON.steps) - 2} of {len(LESSON.steps)} done, 1 skipped"),
            (0, "done, 1 skipped"),
        ):
            names = [step.id for step in LESSON.steps[: len(LESSON.steps) - left]]
            known = {name: {"state": "skipped" if name == "who-loses" else "solved"} for name in names}
            page.evaluate("known => localStorage.setItem('learn:progress', JSON.stringify(known))", {LESSON.id: known})
            page.reload()
            expect(row).to_have_text(words, timeout=LONG)


def test_the_accuracy_of_another_model_does_not_show(browser: Browser, address: str) -> None:
    first, second = step_of("residual", "what-it-saves"), step_of("lstm", "how-much")
    with learning(browser, f"{address}/learn/residual/what-it-saves") as watched:
        page, card = watched.page, watched.page.locator("#accuracy")
        wait_for_step(page, first)
        expect(card).to_contain_text("test samples", timeout=LONG)
        with holding(page, '"output":"..accuracy.children', '"source":"sample:lstm"') as held:
            page.evaluate("explorer.lessons.go('/learn/lstm/how-much')")
            wait_for_held(page, held)
            wait_for_step(page, second)
            expect(card).to_be_empty()
        expect(card).to_contain_text("test samples", timeout=LONG)


def test_a_slash_opens_no_pane_that_is_not_there(browser: Browser, address: str) -> None:
    small = {"width": 1024, "height": 768}
    with learning(browser, f"{address}/learn/{LESSON.id}/{LESSON.steps[0].id}", viewport=small) as watched:
        page = watched.page
        wait_for_step(page, LESSON.steps[0])
        before = page.evaluate("({...document.getElementById('app').dataset})")
        page.locator("#lesson-title").focus()
        page.keyboard.press("/")
        watched.settle()
        assert page.evaluate(FOCUSED) == "lesson-title"
        assert page.evaluate("({...document.getElementById('app').dataset})") == before
