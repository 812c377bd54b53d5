"""From a first look to a smaller model that runs somewhere else, in a real browser."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browser import ROOT, NoBrowserError, Watched, find_chromium

CENTRE_OF = """id => {
  const node = window.explorerCy.getElementById(id), at = node.renderedPosition();
  const box = document.getElementById("graph").getBoundingClientRect();
  return [box.left + at.x, box.top + at.y];
}"""
SLOTS = """group => window.explorerCy.nodes(".port")
  .map(port => [port.data("groups").includes(group), port.classes().filter(name => name.startsWith("group-"))])"""
LOAD_AND_EVALUATE = """
import sys
import explorer
from explorer.training.data import digits
print(explorer.evaluate(explorer.load(sys.argv[1]), digits().test).accuracy)
"""


def click_node(page: Page, node: str) -> None:
    x, y = page.evaluate(CENTRE_OF, node)
    page.mouse.click(x, y)


def selected(page: Page) -> str:
    return page.locator("#inspector h2").inner_text()


def drag_slider(page: Page, group: str, share: float) -> None:
    """Drags the ratio of a group to a share of its way, in steps, as a hand does."""
    box = page.locator(f"#grid .ag-row[row-id='{group}'] input[type=range]").bounding_box()
    assert box
    y, start, way = box["y"] + box["height"] / 2, box["x"] + 7, box["width"] - 14
    page.mouse.move(start, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(start + way * share * step / 5, y)
    page.mouse.up()


def macs(page: Page) -> str:
    return page.locator("#totals .card").nth(1).inner_text()


def measured(page: Page) -> float:
    return float(page.locator("#accuracy [data-accuracy]").get_attribute("data-accuracy", timeout=20_000) or "nan")


def test_from_a_first_look_to_a_model_that_runs_elsewhere(watched: Watched, tmp_path: Path) -> None:
    page = watched.page

    # see what goes together
    click_node(page, "layer:layer2.0.conv1")
    expect(page.locator("#inspector h2")).to_have_text("layer2.0.conv1")
    watched.settle()
    for is_member, slots in page.evaluate(SLOTS, "layer2.0.conv1"):
        assert ("group-0" in slots) == is_member
    assert page.evaluate("window.explorerCy.nodes('.dim').length") > 6
    assert page.evaluate("window.explorerCy.getElementById('layer:layer2.0.conv1').hasClass('picked')")

    # why
    page.locator("#details .chip", has_text="layer2.0.conv1").click()
    expect(page.locator("#why-chain")).to_contain_text("resnet20.py:")

    # prune
    before, whole = macs(page), measured(page)
    drag_slider(page, "layer2.0.conv1", 0.75)
    expect(page.locator("#totals .card").nth(1)).to_contain_text("→")
    assert macs(page) != before
    expect(page.locator("#accuracy")).to_contain_text("max rel. error", timeout=20_000)
    accuracy = measured(page)
    assert accuracy < whole
    assert "→" in page.evaluate("window.explorerCy.getElementById('port:layer2.0.conv1+:0').data('label')")

    # take it away
    page.get_by_role("button", name="Export").click()
    result = page.locator("#export-result")
    expect(result).to_contain_text("making…", timeout=20_000)
    expect(result).to_contain_text("Loaded by a fresh process with the explorer; outputs equal", timeout=90_000)
    expect(result).to_contain_text("proven The pruned model itself: pruned = zeroed")
    expect(result).to_contain_text('explorer.load(".")')
    with page.expect_download() as download:
        result.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path)
    assert run_elsewhere(tmp_path / "resnet-20-pruned" / "folder") == accuracy
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'conv1', ratio: 0.25})")
    expect(result).to_be_hidden()  # it is of the plan before

    assert watched.console == []
    assert watched.foreign == []
    assert watched.failed == []


def run_elsewhere(folder: Path) -> float:
    command = [sys.executable, "-c", LOAD_AND_EVALUATE, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return float(done.stdout)


def test_a_mistake_is_told_where_it_was_made_and_nothing_else_breaks(watched: Watched) -> None:
    page = watched.page
    page.get_by_role("button", name="Export").click()
    expect(page.locator("#export-result")).to_contain_text("Nothing is pruned yet")
    assert watched.console == []


def test_search_and_keys_lead_to_a_layer(watched: Watched) -> None:
    page = watched.page
    page.keyboard.press("/")
    page.keyboard.type("shortcut.0")
    page.locator("#lists .list-row", has_text="layer3.0.shortcut.0").click()
    expect(page.locator("#inspector h2")).to_have_text("layer3.0.shortcut.0")
    page.locator("body").press("Escape")
    watched.settle()
    assert page.evaluate("window.explorerCy.nodes('.dim').length") == 0
    assert watched.console == []


def test_changes_made_at_once_all_count_and_the_screen_shows_the_recipe(watched: Watched) -> None:
    page = watched.page
    page.evaluate("""() => {
      explorer.askChange({kind: "ratio", group: "conv1", ratio: 0.25});
      for (const ratio of [0.1, 0.2, 0.5]) explorer.askChange({kind: "ratio", group: "layer1.0.conv1", ratio});
      explorer.askChange({kind: "options", minimum: 2});
    }""")
    expect(page.locator("#minimum")).to_have_value("2")
    expect(page.locator("#grid .ag-row[row-id='conv1'] [col-id='kept']")).to_contain_text("12")
    expect(page.locator("#grid .ag-row[row-id='layer1.0.conv1'] [col-id='kept']")).to_contain_text("8")

    # what cannot be is told, and taken back
    cell = page.locator("#grid .ag-row[row-id='conv1'] [col-id='percent']")
    cell.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("150")
    page.keyboard.press("Enter")
    expect(page.locator("#change-error")).to_contain_text("conv1 keeps its ratio: 150 % is not possible")
    expect(cell).to_have_text("25")
    page.locator("#minimum").fill("")
    page.locator("#minimum").blur()
    expect(page.locator("#change-error")).to_contain_text("not an empty entry")
    expect(page.locator("#minimum")).to_have_value("2")

    # keys work after a slider was used, and what is typed into the picker replaces what was in it
    page.locator("#grid .ag-row[row-id='conv1'] input[type=range]").focus()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.locator("#picker").click()
    page.keyboard.type("vgg")
    expect(page.locator("#picker")).to_have_value("vgg")
    page.get_by_role("option", name="vgg", exact=True).click()
    expect(page.locator("#minimum")).to_have_value("1", timeout=20_000)
    assert watched.console == []
    assert watched.failed == []


def test_another_model_opens_without_a_reload(watched: Watched) -> None:
    page = watched.page
    page.locator("#picker").click()
    page.get_by_role("option", name="vgg", exact=True).click()
    page.wait_for_function("window.explorerCy.getElementById('module:layer1').empty()")
    expect(page.locator("#accuracy")).to_contain_text("measured", timeout=20_000)
    page.wait_for_function("document.querySelectorAll('#grid .ag-row').length > 0")
    name = selected(page)
    expect(page.locator(f"#grid .ag-row[row-id='{name}']")).to_be_visible()
    page.wait_for_function("""() => {
      const cy = explorerCy, shown = cy.nodes(".port.group-0").renderedBoundingBox();
      return cy.zoom() >= 0.64 && shown.x1 < cy.width() && shown.x2 > 0 && shown.y1 < cy.height() && shown.y2 > 0;
    }""")
    assert watched.console == []


def test_nothing_runs_out_of_the_window(watched: Watched) -> None:
    for width, height in ((1440, 900), (1024, 768), (390, 844)):
        watched.page.set_viewport_size({"width": width, "height": height})
        watched.settle()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert watched.page.evaluate(overflow) == 0


def test_a_missing_browser_is_a_failure_that_says_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("EXPLORER_CHROMIUM", raising=False)
    with pytest.raises(NoBrowserError, match="apt-get install chromium"):
        find_chromium()
    monkeypatch.setenv("EXPLORER_CHROMIUM", "/nowhere")
    with pytest.raises(NoBrowserError, match="no program"):
        find_chromium()
