"""The public surface: the names and signatures that programs rely on."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

import explorer
from explorer.engine import errors


def parameters(function: Any) -> list[str]:
    """Names of the parameters, keyword-only ones with a star before them."""
    found = inspect.signature(function).parameters.values()
    return [("*" if p.kind is inspect.Parameter.KEYWORD_ONLY else "") + p.name for p in found]


def fields(kind: type) -> list[str]:
    """Names of a dataclass's public fields."""
    return [field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")]


def test_every_name_of_the_surface_is_listed_and_exists() -> None:
    assert sorted(explorer.__all__) == explorer.__all__
    assert set(explorer.__all__) >= {
        "Cost",
        "CostChange",
        "DependencyGraph",
        "ExplorerError",
        "Frozen",
        "Group",
        "Member",
        "Plan",
        "Pruned",
        "Tie",
        "apply_recipe",
        "evaluate",
        "expand",
        "export",
        "finetune",
        "gradients",
        "load",
        "recalibrate",
        "register_rule",
        "save",
        "sensitivity",
        "show",
        "sparsify",
        "trace",
    }
    assert all(hasattr(explorer, name) for name in explorer.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'prune'"):
        _ = explorer.prune  # type: ignore[attr-defined]


def test_signatures_of_the_contract() -> None:
    assert parameters(explorer.trace) == ["model", "example_inputs"]
    graph = explorer.DependencyGraph
    assert parameters(graph.plan)[:6] == ["self", "ratios", "*keep", "*importance", "*round_to", "*minimum"]
    assert {"*data", "*break_ties"} <= set(parameters(graph.plan))
    assert parameters(explorer.gradients)[:3] == ["model", "data", "*fisher"]
    assert {"*macs", "*params", "*bytes", "*latency"} < set(parameters(graph.plan_to))
    assert parameters(graph.plans)[:4] == ["self", "ratio", "*steps", "*schedule"]
    assert parameters(explorer.evaluate)[:2] == ["model", "data"]
    assert {"model", "data", "*validation", "*checkpoint", "*watch"} <= set(parameters(explorer.finetune))
    assert {"graph", "data", "*regulariser", "*strength", "*watch"} <= set(parameters(explorer.sparsify))
    assert {"graph", "data", "*groups", "*ratios", "*checkpoint", "*watch"} <= set(parameters(explorer.sensitivity))
    assert parameters(graph.group) == ["self", "name"]
    assert parameters(graph.way) == ["self", "group", "ratio"]
    assert parameters(graph.explain) == ["self", "group", "a", "b"]
    assert parameters(graph.propagation) == ["self", "port"]
    assert parameters(graph.unsupported_ops) == ["self"]
    assert parameters(explorer.Plan.apply) == ["self"]
    assert parameters(explorer.Pruned.verify) == ["self"]
    assert parameters(explorer.save)[:2] == ["pruned", "folder"]
    assert parameters(explorer.export) == ["pruned", "folder", "formats", "*watch"]
    assert parameters(explorer.apply_recipe) == ["model", "recipe", "example_inputs", "*rerank"]
    assert parameters(explorer.expand) == ["pruned", "recipe", "model"]
    assert parameters(explorer.load)[0] == "folder"
    assert parameters(explorer.load)[-1] == "*trust_source"
    assert "model" in parameters(explorer.load)[1].lstrip("*")
    defaults = inspect.signature(graph.plan).parameters
    assert (defaults["importance"].default, defaults["round_to"].default, defaults["minimum"].default) == ("l2", 1, 1)


def test_fields_of_the_contract() -> None:
    assert fields(explorer.Cost) == ["macs", "params", "bytes", "activations"]
    assert fields(explorer.CostChange) == ["before", "after"]
    assert {"name", "kind", "size", "members", "ties"} <= set(fields(explorer.Group))
    assert {"parameter", "dim", "module", "size"} <= set(fields(explorer.Member))
    assert isinstance(inspect.getattr_static(explorer.Member, "indices"), property)
    assert {"parameter", "dim", "reason", "indices"} <= set(fields(explorer.Frozen))
    assert {"model", "way", "plan"} <= set(fields(explorer.Pruned))
    assert isinstance(inspect.getattr_static(explorer.Pruned, "repairs"), property)


def test_every_error_is_an_explorer_error() -> None:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
    assert len(found) >= 8
    assert all(issubclass(kind, explorer.ExplorerError) for kind in found)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in found)


def test_results_are_frozen() -> None:
    graph = explorer.trace(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), torch.randn(1, 3))
    plan = graph.plan(0.5)
    for result, name in ((graph, "title"), (graph.groups[0], "size"), (plan, "options"), (plan.cost.after, "macs")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, name, 1)
    assert isinstance(graph.groups, tuple)
    assert isinstance(graph.groups[0].members, tuple)
    assert isinstance(graph.frozen, tuple)
    assert isinstance(graph.not_reached, tuple)


def test_the_contract_from_trace_to_pruned() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    graph = explorer.trace(model, torch.randn(1, 3, 8, 8))
    plan = graph.plan({"0": 0.25}, importance="l1")
    assert len(plan.kept["0.weight", 0]) == 6
    pruned = plan.apply()
    assert pruned.model[0].out_channels == 6
    assert pruned.plan is plan
    assert pruned.way == "live"
    assert model[0].out_channels == 8


def test_importing_the_engine_loads_no_web_framework() -> None:
    code = "import sys, explorer; print(sorted({'dash', 'flask', 'plotly'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
