"""Trainings and sweeps that go on where an earlier one was killed or stopped, and the room that their states take."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.exploration import set_every_ratio
from explorer.jobs import Progress, Shelves, Task
from explorer.jobs.folders import lasting_folder
from explorer.jobs.tensors import unpacked
from tests.jobs import killed
from tests.jobs.farm import ROOT
from tests.jobs.small import dataset, exploration
from tests.training.blobs import is_same

NAMES = ["recover", "sparse"]


class Watching(Progress):
    """Knows all epochs in which somebody was shown something, and stops in one where a test wants that."""

    def __init__(self, *, shelves: Shelves, asked: Task, stop_after: float = 2.0) -> None:
        super().__init__(shelves.shelf(asked))
        self.fractions: list[float] = []
        self._stop_after = stop_after

    def show(self, fraction: float, partial: Mapping[str, Any]) -> bool:
        self.fractions.append(fraction)
        self.is_cancelled = fraction > self._stop_after
        return super().show(fraction, partial)


def kill_in_the_middle(name: str, folder: Path) -> None:
    """Lets another process do a task of `killed`, and kills it where it stands still."""
    command = [sys.executable, "-m", "tests.jobs.killed", str(folder), name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "standing\n"
        process.kill()


def run(shelves: Shelves, asked: Task, **how: Any) -> tuple[dict[str, Any], dict[str, Any], list[float]]:
    """The result, the weights, and the fractions that were shown."""
    kept: list[bytes] = []
    progress = Watching(shelves=shelves, asked=asked, **how)
    result = replace(asked, progress=progress, keep=kept.append)()
    return result, unpacked(kept[0]), progress.fractions


def without_times(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without what differs from run to run."""
    return {**result, "history": [epoch | {"seconds": 0} for epoch in result["history"]]}


@pytest.mark.parametrize("name", NAMES)
def test_after_a_killed_process_the_same_training_goes_on_from_its_last_epoch(name: str, tmp_path: Path) -> None:
    kill_in_the_middle(name, tmp_path / "shelves")
    shelves = Shelves(tmp_path / "shelves")
    assert len(list(shelves.folder.iterdir())) == 1
    result, weights, fractions = run(shelves, killed.task(name))
    assert min(fractions) > (killed.KILLED_IN - 1) / killed.EPOCHS  # no earlier epoch was trained again
    whole, of_whole, _ = run(Shelves(tmp_path / "others"), killed.task(name))
    assert without_times(result) == without_times(whole)  # the curve and the histograms, too
    assert len(result["losses"]) == 3 * killed.EPOCHS
    assert is_same(weights, of_whole)
    assert list(shelves.folder.iterdir()) == []  # nothing is left to go on with


@pytest.mark.parametrize("name", NAMES)
def test_what_was_stopped_goes_on_when_it_is_asked_for_again(name: str, tmp_path: Path) -> None:
    shelves = Shelves(tmp_path)
    first, *_ = run(shelves, killed.task(name), stop_after=0.6)
    assert (first["epochs"], first["stopped"]) == (2, "cancelled")
    second, *_ = run(shelves, killed.task(name))
    assert (second["epochs"], second["stopped"]) == (4, "")
    assert second["history"][:2] == first["history"]  # to the seconds that they took
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_state_is_thrown_away_and_the_training_begins_anew(tmp_path: Path) -> None:
    shelves, asked = Shelves(tmp_path), killed.task("recover")
    run(shelves, asked, stop_after=0.6)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:500])
    result, _, fractions = run(shelves, asked)
    assert (result["epochs"], min(fractions)) == (4, 1 / 12)
    assert list(tmp_path.iterdir()) == []


def swept(shelves: Shelves, asked: Task) -> tuple[dict[str, Any], list[float]]:
    """The result of a sweep, and the fractions that were shown: one after each measurement."""
    progress = Watching(shelves=shelves, asked=asked)
    return replace(asked, progress=progress)(), progress.fractions


