"""A recipe as a zip of one format: proven, exported, checked, packed; refused where one of these fails."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

import explorer
from explorer.engine.apply import Pruned
from explorer.engine.errors import PlanError, SaveError, VerifyError
from explorer.exploration import Exploration, set_every_ratio, start
from explorer.exports import Check, exporting
from explorer.jobs import JobCancelledError, Progress, formats
from explorer.jobs.formats import Order, make_format

PLAIN = Order("folder", "x")


@pytest.fixture(scope="module")
def half() -> Exploration:
    return set_every_ratio(start(explorer.trace("sample:gat")), 0.5)


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the fresh process, which the tests of exports are about."""
    monkeypatch.setattr(exporting, "check", lambda *_: Check(0.0, (1, 5), "alone"))


def test_the_zip_holds_one_folder_and_the_result_says_what_was_verified(half: Exploration, tmp_path: Path) -> None:
    progress = Progress()
    made = make_format(half, Order("state_dict", "gat-pruned"), tmp_path / "a.zip", progress)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        files = sum(entry.file_size for entry in archive.infolist())
    assert {name.rpartition("/")[0] for name in names} == {
        "gat-pruned/state_dict",
        "gat-pruned/state_dict/original/sample_models",
    }
    assert (made["bytes"], made["unpacked"]) == ((tmp_path / "a.zip").stat().st_size, files)
    assert made["check"].startswith("loaded by a fresh process without the explorer")
    assert made["proof"].startswith("pruned = zeroed")
    assert (made["is_proven"], made["is_trained"]) == (True, False)
    assert "from model import load" in made["snippet"]
    assert progress.fraction == 0.6


def test_what_is_not_pruned_or_not_proven_is_not_handed_out(
    half: Exploration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PlanError, match="Nothing is pruned yet"):
        make_format(start(half.graph), PLAIN, tmp_path / "a.zip", Progress())
    wrong = replace(half.plan().apply().verify(), failures=("off by one",))
    monkeypatch.setattr(Pruned, "verify", lambda _: wrong)
    with pytest.raises(VerifyError, match=r"not verified: off by one\. It is not handed out"):
        make_format(half, PLAIN, tmp_path / "a.zip", Progress())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_and_somebody_who_stops_it(half: Exploration, tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="The export could not be written"):
        make_format(half, PLAIN, tmp_path / "missing" / "a.zip", Progress())
    stopped = Progress()
    stopped.cancel()
    with pytest.raises(JobCancelledError):
        make_format(half, PLAIN, tmp_path / "a.zip", stopped)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_while_packing_leaves_no_part_of_a_zip(
    half: Exploration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_folder: Path, target: Path) -> None:
        target.write_bytes(b"PK")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(formats, "zip_folder", full)
    with pytest.raises(SaveError, match=r"No space left on device\. Make room on the disk of the server"):
        make_format(half, PLAIN, tmp_path / "a.zip", Progress())
    assert list(tmp_path.iterdir()) == []


def test_trained_weights_are_put_in_after_the_proof(half: Exploration, tmp_path: Path) -> None:
    own = half.plan().apply().model.state_dict()
    trained = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in own.items()}
    order = Order("folder", "x", lambda: trained)
    made = make_format(half, order, tmp_path / "a.zip", Progress())
    assert (made["is_proven"], made["is_trained"]) == (True, True)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        weights = load(archive.read("x/folder/model.safetensors"))
    assert all(torch.equal(weights[name], trained[name]) for name in weights)
    other = replace(order, weights=lambda: {name: tensor[:1] for name, tensor in trained.items()})
    with pytest.raises(PlanError, match="The trained weights do not fit this plan"):
        make_format(half, other, tmp_path / "b.zip", Progress())


def test_a_model_that_was_trained_here_is_wanted_unpruned_too(half: Exploration, tmp_path: Path) -> None:
    order = replace(PLAIN, is_trained=True)
    made = make_format(start(half.graph), order, tmp_path / "a.zip", Progress())
    assert (made["is_proven"], made["is_trained"]) == (False, False)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert "x/folder/model.safetensors" in archive.namelist()
