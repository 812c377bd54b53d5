"""Recipes and weights as files, a server that is lost and comes back, and a model from memory, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from safetensors.torch import save_file

from explorer.app.answers import RECIPE_BYTES
from explorer.app.serving import Shown, serve
from explorer.app.workspace import Workspace
from explorer.engine.graph import DependencyGraph
from explorer.exploration import Recipe
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from tests.journeys.browser import Watched


@pytest.fixture(scope="module")
def graph() -> DependencyGraph:
    return trace_opened(open_model("sample:resnet20"))


def choose(page: Page, file: Path) -> None:
    page.get_by_role("button", name="File").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Open a recipe or weights").click()
    chooser.value.set_files(file)


def test_a_recipe_goes_out_and_comes_back_and_weights_come_in(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    page.evaluate("explorer.askChange({kind: 'keep', group: 'layer1.0.conv1', channels: [0, 3, 7]})")
    page.wait_for_function("explorer.recipe().keep['layer1.0.conv1']")
    page.get_by_role("button", name="File").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save the recipe").click()
    saved = Path(download.value.path())
    assert download.value.suggested_filename == "resnet20-recipe.json"
    assert Recipe.from_json(json.loads(saved.read_text())).keep == {"layer1.0.conv1": (0, 3, 7)}

    page.locator("#reset").click()
    page.wait_for_function("Object.keys(explorer.recipe().keep).length === 0")
    recipe = tmp_path / "mine.json"
    recipe.write_text(saved.read_text())
    choose(page, recipe)
    page.wait_for_function("explorer.recipe().keep['layer1.0.conv1']?.length === 3")
    expect(page.locator("#grid .ag-row[row-id='layer1.0.conv1'] [col-id='kept']")).to_contain_text("by hand")

    # what is too large is told before it is sent
    recipe.write_bytes(b" " * (RECIPE_BYTES + 10**6))
    choose(page, recipe)
    expect(page.locator("#notice")).to_contain_text(
        "mine.json has 33 MB, and a page takes recipes of up to 32 MB. Nothing was opened. The command line takes "
        "larger ones: python -m explorer apply mine.json --out DIR"
    )
    # what is no recipe is told, and a pickle is not even sent
    recipe.write_text("{}")
    choose(page, recipe)
    expect(page.locator("#notice")).to_contain_text("This is not a recipe")
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pt")
    choose(page, tmp_path / "weights.pt")
    expect(page.locator("#notice")).to_contain_text("is a pickle")

    state = open_model("sample:resnet20").model.state_dict()
    save_file({**state, "fc.bias": torch.zeros_like(state["fc.bias"])}, tmp_path / "mine.safetensors")
    choose(page, tmp_path / "mine.safetensors")
    expect(page.locator("#model-note")).to_contain_text("weights from mine.safetensors", timeout=20_000)
    assert page.evaluate("explorer.recipe().source").startswith("session:")
    page.locator("#share").click()
    expect(page.locator("#notice")).to_contain_text("Save the recipe as a file instead")
    page.reload()
    expect(page.locator("#model-note")).to_contain_text("weights from mine.safetensors", timeout=20_000)
    assert watched.console == []
    assert watched.foreign == []
    assert watched.failed == []


@pytest.fixture
def shown(graph: DependencyGraph) -> Iterator[Shown]:
    made = started(graph)
    yield made
    made.close()


def started(graph: DependencyGraph, port: int = 0) -> Shown:
    workspace = Workspace()
    return serve(workspace, workspace.add(graph), host="127.0.0.1", port=port)


def test_a_lost_server_is_told_of_and_nothing_is_lost_when_it_is_back(
    browser: Browser, shown: Shown, graph: DependencyGraph
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    watched = Watched(context.new_page())
    page = watched.page
    watched.open(shown.address)
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'conv1', ratio: 0.25})")
    page.wait_for_function("explorer.recipe().ratios.conv1 === 0.25")
    assert watched.console == []

    shown.close()
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'layer1.0.conv1', ratio: 0.5})")  # is never answered
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("The server does not answer")
    again = started(graph, int(shown.address.rpartition(":")[2]))  # the same model under another id
    try:
        ratios = "window.explorer?.recipe?.()?.ratios"
        page.wait_for_function(f"{ratios}?.conv1 === 0.25 && {ratios}['layer1.0.conv1'] === 0.5", timeout=30_000)
        expect(page.locator("#lost")).to_be_hidden()
        assert page.evaluate("explorer.recipe().source").startswith("session:")
        page.locator("#undo").click()
        page.wait_for_function("explorer.recipe().ratios['layer1.0.conv1'] === undefined")
    finally:
        again.close()
        context.close()
