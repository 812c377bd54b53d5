"""Pruning one port reaches exactly the ports that carry its groups."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import explorer
from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph
from explorer.engine.layers import Port
from tests.engine import patterns
from tests.engine.patterns import Built, traced


def ports(graph: DependencyGraph) -> list[Port]:
    return [port for layer in graph.layers for port in (layer.inputs, layer.outputs)]


def test_steps_go_outward_and_say_why() -> None:
    steps = traced(patterns.basic()).propagation("a+")
    assert [(step.kind, step.source, step.target) for step in steps] == [
        ("inter", "a+", "bn-"),
        ("intra", "bn-", "bn+"),
        ("inter", "bn+", "b-"),
    ]
    assert steps[0].reason == "what a makes is what bn reads"
    assert steps[1].reason == "bn (BatchNorm2d) has the same channels on both sides"
    assert {step.groups for step in steps} == {("a",)}


def test_it_goes_against_the_data_flow_too() -> None:
    reached = [step.target for step in traced(patterns.basic()).propagation("b-")]
    assert reached == ["bn+", "bn-", "a+"]


def test_nearer_ports_come_first() -> None:
    reached = [step.target for step in traced(patterns.residual()).propagation("stem+")]
    assert reached == ["a-", "add-", "bn+", "add+", "bn-", "head-", "a+"]


def test_only_the_groups_of_the_first_port_travel() -> None:
    graph = traced(patterns.concatenation())
    steps = graph.propagation("a+")
    assert {step.target for step in steps} == {"cat-", "cat+", "out-"}
    assert {step.groups for step in steps} == {("a",)}
    assert {step.target for step in graph.propagation("out-")} == {"cat-", "cat+", "a+", "b+"}


def test_a_frozen_port_reaches_nothing() -> None:
    assert traced(patterns.basic()).propagation("b+") == ()
    assert traced(patterns.lone()).propagation("a-") == ()


@pytest.mark.parametrize("build", patterns.PATTERNS)
def test_any_port_of_one_group_reaches_exactly_the_ports_of_the_group(build: Callable[[], Built]) -> None:
    graph = traced(build())
    for group in graph.groups:
        carrying = {port.name for port in ports(graph) if group.name in port.groups}
        assert carrying
        for start in (port for port in ports(graph) if port.groups == (group.name,)):
            reached = {step.target for step in graph.propagation(start.name)}
            assert reached | {start.name} == carrying, (group.name, start.name)


def test_a_real_network_is_reached_from_any_port_of_a_group() -> None:
    graph = explorer.trace("sample:resnet20")
    stem = {port.name for port in ports(graph) if "conv1" in port.groups}
    assert len(stem) > 10
    for start in ("conv1+", "bn1-", "layer1.0.add+"):
        assert {step.target for step in graph.propagation(start)} | {start} == stem


def test_each_port_is_reached_once_and_from_one_reached_before() -> None:
    for build in patterns.PATTERNS:
        graph = traced(build())
        for start in ports(graph):
            seen = {start.name}
            for step in graph.propagation(start.name):
                assert step.source in seen
                assert step.target not in seen
                seen.add(step.target)


def test_an_unknown_port_is_refused() -> None:
    with pytest.raises(PlanError, match=r"no port 'a'.*followed by - or \+"):
        traced(patterns.basic()).propagation("a")
