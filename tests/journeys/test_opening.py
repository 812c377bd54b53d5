"""A model on its way onto the screen: given up, failed, tried again, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, expect

from explorer.app.serving import serve
from explorer.app.workspace import Workspace
from explorer.engine.errors import TraceError
from explorer.engine.graph import DependencyGraph
from explorer.models import OpenedModel, open_model
from explorer.models.tracing import trace_opened
from tests.journeys.browser import Watched, visiting

PATIENCE = 30_000  # milliseconds for what the server does besides tracing


@dataclass
class Slow:
    """Tracing that takes as long as it is told to.

    Attributes:
        address: Of the app that traces so.
        ended: Sources of which the tracing was ended from outside.
        is_failing: Whether tracing fails instead.
    """

    address: str = ""
    ended: list[str] = field(default_factory=list)
    is_failing: bool = False
    is_endless: bool = True

    def trace(self, opened: OpenedModel, *, tell: Callable[[str], None]) -> DependencyGraph:
        if self.is_failing:
            problem = RuntimeError("expected input[1, 1, 8, 8] to have 3 channels, but got 1 channels instead")
            raise TraceError(f"Net raised in forward: {problem}") from problem
        try:
            while self.is_endless:
                tell("tracing")
                threading.Event().wait(0.02)
        except Exception:
            self.ended.append(opened.source)
            raise
        return trace_opened(opened, tell=tell)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    opened, workspace, made = open_model("sample:resnet20"), Workspace(), Slow()
    subject = workspace.add(trace_opened(opened), opened)
    monkeypatch.setattr("explorer.app.workspace.trace_opened", made.trace)
    shown = serve(workspace, subject, host="127.0.0.1", port=0)
    made.address = shown.address
    yield made
    made.is_endless = False
    shown.close()


def test_an_opening_is_given_up_fails_and_is_tried_again(browser: Browser, slow: Slow) -> None:
    with visiting(browser, slow.address) as watched:
        page = watched.page
        page.evaluate("explorer.askChange({kind: 'ratio', group: 'conv1', ratio: 0.25})")
        page.wait_for_function("location.hash.startsWith('#m=sample:resnet20&s=')")
        before = page.evaluate("JSON.stringify(explorer.recipe())")

        # from a link: back to what was shown, address and all, and the server stops
        page.evaluate("location.hash = '#m=sample:vgg'")
        expect(page.locator("#opening-title")).to_have_text("Opening sample:vgg", timeout=PATIENCE)
        expect(page.locator("#opening-stage .is-here")).to_have_text("tracing", timeout=PATIENCE)
        page.locator("#opening-cancel").click()
        expect(page.locator("#opening")).to_be_hidden()
        expect(page.locator("#picker")).to_have_value("resnet20")
        page.wait_for_function("location.hash.startsWith('#m=sample:resnet20&s=')")
        assert page.evaluate("JSON.stringify(explorer.recipe())") == before
        page.locator("#undo").click()  # the page is whole: its steps are there, and it answers
        page.wait_for_function("explorer.recipe().ratios.conv1 === undefined")
        assert slow.ended == ["sample:vgg"]

        # from the picker, on another view of the centre: fails, says what to try, opens when it is tried again
        page.locator("#centre-view label", has_text="Plans").click()
        slow.is_failing = True
        page.locator("#picker").click()
        page.get_by_role("option", name="vgg", exact=True).click()
        card = page.locator(".failure-card")
        expect(card).to_contain_text("sample:vgg was not opened", timeout=PATIENCE)
        expect(card).to_contain_text("Net raised in forward")
        expect(card).to_contain_text("The first layer takes 3 channels and the example input has 1")
        expect(page.locator("#picker")).to_have_value("resnet20")
        slow.is_failing = slow.is_endless = False
        card.get_by_role("button", name="Try again").click()
        page.wait_for_function("explorer.recipe().source === 'sample:vgg'")
        expect(card).to_be_hidden()

        # a name that is none leads to one that is
        page.evaluate("location.hash = '#m=sample:resnet21'")
        expect(card).to_contain_text("sample:resnet21 was not opened", timeout=PATIENCE)
        card.get_by_role("button", name="sample:resnet20").click()
        page.wait_for_function("explorer.recipe().source === 'sample:resnet20'")
        expect(card).to_be_hidden()
        assert watched.console == []
        assert watched.failed == []
        assert watched.foreign == []


def test_models_whose_modules_have_the_same_names_follow_each_other(watched: Watched) -> None:
    page = watched.page
    for source, opened, drawn in (
        ("sample:mobilenetv2", ["blocks", "blocks.0"], "layer:blocks.0.add"),
        ("sample:vit", ["blocks", "blocks.*0-3", "blocks.*0-3.0"], "layer:ViT"),
    ):
        recipe = {"format": 2, "source": source, "view": {"opened": opened}}
        page.evaluate("recipe => explorer.restore({ recipe, why: 'link' })", recipe)
        page.wait_for_function("id => explorerCy.getElementById(id).nonempty()", arg=drawn, timeout=PATIENCE)
    around = "explorerCy.getElementById('layer:blocks.0.add').parent().id()"
    assert page.evaluate(around) == "module:blocks.*0-3.0"

    # what new elements take away of the colours comes back, although the same group stays selected
    page.evaluate("explorer.select({ kind: 'group', name: 'patches', groups: ['patches'], via: 'list' })")
    page.wait_for_function("explorerCy.nodes('.group-0').nonempty()")
    page.evaluate("explorerCy.nodes().removeClass('group-0') && explorer.repaint()")
    page.wait_for_function("explorerCy.nodes('.group-0').nonempty()")
    assert not watched.console
