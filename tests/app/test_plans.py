"""Plans that were tried: their records, the table, what tells two apart, and the Pareto plot."""

from __future__ import annotations

from typing import Any

import pytest

from explorer.app.numbers import MINUS
from explorer.app.panels import plans_panel, totals
from explorer.app.pareto import front, nothing_to_plot, pareto_figure, plotted
from explorer.app.plans import difference, record, table
from explorer.app.theme import tokens
from explorer.app.workspace import Workspace
from explorer.exploration import Exploration, Recipe, set_every_ratio, set_keep, set_options, set_ratio
from tests.app.test_panels import text

GROUP = "layer1.0.conv1"


def plan(number: int, macs: int, accuracy: float | None, **more: Any) -> dict[str, Any]:
    return {
        "key": f"k{number}", "number": number, "is_pruning": number > 0, "params": 10 * macs, "macs": macs,
        "bytes": 40 * macs, "accuracy": accuracy, "is_proven": True, "is_wrong": False, "latency": None, **more,
    }  # fmt: skip


ORIGINAL, HALF, WORSE, SMALL = plan(0, 100, 0.9, is_proven=None), plan(1, 50, 0.8), plan(2, 60, 0.7), plan(3, 20, 0.4)
FOUR = [ORIGINAL, HALF, WORSE, SMALL]


def test_a_record_holds_the_recipe_and_its_costs(exploration: Exploration) -> None:
    asked = set_ratio(exploration, GROUP, 0.5)
    made = record(asked, accuracy=0.5, is_proven=True, is_wrong=False)
    cost = asked.plan().cost.after
    assert [made[name] for name in ("params", "macs", "bytes")] == [cost.params, cost.macs, cost.bytes]
    assert made["key"] == asked.recipe.key
    assert made["fingerprint"] == exploration.graph.fingerprint
    assert Recipe.from_json(made["recipe"]).ratios == {GROUP: 0.5}
    assert made["latency"] is None


def test_the_table_marks_the_plan_on_the_page_and_those_compared() -> None:
    shown = table(FOUR, "k1", ["k1", "k3"])
    rows = shown.children[1].children
    assert [row.className for row in rows] == ["", "is-current", "", ""]
    assert [getattr(row.children[0].children, "aria-checked") for row in rows] == ["false", "true", "false", "true"]
    assert [getattr(row.children[1].children[0], "data-plan") for row in rows] == ["k0", "k1", "k2", "k3"]
    assert "Plan 1 current 500 50 1.95 KiB 80.0 % proven" in text(shown)


def test_a_plan_without_accuracy_or_proof_says_neither() -> None:
    row = text(table([plan(0, 100, None, is_proven=None)], "", []).children[1])
    assert "%" not in row
    assert "proven" not in row


def test_two_plans_differ_in_costs_options_and_groups(exploration: Exploration) -> None:
    one = set_ratio(exploration, GROUP, 0.25)
    two = set_options(set_ratio(exploration, GROUP, 0.5), importance="l1")
    records = [record(state, accuracy=accuracy) | {"number": number}
               for number, (state, accuracy) in enumerate(((one, 0.9), (two, 0.8)), start=1)]  # fmt: skip
    shown = text(difference((records[0], one), (records[1], two)))
    assert "Plan 1 and Plan 2" in shown
    assert f"Accuracy 90.0 % 80.0 % {MINUS}10.0 points" in shown
    assert "ranked by l2 l1" in shown
    assert f"{GROUP} 12 of 16 8 of 16 {MINUS}4" in shown
    assert "1 of 12 groups keep other channels." in shown


def test_as_many_but_other_channels_are_a_difference(exploration: Exploration) -> None:
    one, two = (set_keep(exploration, GROUP, channels) for channels in ([0, 1, 2], [1, 2, 3]))
    shown = text(difference((record(one) | {"number": 1}, one), (record(two) | {"number": 2}, two)))
    assert f"{GROUP} 3 of 16 3 of 16 1 other channel" in shown


def test_on_the_front_is_what_nothing_cheaper_reaches() -> None:
    points = plotted([*FOUR, plan(4, 10, None)], "macs")
    assert [point[2]["number"] for point in points] == [3, 1, 2, 0]
    assert [point[2]["number"] for point in front(points)] == [3, 1, 0]


def test_of_plans_that_cost_the_same_only_the_better_is_on_the_front() -> None:
    points = plotted([plan(1, 50, 0.5), plan(2, 50, 0.6)], "macs")
    assert [point[2]["number"] for point in front(points)] == [2]


def test_a_wrong_plan_is_on_no_front() -> None:
    wrong = plan(4, 5, 0.95, is_wrong=True, is_proven=False)
    assert [point[2]["number"] for point in front(plotted([*FOUR, wrong], "macs"))] == [3, 1, 0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_plot_rings_the_plan_on_the_page(scheme: str) -> None:
    figure = pareto_figure(FOUR, "macs", "k2", scheme)
    line, ring, points = figure.data
    assert (list(line.x), list(line.y)) == ([20, 50, 100], [40, 80, 90])
    assert (list(ring.x), list(ring.y)) == ([60], [70])
    assert ring.marker.color == tokens(scheme)["accent"]
    assert list(points.marker.symbol) == ["circle", "circle", "circle-open", "circle"]
    assert [data[0] for data in points.customdata] == ["k3", "k1", "k2", "k0"]


def test_latency_is_plotted_against_the_originals() -> None:
    timed = plan(1, 50, 0.8, latency={"before": 0.004, "after": 0.003, "batch": 8, "runs": 31})
    untimed = plan(2, 40, 0.7)
    points = plotted([ORIGINAL, timed, untimed], "latency")
    assert [(cost, number["number"]) for cost, _, number in points] == [(75.0, 1), (100.0, 0)]
    assert "3 ms" in text(table([timed], "", []))


def test_where_there_is_no_plot_it_is_said_why() -> None:
    assert nothing_to_plot(FOUR, "macs") == ""
    assert "latency" in nothing_to_plot(FOUR, "latency")
    assert "no accuracy" in nothing_to_plot([plan(1, 5, None)], "macs")
    assert plans_panel.shown([], "macs", "", [], "light")[2].startswith("Set a ratio in the grid below")


def test_a_plan_is_noted_once_it_is_measured(workspace: Workspace, exploration: Exploration) -> None:
    asked = set_every_ratio(exploration, 0.0625)
    recipe = asked.recipe.to_json()
    assert not isinstance(plans_panel.measured(workspace, recipe, "noting"), dict)
    result = {"accuracy": 0.75, "is_proven": True, "is_wrong": False}
    job = workspace.jobs.ask("noting", totals.job_key(asked), lambda: result)
    while job.state != "done":
        job = workspace.jobs.job("noting", job.key)
    made = plans_panel.measured(workspace, recipe, "noting")
    assert (made["accuracy"], made["key"]) == (0.75, asked.recipe.key)


def test_only_two_are_compared(workspace: Workspace, exploration: Exploration) -> None:
    one = record(exploration) | {"number": 0}
    two = record(set_ratio(exploration, GROUP, 0.5)) | {"number": 1}
    assert plans_panel.compared(workspace, [one]) == []
    assert "Original and Plan 1" in text(plans_panel.compared(workspace, [one, two]))
    broken = two | {"recipe": two["recipe"] | {"fingerprint": "other"}}
    assert "made for another version" in text(plans_panel.compared(workspace, [one, broken]))
