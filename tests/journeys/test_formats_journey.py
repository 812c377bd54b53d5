"""Taking a pruned model away in another format, in a real browser: made in the background, checked, downloaded."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.browser import Watched, serving, visiting

LONG = 90_000  # milliseconds


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    with serving("sample:gat") as address, visiting(browser, address) as opened:
        yield opened


def test_a_format_is_chosen_made_checked_and_downloaded(watched: Watched) -> None:
    page = watched.page
    open_dialog(watched)
    expect(page.locator("#formats-size")).to_contain_text("Nothing is pruned yet")
    page.get_by_role("button", name="Make and check").click()
    expect(page.locator("#formats-status [role=alert]")).to_contain_text("Nothing is pruned yet")
    page.keyboard.press("Escape")
    page.evaluate("explorer.askChange({kind: 'every', ratio: 0.5})")
    page.wait_for_function("Object.keys(explorer.recipe().ratios).length > 0")
    open_dialog(watched)
    expect(page.locator("#formats-size")).to_contain_text("KiB →")
    for name in ("folder", "state_dict", "pt2", "onnx", "program"):
        expect(page.locator(f"#format-size-{name}")).to_have_text(re.compile(r"about [\d.]+ KiB"))
    expect(page.locator("#formats-status")).to_be_empty()
    page.get_by_role("radio", name="Weights and model.py").click()
    page.get_by_role("button", name="Make and check").click()
    status = page.locator("#formats-status")
    expect(page.locator("#formats-cancel")).to_be_visible()
    expect(status).to_contain_text("Loaded by a fresh process without the explorer; outputs equal", timeout=LONG)
    expect(status).to_contain_text("pruned = zeroed, max rel. error")
    expect(page.locator("#formats-cancel")).to_be_hidden()
    with page.expect_download() as download:
        status.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "gat-pruned-state-dict.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "gat-pruned/state_dict/model.py" in archive.namelist()
    assert watched.console == []
    assert watched.foreign == []
    assert watched.failed == []


def open_dialog(watched: Watched) -> None:
    watched.page.get_by_role("button", name="File").click()
    watched.page.get_by_role("menuitem", name="Export in another format").click()
    expect(watched.page.locator("#formats-begin")).to_be_visible()


OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 6), nn.Linear(6, 2)

    def forward(self, x):
        hidden = self.a(x)
        if WHAT == "branch" and x.sum() > 0:
            hidden = -hidden
        if WHAT == "literal":
            hidden = hidden.view(-1, 3, 2).flatten(1)
        return self.b(hidden)

def build():
    return Net(), torch.ones(2, 3)
"""


@pytest.mark.parametrize(
    ("what", "refused", "reason"),
    [
        ("literal", ["state_dict"], "uses the literal 3 where 2 is needed"),
        ("branch", ["pt2", "onnx", "program"], "torch.export cannot follow Net"),
    ],
)
def test_what_cannot_be_made_is_not_offered_and_says_why(
    browser: Browser, tmp_path: Path, what: str, refused: list[str], reason: str
) -> None:
    (tmp_path / "own.py").write_text(f"WHAT = {what!r}\n{OWN}", encoding="utf-8")
    with serving(f"{tmp_path / 'own.py'}:build") as address, visiting(browser, address) as watched:
        page = watched.page
        page.evaluate("explorer.askChange({kind: 'every', ratio: 0.5})")
        page.wait_for_function("Object.keys(explorer.recipe().ratios).length > 0")
        open_dialog(watched)
        for name in ("folder", "state_dict", "pt2", "onnx", "program"):
            choice = page.locator(f"#format-choice-{name}")
            if name in refused:
                expect(choice).to_be_disabled(timeout=LONG)
                said = page.locator(".mantine-Radio-root", has=choice)
                expect(said).to_contain_text(reason, timeout=LONG)
            else:
                expect(choice).to_be_enabled(timeout=LONG)
        expect(page.get_by_role("radio", name="Explorer folder")).to_be_checked()
        expect(page.get_by_role("button", name="Make and check")).to_be_enabled()
        assert watched.console == []
        assert watched.failed == []
