from __future__ import annotations

from typing import Any

import pytest

from explorer.app.remembered import REMEMBERED, controls, fitting
from explorer.app.workspace import Subject


@pytest.mark.parametrize(
    "panels",
    [
        {},
        {"centre": "matrices", "matrix": "G", "scope": "layer1", "channels": "index"},
        {"changed": True, "scope": "everything", "axis": "latency", "shade": "macs", "list": "groups"},
        {"player": {"port": "conv1+", "step": 3}},
    ],
)
def test_what_a_panel_remembers_is_kept(subject: Subject, panels: dict[str, Any]) -> None:
    assert fitting(subject, panels) == panels


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
    ],
)
def test_what_no_panel_can_show_is_left_out(subject: Subject, panels: dict[str, Any]) -> None:
    assert fitting(subject, panels) == {}


def test_the_browser_knows_each_control_once() -> None:
    known = controls()
    assert len({each["id"] for each in known}) == len({each["name"] for each in known}) == len(REMEMBERED)
    assert {"name": "centre", "id": "centre-view", "part": "value", "usual": "graph"} in known


def test_the_layers_of_a_matrix_are_found_by_the_name_of_their_module(subject: Subject) -> None:
    (path,) = fitting(subject, {"scope": "layer1.0"}).values()
    assert {layer.name.rpartition(".")[0] for layer in subject.outline.members[path]} == {"layer1.0"}
