"""Takes the main states of the app: `python -m tests.journeys.screenshots [FOLDER]`, and the pictures of the README."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Page, sync_playwright

from tests.journeys.browser import ROOT, Watched, launch, serving

SIZES = ((1440, 900), (1024, 768), (390, 844))
SCHEMES = ("light", "dark")
IMAGES = ROOT / "docs" / "images"


def first_run(page: Page) -> None:
    """What people see first."""
    page.wait_for_selector("#accuracy [data-accuracy]", timeout=30_000)


def tour(page: Page) -> None:
    """The third step of the tour of a first visit."""
    first_run(page)
    page.locator("#help").click()
    page.get_by_role("button", name="Take the tour").click()
    for _ in range(2):
        page.get_by_role("button", name="Next").click()


def pruned(page: Page) -> None:
    """A group selected, some of it gone, measured and proven."""
    first_run(page)
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'layer1.0.conv1', ratio: 0.25})")
    page.wait_for_timeout(300)
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'layer3.0.conv2', ratio: 0.1})")
    select(page, "layer3.0.conv2")
    page.wait_for_selector("#accuracy .proof", timeout=30_000)


def select(page: Page, group: str) -> None:
    """Selects a group, as a row of a list does."""
    row = {"kind": "group", "name": group, "groups": [group], "via": "list"}
    page.evaluate("data => dash_clientside.set_props('selection', {data})", row)
    page.locator("#inspector h2", has_text=group).wait_for(state="attached")


def layer(page: Page) -> None:
    """A layer selected, near enough to read."""
    first_run(page)
    row = {"kind": "layer", "name": "layer2.0.conv1", "groups": ["layer2.0.conv1", "conv1"], "via": "graph"}
    page.evaluate("data => dash_clientside.set_props('selection', {data})", row)
    page.evaluate("explorerCy.zoom(1.1); explorerCy.center(explorerCy.getElementById('layer:layer2.0.conv1'))")


def playing(page: Page) -> None:
    """How a removed channel spreads, a few steps in."""
    pruned(page)
    select(page, "layer2.0.conv2")
    button = page.locator("#inspector [data-play]").first
    if not button.is_visible():  # where the window is narrow the inspector is a drawer
        page.locator("#right-toggle").click()
    button.click()
    page.locator("#player [data-step='9']").click()


def matrices(page: Page) -> None:
    """The paper's matrix of dependencies."""
    _view(page, "Matrices")
    page.wait_for_selector("#matrix .heatmaplayer image")


def comparison(page: Page) -> None:
    """Every layer before and after."""
    _view(page, "Before / after")


def plans(page: Page) -> None:
    """The plans that were measured."""
    _view(page, "Plans")
    page.wait_for_selector("#plans-chart .scatterlayer .point")


def _view(page: Page, name: str) -> None:
    pruned(page)
    page.locator("#centre-view label", has_text=name).click()


def exported(page: Page) -> None:
    """The export has begun."""
    pruned(page)
    page.get_by_role("button", name="Export").click()
    page.wait_for_selector("#export-result .code", timeout=90_000)


def mistake(page: Page) -> None:
    """Something that cannot be done says so."""
    first_run(page)
    page.get_by_role("button", name="Export").click()
    page.wait_for_selector("#export-result .message")


def lessons(page: Page) -> None:
    """The list of lessons."""
    page.goto(urljoin(page.url, "/learn/"))
    page.wait_for_selector(".catalogue-row")


def _lesson(page: Page, step: str) -> None:
    page.goto(urljoin(page.url, f"/learn/{step}"))
    page.wait_for_function("explorer.lessons && explorer.lessons.at && !explorer.isOpening()", timeout=90_000)


def lesson(page: Page) -> None:
    """A task that was answered wrongly, in the list and in the graph."""
    _lesson(page, "residual/who-loses")
    for name in ("bn1", "layer1.0.conv1", "layer1.0.bn1", "layer1.0.conv2"):
        page.locator(f"[data-option='{name}'] input").check()
    page.locator("#lesson-check").click()
    page.wait_for_selector("#lesson-said .verdict-head")


def lesson_player(page: Page) -> None:
    """A step that shows a propagation."""
    _lesson(page, "residual/backwards")
    page.wait_for_selector("#player .step-row")


def lesson_game(page: Page) -> None:
    """A game: prune as much as one can."""
    _lesson(page, "accuracy/game")
    page.wait_for_selector(".conditions")


def presented(page: Page) -> None:
    """A step for a class to see."""
    _lesson(page, "residual/who-loses?present")


STATES: tuple[Callable[[Page], None], ...] = (
    first_run,
    tour,
    pruned,
    layer,
    playing,
    matrices,
    comparison,
    plans,
    exported,
    mistake,
    lessons,
    lesson,
    lesson_player,
    lesson_game,
    presented,
)


README = {pruned: "explorer.png", playing: "propagation.png", matrices: "matrices.png", lesson: "lesson.png"}
"""The states that the README shows, each in a picture of its own."""


def main(folder: Path) -> None:
    """Takes every state in every size and colour scheme, and the pictures of the README."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, serving() as address:
        browser = launch(playwright)
        for width, height in SIZES:
            for scheme in SCHEMES:
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
                for state in STATES:
                    path = folder / f"{state.__name__}-{width}-{scheme}.png"
                    _take(Watched(context.new_page()), address, state, path)
                context.close()
        IMAGES.mkdir(parents=True, exist_ok=True)
        for state, name in README.items():
            (IMAGES / name).write_bytes((folder / f"{state.__name__}-1440-light.png").read_bytes())
        browser.close()
    sys.stdout.write(f"Screenshots are in {folder}; the README's are in {IMAGES.relative_to(ROOT)}\n")


def _take(watched: Watched, address: str, state: Callable[[Page], None], path: Path) -> None:
    watched.open(address)
    state(watched.page)
    watched.page.wait_for_timeout(900)  # charts draw themselves in a moment of their own
    is_narrow = watched.page.evaluate("innerWidth < 760")  # where all of it stands below each other
    watched.page.screenshot(path=path, full_page=is_narrow)
    watched.page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="explorer-screenshots-")))
