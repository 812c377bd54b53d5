from __future__ import annotations

import pytest
import torch
from torch import nn

from explorer.engine.errors import PlanError
from explorer.engine.graph import DependencyGraph, trace
from explorer.exploration import PRESETS, Exploration, change, set_lock, set_preset, stages, start


@pytest.fixture(scope="module")
def attention() -> DependencyGraph:
    block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return trace(nn.Sequential(nn.Linear(8, 32), block, nn.Linear(32, 4)), torch.randn(1, 6, 8))


def test_groups_of_one_resolution_are_one_stage(graph: DependencyGraph) -> None:
    found = stages(graph)
    assert (found["conv1"], found["layer1.2.conv1"], found["layer2.0.conv1"], found["layer3.1.conv1"]) == (0, 0, 1, 2)


def test_presets_give_the_largest_ratio_where_they_say(fresh: Exploration) -> None:
    uniform, stage, depth = (set_preset(fresh, name, 0.6).recipe.ratios for name in ("uniform", "stage", "depth"))
    assert set(uniform.values()) == {0.6}
    assert (stage["conv1"], stage["layer2.0.conv1"], stage["layer3.1.conv1"]) == (0.2, 0.4, 0.6)
    ordered = [depth[group.name] for group in fresh.graph.groups]
    assert ordered == sorted(ordered)
    assert (ordered[0], ordered[-1]) == (0.05, 0.6)


def test_heads_only_leaves_the_rest_as_it_is(attention: DependencyGraph) -> None:
    heads = {group.name for group in attention.groups if group.kind == "heads"}
    assert heads
    assert set(set_preset(start(attention), "heads", 0.5).recipe.ratios) >= heads
    assert not heads & set(set_preset(start(attention), "uniform", 0.5).recipe.ratios)


def test_a_preset_leaves_locked_groups_alone(fresh: Exploration) -> None:
    after = set_preset(set_lock(fresh, ["conv1"], True), "uniform", 0.5)
    assert "conv1" not in after.recipe.ratios


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"kind": "preset"}, "no preset 'None'. The presets are uniform"),
        ({"kind": "preset", "name": "uniform"}, "got 'none'"),
        ({"kind": "preset", "name": "heads", "ratio": 0.5}, "changes nothing here"),
    ],
)
def test_presets_that_cannot_be_used_say_why(fresh: Exploration, what: dict[str, object], reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        change(fresh, what)
    assert all(preset.text for preset in PRESETS.values())
