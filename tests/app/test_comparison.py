"""Layers before and after, and what is said of the proof."""

from __future__ import annotations

from typing import Any

import pytest

from explorer.app.comparison import summary, table_rows, verdict
from explorer.app.numbers import TIMES
from explorer.app.panels import comparison_panel, totals
from explorer.app.workspace import Workspace
from explorer.engine.changes import layer_changes
from explorer.exploration import Exploration, set_ratio
from explorer.jobs import Job
from tests.app.test_panels import text

PROVEN: dict[str, Any] = {
    "proof": "pruned = zeroed, max rel. error 2e-07",
    "is_proven": True,
    "is_wrong": False,
    "repairs": ["attention.num_heads: 8 -> 6"],
}


def shape(*sizes: int) -> str:
    return TIMES.join(map(str, sizes))


def test_a_row_has_both_shapes_and_both_counts(exploration: Exploration) -> None:
    changes = layer_changes(set_ratio(exploration, "layer1.0.conv1", 0.5).plan())
    rows = {row["name"]: row for row in table_rows(changes)}
    assert rows["layer1.0.conv2"] == {
        "name": "layer1.0.conv2",
        "type": "Conv2d",
        "groups": ["conv1", "layer1.0.conv1"],
        "weight": shape(16, 16, 3, 3),
        "weight_after": shape(16, 8, 3, 3),
        "output": shape(1, 16, 8, 8),
        "output_after": shape(1, 16, 8, 8),
        "params": 2304,
        "params_after": 1152,
        "macs": 147456,
        "macs_after": 73728,
    }
    assert rows["layer1.0.add"]["weight"] == ""


def test_what_stays_can_be_left_out(exploration: Exploration) -> None:
    changes = layer_changes(set_ratio(exploration, "layer1.0.conv1", 0.5).plan())
    assert [row["name"] for row in table_rows(changes, changed_only=True)] == [
        f"layer1.0.{name}" for name in ("conv1", "bn1", "conv2")
    ]
    assert summary(changes) == "3 of 43 layers change"
    assert summary(layer_changes(exploration.plan())).startswith("None of 43 layers changes yet")


def test_the_verdict_shows_proof_and_repairs() -> None:
    shown = text(verdict(Job("k", "done", PROVEN), is_pruning=True))
    assert "proven pruned = zeroed, max rel. error 2e-07" in shown
    assert "1 repair attention.num_heads: 8 -> 6" in shown
    assert "no repairs needed" in text(verdict(Job("k", "done", {**PROVEN, "repairs": []}), is_pruning=True))


@pytest.mark.parametrize(
    ("state", "said"),
    [("running", "verifying"), ("gone", "Apply and verify"), ("failed", "Try again")],
)
def test_the_verdict_says_how_far_it_is(state: str, said: str) -> None:
    assert said in text(verdict(Job("k", state, error="no"), is_pruning=True))
    assert verdict(Job("k", state), is_pruning=False) == []


def test_the_measurement_of_the_page_is_what_is_judged(workspace: Workspace, exploration: Exploration) -> None:
    asked = set_ratio(exploration, "layer1.0.conv1", 0.5)
    recipe = asked.recipe.to_json()
    assert "verifying" in text(comparison_panel.judged(workspace, recipe, "judging")) or totals.ask(
        workspace, asked, "judging", is_asked=False
    ).state in ("running", "done")
    assert "cannot be opened" in text(comparison_panel.judged(workspace, recipe | {"source": "session:x"}, "judging"))


def test_columns_come_in_pairs() -> None:
    pairs = [column["headerName"] for column in comparison_panel.columns() if "children" in column]
    assert pairs == ["Layer", "Weight", "Parameters", "MACs", "Output"]  # each header stands over something
