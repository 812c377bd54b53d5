"""The panels of what is learnt from data: work that is begun, followed, stopped and kept, and what they draw of it."""

from __future__ import annotations

import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from explorer.app import ids
from explorer.app.curves import norm_histogram, sensitivity_curve, training_curves
from explorer.app.panels import (
    background,
    estimate_card,
    formats_dialog,
    recover_panel,
    scoring_tools,
    sensitivity_panel,
    sparse_panel,
    tuning,
)
from explorer.app.panels.background import Background
from explorer.app.pareto import pareto_figure
from explorer.app.plans import plan_name, record, table
from explorer.app.theme import tokens
from explorer.app.workspace import Subject, Workspace
from explorer.engine.errors import DataError, PlanError
from explorer.engine.importance import CRITERIA, NORMALISERS, REDUCTIONS
from explorer.engine.ranking import RANKINGS
from explorer.exploration import Exploration, set_every_ratio, set_keep, set_options
from explorer.jobs import Job, Shelves, sensitivity_to_json
from explorer.training import Point, Sensitivity
from explorer.training.sensitivity import JOINT_RATIOS
from tests.app.test_panels import text
from tests.app.test_plans import FOUR, plan
from tests.jobs.farm import wait_until
from tests.jobs.small import dataset
from tests.jobs.small import exploration as small

BASE = Point("", 0.0, 0.9, 0.5)
JOINT = tuple(Point("", ratio, 0.8 - 0.5 * ratio, 1 + ratio) for ratio in JOINT_RATIOS)
FOUND = Sensitivity(BASE, (Point("0", 0.5, 0.65, 1.0),), JOINT, ("0",), (0.5, 0.9), "l2")


@pytest.fixture
def space() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.close()


@pytest.fixture
def own(space: Workspace) -> Subject:
    """A small model in memory, with data."""
    return space.add(small().graph, data=dataset())


@pytest.fixture
def bare(space: Workspace) -> Subject:
    """A model in memory that nobody gave data for."""
    return space.add(small().graph)


def recipe_of(space: Workspace, subject: Subject, ratio: float = 0.5) -> dict[str, Any]:
    return set_every_ratio(space.begin(subject.source), ratio).recipe.to_json()


def until_over(space: Workspace, work: Background, asked: dict[str, Any]) -> list[Any]:
    """The last thing that the page is told."""
    limit = time.monotonic() + 30
    while not (told := background.follow(space, work, asked, "page", None))[1]:
        assert time.monotonic() < limit
        threading.Event().wait(0.02)
    return told


def test_the_menus_offer_everything_that_the_engine_can_do() -> None:
    assert tuning.CRITERION_NAMES.keys() == CRITERIA.keys()
    assert tuning.REDUCTION_NAMES.keys() == REDUCTIONS.keys()
    assert tuning.NORMALISER_NAMES.keys() == NORMALISERS.keys()
    assert tuning.RANKING_NAMES.keys() == RANKINGS.keys()
    assert set(scoring_tools.WITH_DATA) == {"taylor", "hessian"}


def test_recovering_adds_a_plan_whose_weights_can_be_taken_away(space: Workspace, own: Subject) -> None:
    recipe = recipe_of(space, own)
    asked = recover_panel.begin(space, "page", recipe, 1, 0.01)
    status, is_over, shown, made = until_over(space, recover_panel.WORK, asked)
    assert is_over
    assert shown["at"] == "done"
    assert "test accuracy, after epoch 1 of 1" in text(status)
    assert (made["key"], made["trained"]) == (asked["key"], "recovered, 1 epoch")
    assert made["plan"] == space.exploration(recipe).recipe.key
    assert made["accuracy"] == shown["data"]["accuracy"]
    taken = formats_dialog.begin(space, "page", recipe, "folder", {"recipe": recipe, "weights": made["weights"]})
    assert taken["name"].endswith("-pruned-recovered")
    status, *_ = until_over(space, formats_dialog.WORK, taken)
    assert "Loaded in this process, since it needs the original model; outputs equal the pruned model's" in text(status)
    assert "proven The pruned model before it was trained: pruned = zeroed" in text(status)
    with zipfile.ZipFile(space.tensors.file(taken["key"], "zip")) as archive:
        name = next(name for name in archive.namelist() if name.endswith("model.safetensors"))
        weights = load(archive.read(name))
    kept = space.tensors.read(asked["key"])
    assert all(torch.equal(weights[name], kept[name]) for name in weights)
    assert not torch.equal(weights["0.weight"], space.exploration(recipe).plan().apply().model[0].weight)
    gone = formats_dialog.begin(space, "page", recipe, "folder", {"recipe": recipe, "weights": "another"})
    assert "no longer on the server" in text(until_over(space, formats_dialog.WORK, gone)[0])


