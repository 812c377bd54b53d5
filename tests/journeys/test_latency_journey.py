"""Ratios for a wanted latency are found by timing plans, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.browser import Watched, serving, visiting

MODEL = """
import time

import torch
from torch import nn

class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 200), nn.Linear(200, 10)

    def forward(self, x):
        time.sleep(0.0001 * len(self.first.weight))
        return self.second(torch.relu(self.first(x)))

def build():
    return Slow(), torch.randn(1, 8)
"""
"""Takes as long as it has channels, whatever else the machine does."""


@pytest.fixture(scope="module")
def slow_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path: Path = tmp_path_factory.mktemp("latency") / "slow.py"
    path.write_text(MODEL)
    with serving(f"{path}:build") as served:
        yield served


@pytest.fixture
def slow(browser: Browser, slow_address: str) -> Iterator[Watched]:
    with visiting(browser, slow_address) as opened:
        yield opened


def ask(page: Page, percent: int) -> None:
    page.locator("#presets").click()
    page.locator("#target-percent").fill(str(percent))
    page.locator("#target-cost label", has_text="latency").click()
    page.get_by_role("button", name="Find ratios").click()


def test_ratios_for_a_latency_are_found_as_one_step_and_all_that_was_timed_is_shown(slow: Watched) -> None:
    page, status = slow.page, slow.page.locator("#latency-target-status")
    page.evaluate("explorer.askChange({kind: 'ratio', group: 'first', ratio: 0.1})")
    page.wait_for_function("explorer.recipe().ratios.first === 0.1")
    ask(page, 50)
    expect(status).to_contain_text("of the time remains; 50 % was asked for", timeout=60_000)
    page.wait_for_function("explorer.recipe().ratios.first > 0.3 && explorer.unanswered().length === 0")
    assert 0.35 < page.evaluate("explorer.recipe().ratios.first") < 0.65

    status.locator("summary").click()
    timed = status.locator("tbody tr")
    expect(timed.first).to_be_visible()
    expect(status.locator("tbody tr.is-current")).to_have_count(1)
    expect(status.locator("tbody tr.is-current")).to_contain_text("chosen")

    page.locator("#undo").click()
    page.wait_for_function("explorer.recipe().ratios.first === 0.1")
    assert slow.console == []
    assert slow.failed == []


def test_a_search_can_be_stopped_and_a_latency_out_of_reach_says_what_was_measured(slow: Watched) -> None:
    page, status = slow.page, slow.page.locator("#latency-target-status")
    ask(page, 1)
    page.locator("#latency-target-cancel").click()
    expect(status).to_contain_text("Stopped; the ratios are as they were.", timeout=30_000)
    ask(page, 1)
    expect(status).to_contain_text("out of reach", timeout=60_000)
    expect(status).to_contain_text("Measured:")
    expect(status.get_by_role("button", name="Try again")).to_be_visible()
    assert page.evaluate("explorer.recipe().ratios") == {}
    assert slow.console == []
