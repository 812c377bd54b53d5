"""What the player is told of a propagation."""

from __future__ import annotations

from typing import Any

import pytest

from explorer.app import inspection
from explorer.app.playing import play_button, port_of, producer, recording, side, step_rows
from explorer.app.workspace import Subject
from explorer.engine.errors import PlanError


def attribute(component: Any, name: str) -> Any:
    return component.to_plotly_json()["props"][name]


def test_a_recording_holds_every_step_with_its_reason_and_place(subject: Subject) -> None:
    played = recording(subject.graph, subject.outline, "conv1+")
    steps = subject.graph.propagation("conv1+")
    assert [(step["kind"], step["source"], step["target"]) for step in played["steps"]] == [
        (step.kind, step.source, step.target) for step in steps
    ]
    assert played["groups"] == ["conv1"]
    first = played["steps"][0]
    assert first["text"] == "what conv1 makes is what bn1 reads"
    assert first["place"].startswith("resnet20.py:")


def test_every_layer_of_a_recording_can_be_found_where_its_module_is_closed(subject: Subject) -> None:
    played = recording(subject.graph, subject.outline, "layer1.0.conv1+")
    ports = [played["port"], *(step["target"] for step in played["steps"])]
    assert {port[:-1] for port in ports} == set(played["parents"])
    assert played["parents"]["layer1.0.bn1"] == subject.outline.by_name["layer1.0.bn1"].parent == "layer1.*0-2.0"


def test_a_port_that_does_not_exist_cannot_be_played(subject: Subject) -> None:
    with pytest.raises(PlanError, match="no port 'nowhere"):
        recording(subject.graph, subject.outline, "nowhere+")


def test_the_list_has_the_start_and_a_row_per_step(subject: Subject) -> None:
    played = recording(subject.graph, subject.outline, "layer1.0.conv1+")
    buttons = [row.children for row in step_rows(played)]
    assert [attribute(button, "data-step") for button in buttons] == ["0", "1", "2", "3"]
    assert [button.children for button in buttons][:2] == ["layer1.0.conv1 f+", f"layer1.0.bn1 {side('x-')[2:]}"]
    assert attribute(buttons[2], "data-kind") == "intra"


def test_a_group_is_played_from_the_port_that_makes_it(subject: Subject) -> None:
    port = producer(subject.graph, subject.graph.group("layer2.0.conv2"))
    assert port is not None
    assert port.name == "layer2.0.conv2+"
    assert attribute(play_button(port), "data-play") == "layer2.0.conv2+"


def test_a_port_that_carries_nothing_offers_no_play(subject: Subject) -> None:
    _, details = inspection.inspect(subject, {"kind": "layer", "name": "fc"}, [])
    shown = str(details)
    assert "'data-play': 'fc-'" in shown or "data-play='fc-'" in shown
    assert "fc+'" not in shown
    assert port_of(subject.graph, "fc+").groups == ()
