"""After pruning, the attributes of every standard layer say what the layer is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from explorer.engine.attributes import standard_attributes
from explorer.engine.graph import trace
from tests.engine.nets import Run, every_group, proven, randomised, sizes, traced

IMAGE = (2, 3, 6, 6)


def between(*layers: nn.Module, kind: type[nn.Module] = nn.Conv2d) -> nn.Module:
    return nn.Sequential(kind(3, 12, 1), *layers, nn.ReLU(), kind(12, 4, 1))


CASES: dict[str, tuple[nn.Module, tuple[int, ...], dict[str, Any]]] = {
    "Conv2d": (between(), IMAGE, {"0.out_channels": 6, "2.in_channels": 6, "0.in_channels": 3, "2.out_channels": 4}),
    "Conv1d": (between(kind=nn.Conv1d), (2, 3, 6), {"0.out_channels": 6, "2.in_channels": 6}),
    "Conv3d": (between(kind=nn.Conv3d), (2, 3, 4, 4, 4), {"0.out_channels": 6, "2.in_channels": 6}),
    "ConvTranspose2d": (
        between(kind=nn.ConvTranspose2d),
        IMAGE,
        {"0.out_channels": 6, "2.in_channels": 6, "0.in_channels": 3},
    ),
    "depthwise": (
        between(nn.Conv2d(12, 12, 3, groups=12)),
        IMAGE,
        {"1.in_channels": 6, "1.out_channels": 6, "1.groups": 6},
    ),
    "depthwise with a multiplier": (
        nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 16, 3, groups=8), nn.Conv2d(16, 4, 1)),
        IMAGE,
        {"1.in_channels": 4, "1.groups": 4, "1.out_channels": 4, "2.in_channels": 4},
    ),
    "depthwise transposed": (
        between(nn.ConvTranspose2d(12, 12, 3, groups=12)),
        IMAGE,
        {"1.in_channels": 6, "1.out_channels": 6, "1.groups": 6},
    ),
    "BatchNorm2d": (between(nn.BatchNorm2d(12)), IMAGE, {"1.num_features": 6}),
    "BatchNorm2d without affine": (between(nn.BatchNorm2d(12, affine=False)), IMAGE, {"1.num_features": 6}),
    "InstanceNorm2d": (between(nn.InstanceNorm2d(12, affine=True)), IMAGE, {"1.num_features": 6}),
    "PReLU": (between(nn.PReLU(12)), IMAGE, {"1.num_parameters": 6}),
    "Bilinear": (
        Run(lambda m, x: m.c(m.b(m.a(x), m.a(x))), a=nn.Linear(3, 8), b=nn.Bilinear(8, 8, 6), c=nn.Linear(6, 4)),
        (4, 3),
        {"b.in1_features": 4, "b.in2_features": 4, "b.out_features": 3, "c.in_features": 3},
    ),
    "LSTM": (
        Run(
            lambda m, x: m.c(m.b(m.a(x))[0]), a=nn.Linear(3, 8), b=nn.LSTM(8, 6, 2, batch_first=True), c=nn.Linear(6, 4)
        ),
        (2, 5, 3),
        {"a.out_features": 4, "b.input_size": 4, "b.hidden_size": 3, "c.in_features": 3},
    ),
    "GRUCell": (
        Run(lambda m, x: m.c(m.b(m.a(x))), a=nn.Linear(3, 8), b=nn.GRUCell(8, 6), c=nn.Linear(6, 4)),
        (4, 3),
        {"a.out_features": 4, "b.input_size": 4, "b.hidden_size": 3, "c.in_features": 3},
    ),
    "weight norm": (
        nn.Sequential(
            parametrizations.weight_norm(nn.Linear(3, 8)), nn.Tanh(), parametrizations.weight_norm(nn.Linear(8, 4))
        ),
        (4, 3),
        {"0.out_features": 4, "2.in_features": 4, "0.in_features": 3},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_attributes_follow_the_parameters(name: str) -> None:
    model, shape, expected = CASES[name]
    pruned = every_group(traced(model, *shape))
    proven(pruned)
    assert dict(zip(expected, sizes(pruned.model, *expected), strict=True)) == expected
    assert pruned.repairs == ()


def test_embeddings_and_bags() -> None:
    for embed in (nn.Embedding(9, 8), nn.EmbeddingBag(9, 8, mode="mean")):
        model = nn.Sequential(embed, nn.Tanh(), nn.Linear(8, 4)).eval()
        pruned = every_group(trace(randomised(model), torch.tensor([[1, 5], [2, 8]])))
        proven(pruned)
        assert sizes(pruned.model, "0.embedding_dim", "0.num_embeddings", "2.in_features") == [4, 9, 4]


def test_an_attribute_that_stays_is_no_change() -> None:
    pruned = every_group(traced(between(nn.BatchNorm2d(12)), *IMAGE))
    assert {(c.module, c.name) for c in pruned.surgery.attributes} == {
        ("0", "out_channels"),
        ("1", "num_features"),
        ("3", "in_channels"),
    }
    assert all(c.before == 12 and c.after == 6 and c.is_standard for c in pruned.surgery.attributes)
    assert {c.reason for c in pruned.surgery.attributes if c.module == "1"} == {"size of the parameters of BatchNorm2d"}


def test_every_listed_attribute_is_true_of_an_unpruned_model() -> None:
    """The table reads shapes rightly: applied to the original shapes it gives the original attributes."""

    class Everything(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.plain = nn.ModuleList(case[0] for case in CASES.values())
            self.norms = nn.ModuleList(
                [nn.LayerNorm((3, 4)), nn.RMSNorm(5), nn.GroupNorm(2, 6), nn.BatchNorm1d(7, affine=False)]
            )
            self.more = nn.ModuleList([nn.RNN(3, 4), nn.LSTM(3, 8, proj_size=2), nn.LSTMCell(3, 4), nn.Embedding(5, 6)])
            self.whole = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
            self.bare = nn.LayerNorm(4, elementwise_affine=False)

    model = Everything()
    shapes = {name: tuple(t.shape) for name, t in (*model.named_parameters(), *model.named_buffers())}
    found = list(standard_attributes(model, shapes.__getitem__))
    assert len(found) > 80
    assert [str(change) for change in found if change.before != change.after] == []
    listed = {(change.module, change.name) for change in found}
    assert {("whole", "d_model"), ("more.1", "proj_size"), ("norms.3", "num_features")} <= listed
    assert ("bare", "normalized_shape") not in listed


def test_an_unusual_subclass_without_a_weight_is_left_alone() -> None:
    class Composed(nn.Linear):
        """A linear layer whose weight is made of two thin ones."""

        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.in_features, self.out_features = 12, 5
            self.up, self.down = nn.Parameter(torch.randn(5, 6)), nn.Parameter(torch.randn(6, 12))
            self.bias = nn.Parameter(torch.randn(5))

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(torch.tanh(x), self.up @ self.down, self.bias)

    pruned = every_group(trace(nn.Sequential(nn.Linear(3, 12), Composed()).eval(), torch.randn(4, 3)))
    proven(pruned)
    assert (pruned.model[1].up.shape, pruned.model[1].down.shape) == ((5, 3), (3, 6))
