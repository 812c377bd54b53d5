"""Finding one's way through a small and a large model, in a real browser: by search, tree, edges and keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import Watched, serving, visiting

BOX = """id => {
  const at = explorerCy.getElementById(id).renderedBoundingBox({includeLabels: false});
  const box = document.getElementById("graph").getBoundingClientRect();
  return {x1: box.left + at.x1, x2: box.left + at.x2, y1: box.top + at.y1, y2: box.top + at.y2};
}"""
MIDDLE = """id => {
  const at = explorerCy.getElementById(id).renderedMidpoint();
  const box = document.getElementById("graph").getBoundingClientRect();
  return [box.left + at.x, box.top + at.y];
}"""
IS_IN_VIEW = """id => {
  const at = explorerCy.getElementById(id).renderedBoundingBox({includeLabels: false});
  return at.x2 > 0 && at.y2 > 0 && at.x1 < explorerCy.width() && at.y1 < explorerCy.height();
}"""
LIMIT = 330


@pytest.fixture(scope="module")
def large_address() -> Iterator[str]:
    with serving("torchvision:resnet50") as served:
        yield served


@pytest.fixture
def large(browser: Browser, large_address: str) -> Iterator[Watched]:
    with visiting(browser, large_address) as opened:
        yield opened


def has(page: Page, node: str) -> None:
    """Waits until a node is drawn."""
    page.wait_for_function("id => explorerCy.getElementById(id).nonempty()", arg=node)


def sign_of(page: Page, node: str) -> tuple[float, float]:
    """Where the sign is that opens a closed module."""
    box = page.evaluate(BOX, node)
    return box["x2"] - 6, (box["y1"] + box["y2"]) / 2


def selected(page: Page, name: str) -> None:
    expect(page.locator("#inspector h2")).to_have_text(name)


def test_the_whole_graph_is_on_the_screen_and_can_be_read(watched: Watched, large: Watched) -> None:
    for page in (watched.page, large.page):
        seen = page.evaluate("[explorerCy.extent(), explorerCy.elements().boundingBox({includeLabels: false})]")
        assert seen[0]["x1"] <= seen[1]["x1"]
        assert seen[0]["y1"] <= seen[1]["y1"]
        assert seen[0]["x2"] >= seen[1]["x2"]
        assert seen[0]["y2"] >= seen[1]["y2"]
        assert page.evaluate("explorerCy.zoom()") > 0.7
        expect(page.locator("#minimap")).to_be_hidden()


def test_graph_and_tree_open_and_close_together(watched: Watched) -> None:
    page, asked = watched.page, list[str]()
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.locator("#lists .twist[data-toggle='layer3']").click()
    has(page, "fold:layer3")
    x, y = sign_of(page, "fold:layer3")
    page.mouse.click(x, y)
    has(page, "module:layer3")
    expect(page.locator("#lists .twist[data-toggle='layer3']")).to_have_attribute("aria-expanded", "true")

    # repeated blocks are one node until somebody asks
    has(page, "fold:layer3.*1-2")
    label = page.evaluate("explorerCy.getElementById('fold:layer3.*1-2').data('label')")
    assert "2 BasicBlock" in label
    page.locator("#lists .twist[data-toggle='layer3.*1-2']").click()
    has(page, "fold:layer3.*1-2.2")
    assert any('"output":"graph.elements"' in each for each in asked)
    for unseen in ("matrix", "comparison", "plans"):  # views that are not shown ask for nothing
        assert not any(f'"output":"..{unseen}' in each or f'"output":"{unseen}' in each for each in asked)
    assert watched.console == []


def test_search_walks_through_results_and_jumps_into_closed_modules(large: Watched) -> None:
    page = large.page
    assert page.evaluate("explorerCy.getElementById('layer:layer4.2.conv2').empty()")
    page.keyboard.press("/")
    page.keyboard.type("512x512x3x3 conv2")
    expect(page.locator("#lists .list-note")).to_have_text("3 found")
    expect(page.locator("#lists .is-hit").first).to_contain_text("512 × 512 × 3 × 3")  # noqa: RUF001
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    has(page, "layer:layer4.2.conv2")
    selected(page, "layer4.2.conv2")
    page.wait_for_function(IS_IN_VIEW, arg="layer:layer4.2.conv2")

    # what is typed and entered at once is found all the same
    page.locator("#search").fill("layer1 downsample conv2d")
    page.locator("#search").press("Enter")
    selected(page, "layer1.0.downsample.0")
    assert page.evaluate("explorerCy.nodes().length") < LIMIT
    page.locator("#search").press("Escape")
    expect(page.locator("#lists .is-picked")).to_have_text("0")
    assert large.console == []


def test_keys_lead_along_the_edges_and_say_where(watched: Watched) -> None:
    page = watched.page
    page.locator("body").press("Escape")
    page.keyboard.press("ArrowDown")
    selected(page, "conv1")
    page.keyboard.press("ArrowDown")
    selected(page, "bn1")
    expect(page.locator("#graph-live")).to_contain_text("bn1, BatchNorm2d, 1 × 16 × 8 × 8")  # noqa: RUF001
    page.keyboard.press("g")
    selected(page, "conv1")
    page.wait_for_function("explorer.graph.selection.kind === 'group'")
    page.locator("body").press("Escape")

    # to the module around, which closes and opens
    page.locator("#lists [data-pick='layer:layer2.0.conv1']").click()
    selected(page, "layer2.0.conv1")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Backspace")
    selected(page, "layer2.0")
    page.keyboard.press("Enter")
    has(page, "fold:layer2.0")
    expect(page.locator("#graph-live")).to_contain_text("layer2.0 is closed")
    page.keyboard.press("Enter")
    has(page, "module:layer2.0")
    assert watched.console == []


def test_an_edge_leads_to_its_other_end(watched: Watched) -> None:
    page = watched.page
    x, y = page.evaluate(MIDDLE, "edge:layer:conv1>layer:bn1")
    page.mouse.click(x, y - 2)
    selected(page, "bn1")
    assert watched.console == []


def test_the_path_of_the_selection_can_be_zoomed_to_and_the_minimap_moves_the_view(large: Watched) -> None:
    page = large.page
    page.locator("#search").fill("layer4.0.conv3")
    page.locator("#search").press("Enter")
    selected(page, "layer4.0.conv3")
    expect(page.locator("#crumbs")).to_have_text("resnet50 (torchvision)layer40conv3")
    page.locator("#crumbs .crumb", has_text="layer4").click()
    page.wait_for_function("id => explorerCy.getElementById(id).renderedWidth() > 100", arg="module:layer4.0")
    page.locator("#graph-zoom").click()
    page.wait_for_function("explorerCy.zoom() > 1")
    expect(page.locator("#minimap")).to_be_visible()
    before = page.evaluate("explorerCy.pan()")
    page.locator("#minimap").click(position={"x": 12, "y": 12})
    assert page.evaluate("explorerCy.pan()") != before
    page.locator("#graph-fit").click()
    expect(page.locator("#minimap")).to_be_hidden()
    assert large.console == []


def test_layers_are_shaded_by_what_they_cost_and_what_goes(watched: Watched) -> None:
    page = watched.page
    page.locator("#shade").get_by_text("MACs").click()
    page.wait_for_function("explorerCy.nodes('.layer').some(node => /shade-/.test(node.classes().join(' ')))")
    expect(page.locator("#shade-legend")).to_contain_text("of all MACs")
    page.locator("#shade").get_by_text("Ratio").click()
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'conv1', ratio: 0.5})")
    page.wait_for_function("explorerCy.getElementById('layer:conv1').hasClass('shade-4')")
    page.locator("#shade").get_by_text("Neutral").click()
    page.wait_for_function("!explorerCy.nodes().some(node => /shade-/.test(node.classes().join(' ')))")
    expect(page.locator("#shade-legend")).to_be_hidden()
    assert watched.console == []


def test_never_more_is_drawn_than_can_be_read(large: Watched) -> None:
    page = large.page
    page.locator("#expand-all").click()
    page.wait_for_function("explorerCy.nodes('.module').length > 12")
    assert page.evaluate("explorerCy.nodes().length") < LIMIT
    closed = page.evaluate("explorerCy.nodes('.fold').map(node => node.data('name'))")
    for path in closed[:2]:
        page.evaluate("path => explorer.toggle(path)", path)
        has(page, f"module:{path}")
        assert page.evaluate("explorerCy.nodes().length") < LIMIT
    assert large.console == []


def test_panes_lie_over_the_graph_where_the_window_is_narrow(watched: Watched) -> None:
    page = watched.page
    page.set_viewport_size({"width": 1024, "height": 768})
    expect(page.locator("#left")).to_be_hidden()
    expect(page.locator("#right")).to_be_hidden()
    assert page.evaluate("document.getElementById('graph').clientWidth") == 1024
    page.locator("#left-toggle").click()
    expect(page.locator("#left")).to_be_visible()
    page.locator("#right-toggle").click()
    expect(page.locator("#left")).to_be_hidden()
    expect(page.locator("#right")).to_be_visible()

    # another view is wide itself
    page.locator("#centre-view").get_by_text("Plans").click()
    expect(page.locator("#right")).to_be_hidden()
    page.locator("#centre-view").get_by_text("Graph").click()

    # a propagation opens the pane that tells it, and what happens stays in sight beside it
    page.evaluate("dash_clientside.set_props('play', {data: {port: 'layer3.0.conv2+'}})")
    expect(page.locator("#player")).to_be_visible()
    page.wait_for_function("""() => {
      const at = explorerCy.nodes(".now").renderedBoundingBox({includeLabels: false});
      return at.w > 0 && at.x1 > 0 && at.x2 < 1024 - document.getElementById("right").clientWidth;
    }""")
    page.locator("#player").press("Escape")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator("#left")).to_be_visible()
    page.locator("#left-toggle").click()
    expect(page.locator("#left")).to_be_hidden()

    # the grid closes too, its totals stay
    page.locator("#bottom-toggle").click()
    expect(page.locator("#grid")).to_be_hidden()
    expect(page.locator("#totals")).to_be_visible()
    assert watched.console == []