def test_what_cannot_be_trained_is_refused_in_words(space: Workspace, own: Subject, bare: Subject) -> None:
    with pytest.raises(PlanError, match="nothing to recover"):
        recover_panel.begin(space, "page", recipe_of(space, own, 0.0), 1, 0.01)
    for begin in (
        lambda: recover_panel.begin(space, "page", recipe_of(space, bare), 1, 0.01),
        lambda: sparse_panel.begin(space, "page", recipe_of(space, bare), 1, 0.01, 0.01, "group"),
        lambda: sensitivity_panel.begin(space, "page", recipe_of(space, bare)),
    ):
        with pytest.raises(DataError, match=r"has no(ne| data).*--data"):
            begin()
    asked = recover_panel.begin(space, "page", recipe_of(space, own), "", 0.01)
    status, is_over, *_ = until_over(space, recover_panel.WORK, asked)
    assert is_over
    assert "epochs is ''. It must be a whole number" in text(status)
    assert "Try again" in text(status)


def test_a_training_goes_on_where_an_earlier_server_left_it(tmp_path: Path) -> None:
    def begun(page: str) -> tuple[Workspace, dict[str, Any]]:
        space = Workspace(shelves=Shelves(tmp_path))
        recipe = recipe_of(space, space.add(small().graph, data=dataset()))
        return space, recover_panel.begin(space, page, recipe, 200, 0.01)

    def shown(space: Workspace, asked: dict[str, Any]) -> list[dict[str, Any]]:
        partial = space.trainings.job(background.owner("page", ids.RECOVER), asked["key"]).partial
        return list((partial or {}).get("history", []))

    first, asked = begun("page")
    wait_until(lambda: len(shown(first, asked)) >= 2)
    first.close()
    [state] = tmp_path.iterdir()
    second, asked = begun("page")
    wait_until(lambda: shown(second, asked))
    before = shown(second, asked)
    assert len(before) >= 2
    second.trainings.cancel(background.owner("page", ids.RECOVER))
    status, _, data, _ = until_over(second, recover_panel.WORK, asked)
    assert "stopped; recover again to go on" in text(status)
    assert data["data"]["history"][: len(before)] == before
    assert len(data["data"]["losses"]) > len(before)
    assert list(tmp_path.iterdir()) == [state]
    second.close()


def test_a_sparse_model_is_planned_on_like_any_other(space: Workspace, own: Subject) -> None:
    asked = sparse_panel.begin(space, "page", recipe_of(space, own), 1, 0.05, 0.1, "group")
    status, _, shown, made = until_over(space, sparse_panel.WORK, asked)
    assert "Plan on these weights" in text(status)
    assert len(shown["data"]["histograms"]) == 2
    assert (made["trained"], made["is_pruning"], made["weights"]) == ("sparse, 1 epoch", False, None)
    sparse = space.open(made["recipe"]["source"])
    assert sparse.title.endswith(", sparse, 1 epoch")
    assert getattr(status[-1], "data-open-trained") == sparse.source
    assert torch.equal(sparse.graph.model[0].weight, space.tensors.read(asked["key"])["0.weight"])
    assert not torch.equal(sparse.graph.model[0].weight, own.graph.model[0].weight)
    assert sparse_panel.finished(space, asked, shown["data"])["recipe"]["source"] == sparse.source  # only once
    scores = [space.begin(source).plan().scores["0"].tolist() for source in (own.source, sparse.source)]
    assert scores[0] != scores[1]
    assert made["plan"] != space.begin(own.source).recipe.key


