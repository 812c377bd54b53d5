"""The dialog of formats: what it says before, and what it gives once a format is made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from explorer.app.panels import formats_dialog
from explorer.app.server import create_app
from explorer.app.workspace import Workspace
from explorer.exports import FORMATS

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
    monkeypatch.setattr(formats_dialog, "find_spec", lambda name: None)
    assert "Needs onnx, onnxscript, onnxruntime on this server" in text(formats_dialog.layout())


def test_the_size_of_the_weights_is_said_before(workspace: Workspace) -> None:
    assert "Nothing is pruned yet" in formats_dialog.size_text(workspace, RECIPE)
    group = workspace.open("sample:gat").graph.groups[0].name
    said = formats_dialog.size_text(workspace, RECIPE | {"ratios": {group: 0.5}})
    assert re.fullmatch(r"Weights [\d.]+ KiB → [\d.]+ KiB, in each of these formats\.", said)


def test_what_was_made_can_be_taken_and_its_name_is_harmless(workspace: Workspace) -> None:
    result = {"form": "pt2", "bytes": 2048, "check": "loaded by a fresh process", "proof": "pruned = zeroed",
              "snippet": "import torch"}  # fmt: skip
    shown = text(formats_dialog.summary({"key": "formats:a&b", "name": "gat-pruned"}, result))
    assert "Download (2.00 KiB)" in shown
    assert "Loaded by a fresh process. The pruned model itself: pruned = zeroed." in shown
    workspace.tensors.file("formats:a&b", "zip").write_bytes(b"PK")
    client = create_app(workspace, workspace.open("sample:gat")).server.test_client()
    with client.get("/exports?key=formats%3Aa%26b&name=../../gat-pruned-pt2") as taken:
        assert taken.data == b"PK"
        assert taken.headers["Content-Disposition"] == "attachment; filename=gat-pruned-pt2.zip"
    assert client.get("/exports?key=other&name=x").status_code == 404
    assert b"Make it again" in client.get("/exports").data


def test_only_the_latest_zips_stay(workspace: Workspace) -> None:
    for number in range(formats_dialog.ZIPS_KEPT + 3):
        workspace.tensors.file(str(number), "zip").write_bytes(b"PK")
    formats_dialog._make_room(workspace)
    assert len(list(workspace.tensors.folder.glob("*.zip"))) == formats_dialog.ZIPS_KEPT
