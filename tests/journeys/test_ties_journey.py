"""Ties of groups are let go after it was said what that means, and hold again, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import Watched, serving, visiting

MODEL = """
import torch
from torch import nn

class Halves(nn.Module):
    def __init__(self):
        super().__init__()
        self.both, self.left, self.right = nn.Linear(8, 32), nn.Linear(16, 6), nn.Linear(16, 6)
        self.out = nn.Linear(6, 4)

    def forward(self, x):
        left, right = self.both(x).chunk(2, dim=1)
        return self.out(torch.relu(self.left(left) + self.right(right)))

def build():
    torch.manual_seed(0)
    return Halves(), torch.randn(2, 8)
"""
LEFT, RIGHT = "both[0:16]", "both[16:32]"


@pytest.fixture(scope="module")
def tied_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("ties") / "halves.py"
    path.write_text(MODEL)
    with serving(f"{path}:build") as served:
        yield served


@pytest.fixture
def tied(browser: Browser, tied_address: str) -> Iterator[Watched]:
    with visiting(browser, tied_address) as opened:
        yield opened


def kept(page: Page, group: str, text: str) -> None:
    expect(page.locator(f"#grid .ag-row[row-id='{group}'] [col-id='kept']")).to_have_text(text)


def test_ties_are_let_go_after_it_was_said_what_that_means_and_hold_again(tied: Watched) -> None:
    page, terms = tied.page, tied.page.locator("#terms")
    page.evaluate("data => dash_clientside.set_props('selection', {data})",
                  {"kind": "group", "name": LEFT, "groups": [LEFT], "via": "list"})  # fmt: skip
    expect(terms).to_contain_text("Tied (1)")
    page.evaluate("group => explorer.askChange({kind: 'ratio', group, ratio: 0.5})", LEFT)
    for group in (LEFT, RIGHT):
        kept(page, group, "16 → 8")

    # what it means is said first, and nothing is done yet
    terms.get_by_role("button", name="Let go of these ties…").click()
    expect(terms).to_contain_text("The recorded calls are replayed", ignore_case=True)
    terms.get_by_role("button", name="Keep tied").click()
    expect(terms.get_by_role("button", name="Let go", exact=True)).to_have_count(0)
    assert page.evaluate("explorer.recipe().break_ties") == []

    # by keys: let go, then each goes its own way
    terms.get_by_role("button", name="Let go of these ties…").press("Enter")
    terms.get_by_role("button", name="Let go", exact=True).press("Enter")
    expect(terms).to_contain_text("Let go at both[0:16]: these counts may part.")
    page.evaluate("group => explorer.askChange({kind: 'ratio', group, ratio: 0.25})", LEFT)
    kept(page, LEFT, "16 → 12")
    kept(page, RIGHT, "16 → 8")
    expect(terms).to_contain_text("12 ≠ 8")
    page.get_by_role("button", name="Apply and verify").click()
    expect(page.locator("#accuracy")).to_contain_text("max rel. error", timeout=30_000)  # it runs, and is right
    page.locator("#centre-view label", has_text="Before / after").click()
    expect(page.locator("#comparison-verdict .tag").first).to_have_text("program way")

    terms.get_by_role("button", name="Tie again").click()
    for group in (LEFT, RIGHT):
        kept(page, group, "16 → 12")
    page.locator("#undo").click()
    kept(page, RIGHT, "16 → 8")
    assert tied.console == []
    assert tied.failed == []
