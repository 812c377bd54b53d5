"""Nothing is lost: undo and redo, reloads, links and files, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.browser import Watched, visiting

STATE = "() => explorer.recipe()"


def percent(page: Page, group: str) -> Locator:
    return page.locator(f"#grid .ag-row[row-id='{group}'] [col-id='percent']")


def set_percent(page: Page, group: str, value: int) -> None:
    percent(page, group).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(str(value))
    page.keyboard.press("Enter")
    expect(percent(page, group)).to_have_text(str(value))


def address_follows(page: Page) -> None:
    page.wait_for_function("() => location.hash.startsWith('#m=') && explorer.unanswered().length === 0")


def drag(page: Page, group: str, shares: tuple[float, ...]) -> None:
    box = page.locator(f"#grid .ag-row[row-id='{group}'] input[type=range]").bounding_box()
    assert box
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in shares:
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        page.wait_for_function("explorer.unanswered().length === 0")  # so that the drag is several answers
    page.mouse.up()


def test_every_step_can_be_undone_and_one_drag_is_one_step(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#undo")).to_be_disabled()
    set_percent(page, "conv1", 25)
    drag(page, "layer1.0.conv1", (0.2, 0.4, 0.6))
    expect(percent(page, "layer1.0.conv1")).to_have_text(re.compile("^(5|6)[0-9]$"))  # where the drag ended
    dragged = percent(page, "layer1.0.conv1").inner_text()
    page.locator("#pin").click()
    expect(page.locator("#redo")).to_be_disabled()

    page.locator("#undo").click()  # the pin
    page.wait_for_function("explorer.recipe().view.pins.length === 0")
    page.keyboard.press("Control+z")  # the whole drag
    expect(percent(page, "layer1.0.conv1")).to_have_text("0")
    expect(percent(page, "conv1")).to_have_text("25")
    page.keyboard.press("Control+z")
    expect(percent(page, "conv1")).to_have_text("0")
    expect(page.locator("#undo")).to_be_disabled()
    page.keyboard.press("Control+Shift+Z")
    expect(percent(page, "conv1")).to_have_text("25")
    page.keyboard.press("Control+y")
    expect(percent(page, "layer1.0.conv1")).to_have_text(dragged)

    # what is done after an undo takes the place of what was undone
    page.locator("#undo").click()
    expect(percent(page, "layer1.0.conv1")).to_have_text("0")
    set_percent(page, "conv1", 75)
    expect(page.locator("#redo")).to_be_disabled()
    assert watched.console == []
    assert watched.failed == []


def test_what_was_measured_of_another_recipe_is_faint_until_this_one_is(watched: Watched) -> None:
    page = watched.page
    card = page.locator("#accuracy")
    expect(card).to_have_attribute("data-stale", "false")
    page.evaluate("""() => {
      const card = document.getElementById("accuracy");
      window.seen = [];
      new MutationObserver(() => seen.push(card.dataset.stale)).observe(card, {attributeFilter: ["data-stale"]});
    }""")
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'conv1', ratio: 0.25})")
    page.wait_for_function("seen.includes('true')")
    expect(card).to_contain_text("proven", timeout=30_000)
    expect(card).to_have_attribute("data-stale", "false")
    assert watched.console == []


def test_a_reload_keeps_everything(watched: Watched) -> None:
    page = watched.page
    set_percent(page, "conv1", 25)
    page.evaluate("explorer.askChange({kind: 'keep', group: 'layer1.0.conv1', channels: [0, 3, 7]})")
    page.locator("#lists [data-toggle='layer2.0.shortcut']").click()
    page.wait_for_function("window.explorerCy.getElementById('fold:layer2.0.shortcut').nonempty()")
    page.locator("#pin").click()
    page.locator("#minimum").fill("2")
    page.locator("#minimum").blur()
    page.locator("#channels-sort label", has_text="in order").click()
    page.locator("#inspector [data-play]").click()
    expect(page.locator("#player")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("explorer.isViewKept() && explorer.recipe().minimum === 2 && "
                           "explorer.recipe().view.panels.player?.step === 3")  # fmt: skip
    before = page.evaluate(STATE)
    page.reload()  # at once: the address has not followed yet
    page.wait_for_function("before => window.explorer && explorer.recipe && "
                           "JSON.stringify(explorer.recipe()) === JSON.stringify(before)", arg=before)  # fmt: skip
    expect(percent(page, "conv1")).to_have_text("25", timeout=20_000)
    expect(page.locator("#minimum")).to_have_value("2")
    expect(page.locator("#player .step-card")).to_contain_text("3 of 22")
    expect(page.locator("#channels-sort input[value='index']")).to_be_checked()
    page.wait_for_function("window.explorerCy && window.explorerCy.getElementById('fold:layer2.0.shortcut').nonempty()")
    page.locator("#undo").click()  # the steps are still there
    page.wait_for_function("explorer.recipe().minimum === 1")
    assert watched.console == []
    assert watched.failed == []


def test_the_address_stays_while_the_page_is_left_and_when_a_link_is_followed(watched: Watched) -> None:
    page = watched.page
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'conv1', ratio: 0.25})")
    address_follows(page)

    # a reload that takes its time opens the address that there was: the last change is not in it, and is kept
    page.evaluate("""() => {
      window.left = location.hash;
      explorer.ownStep();
      explorer.askChange({kind: 'ratio', group: 'conv1', ratio: 0.5});
    }""")
    page.wait_for_function("explorer.recipe().ratios.conv1 === 0.5")
    page.evaluate("dispatchEvent(new Event('beforeunload'))")
    page.wait_for_timeout(600)
    assert page.evaluate("location.hash === window.left")
    page.reload()
    page.wait_for_function("window.explorer && explorer.recipe && explorer.recipe()?.ratios.conv1 === 0.5")
    page.locator("#undo").click()
    page.wait_for_function("explorer.recipe().ratios.conv1 === 0.25")
    address_follows(page)

    # a link that is followed in the moment in which the address is about to change
    page.evaluate("""() => {
      const encode = window.btoa;
      window.btoa = (text) => {
        window.btoa = encode;
        location.hash = "#m=sample:vgg";
        return encode(text);
      };
      explorer.addressFollows();
    }""")
    page.wait_for_function("explorer.recipe().source === 'sample:vgg'")
    assert watched.console == []


def test_a_link_opens_the_same_state_in_another_browser(watched: Watched, browser: Browser, address: str) -> None:
    page = watched.page
    page.locator("#picker").click()
    page.get_by_role("option", name="vgg", exact=True).click()
    page.wait_for_function("explorer.recipe().source === 'sample:vgg'")
    group = page.evaluate("explorer.recipe().view.selection.name")
    page.evaluate("group => explorer.askChange({kind: 'ratio', group, ratio: 0.5})", group)
    page.wait_for_function("group => explorer.recipe().ratios[group] === 0.5", arg=group)
    page.locator("#centre-view label", has_text="Matrices").click()
    page.locator("#matrix-kind label", has_text="G: layers").click()
    page.wait_for_function("explorer.recipe().view.panels.matrix === 'G'")
    address_follows(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#share").click()
    expect(page.locator("#notice")).to_contain_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{address}/#m=sample:vgg&s=")
    assert len(link) < 1000

    other = browser.new_context(viewport={"width": 1440, "height": 900})
    second = Watched(other.new_page())
    second.open(link)
    second.page.wait_for_function("before => JSON.stringify(explorer.recipe()) === JSON.stringify(before)",
                                  arg=page.evaluate(STATE))  # fmt: skip
    expect(second.page.locator("#picker")).to_have_value("vgg")
    expect(second.page.locator("#inspector h2")).to_have_text(group)
    expect(second.page.locator("#matrix-note")).to_contain_text("pairs share a group")

    # other links are refused in words, and the page stays as it is
    for bad, words in (("#m=model.py:build", "cannot be opened from here"), ("#m=sample:vgg&s=x", "damaged")):
        second.page.evaluate("hash => { location.hash = hash }", bad)
        expect(second.page.locator("#notice")).to_contain_text(words)
        assert second.page.evaluate("explorer.recipe().source") == "sample:vgg"
    assert watched.console == second.console == []
    other.close()


def looked_at(page: Page) -> list[float]:
    """Zoom of the graph, and what of it is in the middle."""
    page.wait_for_function("explorer.isViewKept()")
    middle: list[float] = page.evaluate("""() => {
      const cy = explorerCy, { x1, x2, y1, y2 } = cy.extent();
      return [cy.zoom(), (x1 + x2) / 2, (y1 + y2) / 2];
    }""")
    return middle


def pan_and_zoom(page: Page) -> None:
    box = page.locator("#graph-box").bounding_box()
    assert box
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.wheel(0, -300)
    page.mouse.down()
    page.mouse.move(box["x"] + 130, box["y"] + 90, steps=5)
    page.mouse.up()
    page.wait_for_function("explorer.recipe().view.panels.graph && explorer.isViewKept()")


def test_the_server_is_not_asked_while_the_graph_is_panned(watched: Watched) -> None:
    page = watched.page
    page.wait_for_selector("#accuracy [data-accuracy]", timeout=30_000)
    page.wait_for_function("explorer.isViewKept()")
    assert "graph" not in page.evaluate("explorer.recipe().view.panels")  # as it was at first
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    pan_and_zoom(page)
    assert [each for each in asked if "_dash-update-component" in each] == []


def shows_the_same(page: Page, state: dict[str, object], middle: list[float]) -> None:
    same = "before => window.explorer?.recipe?.() && JSON.stringify(explorer.recipe()) === JSON.stringify(before)"
    page.wait_for_function(same, arg=state)
    expect(page.locator("#lists .list-note")).to_contain_text("found")
    expect(page.locator("#grid .ag-center-cols-container .ag-row")).to_have_count(2)
    expect(page.locator("#comparison-grid .ag-cell[col-id='name']")).to_have_count(1)
    assert looked_at(page) == pytest.approx(middle, abs=0.2)


def test_how_one_looks_at_graph_and_lists_is_in_links_and_outlives_a_reload(watched: Watched, browser: Browser) -> None:
    page = watched.page
    pan_and_zoom(page)
    middle = looked_at(page)
    page.locator("#search").fill("bn1")
    page.locator("#grid-filter").fill("layer3.0")
    page.locator("#centre-view label", has_text="Before / after").click()
    page.locator("#comparison-search").fill("layer1.0.bn2")
    page.wait_for_function("explorer.recipe().view.panels.layers === 'layer1.0.bn2'")
    state = page.evaluate(STATE)
    shows_the_same(page, state, middle)
    address_follows(page)
    page.reload()
    shows_the_same(page, state, middle)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#share").click()
    expect(page.locator("#notice")).to_contain_text("Link copied")
    with visiting(browser, page.evaluate("navigator.clipboard.readText()")) as other:
        shows_the_same(other.page, state, middle)

        # what is about the names in one model does not go on to another
        other.page.locator("#picker").click()
        other.page.get_by_role("option", name="vgg", exact=True).click()
        other.page.wait_for_function("explorer.recipe().source === 'sample:vgg'")
        for field in ("#search", "#grid-filter", "#comparison-search"):
            expect(other.page.locator(field)).to_have_value("")
        other.page.wait_for_function("explorer.isViewKept()")
        assert other.page.evaluate("explorer.recipe().view.panels") == {"centre": "comparison"}
        assert other.console == []
    assert watched.console == []
    assert watched.failed == []


def test_checked_groups_are_set_scaled_locked_and_reset_together(watched: Watched) -> None:
    page = watched.page
    two = ("layer1.0.conv1", "layer1.1.conv1")
    expect(page.locator("#grid .ag-row:has(.is-picked)")).to_have_attribute("row-id", "conv1")
    expect(page.locator("#grid-tools .mixed")).to_be_hidden()
    for group in two:
        page.locator(f"#grid .ag-row[row-id='{group}'] .ag-checkbox-input").check()
    expect(page.locator("#checked-count")).to_have_text("2 checked")
    page.locator("#checked-set").click()
    for group in two:
        expect(percent(page, group)).to_have_text("50")
    page.locator("#checked-scale").click()
    expect(percent(page, two[0])).to_have_text("75")
    page.locator("#checked-lock").click()
    expect(page.locator("#checked-lock")).to_have_text("Unlock")
    page.locator("#checked-none").click()

    # a lock holds; a preset, a key and a filter for the others
    page.locator("#presets").click()
    expect(page.get_by_role("button", name="Heads only")).to_be_disabled()  # of which this model has none
    page.get_by_role("button", name="Uniform").click()
    expect(percent(page, "conv1")).to_have_text("50")
    expect(percent(page, two[1])).to_have_text("75")
    page.locator("body").press("-")
    expect(percent(page, "conv1")).to_have_text("45")
    expect(page.locator("#grid-tools .mixed")).to_be_visible()
    page.locator("#grid-filter").fill("layer3.0")
    expect(page.locator("#grid .ag-center-cols-container .ag-row")).to_have_count(2)
    page.locator("#grid-filter").fill("")
    page.locator("#reset").click()
    expect(percent(page, "conv1")).to_have_text("0")
    expect(percent(page, two[0])).to_have_text("75")
    for group in two:
        page.locator(f"#grid .ag-row[row-id='{group}'] .lock").click()
    page.locator("#reset").click()
    for group in two:
        expect(percent(page, group)).to_have_text("0")
    expect(page.locator("#grid-tools .mixed")).to_be_hidden()
    assert watched.console == []
    assert watched.failed == []
