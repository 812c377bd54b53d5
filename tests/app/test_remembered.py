from __future__ import annotations

from typing import Any

import pytest

from explorer.app.remembered import MOST_LETTERS, REMEMBERED, controls, fitting, for_another_model
from explorer.app.workspace import Subject


@pytest.mark.parametrize(
    "panels",
    [
        {},
        {"centre": "matrices", "matrix": "G", "scope": "layer1", "channels": "index"},
        {"changed": True, "scope": "everything", "axis": "latency", "shade": "macs", "list": "groups"},
        {"player": {"port": "conv1+", "step": 3}},
        {"search": "conv 3x3", "graph": {"zoom": 0.75, "x": -12, "y": 340.5}, "filter": "layer3", "layers": ""},
    ],
)
def test_what_a_panel_remembers_is_kept(subject: Subject, panels: dict[str, Any]) -> None:
    kept = fitting(subject, panels)
    assert kept == panels
    assert list(kept) == list(panels)  # so that the same state is the same text


@pytest.mark.parametrize(
    "panels",
    [
        {"centre": "nowhere"},
        {"centre": ["graph"]},
        {"changed": 1},
        {"scope": "features.0"},
        {"another": True},
        {"player": "conv1+"},
        {"player": {"port": "nowhere+", "step": 1}},
        {"player": {"port": "", "step": 1}},
        {"player": {"port": "conv1+", "step": -1}},
        {"player": {"port": "conv1+", "step": "1"}},
        {"player": {"step": 1}},
        {"search": 3},
        {"filter": "x" * (MOST_LETTERS + 1)},
        {"graph": {"zoom": 1, "x": 0}},
        {"graph": {"zoom": 0, "x": 0, "y": 0}},
        {"graph": {"zoom": 1, "x": "0", "y": 0}},
        {"graph": {"zoom": True, "x": 0, "y": 0}},
        {"graph": {"zoom": 1, "x": 1e9, "y": 0}},
        {"graph": {"zoom": float("nan"), "x": 0, "y": 0}},
        {"graph": {"zoom": 1, "x": 0, "y": float("nan")}},
        {"graph": {"zoom": 1, "x": 0, "y": 0, "z": 0}},
        {"graph": [1, 0, 0]},
    ],
)
def test_what_no_panel_can_show_is_left_out(subject: Subject, panels: dict[str, Any]) -> None:
    assert fitting(subject, panels) == {}


def test_what_is_about_one_model_does_not_go_on_to_another() -> None:
    about = {"search": "conv", "filter": "layer", "layers": "bn", "graph": {"zoom": 1, "x": 0, "y": 0},
             "player": {"port": "conv1+", "step": 1}}  # fmt: skip
    assert for_another_model({**about, "matrix": "G", "changed": True}) == {"matrix": "G", "changed": True}


def test_the_browser_knows_each_control_once() -> None:
    known = controls()
    assert len({each["id"] for each in known}) == len({each["name"] for each in known}) == len(REMEMBERED)
    assert {"name": "centre", "id": "centre-view", "part": "value", "usual": "graph"} in known


def test_the_layers_of_a_matrix_are_found_by_the_name_of_their_module(subject: Subject) -> None:
    (path,) = fitting(subject, {"scope": "layer1.0"}).values()
    assert {layer.name.rpartition(".")[0] for layer in subject.outline.members[path]} == {"layer1.0"}
