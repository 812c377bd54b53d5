"""The dialog of formats: what it says before, and what it gives once a format is made."""

from __future__ import annotations

import json
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from plotly.utils import PlotlyJSONEncoder
from safetensors.torch import load
from torch import Tensor, nn

from explorer.app import workspace as workspace_module
from explorer.app.panels import background, exporting, formats_dialog, quick_export
from explorer.app.panels.background import Background
from explorer.app.server import create_app
from explorer.app.workspace import Workspace
from explorer.engine.errors import PlanError
from explorer.engine.graph import trace
from explorer.exploration import set_every_ratio
from explorer.exports import FORMATS
from explorer.exports import format as form_module
from explorer.jobs.tensors import packed
from tests.engine.nets import Run

RECIPE = {"format": 2, "source": "sample:gat"}


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.close()


def text(node: Any) -> str:
    """A tree of Dash components as the JSON that the browser gets."""
    return json.dumps(node, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_every_format_says_what_it_is_good_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = text(formats_dialog.layout())
    for form in FORMATS.values():
        assert form.title in shown
        assert form.good_for in shown
    monkeypatch.setattr(form_module, "find_spec", lambda name: None)
    lacking = "Missing here: onnx, onnxscript, onnxruntime. Install: python -m pip install onnx onnxscript onnxruntime"
    assert lacking in text(formats_dialog.layout())


def literal(m: Any, x: Tensor) -> Tensor:
    return m.b(m.a(x).view(-1, 3, 2).flatten(1))


def branching(m: Any, x: Tensor) -> Tensor:
    return m.b(m.a(x)) if x.sum() > 0 else m.b(-m.a(x))


def half_of(workspace: Workspace, function: Any) -> dict[str, Any]:
    """The recipe of half a model in memory."""
    graph = trace(Run(function, a=nn.Linear(3, 6), b=nn.Linear(6, 2)).eval(), torch.ones(2, 3))
    return set_every_ratio(workspace.begin(workspace.add(graph).source), 0.5).recipe.to_json()


def test_every_format_of_a_sample_is_offered_at_once(workspace: Workspace) -> None:
    recipe = set_every_ratio(workspace.begin("sample:gat"), 0.5).recipe.to_json()
    assert formats_dialog.refused(workspace, recipe) == ({}, None)


def test_a_plan_that_replays_calls_is_not_offered_as_code(workspace: Workspace) -> None:
    reasons, trial = formats_dialog.refused(workspace, half_of(workspace, literal))
    assert (list(reasons), trial) == (["state_dict"], None)
    assert "uses the literal 3 where 2 is needed" in reasons["state_dict"]
    for form in FORMATS:
        shown = formats_dialog.offered(reasons, form)
        assert shown[:5] == (False, True, False, False, False)
        assert reasons["state_dict"] in text(shown[6])
        assert shown[10:] == ("folder" if form == "state_dict" else form, False)


def test_what_only_trying_tells_is_tried_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = half_of(workspace, branching)
    captured = ["pt2", "onnx", "program"]
    reasons, trial = formats_dialog.refused(workspace, recipe)
    assert trial == recipe
    assert [name for name in reasons if reasons[name] == formats_dialog.TRYING] == captured
    found = formats_dialog.tried(workspace, recipe)
    assert all(found[name].startswith("torch.export cannot follow Run: ") for name in captured)
    monkeypatch.setattr(workspace_module, "capture_refusal", lambda graph: pytest.fail("it was tried before"))
    assert formats_dialog.tried(workspace, recipe) == found
    assert formats_dialog.refused(workspace, recipe) == (found, None)


def test_what_torch_export_can_follow_is_offered_after_the_trial(workspace: Workspace) -> None:
    recipe = half_of(workspace, lambda m, x: m.b(m.a(x).relu()))
    assert formats_dialog.refused(workspace, recipe)[1] == recipe
    assert list(formats_dialog.tried(workspace, recipe)) == ["state_dict"]


def test_where_no_format_is_left_nothing_can_be_made() -> None:
    shown = formats_dialog.offered(dict.fromkeys(FORMATS, "no"), "pt2")
    assert shown[:5] == (True,) * 5
    assert shown[10:] == ("pt2", True)


def test_the_size_of_each_format_is_said_before_it_is_made(workspace: Workspace) -> None:
    said, about = formats_dialog.sizes(workspace, RECIPE)
    assert (said, set(about)) == (formats_dialog.NOTHING_PRUNED, {""})
    group = workspace.open("sample:gat").graph.groups[0].name
    said, about = formats_dialog.sizes(workspace, RECIPE | {"ratios": {group: 0.5}})
    assert re.fullmatch(r"Weights [\d.]+ KiB → [\d.]+ KiB, in each of these formats\.", said)
    assert len(about) == len(FORMATS)
    assert all(re.fullmatch(r"about [\d.]+ KiB", each) for each in about)


def test_plans_whose_weights_were_trained_here_can_be_chosen() -> None:
    rows = [
        {"key": "a", "number": 1, "is_pruning": True, "trained": None, "accuracy": 0.5},
        {"key": "w", "number": 1, "is_pruning": True, "trained": "recovered, 2 epochs", "accuracy": 0.981},
        {"key": "s", "number": 0, "is_pruning": False, "trained": "sparse, 1 epoch", "accuracy": None},
    ]
    choices = [
        {"value": "page", "label": "The plan on the page"},
        {"value": "w", "label": "Plan 1, recovered, 2 epochs (98.1 %)"},
        {"value": "s", "label": "Original, sparse, 1 epoch"},
    ]
    assert formats_dialog.opened(rows) == (True, choices, "page", [])
    assert formats_dialog.opened(rows, {"key": "w"}) == (True, choices, "w", [])
    assert formats_dialog.opened(rows, {"key": "forgotten"}) == (True, choices, "page", [])
    assert formats_dialog.opened(None) == (True, choices[:1], "page", [])


def test_a_sparse_model_can_be_taken_pruned_or_as_it_is(workspace: Workspace) -> None:
    origin = workspace.open("sample:gat")
    states = {name: tensor * 0.5 for name, tensor in origin.graph.model.state_dict().items()}
    workspace.tensors.keep("sparse:x", packed(states))
    sparse = workspace.add_trained("sample:gat", "sparse:x", "sparse, 1 epoch")
    plain = workspace.begin(sparse.source)
    half = set_every_ratio(plain, 0.5).recipe.to_json()
    assert "KiB → " in formats_dialog.sizes(workspace, plain.recipe.to_json())[0]
    for recipe, name in ((half, "-sparse-1-epoch-pruned"), (plain.recipe.to_json(), "-sparse-1-epoch")):
        asked = formats_dialog.begin(workspace, "page", RECIPE, "folder", {"recipe": recipe, "weights": None})
        assert asked["name"].endswith(name)
        shown = text(until_over(workspace, formats_dialog.WORK, asked))
        assert "Loaded by a fresh process with the explorer; outputs equal the pruned model's" in shown
        with zipfile.ZipFile(workspace.tensors.file(asked["key"], "zip")) as archive:
            weights = load(archive.read(f"{asked['name']}/folder/model.safetensors"))
        kept = workspace.exploration(recipe).plan().apply().model.state_dict()
        assert all(torch.equal(weights[each], kept[each]) for each in weights)


def until_over(workspace: Workspace, work: Background, asked: dict[str, Any]) -> list[Any]:
    """The status that the page ends with."""
    limit = time.monotonic() + 300
    while not (told := background.follow(workspace, work, asked, "page", None))[1]:
        assert time.monotonic() < limit
        threading.Event().wait(0.05)
    status: list[Any] = told[0]
    return status


def test_the_button_in_the_bar_makes_the_folder_and_refuses_what_is_not_pruned(workspace: Workspace) -> None:
    with pytest.raises(PlanError, match="Nothing is pruned yet"):
        quick_export.begin(workspace, "page", RECIPE)
    recipe = set_every_ratio(workspace.begin("sample:gat"), 0.5).recipe.to_json()
    asked = quick_export.begin(workspace, "page", recipe)
    shown = text(until_over(workspace, quick_export.WORK, asked))
    assert "Loaded by a fresh process with the explorer; outputs equal" in shown
    assert "explorer.load" in shown
    with zipfile.ZipFile(workspace.tensors.file(asked["key"], "zip")) as archive:
        assert {name.rpartition("/")[2] for name in archive.namelist()} == {
            "README.md",
            "model.safetensors",
            "recipe.json",
        }


def test_an_export_does_not_wait_for_a_training(workspace: Workspace) -> None:
    released = threading.Event()
    workspace.trainings.ask("somebody", "training", lambda: {"waited": released.wait(300)})
    recipe = set_every_ratio(workspace.begin("sample:gat"), 0.5).recipe.to_json()
    asked = quick_export.begin(workspace, "page", recipe)
    assert "Loaded by a fresh process" in text(until_over(workspace, quick_export.WORK, asked))
    assert workspace.trainings.job("somebody", "training").is_pending
    released.set()


def test_what_was_made_can_be_taken_and_its_name_is_harmless(workspace: Workspace) -> None:
    result = {"form": "pt2", "bytes": 2048, "unpacked": 4096, "check": "loaded by a fresh process", "is_proven": True,
              "proof": "pruned = zeroed", "is_trained": False, "snippet": "import torch"}  # fmt: skip
    shown = text(exporting.summary({"key": "formats:a&b", "name": "gat-pruned"}, result))
    assert "Download (2.00 KiB)" in shown
    assert "4.00 KiB unpacked" in shown
    assert "Loaded by a fresh process." in shown
    assert "The pruned model itself: pruned = zeroed." in shown
    workspace.tensors.file("formats:a&b", "zip").write_bytes(b"PK")
    client = create_app(workspace, workspace.open("sample:gat")).server.test_client()
    with client.get("/exports?key=formats%3Aa%26b&name=../../gat-pruned-pt2") as taken:
        assert taken.data == b"PK"
        assert taken.headers["Content-Disposition"] == "attachment; filename=gat-pruned-pt2.zip"
    assert client.get("/exports?key=other&name=x").status_code == 404
    assert b"Make it again" in client.get("/exports").data


def test_an_output_that_hardly_changes_is_not_called_proven(workspace: Workspace) -> None:
    result = {"form": "folder", "bytes": 1, "unpacked": 1, "check": "loaded", "is_proven": False, "is_trained": False,
              "proof": "pruned = zeroed, but …", "snippet": ""}  # fmt: skip
    assert '"not proven"' in text(exporting.summary({"key": "k", "name": "n"}, result))


def test_only_the_latest_zips_stay(workspace: Workspace) -> None:
    for number in range(exporting.ZIPS_KEPT + 3):
        workspace.tensors.file(str(number), "zip").write_bytes(b"PK")
    exporting.make_room(workspace)
    assert len(list(workspace.tensors.folder.glob("*.zip"))) == exporting.ZIPS_KEPT
