"""One browser for all journeys; a missing one is a failure that says how to get one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.journeys.browser import NoBrowserError, Watched, launch, serving, visiting

expect.set_options(timeout=20_000)  # milliseconds; what comes at once on a quiet machine takes longer on a busy one


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            opened = launch(playwright)
        except NoBrowserError as error:
            pytest.fail(str(error), pytrace=False)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with serving() as served:
        yield served


@pytest.fixture
def watched(browser: Browser, address: str) -> Iterator[Watched]:
    with visiting(browser, address) as opened:
        yield opened
