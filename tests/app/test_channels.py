"""The channels of a group, by ratio and by hand, and its weights as pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import explorer
from explorer.app.channels import channel_data
from explorer.app.figures import weight_map
from explorer.app.panels import channels_panel, weights_panel
from explorer.app.weights import MAX_CELLS, pictured, weight_picture
from explorer.app.workspace import Subject
from explorer.engine.errors import PlanError
from explorer.engine.importance import REDUCTIONS
from explorer.exploration import Exploration, Recipe, change, set_ratio


def test_the_channels_come_with_scores_and_what_stays(exploration: Exploration) -> None:
    data = channel_data(set_ratio(exploration, "layer1.0.conv1", 0.5), "layer1.0.conv1", [])
    best = sorted(range(16), key=lambda channel: -data["scores"][channel])[:8]
    assert data["kept"] == sorted(best)
    assert (data["chosen"], data["one"], data["slot"]) == (False, "channel", 0)


def test_channels_dropped_by_hand_are_the_plans_and_the_ratio_comes_back(exploration: Exploration) -> None:
    half = set_ratio(exploration, "layer1.0.conv1", 0.5)
    by_hand = change(half, {"kind": "keep", "group": "layer1.0.conv1", "channels": [0, 1, 2]})
    data = channel_data(by_hand, "layer1.0.conv1", ["conv1", "layer1.0.conv1"])
    assert (data["kept"], data["chosen"], data["slot"]) == ([0, 1, 2], True, 1)
    back = change(by_hand, {"kind": "keep", "group": "layer1.0.conv1", "channels": None})
    assert channel_data(back, "layer1.0.conv1", [])["kept"] == channel_data(half, "layer1.0.conv1", [])["kept"]


@pytest.mark.parametrize(
    ("importance", "reduction", "title", "asked"),
    [
        ("l2", "mean", "Channels by L2 norm", "Mean over the whole group"),
        ("group_norm", "first", "Channels by group norm", "First layer of the group alone"),
        ("random", "mean", "Channels at random", "Whatever their weights are"),
    ],
)
def test_the_heading_names_the_ranking_and_which_layers_it_asks(
    importance: str, reduction: str, title: str, asked: str
) -> None:
    assert channels_panel.JOINED.keys() == REDUCTIONS.keys()
    recipe = Recipe("sample:resnet20", importance=importance, reduction=reduction)
    assert channels_panel.headings(recipe) == (title, asked)


def test_a_weight_is_its_mean_size_over_the_kernel(exploration: Exploration) -> None:
    picture = weight_picture(exploration.plan(), "layer1.0.conv1.weight")
    weight = exploration.graph.model.get_parameter("layer1.0.conv1.weight")
    np.testing.assert_allclose(picture.values, weight.detach().abs().mean(dim=(2, 3)).numpy(), rtol=1e-5)
    assert picture.sizes == ((16, 16), (16, 16))
    assert not picture.rows_gone.any()


def test_both_schemes_are_struck_out(exploration: Exploration) -> None:
    keep = {"layer1.0.conv1": [0, 2], "conv1": [1]}
    plan = exploration.graph.plan(keep=keep)
    picture = weight_picture(plan, "layer1.0.conv1.weight")
    assert np.flatnonzero(picture.rows_gone == 0).tolist() == [0, 2]
    assert np.flatnonzero(picture.columns_gone == 0).tolist() == [1]
    strikes = weight_map(picture, "light").data[2]
    assert list(strikes.x).count(None) == 14 + 15
    assert "dim 0: 16 → 2. dim 1: 16 → 1." in weights_panel.described(picture)


def test_a_large_weight_is_joined_in_blocks() -> None:
    graph = explorer.trace(nn.Sequential(nn.Linear(3, 300), nn.ReLU(), nn.Linear(300, 7)), torch.randn(1, 3))
    picture = weight_picture(graph.plan(keep={"0": range(150)}), "0.weight")
    assert picture.values.shape == (100, 3)
    assert picture.block == (3, 1)
    assert picture.rows_gone.tolist() == [0.0] * 50 + [1.0] * 50
    weight = graph.model.get_parameter("0.weight").detach().abs().numpy()
    np.testing.assert_allclose(picture.values[1], weight[3:6].mean(axis=0), rtol=1e-5)
    assert max(picture.values.shape) <= MAX_CELLS
    assert not weight_map(picture, "light").data[2].x  # too many rows for lines: they fade


def test_a_weight_of_one_dimension_lies_on_its_side(exploration: Exploration) -> None:
    picture = weight_picture(set_ratio(exploration, "layer1.0.conv1", 0.5).plan(), "layer1.0.bn1.weight")
    assert picture.sizes[0] == (16, 8)
    assert weight_map(picture, "dark").data[0].z.shape == (1, 16)


def test_a_model_without_weights_says_so() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    graph = explorer.trace(model, torch.randn(1, 3, device="meta"))
    with pytest.raises(PlanError, match="no weights"):
        weight_picture(graph.plan(0.5), "0.weight")


def test_weights_with_two_dimensions_come_first(subject: Subject) -> None:
    group = subject.graph.group("conv1")
    names = pictured(group, subject.graph.state_shapes)
    assert names[0] == "layer1.0.conv1.weight"  # conv1.weight reads a single channel
    assert len(names) == len(set(names))
    assert weights_panel.offered(subject.graph, {"kind": "layer", "name": "conv1"}) == ([], None)
