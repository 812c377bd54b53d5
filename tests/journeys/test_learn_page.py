"""The page that shows lessons: keys, addresses, the graph as a way to answer, what is kept, and presenting."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer.app.channels import channel_data
from explorer.exploration import Exploration
from explorer.lessons import KINDS, Lesson, Step, bundled_lessons
from tests.journeys.lesson_pages import (
    LONG,
    answer,
    expect_verdict,
    graph_of,
    holding,
    learning,
    option,
    picked,
    progress,
    question,
    wait_for_held,
    wait_for_step,
)

LESSON = next(lesson for lesson in bundled_lessons() if lesson.id == "residual")
FOCUSED = "document.activeElement.id"
DESK = {"width": 1024, "height": 768}
"""The smallest screen on which one works."""


def step_with(kind: str) -> tuple[Lesson, Step]:
    """The first step of any lesson that asks in a way."""
    found = ((lesson, step) for lesson in bundled_lessons() for step in lesson.steps)
    return next((lesson, step) for lesson, step in found if step.task and step.task.kind == kind)


PICK = next(step for step in LESSON.steps if step.task and step.task.kind == "pick")


def has_class(page: Page, layer: str, name: str) -> None:
    """Waits until a layer in the graph has a class."""
    page.wait_for_function(
        "([layer, name]) => window.explorerCy.getElementById('layer:' + layer).hasClass(name)", arg=[layer, name]
    )


def tap(page: Page, layer: str) -> None:
    # the braces keep what emit gives, all of the graph, from being sent here
    page.evaluate("layer => { window.explorerCy.getElementById('layer:' + layer).emit('tap') }", layer)


def test_from_the_explorer_to_a_lesson_and_back(browser: Browser, address: str) -> None:
    with learning(browser, address) as watched:
        page = watched.page
        page.wait_for_selector("#grid .ag-row")
        page.evaluate("explorer.askChange({kind: 'every', ratio: 0.25})")
        page.wait_for_function("location.hash.length > 1")
        left = page.evaluate("location.hash")
        page.get_by_role("link", name="Learn").click()
        row = page.locator(f".catalogue-row[data-lesson={LESSON.id}]")
        row.click()
        wait_for_step(page, LESSON.steps[0])
        assert page.evaluate("explorer.recipe().ratios") == {}
        page.get_by_role("link", name="Explorer").click()
        page.wait_for_function("window.explorer && explorer.recipe && explorer.recipe() && !explorer.lessons")
        page.wait_for_function("Object.keys(explorer.recipe().ratios).length > 0")
        assert page.evaluate("location.hash") == left


def test_steps_are_addresses_and_the_browser_goes_back(browser: Browser, address: str) -> None:
    first, second = LESSON.steps[:2]
    with learning(browser, f"{address}/learn/{LESSON.id}") as watched:
        page = watched.page
        wait_for_step(page, first)
        page.locator("[data-way=on]").click()
        wait_for_step(page, second)
        assert page.evaluate(FOCUSED) == "lesson-title"
        assert page.url.endswith(f"/{LESSON.id}/{second.id}")
        assert page.title() == f"{second.title} · {LESSON.title}"
        page.go_back()
        wait_for_step(page, first)
        assert page.url.endswith(f"/{LESSON.id}/{first.id}")
        page.locator(f"[data-step={second.id}]").click()
        wait_for_step(page, second)
        page.reload()
        wait_for_step(page, second)


def test_a_term_says_what_it_means_on_hover_and_on_focus(browser: Browser, address: str) -> None:
    step = next(step for step in LESSON.steps if "term:" in step.text)
    with learning(browser, f"{address}/learn/{LESSON.id}/{step.id}") as watched:
        page = watched.page
        wait_for_step(page, step)
        term, tip = page.locator("#lesson-text .term").first, page.locator(".term-tip")
        term.hover()
        expect(tip).to_be_visible()
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
        page.locator("#lesson-title").hover()
        term.focus()
        expect(tip).to_be_visible()
        assert tip.inner_text() == page.locator(f"#{term.get_attribute('aria-describedby')}").text_content()
        assert "/learn/glossary#" in str(term.get_attribute("href"))


def test_layers_are_picked_in_the_graph_and_marked_there(browser: Browser, address: str) -> None:
    asked = question(PICK)
    right = KINDS["pick"].solution(asked)
    wrong = next(o.name for o in KINDS["pick"].form(asked).options if o.name not in right)
    with learning(browser, f"{address}/learn/{LESSON.id}/{PICK.id}") as watched:
        page = watched.page
        wait_for_step(page, PICK)
        for layer in (right[0], wrong):
            tap(page, layer)
            expect(option(page, layer).locator("input")).to_be_checked()
            has_class(page, layer, "option-picked")
        expect(page.locator(".graph-mark")).to_have_text(["✓ picked"] * 2)
        page.locator("#lesson-check").click()
        expect_verdict(page, "Not yet")
        has_class(page, right[0], "option-right")
        has_class(page, wrong, "option-extra")
        has_class(page, right[1], "option-missing")
        expect(page.locator(".graph-mark", has_text="does not belong")).to_have_count(1)
        tap(page, wrong)
        expect(option(page, wrong).locator("input")).not_to_be_checked()
        expect(option(page, wrong)).not_to_have_attribute("data-state", "extra")
        page.locator("#lesson-solution").click()
        expect_verdict(page, "This is the answer")
        assert set(picked(page)) == set(right)
        assert progress(page, LESSON.id)[PICK.id]["state"] == "shown"
        page.locator("#lesson-check").click()
        expect_verdict(page, "Right")
        assert progress(page, LESSON.id)[PICK.id]["state"] == "solved"


def test_marks_of_layers_in_sight_are_not_cut_off(browser: Browser, address: str) -> None:
    step = LESSON.step("who-loses")
    assert step
    with learning(browser, f"{address}/learn/{LESSON.id}/{step.id}", viewport=DESK) as watched:
        page = watched.page
        wait_for_step(page, step)
        answer(page, step, KINDS["pick"].mistake(question(step)))
        expect_verdict(page, "Not yet")
        expect(page.locator(".graph-mark.is-missing").first).to_be_visible()
        page.wait_for_function(
            """() => {
              const edge = document.querySelector(".graph-marks").getBoundingClientRect().right;
              const marks = [...document.querySelectorAll(".graph-mark")];
              return marks.length > 1 && marks.every((mark) => mark.getBoundingClientRect().right <= edge);
            }"""
        )


def test_a_task_is_solved_with_keys_alone(browser: Browser, address: str) -> None:
    right = set(KINDS["pick"].solution(question(PICK)))
    with learning(browser, f"{address}/learn/{LESSON.id}/{PICK.id}") as watched:
        page, keys = watched.page, watched.page.keyboard
        wait_for_step(page, PICK)
        page.locator("#lesson-task input").first.focus()
        for name in [option.name for option in KINDS["pick"].form(question(PICK)).options]:
            assert page.evaluate("document.activeElement.value") == name
            if name in right:
                keys.press(" ")
            keys.press("Tab")
        assert page.evaluate(FOCUSED) == "lesson-check"
        keys.press("Tab")
        keys.press("Enter")  # the hint
        expect(page.locator(".task-hint")).to_be_visible()
        keys.press("Shift+Tab")
        keys.press("Enter")
        expect_verdict(page, "Right")
        expect(page.locator("#lesson-said")).to_have_attribute("aria-live", "polite")
        expect(page.locator("[data-way=on]")).to_contain_text("Next")
        keys.press("Escape")


def test_nothing_picked_is_said_and_gives_nothing_away(browser: Browser, address: str) -> None:
    with learning(browser, f"{address}/learn/{LESSON.id}/{PICK.id}") as watched:
        page = watched.page
        wait_for_step(page, PICK)
        page.locator("#lesson-check").click()
        expect(page.locator("#lesson-said")).to_contain_text("Pick at least one")
        expect(page.locator("#lesson-task .option[data-state]")).to_have_count(0)
        expect(page.locator("#lesson-solution")).to_be_hidden()


def test_a_prediction_moves_the_sliders_and_undo_takes_them_back(browser: Browser, address: str) -> None:
    lesson, step = step_with("predict")
    with learning(browser, f"{address}/learn/{lesson.id}/{step.id}") as watched:
        page = watched.page
        wait_for_step(page, step)
        answer(page, step, KINDS["predict"].mistake(question(step)))
        expect_verdict(page, "Not yet")
        expect(page.locator("#undo")).to_be_disabled()
        page.locator("[data-ratios]").click()
        expect(page.locator("#grid .ag-row").first).to_be_visible()
        page.wait_for_function("Object.keys(explorer.recipe().ratios).length > 0")
        expect(page.locator("#undo")).to_be_enabled()
        page.locator("#undo").click()
        page.wait_for_function(
            "before => JSON.stringify(explorer.recipe().ratios) === JSON.stringify(before)", arg=dict(step.show.ratios)
        )


IS_CUT = """card => {
  const parts = [...card.querySelectorAll(".card-value > span")].map((part) => part.getBoundingClientRect());
  const [across, down] = [0.5, 6]; // pixels: lines of text are higher than their letters
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  const meet = (a, b) => shared(a, b, "left", "right") > across && shared(a, b, "top", "bottom") > down;
  const edge = card.getBoundingClientRect().right + 0.5;
  return parts.some((part, at) => part.right > edge || parts.slice(at + 1).some((other) => meet(part, other)));
}"""
"""Whether numbers of a card reach beyond it, or lie on one another."""


@pytest.mark.parametrize("page_of", ["learn", "explorer"])
def test_totals_before_and_after_fit_their_cards(browser: Browser, address: str, page_of: str) -> None:
    lesson, step = next(
        (lesson, step) for lesson in bundled_lessons() for step in lesson.steps if step.show.panes == ("totals",)
    )
    where = f"{address}/learn/{lesson.id}/{step.id}" if page_of == "learn" else f"{address}/#m={step.show.model}"
    with learning(browser, where, viewport={"width": 1440, "height": 800}) as watched:
        page = watched.page
        if page_of == "learn":
            wait_for_step(page, step)
        else:
            page.wait_for_function("source => window.explorer?.recipe?.()?.source === source", arg=step.show.model)
            page.wait_for_function("!explorer.isOpening()")
        page.evaluate("explorer.askChange({kind: 'every', ratio: 0.5})")
        expect(page.locator(".totals .arrow")).to_have_count(5)  # measured, too
        cards = page.locator(".totals .card")
        assert cards.count() == 5
        for width in (1440, 1180, 1024, 800, 390):
            page.set_viewport_size({"width": width, "height": 800})
            watched.settle()
            assert [(width, card.inner_text()) for card in cards.all() if card.evaluate(IS_CUT)] == []


def test_the_grid_begins_at_the_row_that_is_asked_about_or_at_the_first(browser: Browser, address: str) -> None:
    lesson = next(lesson for lesson in bundled_lessons() if lesson.id == "attention")
    turn, stream = lesson.step("your-turn"), lesson.step("the-stream")
    assert turn
    assert stream
    game = next(lesson for lesson in bundled_lessons() if lesson.id == "accuracy").step("game")
    assert game
    row = "#grid .ag-center-cols-container .ag-row"
    with learning(browser, f"{address}/learn/{lesson.id}/{turn.id}", viewport=DESK) as watched:
        page = watched.page
        wait_for_step(page, turn)
        expect(page.locator(f"{row}[row-id='{turn.show.select['name']}']")).to_be_in_viewport(timeout=LONG)
        page.evaluate("dash_ag_grid.getApi('grid').ensureIndexVisible(10, 'top')")
        expect(page.locator(f"{row}[row-index='10']")).to_be_in_viewport()
        page.locator("[data-way=back]").click()
        wait_for_step(page, stream)
        expect(page.locator(f"{row}[row-id='patches']")).to_be_in_viewport(timeout=LONG)
        page.goto(f"{address}/learn/accuracy/{game.id}")
        wait_for_step(page, game)
        expect(page.locator(f"{row}[row-index='0']")).to_be_in_viewport(timeout=LONG)


def test_a_graph_taller_than_its_room_begins_at_its_top(browser: Browser, address: str) -> None:
    lesson = next(lesson for lesson in bundled_lessons() if lesson.id == "attention")
    step = lesson.steps[0]
    with learning(browser, f"{address}/learn/{lesson.id}/{step.id}", viewport=DESK) as watched:
        page = watched.page
        wait_for_step(page, step)
        page.wait_for_function(
            """() => {
              const box = (node) => node.renderedBoundingBox({ includeLabels: false });
              const isIn = (node) => box(node).y1 >= 0 && box(node).y2 <= explorerCy.height();
              const isLit = (node) => node.union(node.children()).is(".group-0");
              const lit = explorerCy.nodes(".layer, .op").filter(isLit);
              const first = explorerCy.nodes(".terminal").filter((node) => node.data("kind") === "input");
              const isTall = explorerCy.height() < box(explorerCy.elements()).h;
              return isTall && lit.nonempty() && lit.union(first).every(isIn);
            }"""
        )


def test_a_bar_says_which_channel_it_is_and_the_heading_by_what_it_is_ranked(browser: Browser, address: str) -> None:
    lesson = next(lesson for lesson in bundled_lessons() if lesson.id == "importance")
    step = lesson.step("one-layer")
    assert step
    scores = channel_data(Exploration(graph_of(step.show.model), step.show.recipe()), "conv1", [])["scores"]
    order = sorted(range(len(scores)), key=lambda channel: (-scores[channel], channel))
    with learning(browser, f"{address}/learn/{lesson.id}/{step.id}") as watched:
        page = watched.page
        wait_for_step(page, step)
        expect(page.get_by_role("heading", name="Channels by L2 norm")).to_be_visible()
        expect(page.locator("#channels-ranking")).to_have_text("First layer of the group alone")
        readout, option = page.locator(".channel-readout"), page.locator("#channel-option")
        page.locator(".channel-bars").focus()
        for key, rank, word in (("End", len(order), "dropped"), ("Home", 1, "kept")):
            page.keyboard.press(key)
            channel = order[rank - 1]
            said = f"Channel {channel}, importance {scores[channel]}, rank {rank} of {len(order)}, {word}"
            expect(option).to_have_text(said)
            expect(readout).to_contain_text(said)
        box = page.locator(".channel-bars").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] - 6, box["y"] + 100)
        expect(readout).to_contain_text(f"Channel {order[-1]}, ")


def test_the_glossary_leads_back_to_the_step_as_it_was_left(browser: Browser, address: str) -> None:
    with learning(browser, f"{address}/learn/{LESSON.id}/{PICK.id}") as watched:
        page = watched.page
        wait_for_step(page, PICK)
        page.goto(f"{address}/learn/{LESSON.id}/{LESSON.steps[0].id}")
        wait_for_step(page, LESSON.steps[0])
        page.locator("#lesson-text .term").first.click()
        page.locator(".sheet-index a").first.click()  # a place within the page is no other page
        page.get_by_role("link", name=f"Back to {LESSON.title}: {LESSON.steps[0].title}").click()
        wait_for_step(page, LESSON.steps[0])
        page.locator(".brand.is-link").click()
        page.wait_for_function("window.explorerCy && window.explorerCy.nodes().nonempty()")
        page.get_by_role("link", name="Learn").click()
        wait_for_step(page, LESSON.steps[0])


def test_presenting_is_large_and_keys_turn_the_steps(browser: Browser, address: str) -> None:
    first, second = LESSON.steps[:2]
    with learning(browser, f"{address}/learn/{LESSON.id}/{first.id}?present") as watched:
        page, keys = watched.page, watched.page.keyboard
        wait_for_step(page, first)
        expect(page.locator(".top-bar")).to_be_hidden()
        size = "parseFloat(getComputedStyle(document.getElementById('lesson-title')).fontSize)"
        assert page.evaluate(size) >= 26
        for key, step in (("PageDown", second), ("ArrowLeft", first), ("ArrowRight", second), ("PageUp", first)):
            keys.press(key)
            wait_for_step(page, step)
            assert page.url.endswith(f"/{step.id}?present")
        keys.press("Escape")
        expect(page.locator(".top-bar")).to_be_visible()
        assert page.url.endswith(f"/{first.id}")
        assert page.evaluate(FOCUSED) == "present"


def test_the_help_tells_the_keys_of_lessons_and_not_those_of_the_explorer_alone(browser: Browser, address: str) -> None:
    with learning(browser, f"{address}/learn/{LESSON.id}/{PICK.id}") as watched:
        page = watched.page
        wait_for_step(page, PICK)
        page.keyboard.press("?")
        help_dialog = page.get_by_role("dialog", name="How to read the screen")
        expect(help_dialog.get_by_text("Keys of lessons")).to_be_visible()
        expect(help_dialog.locator("kbd", has_text="Page Down")).to_be_visible()
        expect(help_dialog.get_by_text("Export")).to_have_count(0)
        expect(help_dialog.locator("kbd").get_by_text("/", exact=True)).to_have_count(0)


def test_presenting_fits_the_graph_of_every_step(browser: Browser, address: str) -> None:
    lesson = next(lesson for lesson in bundled_lessons() if lesson.id == "attention")
    here = next(index for index, step in enumerate(lesson.steps) if step.id == "the-stream")
    step, after = lesson.steps[here : here + 2]
    is_fitted = """isOpen => {
      const cy = window.explorerCy;
      const { x1, x2 } = cy.elements().renderedBoundingBox({ includeLabels: false });
      const isShown = cy.getElementById("layer:blocks.0.attention.qkv").nonempty();
      return isShown === isOpen && Math.abs(x1 + x2 - cy.width()) < 4;
    }"""
    with learning(browser, f"{address}/learn/{lesson.id}/{step.id}?present") as watched:
        page = watched.page
        wait_for_step(page, step)
        expect(page.locator("#shade-legend")).to_be_visible()
        for key, shown in (("PageDown", after), ("PageUp", step)):
            page.keyboard.press(key)
            wait_for_step(page, shown)
            page.wait_for_function(is_fitted, arg=shown is step)
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_on_a_phone_the_inspector_stands_below_the_graph(browser: Browser, address: str) -> None:
    lesson, step = next(
        (lesson, step) for lesson in bundled_lessons() for step in lesson.steps if step.show.panes == ("inspector",)
    )
    with learning(browser, f"{address}/learn/{lesson.id}/{step.id}", viewport={"width": 390, "height": 844}) as watched:
        page = watched.page
        wait_for_step(page, step)
        bar, graph, inspector = (page.locator(each).bounding_box() for each in (".top-bar", "#graph-box", "#right"))
        assert bar
        assert graph
        assert inspector
        assert bar["height"] <= 48
        assert graph["width"] == inspector["width"] == 390
        assert graph["y"] + graph["height"] <= inspector["y"]


def test_on_a_phone_text_and_task_stand_above_the_graph(browser: Browser, address: str) -> None:
    small = {"width": 390, "height": 844}
    with learning(browser, f"{address}/learn/{LESSON.id}/{PICK.id}", viewport=small) as watched:
        page = watched.page
        wait_for_step(page, PICK)
        text, task, graph = (
            page.locator(each).bounding_box() for each in ("#lesson-text", "#lesson-task", "#graph-box")
        )
        assert text
        assert task
        assert graph
        assert text["y"] < task["y"] < graph["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_marks_of_a_task_go_with_its_step(browser: Browser, address: str) -> None:
    lesson = next(lesson for lesson in bundled_lessons() if lesson.id == "concatenation")
    number = next(number for number, step in enumerate(lesson.steps) if step.id == "two-stretches")
    asks, tells = lesson.steps[number - 1 : number + 1]
    assert asks.show.model == tells.show.model
    assert tells.task is None
    with learning(browser, f"{address}/learn/{lesson.id}/{asks.id}") as watched:
        page = watched.page
        wait_for_step(page, asks)
        answer(page, asks, KINDS["pick"].solution(question(asks)))
        expect_verdict(page, "Right")
        expect(page.locator(".graph-mark").first).to_be_visible()
        page.locator("[data-way=on]").click()
        wait_for_step(page, tells)
        expect(page.locator(".graph-mark")).to_have_count(0)
        assert page.evaluate("explorerCy.nodes('.option-right, .option-missing, .option-extra').length") == 0
        page.go_back()
        wait_for_step(page, asks)
        for _ in range(2):  # to the step that is shown, too
            page.locator(f"[data-step={asks.id}]").click()
            wait_for_step(page, asks)
        expect_verdict(page, "Right")
        right = KINDS["pick"].solution(question(asks))
        expect(page.locator(".graph-mark")).to_have_text(["right"] * len(right))  # it is solved
        page.locator("#lesson-retry").click()
        expect(page.locator(".graph-mark")).to_have_count(0)
        tap(page, right[0])
        expect(page.locator(".graph-mark")).to_have_text(["✓ picked"])


def test_boxes_that_were_drawn_already_are_shaded_as_the_step_says(browser: Browser, address: str) -> None:
    number = next(number for number, step in enumerate(LESSON.steps) if step.id == "what-it-saves")
    before, shaded = LESSON.steps[number - 1 : number + 1]
    with learning(browser, f"{address}/learn/{LESSON.id}/{before.id}") as watched:
        page = watched.page
        wait_for_step(page, before)
        page.locator("[data-way=on]").click()
        wait_for_step(page, shaded)
        page.wait_for_function(
            """() => {
              const costly = explorerCy.nodes(".layer, .fold").filter((node) => node.data("macs") > 0);
              const isShaded = (node) => node.classes().some((name) => name.startsWith("shade-"));
              return costly.nonempty() && costly.every(isShaded);
            }"""
        )


def test_escape_leaves_presenting_before_it_closes_the_player(browser: Browser, address: str) -> None:
    step = next(step for step in LESSON.steps if "player" in step.show.panels)
    with learning(browser, f"{address}/learn/{LESSON.id}/{step.id}?present") as watched:
        page = watched.page
        wait_for_step(page, step)
        playing = page.locator("[data-playing]")
        expect(playing).to_have_count(1)
        expect(page.locator(".present-keys")).to_contain_text("Esc leaves")
        page.keyboard.press("Escape")
        expect(page.locator(".top-bar")).to_be_visible()
        expect(page.locator(".present-keys")).to_be_hidden()
        expect(playing).to_have_count(1)
        page.keyboard.press("Escape")
        expect(playing).to_have_count(0)


def test_a_tip_goes_when_the_pointer_leaves_the_graph(browser: Browser, address: str) -> None:
    with learning(browser, f"{address}/learn/{LESSON.id}/{LESSON.steps[0].id}") as watched:
        page, tip = watched.page, watched.page.locator("#graph-tip")
        wait_for_step(page, LESSON.steps[0])
        graph = page.locator("#graph").bounding_box()
        assert graph
        box = page.evaluate("explorerCy.getElementById('layer:conv1').renderedBoundingBox()")
        x, y = graph["x"] + (box["x1"] + box["x2"]) / 2, graph["y"] + (box["y1"] + box["y2"]) / 2
        page.mouse.move(x - 1, y)
        page.mouse.move(x, y)
        expect(tip).to_be_visible()
        page.locator("#lesson-title").hover()
        expect(tip).to_be_hidden()


def test_a_hint_comes_into_sight_and_after_the_answer_one_goes_on(browser: Browser, address: str) -> None:
    small = {"width": 1024, "height": 560}
    with learning(browser, f"{address}/learn/{LESSON.id}/{PICK.id}", viewport=small) as watched:
        page = watched.page
        wait_for_step(page, PICK)
        way = page.locator("[data-way=on]")
        expect(way).to_contain_text("Skip")
        page.locator("#lesson-hint").click()
        hint, tools = page.locator(".task-hint").bounding_box(), page.locator("#lesson-tools").bounding_box()
        assert hint
        assert tools
        assert hint["y"] + hint["height"] <= tools["y"]
        answer(page, PICK, KINDS["pick"].mistake(question(PICK)))
        expect_verdict(page, "Not yet")
        page.locator("#lesson-solution").click()
        expect_verdict(page, "This is the answer")
        expect(way).to_contain_text("Next")
        expect(way).not_to_have_attribute("data-skips", "")


@pytest.mark.parametrize(
    ("path", "note"), [("", "Opening the lessons…"), (f"{LESSON.id}/{PICK.id}", "Opening the lesson…")]
)
def test_a_page_says_at_once_what_is_on_its_way(browser: Browser, address: str, path: str, note: str) -> None:
    with learning(browser, f"{address}/learn/glossary") as watched:
        page = watched.page
        with holding(page) as held:
            page.goto(f"{address}/learn/{path}")
            wait_for_held(page, held)
            expect(page.locator(".opening-note:visible")).to_have_text(note)
        expect(page.locator(".opening-note")).to_have_count(0)
        title = "#lesson-title" if path else "#lesson-list-title"
        expect(page.locator(title)).to_be_visible()
