"""Large models, from opening to a smaller plan, in a real browser: one of them always, the others by `make large`."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browser import Watched

LIMIT = 330  # nodes that can be read
LONG, PATIENCE = 240_000, 30_000  # milliseconds to open one, and for all else, on a machine that is busy


def open_large(page: Page, source: str) -> None:
    """Opens a model by a link, which shows how far it is, and waits until all of the page is about it."""
    page.evaluate("source => { location.hash = '#m=' + source }", source)
    expect(page.locator("#opening-title")).to_have_text(f"Opening {source}", timeout=PATIENCE)
    expect(page.locator("#opening-cancel")).to_be_visible()
    page.wait_for_function("source => explorer.recipe().source === source", arg=source, timeout=LONG)
    expect(page.locator("#opening")).to_be_hidden()
    page.wait_for_function("explorerCy.nodes('.fold').length > 2")


def readable(page: Page) -> bool:
    """Whether no more is drawn than can be read."""
    return bool(page.evaluate("explorerCy.nodes().length") < LIMIT)


@pytest.mark.parametrize(
    ("source", "wanted", "layer"),
    [
        ("torchvision:swin_b", "features.5.3 mlp linear", "features.5.3.mlp.0"),
        pytest.param(
            "torchvision:densenet201",
            "denseblock3.denselayer7.conv2",
            "features.denseblock3.denselayer7.conv2",
            marks=pytest.mark.large,
        ),
        pytest.param(
            "torchvision:maskrcnn_resnet50_fpn",
            "mask_predictor convtranspose",
            "roi_heads.mask_predictor.conv5_mask",
            marks=pytest.mark.large,
        ),
    ],
)
def test_a_large_model_is_opened_searched_and_pruned(watched: Watched, source: str, wanted: str, layer: str) -> None:
    page = watched.page
    open_large(page, source)
    assert readable(page)

    # all that there is room for, and a layer that a search finds in a closed module
    page.locator("#expand-all").click()
    page.wait_for_function("explorerCy.nodes('.module').length > 4")
    assert readable(page)
    page.locator("#search").fill(wanted)
    expect(page.locator("#lists .is-hit").first).to_contain_text(layer, timeout=PATIENCE)
    page.locator("#search").press("Enter")
    expect(page.locator("#inspector h2")).to_have_text(layer, timeout=PATIENCE)
    page.wait_for_function("name => explorerCy.getElementById('layer:' + name).nonempty()", arg=layer)
    assert readable(page)

    # its group, which is pruned with the keys; costs follow, and before and after is there
    page.locator("#search").press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("g")
    page.wait_for_function("explorer.graph.selection.kind === 'group'", timeout=LONG)
    group = page.evaluate("explorer.graph.selection.name")
    expect(page.locator("#inspector h2")).to_have_text(group, timeout=PATIENCE)
    for _ in range(6):
        page.keyboard.press("+")
    page.wait_for_function("group => explorer.recipe().ratios[group] === 0.3", arg=group)
    expect(page.locator("#totals .card").nth(1)).to_contain_text("→", timeout=PATIENCE)
    page.locator("#centre-view label", has_text="Before / after").click()
    expect(page.locator("#comparison-head")).to_contain_text("layers change", timeout=PATIENCE)
    expect(page.locator("#comparison-verdict .tag").first).to_have_text("live", timeout=PATIENCE)
    page.locator("#centre-view label", has_text="Matrices").click()
    expect(page.locator("#matrix-note")).to_contain_text("inter-layer", timeout=PATIENCE)
    page.locator("#undo").click()
    page.wait_for_function("group => explorer.recipe().ratios[group] !== 0.3", arg=group)
    assert watched.console == []
    assert watched.failed == []
    assert watched.foreign == []
