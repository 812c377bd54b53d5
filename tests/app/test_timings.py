"""What is timed: the plan on the page, and plans on the way to a wanted latency."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from explorer.app import ids
from explorer.app.panels import background, latency_target, latency_tools, tuning
from explorer.app.panels.background import Background
from explorer.app.workspace import Workspace
from explorer.engine import targets
from explorer.engine.errors import PlanError
from explorer.exploration import Exploration, Recipe, set_lock, set_ratio
from explorer.jobs import Job
from tests.app.test_panels import text
from tests.jobs.stopwatch import timed_by_parameters

GROUP = "layer1.0.conv1"
TIMINGS = [
    {"removed": 0.5, "seconds": 0.002, "before": 0.004, "noise": 0.0, "runs": 9, "is_chosen": False},
    {"removed": 0.25, "seconds": 0.0029, "before": 0.004, "noise": 0.03, "runs": 11, "is_chosen": True},
]


def until_over(space: Workspace, work: Background, asked: dict[str, Any], page: str) -> list[Any]:
    """The last thing that the page is told."""
    limit = time.monotonic() + 90
    while not (told := background.follow(space, work, asked, page, None))[1]:
        assert time.monotonic() < limit
        threading.Event().wait(0.05)
    return told


def test_a_timing_is_followed_until_its_plan_is_noted(workspace: Workspace, exploration: Exploration) -> None:
    recipe = set_ratio(exploration, GROUP, 0.5).recipe.to_json()
    asked = latency_tools.begin(workspace, "timing", recipe, "8")
    said, _, _, made = until_over(workspace, latency_tools.WORK, asked, "timing")
    assert (made["key"], made["latency"]["batch"], made["accuracy"]) == (Recipe.from_json(recipe).key, 8, None)
    assert f"measured on this machine, batch 8, median of {made['latency']['runs']}" in text(said)
    again = latency_tools.begin(workspace, "timing", recipe, "8")
    assert again["key"] != asked["key"]  # measured anew
    workspace.jobs.cancel(background.owner("timing", ids.LATENCY))


def test_a_timing_says_how_far_it_is_and_why_it_failed() -> None:
    def said(*job: Any, **more: Any) -> str:
        return text(background.status(latency_tools.WORK, {}, Job("k", *job, **more)))

    assert "timing… 40 %" in said("running", fraction=0.4)
    assert "no such batch" in said("failed", error="no such batch")
    assert "nothing was timed" in said("gone")


def test_a_target_is_looked_for_by_timing_plans(
    workspace: Workspace, exploration: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "time_against", timed_by_parameters)
    recipe = exploration.recipe.to_json()
    asked = latency_target.begin(workspace, "aiming", recipe, {"fraction": 0.5, "ranking": "local"})
    said, _, shown, made = until_over(workspace, latency_target.WORK, asked, "aiming")
    assert not isinstance(made, dict)  # no plan was measured for its accuracy
    assert (shown["at"], shown["fingerprint"]) == ("done", exploration.graph.fingerprint)
    assert shown["data"]["ratios"].keys() == {group.name for group in exploration.graph.groups}
    assert f"{len(shown['data']['timings'])} plans timed" in text(said)
    assert "50 % was asked for" in text(said)


def test_what_is_no_target_is_refused_at_once(workspace: Workspace, exploration: Exploration) -> None:
    recipe = exploration.recipe.to_json()
    with pytest.raises(PlanError, match="fraction that is to remain"):
        latency_target.begin(workspace, "page", recipe, {"fraction": "", "ranking": "local"})
    locked = set_lock(exploration, [GROUP], True).recipe.to_json()
    with pytest.raises(PlanError, match="is locked"):
        latency_target.begin(workspace, "page", locked, {"fraction": 0.5, "ranking": "local"})


def test_the_table_shows_all_that_was_timed_and_marks_what_was_chosen() -> None:
    head, body = latency_target.table(TIMINGS).children
    assert text(head) == text(list(latency_target.HEADS))
    first, second = body.children
    assert [text(cell) for cell in first.children] == ["25 % chosen", "2.9 ms", "4 ms", "72 %", "3 %"]
    assert (first.className, second.className) == ("is-current", "")
    said = text(latency_target.summary({"fraction": 0.75}, {"timings": TIMINGS}))
    assert "72 % of the time remains; 75 % was asked for" in said
    assert "2 plans timed" in said


def test_latency_is_offered_beside_the_costs_that_need_no_timing() -> None:
    assert list(tuning.ALL_TARGETS) == ["macs", "params", "bytes", "latency"]
