"""Plans are judged and taken away: measured, compared, timed, gone back to and drawn, in a real browser."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from playwright.sync_api import expect

from tests.journeys.browser import Watched


def size_of_png(path: Path) -> tuple[int, int]:
    """Width and height of a picture, in pixels."""
    head = path.read_bytes()[16:24]
    return int.from_bytes(head[:4]), int.from_bytes(head[4:])


def test_plans_are_kept_gone_back_to_compared_timed_and_taken_away(watched: Watched) -> None:
    page = watched.page
    page.locator("#centre-view").get_by_text("Plans").click()
    rows = page.locator("#plans-table tbody tr")
    expect(rows).to_have_count(1)  # the original is measured when it is opened
    for count, percent in enumerate((60, 40), start=2):
        page.locator("#presets").click()
        page.locator("#target-percent").fill(str(percent))
        page.get_by_role("button", name="Find ratios").click()
        expect(rows).to_have_count(count, timeout=30_000)
    later = page.evaluate("explorer.recipe().ratios.conv1")

    page.get_by_role("button", name="Plan 1", exact=True).click()
    page.wait_for_function("later => explorer.recipe().ratios.conv1 < later", arg=later)
    expect(rows.nth(1)).to_contain_text("current")
    expect(page.locator("#plans-chart .scatterlayer .trace")).to_have_count(3)
    page.locator("#undo").click()  # going back was one step
    page.wait_for_function("later => explorer.recipe().ratios.conv1 === later", arg=later)

    for name in ("Plan 1", "Plan 2"):
        page.get_by_role("checkbox", name=f"Compare {name}").click()
        expect(page.get_by_role("checkbox", name=f"Compare {name}")).to_be_checked()
    expect(page.locator("#plans-difference")).to_contain_text("Plan 1 and Plan 2")
    beside = [page.locator(name).bounding_box() for name in ("#plans-table", "#plans-difference")]
    assert beside[0] and beside[1]
    assert beside[1]["x"] >= beside[0]["x"] + beside[0]["width"]

    page.locator("#latency-begin").click()
    expect(page.locator("#latency-status")).to_contain_text("measured on this machine, batch 1", timeout=30_000)
    expect(rows.nth(2)).to_contain_text("ms")

    page.get_by_role("button", name="File").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save the graph as SVG").click()
    picture = ET.parse(Path(download.value.path())).getroot()
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}rect"))) > 20
    page.get_by_role("button", name="File").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save the graph as PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    plain = size_of_png(Path(download.value.path()))
    page.locator("#centre-view").get_by_text("Graph").click()
    page.locator("#shade label", has_text="MACs").click()
    expect(page.locator("#shade-legend")).to_be_visible()
    page.get_by_role("button", name="File").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save the graph as PNG").click()
    shaded = size_of_png(Path(download.value.path()))
    assert (shaded[0], shaded[1] - plain[1]) == (plain[0], 40)  # a row more: what the colours mean
    assert watched.console == []
    assert watched.failed == []
    assert watched.foreign == []


def test_there_is_one_original_however_channels_are_ranked(watched: Watched) -> None:
    page, rows = watched.page, watched.page.locator("#plans-table tbody tr")
    page.locator("#centre-view").get_by_text("Plans").click()
    expect(rows).to_contain_text("current", timeout=30_000)
    page.get_by_role("checkbox", name="Compare Original").click()
    page.locator("#criterion").click()
    page.get_by_role("option", name="L1 norm").click()
    page.wait_for_function("explorer.recipe().importance === 'l1'")
    expect(rows.locator(".tag")).to_have_text("current", timeout=30_000)
    page.evaluate("explorer.askChange({kind: 'every', ratio: 0.25})")
    expect(rows).to_have_count(2, timeout=30_000)
    expect(rows.first).to_contain_text("Original")
    expect(page.get_by_role("checkbox", name="Compare Original")).to_be_checked()
