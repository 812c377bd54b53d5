"""The page of a lesson, as somebody works on it: goes to steps, answers with the controls, reads what is said."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Locator, Page, expect

from explorer.engine.graph import DependencyGraph
from explorer.exploration import Exploration
from explorer.jobs import measure
from explorer.lessons import KINDS, Asked, Step, asked
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from explorer.training.data import open_data

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


def option(page: Page, name: str) -> Locator:
    """The row of an option."""
    return page.locator(f'#lesson-task [data-option="{name}"]')


def picked(page: Page) -> list[str]:
    """The options that are picked."""
    fields = page.locator("#lesson-task .option input:checked")
    return [str(name) for name in fields.evaluate_all("fields => fields.map(field => field.value)")]


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