def test_after_a_killed_process_the_same_sweep_measures_only_what_is_missing(tmp_path: Path) -> None:
    asked = killed.task("sensitivity")
    whole, of_whole = swept(Shelves(tmp_path / "others"), asked)
    kill_in_the_middle("sensitivity", tmp_path / "shelves")
    shelves = Shelves(tmp_path / "shelves")
    held = json.loads(next(shelves.folder.iterdir()).read_bytes())
    done = len(held["joint"]) + len(held["points"])
    assert 0 < done < len(of_whole)
    result, fractions = swept(shelves, asked)
    assert fractions == of_whole[done:]
    assert result == whole
    assert swept(shelves, asked) == (whole, [])  # once it is finished, nothing is measured again


@pytest.mark.parametrize("change", ["damage", "data"])
def test_a_sweep_that_is_damaged_or_of_other_data_begins_anew(change: str, tmp_path: Path) -> None:
    shelves, asked = Shelves(tmp_path), killed.task("sensitivity")
    whole, of_whole = swept(shelves, asked)
    [path] = tmp_path.iterdir()
    held = json.loads(path.read_bytes())
    held["base"]["loss"] *= 1.01
    path.write_bytes(path.read_bytes()[:100] if change == "damage" else json.dumps(held).encode())
    assert swept(shelves, asked) == (whole, of_whole)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_only_the_same_work_on_the_same_weights_goes_on(tmp_path: Path) -> None:
    asked, half = killed.task("recover"), set_every_ratio(exploration(), 0.5)
    data, shelves = dataset(), Shelves(tmp_path)
    other_weights = set_every_ratio(exploration(), 0.5)
    with torch.no_grad():
        other_weights.graph.model[0].weight[0] += 1
    fewer = replace(data, train=data.train.take(torch.arange(40)))
    renamed = replace(half, recipe=replace(half.recipe, source="session:of another server"))
    for task in (
        Task("recover", half, data, killed.HOW | {"epochs": 5}),
        Task("sparse", half, data, killed.HOW),
        Task("recover", set_every_ratio(exploration(), 0.25), data, killed.HOW),
        Task("recover", other_weights, data, killed.HOW),
        Task("recover", half, fewer, killed.HOW),
    ):
        assert str(shelves.shelf(task)) != str(shelves.shelf(asked))
    assert str(shelves.shelf(Task("recover", renamed, data, killed.HOW))) == str(shelves.shelf(asked))


def test_states_make_room_for_each_other_and_only_their_owner_sees_them(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    shelves = Shelves(folder, most=250)
    tasks = {count: Task("recover", exploration(), dataset(), {"epochs": count}) for count in (1, 2, 3)}
    for count, task in tasks.items():
        shelves.shelf(task).write(100 * bytes([count]))
        if count == 2:
            assert shelves.shelf(tasks[1]).read() == 100 * b"\1"  # used last
    assert [shelves.shelf(task).read() is not None for task in tasks.values()] == [True, False, True]
    shelves.shelf(tasks[2]).write(300 * b"2")  # the latest stays, whatever its size
    assert [shelves.shelf(task).read() is not None for task in tasks.values()] == [False, True, False]
    assert folder.stat().st_mode & 0o077 == 0


def test_a_lasting_folder_is_found_by_later_processes_where_there_can_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "mine"))
    found = lasting_folder("trainings")
    assert found == lasting_folder("trainings") == tmp_path / "mine" / "trainings" == Shelves.lasting().folder
    assert found.stat().st_mode & 0o077 == 0
    monkeypatch.delenv("EXPLORER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert lasting_folder("trainings") == tmp_path / "cache" / "explorer" / "trainings"
    (tmp_path / "file").touch()
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "file"))  # there can be no folder in it
    assert lasting_folder("trainings") is None
    assert tmp_path not in Shelves.lasting().folder.parents
