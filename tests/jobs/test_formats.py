"""A recipe as a zip of one format: proven, exported, checked, packed; refused where one of these fails."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import explorer
from explorer.engine.apply import Pruned
from explorer.engine.errors import PlanError, SaveError, VerifyError
from explorer.exploration import Exploration, set_every_ratio, start
from explorer.exports import Check, exporting
from explorer.jobs import JobCancelledError, Progress
from explorer.jobs.formats import make_format


@pytest.fixture(scope="module")
def half() -> Exploration:
    return set_every_ratio(start(explorer.trace("sample:gat")), 0.5)


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fresh process, which the tests of exports are about."""
    monkeypatch.setattr(exporting, "check", lambda *_: Check(0.0, (1, 5), "alone"))


def test_the_zip_holds_one_folder_and_the_result_says_what_was_verified(half: Exploration, tmp_path: Path) -> None:
    progress = Progress()
    made = make_format(half, "state_dict", tmp_path / "a.zip", "gat-pruned", progress)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
    assert {name.rpartition("/")[0] for name in names} == {
        "gat-pruned/state_dict",
        "gat-pruned/state_dict/original/sample_models",
    }
    assert made["bytes"] == (tmp_path / "a.zip").stat().st_size
    assert made["check"].startswith("loaded by a fresh process without the explorer")
    assert made["proof"].startswith("pruned = zeroed")
    assert "from model import load" in made["snippet"]
    assert progress.fraction == 0.6


def test_what_is_not_pruned_or_not_proven_is_not_handed_out(
    half: Exploration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PlanError, match="Nothing is pruned yet"):
        make_format(start(half.graph), "folder", tmp_path / "a.zip", "x", Progress())
    wrong = replace(half.plan().apply().verify(), failures=("off by one",))
    monkeypatch.setattr(Pruned, "verify", lambda _: wrong)
    with pytest.raises(VerifyError, match=r"not verified: off by one\. It is not handed out"):
        make_format(half, "folder", tmp_path / "a.zip", "x", Progress())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_and_somebody_who_stops_it(half: Exploration, tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="The export could not be written"):
        make_format(half, "folder", tmp_path / "missing" / "a.zip", "x", Progress())
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(JobCancelledError):
        make_format(half, "folder", tmp_path / "a.zip", "x", stopped)
    assert list(tmp_path.iterdir()) == []
