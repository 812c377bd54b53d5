"""What every coupling pattern is held to: its groups by hand, each group alone and all together, proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from explorer.engine.apply import Pruned
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.trace import call_model, doubled_batch
from explorer.engine.trees import flatten_tensors, map_tensors, structure
from tests.engine.nets import proven, randomised

Key = tuple[str, int]


@dataclass(frozen=True)
class Pattern:
    """A tiny net with one coupling pattern, and what is known of it by hand.

    Attributes:
        name: What the pattern is called.
        build: Makes the net and its example inputs; called under a fixed seed.
        groups: For each group that must be found its kind and number of channels.
        way: How all groups together are pruned: ``live`` or ``program``.
        alone: The way of a single group where that is not the way of all.
        stays: For each (parameter, dim) that must stay whole, words of the reason; kernel extents need no mention.
        has_free_batch: Whether the first dimension of every input is a batch that may have another size.
        ties: For each tied group the groups that it hangs together with.
    """

    name: str
    build: Callable[[], tuple[nn.Module, Any]]
    groups: Mapping[str, tuple[str, int]]
    way: str = "live"
    alone: Mapping[str, str] = field(default_factory=dict)
    stays: Mapping[Key, str] = field(default_factory=dict)
    has_free_batch: bool = True
    ties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def graph_of(pattern: Pattern) -> DependencyGraph:
    """The traced pattern, with every normalisation away from its neutral start."""
    torch.manual_seed(11)
    model, inputs = pattern.build()
    return trace(randomised(model), inputs)


def check_groups(pattern: Pattern, graph: DependencyGraph) -> None:
    """The groups, ties and frozen dimensions are those derived by hand, and every op has a rule."""
    assert {group.name: (group.kind, group.size) for group in graph.groups} == dict(pattern.groups)
    assert {group.name: group.ties for group in graph.groups if group.ties} == dict(pattern.ties)
    assert graph.not_reached == ()
    for (parameter, dim), words in pattern.stays.items():
        parts = [part for part in graph.frozen if (part.parameter, part.dim) == (parameter, dim)]
        assert sum(len(part.indices) for part in parts) == parts[0].size, f"{parameter} dim {dim} is not wholly frozen"
        assert any(words in part.reason for part in parts), [part.reason for part in parts]


def check_each_group_alone(pattern: Pattern, graph: DependencyGraph) -> None:
    """Half of one group after the other is pruned and proven; which way that takes was known before, and why."""
    for name in pattern.groups:
        foreseen = graph.way(name)
        pruned = graph.plan({name: 0.5}).apply()
        expected = pattern.alone.get(name, pattern.way)
        assert pruned.way == expected, f"{name}: {pruned.way}, {pruned.reason}"
        assert (foreseen.way, foreseen.reason) == (pruned.way, pruned.reason)
        proven(pruned)


def check_all_groups_together(pattern: Pattern, graph: DependencyGraph) -> None:
    """Half of every group at once is pruned and proven; the result trains, and takes another batch where it has one."""
    plan = graph.plan(dict.fromkeys(pattern.groups, 0.5))
    pruned = plan.apply()
    assert pruned.way == pattern.way, pruned.reason
    assert (plan.expected_way.way, plan.expected_way.reason) == (pruned.way, pruned.reason)
    proven(pruned)
    if pattern.has_free_batch:
        check_other_batch(pruned)
    check_training_step(pruned)


def check_other_batch(pruned: Pruned) -> None:
    """The pruned model takes twice the batch, as the original does."""
    graph = pruned.plan.graph
    inputs = map_tensors(graph.example_inputs, lambda tensor: torch.cat([tensor, tensor]))
    with torch.no_grad():
        assert structure(call_model(pruned.model, inputs)) == structure(call_model(graph.model, inputs))


def check_training_step(pruned: Pruned) -> None:
    """A loss in train mode reaches every parameter."""
    model = pruned.model.train()
    outputs = flatten_tensors(call_model(model, doubled_batch(pruned.plan.graph.example_inputs)))
    torch.stack([output.abs().square().sum() for output in outputs if output.dtype.is_floating_point]).sum().backward()
    missing = [
        name for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]
    assert not missing, missing
