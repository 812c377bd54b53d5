"""Plans to a target: how near they come, on which cost, and what is said where none does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from explorer.engine import targets
from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.latency import Timing, time_against
from tests.engine import patterns
from tests.engine.patterns import traced


@pytest.fixture(scope="module")
def wide() -> DependencyGraph:
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 48, 3), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, 64, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    return trace(net, torch.randn(1, 3, 12, 12))


def remaining(graph: DependencyGraph, cost: str, fraction: float, **options: Any) -> float:
    plan = graph.plan_to(**{cost: fraction}, **options)
    return float(getattr(plan.cost.after, cost) / getattr(plan.cost.before, cost))


@pytest.mark.parametrize("cost", ["macs", "params", "bytes"])
@pytest.mark.parametrize("fraction", [0.9, 0.5, 0.25])
@pytest.mark.parametrize("ranking", ["local", "global", "isomorphic"])
def test_what_remains_is_within_two_percent(wide: DependencyGraph, cost: str, fraction: float, ranking: str) -> None:
    assert remaining(wide, cost, fraction, ranking=ranking) == pytest.approx(fraction, rel=0.02)


def test_a_plan_to_a_target_repeats_and_keeps_what_it_was_made_of(wide: DependencyGraph) -> None:
    first, again = wide.plan_to(macs=0.4, importance="l1"), wide.plan_to(macs=0.4, importance="l1")
    assert first.channels == again.channels
    assert first.importance == "l1"
    assert first.timings == ()
    assert {0.3 < ratio < 0.5 for ratio in first.ratios.values()} == {True}
    scores = first.scores["0"]
    assert min(scores[list(first.channels["0"])]) >= sorted(scores)[-len(first.channels["0"])]


def test_everything_remains_where_all_is_asked_for(wide: DependencyGraph) -> None:
    assert wide.plan_to(params=1).is_identity


def test_ties_and_heads_hold_in_plans_between_two_ratios() -> None:
    for fraction in (0.9, 0.8, 0.6, 0.5):
        plan = traced(patterns.shuffled()).plan_to(params=fraction, tolerance=0.4)
        assert len(plan.channels["a[0:4]"]) == len(plan.channels["a[4:8]"])
        assert len(plan.channels["a[0:4]"]) * 2 == len(plan.channels["a[8:16]"])
    assert len(traced(patterns.attention()).plan_to(params=0.6, tolerance=0.2).channels["attend:heads"]) == 2


def test_rounding_and_minimum_hold(wide: DependencyGraph) -> None:
    plan = wide.plan_to(macs=0.5, round_to=4, minimum=20, tolerance=0.1)
    counts = [len(kept) for kept in plan.channels.values()]
    assert all(count % 4 == 0 and count >= 20 for count in counts)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"macs": 0.001},
            r"macs=0\.001 is out of reach: the nearest plan leaves 0\.0018 of the multiply-adds. Every",
        ),
        ({"macs": 0.05, "minimum": 16}, r"keeps at least minimum=16, and \d+ dimensions are frozen"),
        ({"params": 0.1, "cap": 0.5}, r"cap=0\.5 keeps more"),
        (
            {"params": 0.6, "round_to": 32},
            r"nearest plans leave 0\.\d+ and 0\.\d+ of the parameters. round_to=32 and few",
        ),
    ],
)
def test_what_is_out_of_reach_is_said_with_how_close_is_possible_and_why(
    wide: DependencyGraph, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        wide.plan_to(**asked)


def test_a_model_that_cannot_be_pruned_says_so() -> None:
    with pytest.raises(PlanError, match=r"the nearest plan leaves 1\.0000 .*Nothing in this model can be pruned"):
        traced(patterns.lone()).plan_to(macs=0.5)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "A plan has one target: macs, params, bytes, latency. This call gives none"),
        ({"macs": 0.5, "params": 0.5}, "gives 2 of them: macs, params"),
        ({"macs": 0}, "macs is 0. It is the fraction that remains: above 0 and at most 1"),
        ({"bytes": 2.0}, "bytes is 2.0"),
        ({"macs": float("nan")}, "macs is nan"),
        ({"macs": True}, "macs is True"),
        ({"macs": 0.5, "tolerance": 0}, "tolerance is 0"),
        ({"macs": 0.5, "importance": "best"}, "importance 'best' is not known"),
        ({"macs": 0.5, "ranking": "best"}, "ranking 'best' is not known"),
        ({"macs": 0.5, "importance": "taylor"}, "needs data"),
    ],
)
def test_targets_that_make_no_sense_are_refused(wide: DependencyGraph, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        wide.plan_to(**asked)


def stopwatch(monkeypatch: pytest.MonkeyPatch, fixed: float = 0.2, noise: float = 0.0) -> list[Timing]:
    """Times that follow the parameters, with a part that does not."""
    taken: list[Timing] = []

    def timed(
        original: nn.Module, pruned: nn.Module, _inputs: Any, removed: float, watch: Callable[[], object]
    ) -> Timing:
        watch()
        sizes = [sum(parameter.numel() for parameter in model.parameters()) for model in (pruned, original)]
        taken.append(Timing(removed, fixed + (1 - fixed) * sizes[0] / sizes[1], 1.0, noise, 9))
        return taken[-1]

    monkeypatch.setattr(targets, "time_against", timed)
    return taken


def test_latency_is_measured_until_it_is_near_and_the_plan_holds_what_was_measured(
    wide: DependencyGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = stopwatch(monkeypatch)
    plan = wide.plan_to(latency=0.5)
    assert plan.timings == tuple(taken)
    assert plan.timings[-1].fraction == pytest.approx(0.5, rel=0.02)
    assert all(abs(timing.fraction - 0.5) > 0.01 for timing in plan.timings[:-1])
    assert 1 < len(taken) < 8
    gone = sum(48 - len(kept) if name == "3" else 0 for name, kept in plan.channels.items())
    assert 0 < gone < 48


def test_who_watches_a_search_for_a_latency_sees_what_was_timed_and_can_end_it(
    wide: DependencyGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = stopwatch(monkeypatch)
    seen: list[int] = []
    wide.plan_to(latency=0.5, watch=lambda timings: seen.append(len(timings)))
    assert seen == list(range(len(taken)))
    assert len(taken) <= targets.MOST_TIMINGS

    def stop(timings: Sequence[Timing]) -> None:
        if len(timings) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wide.plan_to(latency=0.5, watch=stop)


@pytest.mark.parametrize("count", [1, 2, 64, 127, 128, 191, 192, 500, 4096])
def test_the_levels_of_a_latency_are_few_enough(count: int) -> None:
    step = max(1, count // targets._LATENCY_LEVELS)
    coarse = [*range(count)[:-1:step], count - 1]
    assert len(coarse).bit_length() <= targets.MOST_TIMINGS


def test_a_timing_ends_where_who_watches_says_so() -> None:
    calls: list[None] = []

    def watch() -> None:
        calls.append(None)
        if len(calls) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        time_against(nn.Linear(2, 2), nn.Linear(2, 2), torch.randn(1, 2), removed=0.5, watch=watch)


def test_a_latency_out_of_reach_shows_what_was_measured(wide: DependencyGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    stopwatch(monkeypatch)
    message = r"latency=0\.1 is out of reach.*does not depend on the channels. Measured: \d+ % of the channels gone: "
    with pytest.raises(PlanError, match=message):
        wide.plan_to(latency=0.1)


def test_what_noise_hides_is_near_enough_up_to_a_limit() -> None:
    target = targets.Target("latency", 0.5)
    assert not target.is_met(0.54)
    assert target.is_met(0.54, noise=0.09)
    assert not target.is_met(0.6, noise=0.5)


def test_times_of_two_models_are_taken_in_turns() -> None:
    small, large = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 2048), nn.Linear(2048, 2048), nn.Linear(2048, 4))
    large.train()
    timing = time_against(large, small, torch.randn(64, 4), removed=0.5)
    assert 0 < timing.seconds < timing.before
    assert timing.fraction == timing.seconds / timing.before < 1
    assert timing.noise >= 0
    assert timing.runs >= 9
    assert large.training
