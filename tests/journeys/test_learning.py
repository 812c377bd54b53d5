"""What is learnt from data, in a real browser: sensitivity and its estimate, recovering, and sparse training."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import Watched, serving, visiting

LONG = 90_000  # milliseconds


@pytest.fixture(scope="module")
def small(browser: Browser) -> Iterator[str]:
    """The smallest sample: an epoch of it takes a second."""
    with serving("sample:gat") as address:
        yield address


@pytest.fixture
def watched(browser: Browser, small: str) -> Iterator[Watched]:
    with visiting(browser, small) as opened:
        yield opened


def test_groups_are_measured_ranked_by_data_shaded_and_a_plan_estimated(watched: Watched) -> None:
    page = watched.page
    page.locator("#criterion").click()
    page.get_by_role("option", name="Taylor").click()
    page.wait_for_function("explorer.recipe().importance === 'taylor'", timeout=LONG)
    expect(page.locator("#criterion")).to_have_value("Taylor")
    page.locator("#scoring-menu").click()
    page.locator("#reduction").click()
    page.get_by_role("option", name="the largest").click()
    page.wait_for_function("explorer.recipe().reduction === 'max'")
    page.keyboard.press("Escape")

    page.locator("#centre-view").get_by_text("Training").click()
    page.get_by_role("button", name="Measure sensitivity").click()
    rows = page.locator("#sweep-table tbody tr")
    expect(rows).to_have_count(5)  # four groups, and all of them together
    expect(page.locator("#sweep-status")).to_contain_text("4 groups measured, ranked by Taylor", timeout=LONG)
    rows.nth(2).get_by_role("button").click()
    page.wait_for_function("explorer.graph.selection.name === 'layer1.skip:head_dim'")
    expect(page.locator("#sweep-chart .legendtext", has_text="layer1.skip:head_dim")).to_be_visible()

    expect(page.locator("#estimate")).to_be_empty()  # nothing is pruned
    page.evaluate("explorer.askChange({kind: 'every', ratio: 0.25})")
    expect(page.locator("#estimate")).to_contain_text("estimated≈")
    page.locator("#centre-view").get_by_text("Graph").click()
    page.locator("#shade").get_by_text("Sensitivity").click()
    page.wait_for_function("explorerCy.nodes().some(node => [...node.classes()].some(name => name === 'shade-8'))")
    expect(page.locator("#shade-legend")).to_contain_text("points of accuracy, half removed")
    page.reload()  # the server knows the curves
    page.wait_for_selector("#estimate strong", state="attached")
    measured = page.locator("#accuracy [data-accuracy]")
    measured.wait_for(timeout=LONG)
    expect(page.locator("#estimate")).to_be_hidden()  # the measured accuracy says more
    measured.evaluate("each => each.removeAttribute('data-accuracy')")
    expect(page.locator("#estimate")).to_be_visible()
    assert watched.console == []
    assert watched.failed == []
    assert watched.foreign == []


def test_a_plan_is_recovered_and_a_sparse_model_planned_on(watched: Watched) -> None:
    page = watched.page
    page.evaluate("explorer.askChange({kind: 'every', ratio: 0.5})")
    page.locator("#accuracy").get_by_role("button", name="Recover").click(timeout=LONG)
    expect(page.locator("#training")).to_have_attribute("data-shown", "recover")
    page.locator("#recover-rate").fill("1000000")
    page.get_by_role("button", name="Recover", exact=True).click()
    expect(page.locator("#recover-status [role=alert]")).to_contain_text("Lower the learning rate", timeout=LONG)
    page.locator("#recover-rate").fill("0.003")
    page.locator("#recover-epochs").fill("1")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#recover-status")).to_contain_text("after epoch 1 of 1", timeout=LONG)
    expect(page.locator("#recover-plot .scatterlayer .trace")).to_have_count(3, timeout=LONG)
    take_recovered(page)

    page.locator("#training-tab").get_by_text("Sparse training").click()
    page.locator("#sparse-epochs").fill("50")
    page.get_by_role("button", name="Train sparsely").click()
    expect(page.locator("#sparse-norms-chart .barlayer .trace")).to_have_count(1, timeout=LONG)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#sparse-status")).to_contain_text("stopped", timeout=LONG)
    page.get_by_role("button", name="Plan on these weights").click()
    page.wait_for_function("explorer.recipe().source.startsWith('session:')", timeout=LONG)
    page.locator("#centre-view").get_by_text("Plans").click()
    plans = page.locator("#plans-table")
    expect(plans.locator("tr", has_text="Original, sparse")).to_contain_text("current", timeout=LONG)
    watched.settle()  # the controls show the new model, too
    page.evaluate("explorer.askChange({kind: 'every', ratio: 0.4})")
    expect(plans).to_contain_text("Plan 1, recovered, 1 epoch", timeout=LONG)
    expect(plans).to_contain_text("Plan 2, sparse", timeout=LONG)
    take_sparse(page)
    page.get_by_role("button", name="Plan 1", exact=True).click()  # back to the weights that it was made on
    page.wait_for_function("explorer.recipe().source === 'sample:gat'", timeout=LONG)
    assert watched.console == []
    assert watched.failed == []
    assert watched.foreign == []


def take_recovered(page: Page) -> None:
    """Takes the recovered plan away in a format of its own, checked."""
    page.get_by_role("button", name="Export with these weights").click()
    expect(page.locator("#formats-plan")).to_have_value(re.compile(r"Plan 1, recovered, 1 epoch"))
    expect(page.locator("#format-size-pt2")).to_contain_text("about")
    page.get_by_role("radio", name="torch.export program").click()
    page.get_by_role("button", name="Make and check").click()
    status = page.locator("#formats-status")
    expect(status).to_contain_text("Loaded by a fresh process without the explorer", timeout=LONG)
    expect(status).to_contain_text("before it was trained")
    with page.expect_download() as download:
        status.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith("-pruned-recovered-pt2.zip")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert any(name.endswith("-recovered/pt2/model.pt2") for name in archive.namelist())
    page.keyboard.press("Escape")


def take_sparse(page: Page) -> None:
    """Makes the folder of a plan on sparse weights, and looks at what else could be had."""
    page.locator("#export").click()
    expect(page.locator("#export-result")).to_contain_text("sparse", timeout=LONG)  # the name of the folder
    expect(page.locator("#export-result")).to_contain_text("Loaded by a fresh process with the explorer")
    page.locator("#export-other").click()
    page.locator("#formats-plan").click()
    for name in ("The plan on the page", "Plan 1, recovered", "Original, sparse", "Plan 2, sparse"):
        expect(page.get_by_role("option", name=name)).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#formats-begin")).to_be_hidden()
