"""Forwards that write what they keep: momentum encoders, masked weights, codebooks that follow the data."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.graph import trace
from tests.engine.nets import Run, proven
from tests.patterns.pattern import Pattern, check_training_step, graph_of
from tests.patterns.suite import PatternSuite


def image() -> Tensor:
    """A batch of two tiny images."""
    return torch.randn(2, 3, 6, 6)


def twin(follow: Callable[[nn.Parameter, nn.Parameter], None]) -> tuple[nn.Module, Tensor]:
    """An encoder and another that follows it, as in MoCo and BYOL."""

    def forward(s: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            for slow, quick in zip(s.slow.parameters(), s.quick.parameters(), strict=True):
                follow(slow, quick)
        return s.quick(x) + s.slow(x)

    quick = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 4))
    slow = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 4)).requires_grad_(False)
    return Run(forward, quick=quick, slow=slow), torch.randn(5, 6)


def in_place(slow: nn.Parameter, quick: nn.Parameter) -> None:
    slow.mul_(0.9).add_(quick, alpha=0.1)


def by_data_in_place(slow: nn.Parameter, quick: nn.Parameter) -> None:
    slow.data.mul_(0.9).add_(quick.data, alpha=0.1)


def by_other_data(slow: nn.Parameter, quick: nn.Parameter) -> None:
    slow.data = slow.data * 0.9 + quick.data * 0.1


class MaskedConv(nn.Conv2d):
    """A convolution that sees only what comes before, as in PixelCNN: it masks its weight before each use."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 3, padding=1)
        mask = torch.ones_like(self.weight)
        mask[:, :, 1, 1:], mask[:, :, 2] = 0, 0
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        self.weight.data *= self.mask
        return super().forward(x)


def masked() -> tuple[nn.Module, Tensor]:
    """Two masked convolutions."""
    layers = {"a": MaskedConv(3, 8), "b": MaskedConv(8, 12), "out": nn.Conv2d(12, 2, 1)}
    return Run(lambda s, x: s.out(s.b(s.a(x).relu()).relu()), **layers), image()


class Codebook(nn.Module):
    """The quantiser of a VQ-VAE whose codes are running means: training alone reads two of its buffers."""

    def __init__(self, width: int, codes: int) -> None:
        super().__init__()
        drawn = torch.randn(width, codes)
        self.register_buffer("codes", drawn)
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("sums", drawn.clone())

    def forward(self, x: Tensor) -> Tensor:
        points = x.permute(0, 2, 3, 1).flatten(0, 2)
        distance = self.codes.square().sum(0) - 2 * points @ self.codes
        nearest = distance.argmin(1)
        if self.training:
            chosen = F.one_hot(nearest, self.counts.shape[0]).type_as(points)
            self.counts.data.mul_(0.9).add_(chosen.sum(0), alpha=0.1)
            self.sums.data.mul_(0.9).add_(points.detach().T @ chosen, alpha=0.1)
            self.codes.data.copy_(self.sums / self.counts)
        batch, width, height, columns = x.shape
        found = F.embedding(nearest, self.codes.T).view(batch, height, columns, width).permute(0, 3, 1, 2)
        return 0.5 * x + found


def quantised() -> tuple[nn.Module, Tensor]:
    """A convolution, the codebook, and a convolution."""
    layers = {"a": nn.Conv2d(3, 8, 1), "b": nn.Conv2d(8, 6, 1), "book": Codebook(6, 7), "out": nn.Conv2d(6, 2, 1)}
    return Run(lambda s, x: s.out(s.book(s.b(s.a(x).relu()))), **layers), image()


ENCODER = {"slow.0": ("channels", 12)}
TWINS = (
    Pattern("written in place", lambda: twin(in_place), ENCODER),
    Pattern("written by way of data", lambda: twin(by_data_in_place), ENCODER),
    Pattern("given other data", lambda: twin(by_other_data), ENCODER),
    Pattern("masked weights", masked, {"a": ("channels", 8), "b": ("channels", 12)}),
)


class TestWrittenStates(PatternSuite):
    patterns = (
        *TWINS,
        Pattern(
            "a codebook of running means",
            quantised,
            {"a": ("channels", 8), "b": ("channels", 6)},
            has_free_batch=False,
        ),
    )


@pytest.mark.parametrize("pattern", TWINS, ids=lambda pattern: pattern.name)
def test_neither_tracing_nor_a_proof_changes_the_parameters_of_the_model(pattern: Pattern) -> None:
    torch.manual_seed(11)
    model, inputs = pattern.build()
    before = {name: (parameter.data_ptr(), parameter.detach().clone()) for name, parameter in model.named_parameters()}
    pruned = trace(model.eval(), inputs).plan(0.5).apply()
    small = deepcopy(pruned.model.state_dict())
    pruned.verify()
    for name, parameter in model.named_parameters():
        assert parameter.data_ptr() == before[name][0]
        assert torch.equal(parameter, before[name][1])
    assert all(torch.equal(found, small[name]) for name, found in pruned.model.state_dict().items())
    with torch.no_grad():
        model(inputs)
    assert any(not torch.equal(parameter, before[name][1]) for name, parameter in model.named_parameters())


def test_what_only_training_writes_shrinks_with_the_rest() -> None:
    graph = graph_of(Pattern("", quantised, {}))
    assert [program.is_training for program in graph.coupling.programs] == [False, True]
    pruned = graph.plan(0.5).apply()
    proven(pruned)
    book: Any = pruned.model.get_submodule("book")
    assert book.codes.shape == book.sums.shape == (3, 7)
    check_training_step(pruned)


def test_a_result_that_is_given_data_of_another_shape_is_that_data_from_then_on() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        made = s.b(s.a(x))
        made.data = made.repeat(1, 2)
        return s.out(made)

    layers = {"a": nn.Linear(3, 8), "b": nn.Linear(8, 6), "out": nn.Linear(12, 2)}
    graph = trace(Run(forward, **layers).eval(), torch.randn(4, 3))
    assert [(group.name, group.size) for group in graph.groups] == [("a", 8), ("b", 6)]
    proven(graph.plan(0.5).apply())


def test_a_parameter_that_is_given_data_of_another_shape_stays() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        s.kept.data = s.a.weight.data
        return s.out(F.linear(x, s.kept))

    layers = {"a": nn.Linear(3, 8), "kept": nn.Parameter(torch.randn(5, 3)), "out": nn.Linear(8, 2)}
    graph = trace(Run(forward, **layers).eval(), torch.randn(4, 3))
    assert graph.groups == ()
    reasons = {part.reason for part in graph.frozen if part.parameter == "a.weight" and part.dim == 0}
    assert reasons == {"the code puts a tensor of another shape in its place"}
    assert graph.model.get_parameter("kept").shape == (5, 3)
