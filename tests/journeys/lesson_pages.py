"""The page of a lesson, as somebody works on it: goes to steps, answers with the controls, reads what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Route, expect

from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration
from explorer.jobs import measure
from explorer.lessons import KINDS, Asked, Step, asked, bundled_lessons
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from explorer.training.data import open_data
from tests.journeys.browser import Watched

LONG = 90_000
"""Milliseconds in which a busy machine opens, measures or searches."""
IS_SHOWN = """source => explorer.lessons.at && !explorer.isOpening() && explorer.recipe().source === source
  && window.explorerCy && window.explorerCy.nodes(".layer, .fold").nonempty()"""


@cache
def graph_of(source: str) -> DependencyGraph:
    """The graph of a model, traced here: what is right does not come from the page."""
    return trace_opened(open_model(source))


def accuracy(exploration: Exploration) -> float:
    """What the engine measures of a recipe."""
    data = open_model(exploration.recipe.source).data
    found = measure(exploration, open_data(data).test if data else None).accuracy
    assert found is not None
    return found


def question(step: Step) -> Asked:
    """The task of a step on its model."""
    return asked(step, graph_of(step.show.model), accuracy)


def wait_for_step(page: Page, step: Step) -> None:
    """Waits until a step is on the screen, with its model and its controls."""
    expect(page.locator("#lesson-title")).to_have_text(step.title, timeout=LONG)
    page.wait_for_function(IS_SHOWN, arg=step.show.model, timeout=LONG)
    if step.task:
        page.locator("#lesson-task form").wait_for(timeout=LONG)


@contextmanager
def learning(browser: Browser, where: str, **wishes: Any) -> Iterator[Watched]:
    """A page at an address, closed afterwards; nothing was said or failed in it."""
    usual: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}
    context = browser.new_context(**usual | wishes)
    context.set_default_timeout(LONG)
    watched = Watched(context.new_page())
    watched.page.goto(where)
    yield watched
    assert watched.console == []
    assert watched.failed == []
    assert watched.foreign == []
    context.close()


def step_of(lesson: str, step: str) -> Step:
    """A step of a lesson that comes with the explorer."""
    found = next(each for each in bundled_lessons() if each.id == lesson).step(step)
    assert found is not None
    return found


@contextmanager
def holding(page: Page, *words: str) -> Iterator[list[Route]]:
    """What the page asks the server meanwhile, of which all these words are part; it is answered afterwards."""
    held: list[Route] = []
    is_over = False

    def handle(route: Route) -> None:
        is_held = not is_over and all(word in (route.request.post_data or "") for word in words)
        held.append(route) if is_held else route.continue_()

    page.route("**/learn/_dash-update-component*", handle)
    yield held
    is_over = True
    for route in held:
        route.continue_()


def option(page: Page, name: str) -> Locator:
    """The row of an option."""
    return page.locator(f'#lesson-task [data-option="{name}"]')


def picked(page: Page) -> list[str]:
    """The options that are picked."""
    fields = page.locator("#lesson-task .option input:checked")
    return [str(name) for name in fields.evaluate_all("fields => fields.map(field => field.value)")]


def shown_states(page: Page) -> dict[str, str]:
    """What stands beside the options that something was said of."""
    rows = page.locator("#lesson-task .option[data-state]")
    return dict(rows.evaluate_all("rows => rows.map(row => [row.dataset.option, row.dataset.state])"))


def do(page: Page, step: Step) -> None:
    """Does what a step asks for on the screen, and waits until the page has noticed."""
    expect(page.locator(".lesson-does")).to_have_attribute("data-state", "open")
    expect(page.locator("[data-way=on]")).to_contain_text("Skip")
    DEEDS[step.does](page)
    expect(page.locator(".lesson-does")).to_have_attribute("data-state", "done", timeout=3 * LONG)
    expect(page.locator("[data-way=on]")).to_contain_text("Next")


def _press(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def _play(page: Page) -> None:
    page.locator("[data-player=last]").click()


def _prove(page: Page) -> None:
    """Nothing is to be done: the plan of the step is measured by itself."""


def _recover(page: Page) -> None:
    expect(page.locator("#recover-status")).to_be_empty()  # what an earlier step left is put away
    expect(page.locator("#recover-plot .empty")).to_be_visible()
    page.get_by_role("button", name="Recover", exact=True).click()


def _train_sparsely(page: Page) -> None:
    page.locator("#sparse-epochs").fill("10")
    page.locator("#sparse-strength").fill("0.02")
    page.get_by_role("button", name="Train sparsely").click()


def _plan_on_trained(page: Page) -> None:
    page.get_by_role("button", name="Plan on these weights").click()
    page.wait_for_function("explorer.recipe().source.startsWith('session:') && !explorer.isOpening()", timeout=LONG)
    page.evaluate("explorer.askChange({kind: 'every', ratio: 0.5})")


DEEDS: dict[str, Callable[[Page], None]] = {
    "play": _play,
    "prove": _prove,
    "time": _press("Measure latency"),
    "sweep": _press("Measure sensitivity"),
    "recover": _recover,
    "train_sparsely": _train_sparsely,
    "plan_on_trained": _plan_on_trained,
    "ask_to_untie": _press("Let go of these ties…"),
}
"""How each action that a step may ask for is done."""


def answer(page: Page, step: Step, what: Any) -> None:
    """Answers with the controls of the page, and checks."""
    assert step.task
    control = KINDS[step.task.kind].form(question(step)).control
    if control == "several":
        for name in {*picked(page)} ^ {*what}:
            option(page, name).locator("input").click()
    elif control == "one":
        option(page, what).locator("input").check()
    elif control == "number":
        page.locator("#lesson-task input").fill(str(what))
    else:
        prune(page, what["ratios"])
    page.locator("#lesson-check").click()


def prune(page: Page, ratios: dict[str, float]) -> None:
    """Moves the sliders of all groups, to nothing for those that are not named."""
    page.evaluate("() => explorer.askChange({kind: 'reset'})")
    if ratios:
        page.evaluate("ratios => explorer.askChange({kind: 'ratios', ratios})", ratios)
    page.wait_for_function(
        "ratios => { const now = explorer.recipe().ratios; const names = Object.keys(ratios);"
        " return names.length === Object.keys(now).length && names.every(name => name in now); }",
        arg=ratios,
        timeout=LONG,
    )


def expect_verdict(page: Page, word: str) -> None:
    """Waits until the verdict begins with a word: `Right` or `Not yet`."""
    expect(page.locator("#lesson-said .verdict-head .sign-word")).to_have_text(word, timeout=LONG)


def progress(page: Page, lesson: str) -> dict[str, Any]:
    """What the browser keeps of a lesson."""
    kept = page.evaluate("() => JSON.parse(localStorage.getItem('learn:progress') || '{}')")
    return dict(kept.get(lesson, {}))
