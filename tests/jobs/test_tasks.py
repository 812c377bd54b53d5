"""Tasks as data: what a worker reads is what was meant, and nothing that it should not run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from explorer.exploration import Exploration, View, set_ratio, start
from explorer.jobs import JobCancelledError, KnownGradients, Progress, Task, TensorStore, reason_to_stay
from explorer.jobs import tasks as tasks_module
from explorer.jobs.celery import answer_to
from explorer.jobs.tasks import is_fixed, message_key
from explorer.jobs.versions import VersionError, check_versions, versions
from explorer.models import open_model
from explorer.models.tracing import trace_opened
from explorer.training import Dataset, open_data


@pytest.fixture(scope="module")
def exploration() -> Exploration:
    return set_ratio(start(trace_opened(open_model("sample:lstm"))), "embed", 0.5)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return open_data("digits-sequence")


def message(task: Task) -> dict[str, Any]:
    """What a worker gets of a task, as it came over the wire."""
    return dict(json.loads(json.dumps(task.to_message() | {"versions": versions()})))


def test_a_message_holds_all_that_the_task_depends_on(exploration: Exploration, data: Dataset) -> None:
    task = Task("measure", exploration, data)
    read = Task.from_message(message(task), Progress())
    assert read.exploration.plan().kept == exploration.plan().kept
    assert read.exploration.graph is not exploration.graph
    assert read() | {"seconds": 0} == task() | {"seconds": 0}


def test_only_what_changes_the_result_changes_the_key(exploration: Exploration, data: Dataset) -> None:
    def key(changed: Exploration, options: dict[str, Any] | None = None) -> str:
        return message_key(Task("measure", changed, data, options or {}).to_message())

    looked_at = replace(exploration.recipe, view=View(pins=("embed",)), locked=frozenset({"lstm"}))
    assert key(replace(exploration, recipe=looked_at)) == key(exploration)
    assert key(set_ratio(exploration, "embed", 0.25)) != key(exploration)
    assert key(exploration, {"epochs": 2}) != key(exploration)


def test_what_comes_out_of_files_is_not_kept_for_another_day(exploration: Exploration, data: Dataset) -> None:
    assert is_fixed(message(Task("measure", exploration)))
    assert is_fixed(message(Task("measure", exploration, data)))
    assert not is_fixed(message(Task("measure", exploration, replace(data, word="imagefolder:photos"))))


@pytest.mark.parametrize("source", ["session:abc", "model.py:build", "/etc/model.py:build", "", "sample"])
def test_what_is_no_name_stays_here_and_is_refused_there(
    source: str, exploration: Exploration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text("raise SystemExit('this ran')")
    assert "by name alone" in reason_to_stay(source)
    forged = message(Task("measure", exploration))
    forged["recipe"]["source"] = source
    assert f"asked for '{source}'" in answer_to(forged, Progress(), "me").error


def test_data_from_code_stays_here_and_is_refused_there(exploration: Exploration, data: Dataset) -> None:
    assert not reason_to_stay("sample:lstm", data)
    assert not reason_to_stay("torchvision:vgg11", replace(data, word="imagefolder:photos"))
    own = replace(data, word="photos.py:load")
    assert "nobody's code" in reason_to_stay("sample:lstm", own)
    assert (
        "allowed from the command line only"
        in answer_to(message(Task("measure", exploration, own)), Progress(), "").error
    )


def test_a_name_that_means_another_model_there_is_refused(exploration: Exploration) -> None:
    other = replace(exploration, recipe=replace(exploration.recipe, fingerprint="0" * 16))
    assert "sample:lstm is another model" in answer_to(message(Task("measure", other)), Progress(), "me").error


def test_a_task_is_told_how_far_it_is_and_stops_when_it_is_cancelled(exploration: Exploration, data: Dataset) -> None:
    options = {"group": "embed", "ratios": [0.25, 0.5], "samples": 64}
    task = Task("curve", exploration, data, options)
    assert [point["ratio"] for point in task()["points"]] == [0.25, 0.5]
    assert task.progress.fraction == 0.5
    task.progress.cancel()
    with pytest.raises(JobCancelledError):
        task()
    cancelled = answer_to(message(task), task.progress, "me")
    assert (cancelled.result, cancelled.error) == (None, "")
    assert (
        "needs labelled data" in answer_to(message(Task("curve", exploration, options=options)), Progress(), "").error
    )


def test_what_nobody_expects_is_logged_there(
    exploration: Exploration, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(tasks_module.TASKS, "fail", fail)
    assert "The log of the worker me says more" in answer_to(message(Task("fail", exploration)), Progress(), "me").error
    assert "ZeroDivisionError" in caplog.text


def test_workers_train_as_this_process_does(exploration: Exploration, data: Dataset) -> None:
    kept: list[bytes] = []
    task = Task("recover", exploration, data, {"epochs": 1, "batch_size": 512}, keep=kept.append)
    answer = answer_to(message(task), Progress(), "me")
    result = task()
    assert kept == [answer.tensors]
    assert answer.result is not None
    assert answer.result["accuracy"] == result["accuracy"]
    assert answer.result["losses"] == result["losses"]


@pytest.mark.parametrize("name", ["recover", "sparse"])
def test_no_message_names_a_file_that_a_training_would_write(
    name: str, exploration: Exploration, data: Dataset, tmp_path: Path
) -> None:
    forged = Task(name, exploration, data, {"epochs": 1, "checkpoint": str(tmp_path / "written")})
    assert "no setting checkpoint" in answer_to(message(forged), Progress(), "me").error
    swept = Task("sensitivity", exploration, data)
    assert "no task 'sensitivity'" in answer_to(message(swept), Progress(), "me").error
    assert not list(tmp_path.iterdir())


def test_gradients_are_taken_there_as_they_are_here(exploration: Exploration, data: Dataset) -> None:
    known = KnownGradients("lstm", exploration.graph.model, data.train, TensorStore())
    ranked = replace(exploration, recipe=replace(exploration.recipe, importance="taylor"), gradients=known)
    read = Task.from_message(message(Task("measure", ranked, data)), Progress())
    assert read.exploration.plan().kept == ranked.plan().kept
    assert read.exploration.plan().kept != exploration.plan().kept


def test_versions_cover_the_code_and_are_compared_whole() -> None:
    own = versions()
    check_versions(dict(own), "me")
    assert set(own) == {"explorer", "torch", "torchvision"}
    with pytest.raises(VersionError, match=r"The worker me runs torch [\d.]+; .* it runs torch 1\.0\. Their results"):
        check_versions(own | {"torch": "1.0"}, "me")
    with pytest.raises(VersionError, match="runs explorer unknown"):
        check_versions({}, "me")