def test_a_sweep_is_kept_for_everybody_who_asks_for_the_same(space: Workspace, own: Subject) -> None:
    recipe = recipe_of(space, own)
    assert not isinstance(sensitivity_panel.known(space, recipe, "page", None), dict)  # nothing, as at first
    asked = sensitivity_panel.begin(space, "page", recipe)
    status, _, shown, made = until_over(space, sensitivity_panel.WORK, asked)
    assert "1 group measured, ranked by L2 norm" in text(status)
    assert made is not None
    assert not isinstance(made, dict)
    elsewhere = sensitivity_panel.known(space, recipe_of(space, own, 0.25), "another page", None)
    assert elsewhere["data"] == shown["data"]
    other = set_options(space.begin(own.source), importance="l1").recipe.to_json()
    assert sensitivity_panel.known(space, other, "page", elsewhere)["data"] is None
    assert not isinstance(sensitivity_panel.known(space, recipe, "page", elsewhere), dict)  # it is there already
    guess = text(estimate_card.estimate(space.exploration(recipe), elsewhere))
    assert guess.startswith("estimated ≈ ")


def test_a_sweep_is_found_by_a_later_server_whatever_else_was_chosen(tmp_path: Path) -> None:
    shelves, shown = Shelves(tmp_path), list[Any]()
    for ratio in (0.0, 0.5):
        with closing(Workspace(shelves=shelves)) as space:
            recipe = recipe_of(space, space.add(small().graph, data=dataset()), ratio)
            asked = sensitivity_panel.begin(space, "page", recipe)
            shown.append(until_over(space, sensitivity_panel.WORK, asked)[2]["data"])
        [kept] = tmp_path.iterdir()
        held = json.loads(kept.read_text())
        held["points"][0]["accuracy"] = 0.123
        kept.write_text(json.dumps(held))
    assert shown[0]["points"][0]["accuracy"] != 0.123
    assert shown[1]["points"][0]["accuracy"] == 0.123  # read, not measured again


def test_no_estimate_is_made_of_what_was_not_measured(exploration: Exploration) -> None:
    half = set_every_ratio(exploration, 0.5)
    incomplete = {"key": "k", "data": sensitivity_to_json(FOUND)}
    assert estimate_card.estimate(half, None) == []
    assert estimate_card.estimate(half, incomplete) == []
    complete = Sensitivity(BASE, (*FOUND.points, Point("0", 0.9, 0.2, 2.0)), (), ("0",), (0.5, 0.9), "l2")
    shown = {"key": "k", "data": sensitivity_to_json(complete)}
    assert estimate_card.estimate(exploration, shown) == []  # nothing is pruned
    by_hand = set_keep(exploration, "layer1.0.conv1", [0, 1])
    assert "chosen by hand" in text(estimate_card.estimate(by_hand, shown))


def test_criteria_that_need_data_are_measured_for_first(space: Workspace, own: Subject, bare: Subject) -> None:
    recipe = recipe_of(space, own)
    asked = scoring_tools.begin(space, "page", recipe, {"importance": "taylor"})
    status, is_over, shown, _ = until_over(space, scoring_tools.WORK, asked)
    assert (status, is_over, shown["importance"], shown["data"]) == ([], True, "taylor", {"samples": 48})
    known = space.gradients(own)
    assert known is not None
    assert known.are_known("gradient")
    ranked = set_options(space.exploration(recipe), importance="taylor")
    assert ranked.plan().options.gradients is known("gradient")
    with pytest.raises(
        PlanError, match=r"'taylor' asks what a channel does to the loss, so it needs labelled data.*has none"
    ):
        scoring_tools.begin(space, "page", recipe_of(space, bare), {"importance": "taylor"})
    with pytest.raises(PlanError, match="has none here"):
        set_options(set_every_ratio(space.begin(bare.source), 0.5), importance="hessian").plan()
    with pytest.raises(PlanError, match="'l2' measures nothing"):
        scoring_tools.begin(space, "page", recipe, {"importance": "l2"})


def test_the_page_says_how_far_work_is() -> None:
    work, asked = recover_panel.WORK, {"key": "k"}
    assert "training… 40 %" in text(background.status(work, asked, Job("k", "running", fraction=0.4)))
    assert "waiting for other work…" in text(background.status(work, asked, Job("k", "waiting")))
    assert "no room Try again" in text(background.status(work, asked, Job("k", "failed", error="no room")))
    assert "Finished epochs are kept; recover again to go on." in text(background.status(work, asked, Job("k", "gone")))
    nothing = {"best_epoch": 0, "epochs": 0, "stopped": "cancelled", "before": 0.5, "accuracy": 0.5}
    assert "nothing was learnt" in text(recover_panel.summary(asked, nothing))


