"""One browser for all journeys; a missing one is a failure that says how to get one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.journeys.browser import NoBrowserError, Watched, launch, serving, visiting

expect.set_options(timeout=20_000)  # milliseconds; what comes at once on a quiet machine takes longer on a busy one


def pytest_itemcollected(item: pytest.Item) -> None:
    """A journey that failed is tried once more: on a busy machine a browser may be late for reasons of its own.

    The summary lists it as rerun. That is a race to be found, in the journey or in the page.
    """
    item.add_marker(pytest.mark.flaky(reruns=1))


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
