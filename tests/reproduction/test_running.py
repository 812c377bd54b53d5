"""Runs are measured once, go on where they were stopped, and never mix with those of other settings."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from explorer.engine.errors import SaveError, TrainingError
from explorer.engine.graph import trace
from explorer.reproduction import Experiment, Record, Step, cases_of, read_records, reproduce, running
from explorer.reproduction.records import FILE
from explorer.training import open_data, processes
from tests.reproduction.tiny import TINY

ONE_SEED = replace(TINY, seeds=(0,))


@pytest.fixture(autouse=True)
def _one_thread(_same_start: None) -> None:
    torch.set_num_threads(1)


def run(experiment: Experiment, folder: Path) -> tuple[Record, ...]:
    *_, records = reproduce([experiment], folder)
    return records


def measured(records: Sequence[Record]) -> list[tuple[object, ...]]:
    """What does not depend on when and for how long a run ran."""
    return [(record.key, record.pruned, record.recalibrated, record.tuned, record.norms) for record in records]


def test_a_seed_of_every_experiment_comes_before_the_next_seed() -> None:
    other = replace(TINY, name="other", methods=("random",), seeds=(1,))
    assert [(case.seed, case.experiment.name, case.method) for case in cases_of([TINY, other])] == [
        (0, "tiny", "base"),
        (0, "tiny", "random"),
        (0, "tiny", "sparse-group"),
        (1, "tiny", "base"),
        (1, "tiny", "random"),
        (1, "tiny", "sparse-group"),
        (1, "other", "base"),
        (1, "other", "random"),
    ]


def test_what_a_method_is_called_is_no_setting() -> None:
    assert cases_of([TINY])[1].settings["method"] == {"importance": "random", "scope": "group", "is_sparse": False}


def test_every_run_is_measured_proven_and_written(tmp_path: Path) -> None:
    records = run(TINY, tmp_path)
    assert [record.key for record in records] == [case.key for case in cases_of([TINY])]
    assert read_records(tmp_path) == records
    base, random, sparse = records[:3]
    assert base.macs[0] == base.macs[1]
    assert base.pruned == base.unpruned > 0.5
    for record in (random, sparse):
        assert record.macs[0] / record.macs[1] == pytest.approx(2.0, rel=0.02)
        assert record.params[1] < record.params[0]
        assert record.samples == 359
    assert random.unpruned == base.unpruned
    assert (random.tuned or 0) > random.pruned
    assert random.norms is None
    assert sparse.norms is not None
    assert [sum(counts) for counts in sparse.norms] == [24, 24]
    assert sparse.norms[1][0] > sparse.norms[0][0]  # more channels are near zero
    assert records[3].unpruned != base.unpruned  # each seed trains a base of its own
    assert sorted(path.name for path in (tmp_path / running.UNFINISHED).iterdir()) == []


def test_what_is_measured_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = run(ONE_SEED, tmp_path)
    monkeypatch.setattr(running, "finetune", None)
    assert [*reproduce([ONE_SEED], tmp_path)] == [records]


@pytest.mark.parametrize(("stops_in", "fraction"), [("training the base", 0.5), ("fine-tuning", 0.9)])
def test_a_run_that_was_killed_goes_on_and_gives_the_same(tmp_path: Path, stops_in: str, fraction: float) -> None:
    def kill(step: Step) -> None:
        if step.what == stops_in and step.fraction > fraction and step.case.method != "random":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        [*reproduce([ONE_SEED], tmp_path / "killed", kill)]
    assert len(read_records(tmp_path / "killed")) < len(cases_of([ONE_SEED]))
    seen: list[Step] = []
    *_, records = reproduce([ONE_SEED], tmp_path / "killed", seen.append)
    assert seen[0].fraction > fraction - 1 / 3  # the epochs that were done are not run again
    assert measured(records) == measured(run(ONE_SEED, tmp_path / "whole"))


def test_a_disk_that_fills_up_keeps_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    runs = reproduce([ONE_SEED], tmp_path)
    next(runs)
    first = next(runs)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveError, match=r"No space left on device.*make room or choose another folder"):
        next(runs)
    assert read_records(tmp_path) == first
    assert not list(tmp_path.rglob("*.unfinished"))


def test_a_folder_that_cannot_be_written_is_said_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("taken")
    with pytest.raises(SaveError, match=r"results\.jsonl could not be written.*choose another folder"):
        next(reproduce([TINY], tmp_path / "file"))


def test_results_of_other_settings_are_refused(tmp_path: Path) -> None:
    before = run(ONE_SEED, tmp_path)
    longer = replace(ONE_SEED, tuning=replace(ONE_SEED.tuning, epochs=4), strength=0.1)
    said = r"holds results of tiny with other settings: tuning\.epochs was 3, now 4\. Choose another folder with --out"
    with pytest.raises(TrainingError, match=said):
        next(reproduce([longer], tmp_path))
    assert read_records(tmp_path) == before
    more = replace(ONE_SEED, title="Another title", methods=("random", "l1-group", "sparse-group"))
    assert len(run(more, tmp_path)) == 4  # what is called otherwise, or more of it, is no other setting


@pytest.mark.parametrize("line", ["{", "[]", '{"experiment": "tiny"}'])
def test_a_line_that_is_no_result_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_text(f"{line}\n")
    with pytest.raises(TrainingError, match=r"Line 1 of .*results\.jsonl is no result of an experiment"):
        next(reproduce([TINY], tmp_path))


def test_the_test_part_changes_nothing_that_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = open_data("digits")
    wrong = replace(data, test=replace(data.test, labels=(data.test.labels + 1) % 10))
    right = run(ONE_SEED, tmp_path / "right")
    monkeypatch.setattr(running, "open_data", lambda word: wrong)
    found = run(ONE_SEED, tmp_path / "wrong")
    assert [record.validation for record in found] == [record.validation for record in right]
    assert max(record.unpruned for record in found) < 0.5 < min(record.unpruned for record in right)


def test_what_is_measured_on_a_gpu_is_a_copy_there(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TINY.network.build()
    assert running._on_device(model) is model
    monkeypatch.setattr(processes, "default_device", lambda: torch.device("meta"))
    assert {weight.device.type for weight in running._on_device(model).parameters()} == {"meta"}
    assert {weight.device.type for weight in model.parameters()} == {"cpu"}


def test_norms_are_counted_by_their_share_of_the_better_half() -> None:
    model = nn.Sequential(nn.Linear(1, 4, bias=False), nn.Linear(4, 1, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.0], [1.0], [2.0], [2.0]]))
        model[1].weight.zero_()
    found = running.norm_histogram(trace(model, torch.randn(2, 1)))  # squared 0, 1, 4, 4; the better half's mean is 4
    assert {number: found[number] for number in np.flatnonzero(found)} == {0: 1, 2: 1, 10: 2}
