"""Times the app in a real Chromium, as people meet it: `python -m benchmarks.ui` (or `make ui`).

Every model is traced before its page is opened. Figures are medians; times run from the action to the frame in which
its result can be seen. The table goes to the screen and into benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Response, sync_playwright

from tests.journeys.browser import Watched, launch, serving, visiting

RESULTS = Path(__file__).with_name("RESULTS.md")
BEGIN, END = "<!-- make ui writes from here -->", "<!-- to here -->"

RESNET, SWIN, MASK = (f"torchvision:{name}" for name in ("resnet50", "swin_b", "maskrcnn_resnet50_fpn"))
READY_GOALS = {"sample:resnet20": 2.5, RESNET: 3.0, MASK: 6.0, SWIN: 6.0}
SLIDER_GOALS = {RESNET: 100.0, SWIN: 200.0}

SELECT = """async group => {
  const port = explorerCy.nodes(".port").filter(node => node.data("groups").includes(group))[0];
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const start = performance.now();
  explorer.select({kind: "group", name: group, groups: [group], via: "list"});
  while (!port.hasClass("group-0")) await frame();
  await frame();
  return performance.now() - start;
}"""
SLIDE = """([group, ratio]) => new Promise(done => {
  const start = performance.now();
  const seen = new MutationObserver(() => {
    seen.disconnect();
    requestAnimationFrame(() => done(performance.now() - start));
  });
  seen.observe(document.getElementById("totals"), {subtree: true, childList: true, characterData: true});
  explorer.askChange({kind: "ratio", group, ratio});
})"""
TOGGLE = """async path => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const id = (explorerCy.getElementById("module:" + path).empty() ? "module:" : "fold:") + path;
  const start = performance.now();
  explorer.toggle(path);
  while (explorerCy.getElementById(id).empty()) await frame();
  await frame();
  return performance.now() - start;
}"""


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        what: What was measured.
        value: The median.
        goal: What it should stay below.
        unit: ``s``, ``ms`` or ``kB``.
    """

    what: str
    value: float
    goal: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether the goal is met."""
        return self.value <= self.goal


def main(argv: Sequence[str] | None = None) -> int:
    """Measures everything, prints the table and writes it into the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5, help="times that each figure is taken; the median is shown")
    repeats = parser.parse_args(argv).repeats
    with sync_playwright() as playwright:
        browser = launch(playwright)
        figures = [figure for source in READY_GOALS for figure in measure(browser, source, repeats)]
        browser.close()
    made = table(figures)
    sys.stdout.write(made)
    RESULTS.write_text(written(RESULTS.read_text(encoding="utf-8"), made), encoding="utf-8")
    return 0


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [
        f"| {each.what} | {_number(each.value)} {each.unit} | {each.goal:g} {each.unit} | {_yes(each.is_met)} |"
        for each in figures
    ]
    return "\n".join(["| what | median | goal | met |", "|---|---|---|---|", *rows, ""])


def written(text: str, made: str) -> str:
    """A text with `made` between the two markers.

    Raises:
        ValueError: The markers are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The results have no place for this table: they need the lines {BEGIN} and {END}.")
    return f"{before}{begin}\n{made}{end}{after}"


def is_answer_for(answer: Response, output: str) -> bool:
    """Whether a response is the answer to a callback that sets `output`."""
    if "/_dash-update-component" not in answer.url:
        return False
    return output in json.loads(answer.request.post_data or "{}").get("output", "")


def measure(browser: Browser, source: str, repeats: int) -> Iterator[Figure]:
    """All figures of one model."""
    name = source.partition(":")[2]
    with serving(source) as address:
        ready = statistics.median(seconds_to_ready(browser, address) for _ in range(repeats))
        yield Figure(f"page ready, {name}", ready, READY_GOALS[source], "s")
        if source in SLIDER_GOALS:
            with opened(browser, address) as page:
                yield from slider_figures(page, source, repeats)
        if source == RESNET:
            with opened(browser, address) as page:
                yield from graph_figures(page, repeats)


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """A page that shows the app, closed afterwards."""
    with visiting(browser, address) as watched:
        watched.page.wait_for_load_state("networkidle")
        yield watched.page


def seconds_to_ready(browser: Browser, address: str) -> float:
    """From navigation to a graph, an inspector and a grid that are filled, with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    watched = Watched(context.new_page())
    started = time.perf_counter()
    watched.open(address)
    taken = time.perf_counter() - started
    context.close()
    return taken


def slider_figures(page: Page, source: str, repeats: int) -> Iterator[Figure]:
    """A ratio that moves, until the totals follow."""
    name, goal = source.partition(":")[2], SLIDER_GOALS[source]
    group = page.evaluate("explorer.graph.selection.name")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # Playwright marks what it is given
    times = [_rested(page, SLIDE, [group, 0.1 + step / 20]) for step in range(repeats + 1)]
    yield Figure(f"slider to new totals, {name}", statistics.median(times[1:]), goal, "ms")
    if source == RESNET:
        yield Figure(f"answer to a slider step, {name}", largest(answers, "answer.data") / 1000, 20.0, "kB")


def graph_figures(page: Page, repeats: int) -> Iterator[Figure]:
    """Opening, closing and highlighting in a graph that is as full as it may be."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # Playwright marks what it is given
    path = page.evaluate("explorerCy.nodes('.fold')[0].data('name')")
    times = [_rested(page, TOGGLE, path) for _ in range(2 * repeats)]
    yield Figure("a module opens or closes, resnet50", statistics.median(times), 300.0, "ms")
    page.locator("#expand-all").click()
    page.wait_for_function("explorerCy.nodes().length > 200")
    count = page.evaluate("explorerCy.nodes().length")
    drawn = "[...new Set(explorerCy.nodes('.port.live').map(node => node.data('groups')[0]))]"
    groups = page.evaluate(drawn)[: repeats + 1]
    times = [_rested(page, SELECT, group) for group in groups]
    yield Figure(f"a group is picked and highlighted, {count} nodes", statistics.median(times[1:]), 150.0, "ms")
    yield Figure(f"graph of resnet50, {count} nodes", largest(answers, "graph.elements") / 1000, 300.0, "kB")


def _rested(page: Page, script: str, argument: object) -> float:
    """What a script measures, once everything before it is done."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # charts and measurements that follow a change
    return float(page.evaluate(script, argument))


def largest(answers: Sequence[Response], output: str) -> int:
    """Bytes of the largest answer to a callback that sets `output`."""
    return max(len(answer.body()) for answer in answers if is_answer_for(answer, output))


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main())
