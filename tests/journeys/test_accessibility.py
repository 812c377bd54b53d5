"""For people who use no pointer, or no eyes: axe-core finds nothing serious, and keys reach and do everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import Watched, visiting

AXE = Axe()
SERIOUS = ("serious", "critical")
CONTRAST = {"runOnly": ["color-contrast"]}
GROUP = {"kind": "group", "name": "layer1.0.conv1", "groups": ["layer1.0.conv1"], "via": "list"}
LAYER = {"kind": "layer", "name": "layer2.0.conv1", "groups": ["layer2.0.conv1", "conv1"], "via": "list"}

REACHED = """() => {
  const at = document.activeElement;
  const hasRing = (element) => getComputedStyle(element).outlineStyle !== "none";
  const isCell = at.matches(".ag-cell");  // the grid draws a border
  const stands = [at, at.nextElementSibling, at.closest(".mantine-SegmentedControl-root")].filter(Boolean);
  at.dataset.reached = "";
  return [at.outerHTML.slice(0, 160), isCell || stands.some(hasRing)];
}"""
UNREACHED = """() => {
  const wanted = "button, a[href], input, select, textarea, summary, [tabindex], [role=slider]";
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled;
  const isOther = (element) =>  // arrow keys lead on inside of a list, a grid or a choice; a guard sends on
    element.tabIndex < 0 || element.closest(".ag-root-wrapper") || (element.type === "radio" && !element.checked);
  return [...document.querySelectorAll(wanted)]
    .filter((element) => isSeen(element) && !isOther(element) && !("reached" in element.dataset))
    .map((element) => element.outerHTML.slice(0, 160));
}"""


def violations(page: Page, where: str, options: dict[str, Any]) -> Iterator[str]:
    """What axe-core finds serious or critical inside an element: the rule, the node and what to do."""
    found = AXE.run(page, where, {"resultTypes": ["violations"], **options}).response["violations"]
    for rule in found:
        if rule["impact"] in SERIOUS:
            for node in rule["nodes"]:
                yield f"{rule['id']}: {node['target']} {node['html'][:200]}\n{node['failureSummary']}"


def select(page: Page, what: dict[str, Any]) -> None:
    page.evaluate("data => dash_clientside.set_props('selection', {data})", what)
    expect(page.locator("#inspector h2")).to_have_text(str(what["name"]))


def first_run(page: Page) -> None:
    page.wait_for_selector("#accuracy [data-accuracy]", timeout=30_000)


def mistake(page: Page) -> None:
    page.locator("#export").click()
    page.wait_for_selector("#export-result .message")


def layer(page: Page) -> None:
    page.locator("#export-close").click()
    select(page, LAYER)


def pruned(page: Page) -> None:
    select(page, GROUP)
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'layer1.0.conv1', ratio: 0.25})")
    page.wait_for_selector("#accuracy .proof", timeout=30_000)


def checked(page: Page) -> None:
    page.locator("#grid .ag-row[row-id='conv1'] .ag-checkbox-input").check()


def presets(page: Page) -> None:
    page.locator("#checked-none").click()
    page.locator("#presets").click()
    page.wait_for_selector(".menu-target")


def scoring(page: Page) -> None:
    page.keyboard.press("Escape")
    page.locator("#scoring-menu").click()
    page.locator(".scoring-menu").wait_for()


def file_menu(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_role("button", name="File").click()
    page.wait_for_selector("[role=menu]")


def own_model(page: Page) -> None:
    page.get_by_role("menuitem", name="Open your own").click()
    page.wait_for_selector("[aria-modal] .copyable")


def lesson_view(page: Page) -> None:
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator("[aria-modal]").wait_for(state="detached")
    file_menu(page)
    page.get_by_role("menuitem", name="Use this view in a lesson").click()
    page.wait_for_selector("#lesson-view-step .copyable")


def help_dialog(page: Page) -> None:
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator("[aria-modal]").wait_for(state="detached")
    page.locator("#help").click()
    page.wait_for_selector("[aria-modal] .keys")


def tour(page: Page) -> None:
    page.get_by_role("button", name="Take the tour").click()
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#tour")).to_contain_text("2 of 4")


def picker(page: Page) -> None:
    page.keyboard.press("Escape")
    page.locator("[aria-modal]").wait_for(state="detached")
    page.locator("#picker").click()
    page.wait_for_selector("[role=option]")


def playing(page: Page) -> None:
    page.keyboard.press("Escape")
    page.evaluate("dash_clientside.set_props('play', {data: {port: 'layer1.0.conv1+'}})")
    page.locator("#player").press("ArrowRight")


def matrices(page: Page) -> None:
    page.locator("#player").press("Escape")
    show(page, "Matrices")
    page.wait_for_selector("#matrix .heatmaplayer image")


def comparison(page: Page) -> None:
    show(page, "Before / after")
    page.wait_for_selector("#comparison-grid .ag-row")


def sensitivity(page: Page) -> None:
    show(page, "Training")


def recover(page: Page) -> None:
    page.locator("#training-tab label", has_text="Recover").click()


def sparse(page: Page) -> None:
    page.locator("#training-tab label", has_text="Sparse training").click()


def plans(page: Page) -> None:
    show(page, "Plans")
    page.wait_for_selector("#plans-table .check")


def exported(page: Page) -> None:
    show(page, "Graph")
    page.locator("#export").click()
    page.wait_for_selector("#export-result .code", timeout=90_000)


def failure(page: Page) -> None:
    page.locator("#export-close").click()
    page.evaluate("location.hash = '#m=sample:resnet21'")
    page.wait_for_selector(".failure-card")


def opening(page: Page) -> None:
    page.locator(".failure-card").get_by_role("button", name="Close").click()
    page.evaluate("document.getElementById('opening').hidden = false")


def notice(page: Page) -> None:
    page.evaluate("document.getElementById('opening').hidden = true")
    page.evaluate("explorer.notice('A link can name sample models only.', 'warn')")
    page.evaluate("document.getElementById('lost').hidden = false")


def show(page: Page, view: str) -> None:
    page.locator("#centre-view label", has_text=view).click()


STATES: tuple[tuple[Callable[[Page], None], str], ...] = (
    (first_run, "html"),
    (mistake, "#export-result"),
    (layer, "#right"),
    (pruned, "html"),
    (checked, ".drawer"),
    (presets, "[role=dialog]:has(.menu-target)"),
    (scoring, ".scoring-menu"),
    (file_menu, "[role=menu]"),
    (own_model, "[aria-modal]"),
    (lesson_view, "[aria-modal]"),
    (help_dialog, "[aria-modal]"),
    (tour, "#tour"),
    (picker, "[role=listbox]"),
    (playing, "#right"),
    (matrices, ".matrices"),
    (comparison, ".comparison"),
    (sensitivity, ".training"),
    (recover, ".training"),
    (sparse, ".training"),
    (plans, ".plans"),
    (exported, "#export-result"),
    (failure, ".failure-card"),
    (opening, "#opening"),
    (notice, "html"),
)
"""What is done to get from one state to the next, and where the new things are."""


def lessons(page: Page) -> None:
    page.locator(".catalogue-row").first.wait_for()


def lesson(page: Page) -> None:
    page.evaluate("explorer.lessons.go('/learn/residual/who-loses')")
    page.locator("#lesson-task form").wait_for(timeout=60_000)


def answered(page: Page) -> None:
    page.locator("#lesson-task input").nth(0).check()
    page.locator("#lesson-task input").nth(2).check()
    page.locator("#lesson-hint").click()
    page.locator("#lesson-check").click()
    page.locator("#lesson-said .verdict-head").wait_for(timeout=60_000)


def shown_answer(page: Page) -> None:
    page.locator("#lesson-solution").click()
    page.locator("#lesson-said .is-on").wait_for(timeout=60_000)


def explained(page: Page) -> None:
    page.locator("#lesson-check").click()
    page.locator("#lesson-more .because").wait_for(timeout=60_000)
    page.locator(".lesson .term").first.focus()
    page.locator(".term-tip").wait_for()


def presented(page: Page) -> None:
    page.locator("#present").click()
    page.locator(".top-bar").wait_for(state="hidden")


LESSON_STATES: tuple[tuple[Callable[[Page], None], str], ...] = (
    (lessons, "html"),
    (lesson, "html"),
    (answered, ".lesson"),
    (shown_answer, ".lesson"),
    (explained, "html"),
    (presented, "html"),
)
"""The same where lessons are taught."""


def walked(
    page: Page, options: dict[str, Any], states: tuple[tuple[Callable[[Page], None], str], ...] = STATES
) -> dict[str, list[str]]:
    """What axe-core finds in each state."""
    found = {}
    for state, where in states:
        state(page)
        found[state.__name__] = list(violations(page, where, options))
    return {name: said for name, said in found.items() if said}


def test_axe_finds_nothing_serious_in_any_state(watched: Watched) -> None:
    assert walked(watched.page, {}) == {}
    assert watched.console == []


def test_texts_have_contrast_in_the_dark_and_where_panes_are_drawers(browser: Browser, address: str) -> None:
    with visiting(browser, address, color_scheme="dark", viewport={"width": 1024, "height": 768}) as narrow:
        page = narrow.page
        page.locator("#right-toggle").click()  # what is selected is told in a drawer
        assert walked(page, CONTRAST) == {}
        page.locator("#left-toggle").click()
        assert list(violations(page, "#left", {})) == []
        assert narrow.console == []


@pytest.mark.parametrize(
    ("wishes", "options"),
    [({}, {}), ({"color_scheme": "dark", "viewport": {"width": 1024, "height": 768}}, CONTRAST)],
    ids=["wide", "dark"],
)
def test_axe_finds_nothing_serious_where_lessons_are_taught(
    browser: Browser, address: str, wishes: dict[str, Any], options: dict[str, Any]
) -> None:
    context = browser.new_context(reduced_motion="reduce", **wishes)
    watched = Watched(context.new_page())
    watched.page.goto(f"{address}/learn/")
    assert walked(watched.page, options, LESSON_STATES) == {}
    assert watched.console == []
    context.close()


def test_tab_comes_to_everything_and_shows_where_it_is(watched: Watched) -> None:
    page = watched.page
    first_run(page)
    stops = []
    for _ in range(80):
        page.keyboard.press("Tab")
        html, is_shown = page.evaluate(REACHED)
        if html.startswith("<body"):
            break
        stops.append(html)
        assert is_shown, f"Nothing shows that the focus is at {html}"
    assert html.startswith("<body"), "Tab does not come around"
    assert page.evaluate(UNREACHED) == []
    assert len(stops) > 30
    assert watched.console == []


def test_keys_do_in_lists_and_tables_what_a_pointer_does(watched: Watched) -> None:
    page, keys = watched.page, watched.page.keyboard
    first_run(page)

    # the tree: one stop, arrows lead on
    page.locator("#lists .list-row").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):  # layer1 opens, if it is not open
        keys.press(key)
    expect(page.locator("#lists [data-toggle='layer1']")).to_have_attribute("aria-expanded", "true")
    keys.press("Enter")
    expect(page.locator("#inspector h2")).to_have_text("layer1")

    # the grid: select, set a ratio by the slider, lock, check
    page.locator("#grid-filter").focus()
    page.locator("#grid .ag-row[row-id='conv1'] [col-id='name']").focus()
    keys.press("Enter")
    expect(page.locator("#inspector h2")).to_have_text("conv1")
    for _ in range(4):
        keys.press("ArrowRight")  # over to the slider
    for _ in range(3):
        keys.press("ArrowRight")  # and along it
    row = page.locator("#grid .ag-row[row-id='conv1']")
    expect(row.locator("[col-id='percent']")).to_have_text("3")
    keys.press("ArrowDown")
    keys.press("End")
    expect(page.locator("#grid .ag-row[row-id='layer1.0.conv1'] [col-id='percent']")).to_have_text("99")
    row.locator(".lock-cell").focus()
    keys.press(" ")
    expect(row.locator(".lock")).to_have_attribute("aria-pressed", "true")

    # members: one stop too, and why each is there
    page.locator(".members .link").first.focus()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.locator("#why-chain")).to_contain_text("bn1.weight")

    # menus say their state on their button, and begin at their first item
    menu = page.get_by_role("button", name="File")
    menu.focus()
    keys.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    expect(menu).to_have_attribute("aria-expanded", "true")
    keys.press("Escape")
    expect(menu).to_be_focused()
    expect(menu).to_have_attribute("aria-expanded", "false")
    assert watched.console == []


def test_what_the_system_asks_for_is_honoured_until_somebody_chooses(browser: Browser, address: str) -> None:
    scheme = "document.documentElement.dataset.mantineColorScheme"
    moving = "() => { document.getElementById('opening').hidden = false; return document.getAnimations().length; }"
    with visiting(browser, address, color_scheme="dark") as opened:
        page = opened.page
        assert page.evaluate(scheme) == "dark"
        assert page.evaluate(moving) == 0
        page.emulate_media(reduced_motion="no-preference", color_scheme="light")
        page.wait_for_function(f"{scheme} === 'light'")
        assert page.evaluate(moving) > 0
        page.evaluate("document.getElementById('opening').hidden = true")

        page.locator("#theme").click()
        page.wait_for_function(f"{scheme} === 'dark'")
        opened.open(address)
        assert page.evaluate(scheme) == "dark"  # chosen, though the system is light
        page.locator("#theme").click()
        page.wait_for_function(f"{scheme} === 'light'")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(f"{scheme} === 'dark'")  # what the system had was chosen: it is followed again
        assert opened.console == []
