"""A teacher takes the view on the screen into a lesson, and it is there for students."""

from __future__ import annotations

import textwrap
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.journeys.browser import Watched, serving
from tests.journeys.lesson_pages import LONG

HEAD = "title: Ours\nsummary: Of our course.\nminutes: 1\nshow: {model: 'sample:resnet20'}\nsteps:\n"
GROUP = {"kind": "group", "name": "layer1.1.conv1", "groups": ["layer1.1.conv1"], "via": "list"}
SEEN = """() => {
  const { ratios, view } = explorer.recipe();
  return { ratios, opened: [...view.opened].sort(), selection: view.selection, pins: view.pins };
}"""


def test_a_view_becomes_a_step_that_shows_the_same(watched: Watched, browser: Browser, tmp_path: Path) -> None:
    page = watched.page
    page.evaluate("data => dash_clientside.set_props('selection', {data})", GROUP)
    expect(page.locator("#inspector h2")).to_have_text(GROUP["name"])
    page.locator("#pin").click()
    page.wait_for_function("explorer.recipe().view.pins.length === 1")
    before = page.evaluate(SEEN)
    page.get_by_role("button", name="File").click()
    page.get_by_role("menuitem", name="Use this view in a lesson").click()
    step = page.locator("#lesson-view-step .copyable").first
    text = step.locator("code").inner_text()
    assert step.get_by_role("button", name="Copy").get_attribute("data-copy") == text
    (tmp_path / "01-ours.yaml").write_text(HEAD + textwrap.indent(text, "  "), encoding="utf-8")
    with serving("--lessons", str(tmp_path)) as taught:
        context = browser.new_context()
        student = Watched(context.new_page())
        student.page.goto(f"{taught}/learn/ours/my-step")
        expect(student.page.locator("#lesson-title")).to_have_text("A title", timeout=LONG)
        student.page.wait_for_function("explorer.recipe().view.selection.name === 'layer1.1.conv1'", timeout=LONG)
        assert student.page.evaluate(SEEN) == before
        student.page.get_by_role("link", name="All lessons").click()
        expect(student.page.locator(".catalogue-folder")).to_have_text(tmp_path.name, timeout=LONG)
        assert (student.console, student.failed) == ([], [])
        context.close()
    assert watched.console == []