def test_what_is_known_is_sent_to_the_page_once(space: Workspace) -> None:
    released = threading.Event()
    work = recover_panel.WORK
    space.trainings.ask(background.owner("page", work.parts), "k", lambda: {"waited": released.wait(10)})
    limit = time.monotonic() + 10
    while background.follow(space, work, {"key": "k"}, "page", None)[0][1].children.startswith("waiting"):
        assert time.monotonic() < limit
    assert not isinstance(background.follow(space, work, {"key": "k"}, "page", None)[2], dict)  # it shows nothing yet
    assert background.follow(space, work, None, "page", None)[1]  # nothing is asked for
    released.set()


def test_all_groups_at_a_glance_are_shaded_by_what_they_lose() -> None:
    shown = sensitivity_panel.overview(FOUND)
    joint, row = shown.children[1].children
    assert "all groups together" in text(joint)
    assert [getattr(cell, "className", "") for cell in row.children[1:]] == ["is-shade-2", ""]  # 0.25 of 0.9
    assert text(row).endswith("65.0 %")
    assert getattr(row.children[0].children, "data-pick") == "group:0"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_curve_is_drawn_in_the_hue_of_its_group(scheme: str) -> None:
    joint, own = sensitivity_curve(FOUND, "0", 0.25, scheme, 2).data
    assert own.line.color == tokens(scheme)["hue-2"]
    assert (list(own.x), list(own.y)) == ([0, 50], [90, 65])
    assert len(joint.x) == 1 + len(JOINT_RATIOS)
    none = sensitivity_curve(FOUND, "", 0.0, scheme, 0)
    assert len(none.data) == 1
    assert "Select a group" in none.layout.annotations[0].text


def test_a_training_is_drawn_from_what_there_is() -> None:
    epoch = {"number": 1, "loss": 0.5, "accuracy": 0.8, "learning_rate": 0.1, "seconds": 1.0}
    losses, means, accuracy = training_curves({"losses": [(0.5, 1.2)], "history": [epoch]}, 0.6, "light").data
    assert (list(losses.x), list(losses.y)) == ([0.5], [1.2])
    assert (list(means.x), list(means.y)) == ([0.5], [0.5])
    assert (list(accuracy.x), list(accuracy.y)) == ([0, 1], [60, 80])
    assert [line.name for line in (losses, means, accuracy) if line.showlegend is not False] == [
        "each batch",
        "mean of the epoch",
    ]
    assert all(len(line.x) == 0 for line in training_curves({"losses": [], "history": []}, None, "dark").data)


def test_the_histogram_shows_before_and_now() -> None:
    counts = [[0] * 39 + [4], [4] + [0] * 39]
    now, before = norm_histogram(counts, 1, "light").data
    assert (now.name, now.y[0], before.y[-1]) == ("after epoch 1", 4, 4)
    assert [line.name for line in norm_histogram(counts[:1], 0, "light").data] == ["before"]
    assert norm_histogram(counts, 0, "light").data[0].name == "stopped in epoch 1"


def test_a_trained_plan_has_a_name_a_sign_and_its_weights(exploration: Exploration) -> None:
    assert record(exploration, weights="w")["key"] == "w"
    recovered = plan(1, 50, 0.85, key="w", trained="recovered, 2 epochs", weights="w")
    sparse = plan(0, 100, 0.88, key="s", trained="sparse, 1 epoch")
    assert [plan_name(each) for each in (recovered, sparse)] == [
        "Plan 1, recovered, 2 epochs",
        "Original, sparse, 1 epoch",
    ]
    rows = table([sparse, recovered], "", []).children[1].children
    assert ["export" in text(row) for row in rows] == [False, True]
    points = pareto_figure([*FOUR, recovered, sparse], "macs", "", "light").data[-1]
    assert list(points.text) == ["3", "1 recovered", "1", "2", "original", "sparse"]
    assert list(points.marker.symbol)[:3] == ["circle", "diamond", "circle-open"]


def test_every_kind_of_work_has_ids_of_its_own() -> None:
    parts = [
        part
        for work in (ids.SWEEP, ids.RECOVER, ids.SPARSE, ids.SCORES, ids.LATENCY, ids.LATENCY_TARGET)
        for part in work
    ]
    assert len(set(parts)) == len(parts)
