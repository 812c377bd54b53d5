from __future__ import annotations

import json

import pytest

from explorer.engine.graph import trace
from explorer.exploration import Exploration, set_every_ratio, set_ratio, start
from explorer.jobs import JobCancelledError, Progress, measure
from explorer.jobs.measure import PROVEN
from explorer.models import open_model
from explorer.training.data import digits, open_data
from explorer.training.evaluate import evaluate


@pytest.fixture(scope="module")
def exploration() -> Exploration:
    opened = open_model("sample:resnet20")
    return start(trace(opened.model, opened.example_inputs, source=opened.source))


def test_nothing_pruned_is_measured_as_it_is(exploration: Exploration) -> None:
    found = measure(exploration, digits().test)
    assert found.accuracy == found.before == evaluate(exploration.graph.model, digits().test).accuracy
    assert found.is_proven is None


def test_a_pruned_model_is_proven_and_measured(exploration: Exploration) -> None:
    asked = set_ratio(exploration, "layer1.0.conv1", 0.5)
    found = measure(asked, digits().test)
    assert found.is_proven
    assert found.proof.startswith("pruned = zeroed, max rel. error")
    assert found.accuracy == evaluate(asked.plan().apply().model, digits().test).accuracy
    assert json.loads(json.dumps(found.to_json()))["accuracy"] == found.accuracy


def test_it_tells_how_far_it_is_and_ends_where_nobody_waits(exploration: Exploration) -> None:
    asked, told, progress = set_ratio(exploration, "layer1.0.conv1", 0.5), list[float](), Progress()
    measure(asked, digits().test, told.append)
    assert told == sorted(told)
    assert 0 < told[0] < PROVEN < told[-1] == 1
    assert len(told) == 6  # applied, proven, and two batches of each model

    def give_up(fraction: float) -> None:
        told.append(fraction)
        progress.tell(fraction)
        progress.cancel()

    told.clear()
    with pytest.raises(JobCancelledError):
        measure(asked, digits().test, give_up)
    assert told == [PROVEN / 2, PROVEN]


def test_a_comparison_that_could_not_have_failed_is_no_proof(
    exploration: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.engine.verify.MARGIN", 1e9)
    found = measure(set_ratio(exploration, "layer1.0.conv1", 0.5), None)
    assert (found.is_proven, found.is_wrong) == (False, False)
    assert "proves little" in found.proof


def test_without_data_there_is_a_proof_and_no_accuracy(exploration: Exploration) -> None:
    found = measure(set_ratio(exploration, "layer1.0.conv1", 0.5), None)
    assert found.is_proven
    assert found.accuracy is None


@pytest.mark.parametrize("name", ["lstm", "dgcnn", "gat"])
def test_sequences_points_and_graphs_are_measured_as_images_are(name: str) -> None:
    opened = open_model(f"sample:{name}")
    asked = set_every_ratio(start(trace(opened.model, opened.example_inputs)), 0.5)
    found = measure(asked, open_data(opened.data).test)
    assert found.is_proven
    assert found.total == 359
    assert opened.card is not None
    assert abs(found.before - opened.card["test_accuracy"]) < 2 / 359
    assert found.accuracy != found.before
