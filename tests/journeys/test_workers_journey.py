"""The app with a broker and two workers, in a real browser; and a server that is killed while it trains or measures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer.app import numbers
from explorer.engine.graph import trace
from explorer.models import open_model
from explorer.training import open_data, sensitivity
from tests.jobs.farm import Farm, farm, wait_until
from tests.journeys.browser import serving, started, visiting

LONG = 90_000  # milliseconds
WORKERS = ("one", "two")
EPOCHS = 50


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    with farm(tmp_path_factory.mktemp("farm"), WORKERS) as made:
        yield made


def done(workers: Farm) -> dict[str, int]:
    """How many tasks each worker has done."""
    return {name: (workers.folder / f"{name}.log").read_text().count(" succeeded") for name in WORKERS}


def rows_of(page: Page) -> dict[str, list[str]]:
    """The table of a sweep, as it is on the page: title to cells."""
    rows = page.locator("#sweep-table tbody tr").all()
    titles = [row.locator("th .mono").or_(row.locator("th.quiet")).inner_text() for row in rows]
    return {title: row.locator("td").all_inner_texts() for title, row in zip(titles, rows, strict=True)}


def test_a_sweep_of_the_app_is_spread_over_two_workers_and_gives_what_one_process_does(
    browser: Browser, workers: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_OF_THE_TEST", workers.url)
    with serving("sample:gat", "--broker", "env:BROKER_OF_THE_TEST") as address, visiting(browser, address) as watched:
        page = watched.page
        expect(page.locator("#accuracy")).to_contain_text("measured on a worker", timeout=LONG)
        wait_until(lambda: sum(done(workers).values()) == 1)
        before = done(workers)
        page.locator("#centre-view").get_by_text("Training").click()
        page.get_by_role("button", name="Measure sensitivity").click()
        expect(page.locator("#sweep-status")).to_contain_text("4 groups measured, ranked by L2 norm", timeout=LONG)
        shown = rows_of(page)
        assert watched.console == watched.failed == watched.foreign == []
    wait_until(lambda: sum(done(workers).values()) == sum(before.values()) + 4)  # a group each
    assert all(done(workers)[name] > before[name] for name in WORKERS)
    opened = open_model("sample:gat")
    here = sensitivity(trace(opened.model, opened.example_inputs), open_data("digits-graph"))
    expected = {group: [numbers.percent(accuracy) for _, accuracy in here.curve(group)[1:]] for group in here.groups}
    joint = dict(here.curve())
    expected["all groups together"] = [numbers.percent(joint[ratio]) for ratio in here.ratios]
    assert shown == expected
    assert workers.password not in workers.logs()


def test_a_training_goes_on_where_a_killed_server_left_it(browser: Browser, tmp_path: Path) -> None:
    with started(tmp_path, "sample:gat") as (server, address), visiting(browser, address) as watched:
        page, port = watched.page, int(re.findall(r"\d+", address)[-1])
        page.evaluate("explorer.askChange({kind: 'every', ratio: 0.5})")
        recover(page)
        done_before = at_least(page, 10)
        server.kill()
        server.wait()
        [state] = (tmp_path / "trainings").glob("*.checkpoint")  # beside what the kill may have left half-written
        with started(tmp_path, "sample:gat", port=port):
            page.reload()
            page.wait_for_function("window.explorerCy && window.explorerCy.nodes().nonempty()", timeout=LONG)
            page.wait_for_function("Object.keys((explorer.recipe() || {}).ratios || {}).length")
            recover(page)
            assert at_least(page, 1) >= done_before - 100 / EPOCHS  # but for the epoch that was not finished
            page.get_by_role("button", name="Stop").click()
            expect(page.locator("#recover-status")).to_contain_text("stopped; recover again to go on", timeout=LONG)
            expect(page.locator("#recover-plot .scatterlayer .trace")).to_have_count(3, timeout=LONG)
            losses, _, accuracies = page.evaluate(
                "document.querySelector('#recover-chart .js-plotly-plot').data.map(line => [...line.x])"
            )
            assert losses[0] < 1  # the first epoch is there, which the killed server trained
            assert accuracies == list(range(len(accuracies)))
            assert len(accuracies) > done_before * EPOCHS / 100
            assert list((tmp_path / "trainings").glob("*.checkpoint")) == [state]


def test_a_sweep_goes_on_where_a_killed_server_left_it(browser: Browser, tmp_path: Path) -> None:
    with started(tmp_path, "sample:gat") as (server, address), visiting(browser, address) as watched:
        page, port = watched.page, int(re.findall(r"\d+", address)[-1])
        page.locator("#centre-view").get_by_text("Training").click()
        page.get_by_role("button", name="Measure sensitivity").click()
        first = page.locator("#sweep-table .is-joint td").first
        expect(first).to_have_text(re.compile(r"\d %"), timeout=LONG)
        server.kill()
        server.wait()
        [state] = (tmp_path / "trainings").glob("*.checkpoint")  # beside what the kill may have left half-written
        held = json.loads(state.read_text())
        next(point for point in held["joint"] if point["ratio"] == 0.1)["accuracy"] = 0.123
        state.write_text(json.dumps(held))
        with started(tmp_path, "sample:gat", port=port):
            page.reload()
            page.wait_for_function("window.explorerCy && window.explorerCy.nodes().nonempty()", timeout=LONG)
            page.evaluate("explorer.askChange({kind: 'every', ratio: 0.5})")  # what is pruned does not matter
            page.locator("#centre-view").get_by_text("Training").click()
            page.get_by_role("button", name="Measure sensitivity").click()
            expect(first).to_have_text("12.3 %", timeout=LONG)  # read, not measured again
            expect(page.locator("#sweep-status")).to_contain_text("4 groups measured, ranked by L2 norm", timeout=LONG)
            expect(first).to_have_text("12.3 %")
            assert list((tmp_path / "trainings").glob("*.checkpoint")) == [state]


def recover(page: Page) -> None:
    """Asks for a training."""
    page.locator("#centre-view").get_by_text("Training").click()
    page.locator("#training-tab").get_by_text("Recover").click()
    page.locator("#recover-epochs").fill(str(EPOCHS))
    page.locator("#recover-rate").fill("0.003")
    page.get_by_role("button", name="Recover", exact=True).click()


def at_least(page: Page, percent: int) -> int:
    """How many per cent of a training are done, once that is so many."""
    said = page.wait_for_function(
        """least => {
            const found = /training… (\\d+) %/.exec(document.querySelector("#recover-status").textContent);
            return found && Number(found[1]) >= least ? found[1] : false;
        }""",
        arg=percent,
        timeout=LONG,
    )
    return int(said.json_value())
