"""What the inspector says about layers, modules and repeated blocks."""

from __future__ import annotations

from explorer.app.layer_details import layer_details, layer_head, module_details, module_head
from explorer.app.workspace import Subject
from tests.app.test_panels import text


def test_a_layer_says_what_it_is_and_where_it_stands(subject: Subject) -> None:
    layer = subject.graph.layer("layer3.1.conv1")
    assert "layer3.1.conv1 Conv2d 64, 64, kernel_size=(3, 3)" in text(layer_head(layer))
    shown = text(layer_details(subject, layer))
    times = "\N{MULTIPLICATION SIGN}"
    assert f"Input 1 {times} 64 {times} 2 {times} 2" in shown
    assert "Parameters 36.9 k" in shown
    assert "147 k MACs, 5.8 %" in shown
    assert "Module path layer3.1" in shown  # the module's own path, whatever stack it is shown in
    assert "Source resnet20.py:" in shown
    assert f"weight 64 {times} 64 {times} 3 {times} 3" in shown


def test_a_layer_leads_to_its_neighbours(subject: Subject) -> None:
    shown = text(layer_details(subject, subject.graph.layer("bn1")))
    assert "Reads conv1" in shown
    assert "Is read by layer1.0.conv1 layer1.0.add" in shown
    assert "Reads input" in text(layer_details(subject, subject.graph.layer("conv1")))


def test_a_group_is_named_with_its_kind_and_what_is_frozen_with_its_reason(subject: Subject) -> None:
    shown = text(layer_details(subject, subject.graph.layer("conv1")))
    assert "conv1 16 channels" in shown
    assert "weight dim 2: kernel extent" in shown


def test_a_module_says_what_it_holds(subject: Subject) -> None:
    assert text(module_head(subject, "layer3")) == "layer3 Sequential"
    closed = text(module_details(subject, "layer3", is_open=False))
    assert "Layers 14 Ops 3" in closed
    assert "Open" in closed.split()
    assert "Inside (2)" in closed
    assert "Groups inside (5)" in closed
    assert "Close" in text(module_details(subject, "layer3", is_open=True)).split()


def test_repeated_blocks_are_named_by_their_number_and_class(subject: Subject) -> None:
    title = "layer3 1\N{EN DASH}2 \N{MULTIPLICATION SIGN} 2 BasicBlock"
    assert text(module_head(subject, "layer3.*1-2")) == title
