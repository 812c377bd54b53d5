from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.apply import Pruned
from explorer.engine.errors import ApplyError, SaveError
from explorer.engine.graph import trace
from explorer.engine.replay import ReplayedModel
from explorer.engine.save import rebuild, save
from tests.engine.nets import Run

X = (2, 3, 8, 8)


class Between(nn.Module):
    """A convolution, some user code with literals, another convolution, and a head with BatchNorm and dropout."""

    def __init__(self, code: Callable[[Tensor], Tensor], channels: int) -> None:
        super().__init__()
        self.code = code
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.second = nn.Conv2d(channels, 12, 3, padding=1)
        self.norm = nn.BatchNorm2d(12)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.second(self.code(self.first(x))))
        return self.head(self.drop(x.mean((2, 3))))


class Flattened(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.head = nn.Linear(16 * 8 * 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.first(x).view(-1, 16 * 8 * 8))


def pieces(x: Tensor) -> Tensor:
    a, b = x.split([10, 6], 1)
    return torch.cat([b, torch.relu(a)], 1)


CODES = {
    "split by literals": (pieces, 16),
    "slices by literals": (lambda x: torch.cat([x[:, 8:], torch.tanh(x[:, :8])], 1), 16),
    "shuffle by literals": (lambda x: x.view(x.shape[0], 2, 8, 8, 8).transpose(1, 2).reshape(x.shape[0], 16, 8, 8), 16),
    "maxout by literals": (lambda x: x.view(x.shape[0], 8, 2, 8, 8).amax(2), 8),
    "space to depth by literals": (
        lambda x: x.view(x.shape[0], 16, 4, 2, 4, 2).permute(0, 1, 3, 5, 2, 4).reshape(x.shape[0], 64, 4, 4),
        64,
    ),
    "one channel by its number": (lambda x: x * x[:, 3:4], 16),
    "fewer channels by a slice": (lambda x: x[:, 2:14], 12),
}


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name == "flatten by literals":
        return Flattened().eval()
    model = Between(*CODES[name]).eval()
    model.norm.running_mean.normal_(0, 0.1)
    model.norm.running_var.uniform_(0.5, 1.5)
    return model


def prune(name: str) -> Pruned:
    model = build(name)
    graph = trace(model, torch.randn(X))
    return graph.plan({group.name: 0.5 for group in graph.groups}).apply()


NAMES = [*CODES, "flatten by literals"]


@pytest.mark.parametrize("name", NAMES)
def test_literals_choose_the_program_way_and_it_is_proven(name: str) -> None:
    pruned = prune(name)
    assert pruned.way == "program"
    assert isinstance(pruned.model, ReplayedModel)
    assert "uses the literal" in pruned.reason
    verification = pruned.verify()
    assert verification.ok, verification
    assert verification.is_proof
    assert verification.params[0] < sum(parameter.numel() for parameter in pruned.plan.graph.model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_every_group_alone_is_proven(name: str) -> None:
    graph = trace(build(name), torch.randn(X))
    for group in graph.groups:
        if group.size > 1:
            verification = graph.plan({group.name: 0.5}).apply().verify()
            assert verification.ok, (group.name, verification)


@pytest.mark.parametrize("name", NAMES)
def test_the_batch_stays_free(name: str) -> None:
    model = prune(name).model
    x = torch.randn(5, *X[1:])
    together = model(x)
    alone = torch.cat([model(x[place : place + 1]) for place in range(5)])
    assert together.shape == (5, 5)
    torch.testing.assert_close(together, alone)


def test_names_are_the_originals() -> None:
    pruned = prune("split by literals")
    assert pruned.model.state_dict().keys() == pruned.plan.graph.model.state_dict().keys()


def test_it_trains_like_the_original() -> None:
    model = prune("split by literals").model.train()
    x, before = torch.randn(4, *X[1:]), model.norm.running_mean.clone()
    first, second = model(x), model(x)
    assert not torch.equal(first, second)  # dropout is on
    assert not torch.equal(model.norm.running_mean, before)  # BatchNorm follows the batch
    F.cross_entropy(first, torch.tensor([0, 1, 2, 3])).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.eval()
    torch.testing.assert_close(model(x), model(x), rtol=0, atol=0)


def test_a_program_is_saved_and_recorded_again(tmp_path: Path) -> None:
    pruned = prune("split by literals")
    folder = save(pruned, tmp_path / "out")
    with pytest.raises(SaveError, match="replays recorded calls"):
        rebuild(folder, build("split by literals"))
    x = torch.randn(X)
    again = rebuild(folder, build("split by literals"), x)
    torch.testing.assert_close(again(x), pruned.model(x), rtol=0, atol=0)
    assert "example_inputs=" in (folder / "README.md").read_text()


def test_numbers_in_the_code_that_pick_channels_are_written_anew() -> None:
    torch.manual_seed(0)
    model = Between(lambda x: x[:, [3, 1, 2, 0]], 4).eval()
    graph = trace(model, torch.randn(X))
    pruned = graph.plan({group.name: 0.5 for group in graph.groups}).apply()
    assert pruned.way == "program"
    assert "numbers written in the code" in pruned.reason
    assert pruned.verify().ok, str(pruned.verify())


def test_other_inputs_than_the_recorded_are_refused() -> None:
    model = prune("split by literals").model
    with pytest.raises(ApplyError, match="recorded with 1 input tensors and got 2"):
        model(torch.randn(X), torch.randn(X))


@pytest.mark.parametrize(
    ("code", "is_free"),
    [
        (lambda x: x.view(x.shape[0], 16, 64), True),
        (lambda x: x.view(x.size()[0], 16, -1), True),
        (lambda x: x.view(len(x), 16, -1), False),
        (lambda x: x.view(int(x.shape[0]), 16, -1), False),
    ],
    ids=["shape", "size", "length", "plain integer"],
)
def test_a_size_that_became_a_plain_number_is_never_replayed_for_another(code: Any, *, is_free: bool) -> None:
    torch.manual_seed(0)
    model = Run(lambda s, x: s.b(code(s.a(x)).tanh().mean(2)), a=nn.Conv2d(3, 16, 1), b=nn.Linear(16, 2)).eval()
    pruned = trace(model, torch.randn(2, 3, 8, 8)).plan(0.5).apply()
    assert pruned.way == "program"
    assert pruned.verify().ok
    others = torch.randn(4, 3, 8, 8)
    if is_free:
        assert pruned.model(others).shape == model(others).shape
    else:
        with pytest.raises(ApplyError, match=r"recorded with inputs of shape \(2, 3, 8, 8\) and got \(4, 3, 8, 8\)"):
            pruned.model(others)


def sized(code: Callable[[Tensor], Tensor]) -> Pruned:
    """Half of 16 channels pruned by the program way, after code that computes with sizes."""
    torch.manual_seed(0)
    graph = trace(Between(lambda x: code(x).reshape(-1, 16, 8, 8), 16).eval(), torch.randn(X))
    pruned = graph.plan({"first": 0.5}).apply()
    assert pruned.way == "program"
    return pruned


def test_a_fraction_of_a_size_is_computed_anew_for_another_batch() -> None:
    model = sized(lambda x: x - x.sum(0, keepdim=True) * (1 / x.shape[0])).model
    x = torch.randn(6, *X[1:])
    twice = torch.cat([x, x])  # of which the mean is the same
    torch.testing.assert_close(model(twice)[:6], model(x))


def test_a_scale_computed_from_a_size_follows_the_plan() -> None:
    verification = sized(lambda x: torch.sin(x * x.shape[1] ** -0.5)).verify()
    assert verification.ok, verification
    assert verification.error < 1e-6


def test_a_bound_read_off_another_tensor_stays_what_it_was() -> None:
    """The rows that are read must not shrink with the channels that gave their number."""

    class Bounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 6, 1)
            self.head = nn.Conv2d(6, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.first(x)
            return self.head(hidden)[:, :, : hidden.shape[1]]

    torch.manual_seed(0)
    pruned = trace(Bounded().eval(), torch.randn(X)).plan(0.5).apply()
    assert pruned.way == "program"
    assert "uses size of dim 1, which gives 3, where 6 is needed" in pruned.reason
    assert pruned.model(torch.randn(X)).shape == (2, 2, 6, 8)
    assert pruned.verify().ok
