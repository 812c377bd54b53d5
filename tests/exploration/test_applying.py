"""Recipes carried out on other weights of the same architecture; on another architecture they are refused."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

import explorer
from explorer.engine.apply import Pruned
from explorer.engine.errors import PlanError, SaveError
from explorer.exploration import plan_of
from tests.engine.nets import IMAGE, PlainCnn, Run, Transformer, every_group, randomised, traced


@pytest.fixture(scope="module")
def pruned() -> Pruned:
    return every_group(traced(PlainCnn(), *IMAGE))


@pytest.fixture
def other() -> nn.Module:
    """Other weights, as of a checkpoint, in train mode."""
    torch.manual_seed(5)
    return randomised(PlainCnn()).train()


def test_the_same_indices_of_other_weights_stay(pruned: Pruned, other: nn.Module, tmp_path: Path) -> None:
    before = deepcopy(other.state_dict())
    folder = explorer.save(pruned, tmp_path / "out")
    for recipe in (pruned.recipe, folder, str(folder / "recipe.json")):
        made = explorer.apply_recipe(other, recipe)
        kept = list(pruned.plan.kept["conv1.weight", 0])
        assert torch.equal(made.conv1.weight, other.conv1.weight[kept])
        assert made.training
        assert [p.shape for p in made.parameters()] == [p.shape for p in pruned.model.parameters()]
    assert all(torch.equal(before[name], tensor) for name, tensor in other.state_dict().items())


def test_the_same_model_gives_the_same_again(pruned: Pruned) -> None:
    x = pruned.plan.graph.example_inputs
    made = explorer.apply_recipe(pruned.plan.graph.model, pruned.recipe)
    assert torch.equal(made.eval()(x), pruned.model.eval()(x))


def test_ranked_anew_as_many_channels_stay_but_the_best_of_this_model(pruned: Pruned, other: nn.Module) -> None:
    with torch.no_grad():
        other.fc1.weight[:10] *= 100
        other.fc2.weight[:, :10] *= 100
    made = explorer.apply_recipe(other, pruned.recipe, torch.randn(IMAGE), rerank=True)
    assert torch.equal(made.fc1.bias, other.fc1.bias[:10])
    assert [p.shape for p in made.parameters()] == [p.shape for p in pruned.model.parameters()]
    plan = plan_of(explorer.trace(other.eval(), torch.randn(IMAGE)), pruned.recipe, rerank=True)
    assert plan.channels["fc1"] == tuple(range(10))
    assert plan.apply().verify().ok


def test_a_plan_of_a_recipe_can_be_proven_and_saved(pruned: Pruned, other: nn.Module, tmp_path: Path) -> None:
    plan = plan_of(explorer.trace(other.eval(), torch.randn(IMAGE)), pruned.recipe)
    assert plan.kept == pruned.plan.kept
    assert plan.ratios == pruned.plan.ratios
    again = plan.apply()
    assert again.verify().ok
    assert explorer.load(explorer.save(again, tmp_path / "out"), PlainCnn()).conv1.out_channels == 8


def test_another_architecture_is_refused_with_the_first_difference(pruned: Pruned) -> None:
    wider = PlainCnn()
    wider.conv2 = nn.Conv2d(16, 25, 3)
    with pytest.raises(SaveError, match=r"conv2\.weight has shape \(25, 16, 3, 3\) here and \(24, 16, 3, 3\) in the r"):
        explorer.apply_recipe(wider, pruned.recipe)
    with pytest.raises(SaveError, match=r"this Transformer .* there is no conv1\.weight"):
        plan_of(traced(Transformer(), 2, 5, 12), pruned.recipe)


def test_what_needs_a_trace_asks_for_inputs(pruned: Pruned, other: nn.Module) -> None:
    with pytest.raises(PlanError, match="needs a new trace of the model: pass example_inputs"):
        explorer.apply_recipe(other, pruned.recipe, rerank=True)


def test_a_model_that_replays_recorded_calls() -> None:
    def build() -> nn.Module:
        function = lambda m, x: m.b(m.a(x).view(-1, 3, 2).flatten(1))  # noqa: E731
        return Run(function, a=nn.Linear(3, 6), b=nn.Linear(6, 2)).eval()

    x, other = torch.randn(2, 3), build()
    pruned = every_group(explorer.trace(build(), x))
    assert pruned.way == "program"
    with pytest.raises(PlanError, match="pass example_inputs"):
        explorer.apply_recipe(other, pruned.recipe)
    made = explorer.apply_recipe(other, pruned.recipe, x)
    assert torch.equal(made.get_submodule("a").weight, other.a.weight[list(pruned.plan.kept["a.weight", 0])])


def test_a_recipe_of_the_app(pruned: Pruned, other: nn.Module, tmp_path: Path) -> None:
    recipe = {"format": 2, "source": "", "ratios": {"conv1": 0.25}, "keep": {"fc1": [1, 2, 3]}}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    made = explorer.apply_recipe(other, tmp_path / "recipe.json", torch.randn(IMAGE))
    assert made.conv1.out_channels == 12
    assert torch.equal(made.fc1.bias, other.fc1.bias[1:4])
    ranked = explorer.apply_recipe(other, recipe, torch.randn(IMAGE), rerank=True)
    assert ranked.fc1.out_features == 3
    assert not torch.equal(ranked.fc1.bias, made.fc1.bias)
    with pytest.raises(PlanError, match="no group 'fc1'"):
        explorer.apply_recipe(Transformer(), recipe, torch.randn(2, 5, 12))


@pytest.mark.parametrize(("text", "match"), [("[1]", "holds no recipe"), ("{", "cannot be read")])
def test_files_that_hold_no_recipe(tmp_path: Path, other: nn.Module, text: str, match: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(SaveError, match=match):
        explorer.apply_recipe(other, tmp_path / "x.json")
    with pytest.raises(SaveError, match="There is no recipe at"):
        explorer.apply_recipe(other, tmp_path / "y.json")
