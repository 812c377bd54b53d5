"""Patterns of coupling, one small net each, whose groups can be derived by hand, and inputs that they run on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.groups import Group

Built = tuple[nn.Module, Any]


class Net(nn.Module):
    """A module whose forward is a function."""

    def __init__(self, forward: Callable[..., Any], **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)
        self.function = forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def traced(built: Built) -> DependencyGraph:
    """The graph of a net."""
    return trace(*built)


def touched(group: Group) -> dict[tuple[str, int], int]:
    """For each (parameter, dim) of a group, how many of its indices the group touches."""
    return {(member.parameter, member.dim): len(member.positions) for member in group.members}


def all_touched(graph: DependencyGraph) -> dict[str, dict[tuple[str, int], int]]:
    """`touched` of every group, by name."""
    return {group.name: touched(group) for group in graph.groups}


def basic() -> Built:
    """The paper's basic pattern: convolution, BatchNorm, convolution."""
    net = Net(
        lambda s, x: s.b(F.relu(s.bn(s.a(x)))),
        a=nn.Conv2d(3, 4, 3, padding=1),
        bn=nn.BatchNorm2d(4),
        b=nn.Conv2d(4, 2, 1),
    )
    return net, torch.randn(1, 3, 5, 5)


def residual() -> Built:
    """An addition: what the stem and the branch make must keep the same channels."""

    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.stem(x)
        return s.head((h + s.bn(s.a(h))).mean((2, 3)))

    net = Net(
        forward,
        stem=nn.Conv2d(3, 4, 1),
        a=nn.Conv2d(4, 4, 3, padding=1),
        bn=nn.BatchNorm2d(4),
        head=nn.Linear(4, 2),
    )
    return net, torch.randn(2, 3, 5, 5)


def concatenation() -> Built:
    """A concatenation: 4 and 6 channels side by side, each keeping its identity."""
    net = Net(
        lambda s, x: s.out(torch.cat([s.a(x), s.b(x)], 1)),
        a=nn.Conv2d(3, 4, 1),
        b=nn.Conv2d(3, 6, 1),
        out=nn.Conv2d(10, 2, 1),
    )
    return net, torch.randn(1, 3, 3, 3)


def reduction() -> Built:
    """A reduction over space, which leaves the channels as they are."""
    net = Net(lambda s, x: s.out(s.a(x).sum((2, 3))), a=nn.Conv2d(3, 4, 1), out=nn.Linear(4, 2))
    return net, torch.randn(1, 3, 3, 3)


def depthwise() -> Built:
    """A depthwise convolution: what goes in is what comes out."""
    net = Net(
        lambda s, x: s.out(s.d(s.a(x))),
        a=nn.Conv2d(3, 4, 1),
        d=nn.Conv2d(4, 4, 3, groups=4),
        out=nn.Conv2d(4, 2, 1),
    )
    return net, torch.randn(1, 3, 3, 3)


def grouped() -> Built:
    """A grouped convolution: 8 channels in 4 groups of 2 become 12 channels in 4 groups of 3."""
    net = Net(
        lambda s, x: s.out(s.d(s.a(x))),
        a=nn.Conv2d(3, 8, 1),
        d=nn.Conv2d(8, 12, 3, groups=4),
        out=nn.Conv2d(12, 2, 1),
    )
    return net, torch.randn(1, 3, 3, 3)


def attention() -> Built:
    """`nn.MultiheadAttention` of 2 heads of 4 in a residual stream of 8."""

    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.embed(x)
        return s.out(h + s.attend(h, h, h, need_weights=False)[0])

    net = Net(
        forward,
        embed=nn.Linear(3, 8),
        attend=nn.MultiheadAttention(8, 2, batch_first=True),
        out=nn.Linear(8, 2),
    )
    return net, torch.randn(2, 5, 3)


def flattened() -> Built:
    """A flatten: each of 4 channels becomes 9 neighbouring features."""
    net = Net(lambda s, x: s.out(s.a(x).flatten(1)), a=nn.Conv2d(3, 4, 1), out=nn.Linear(36, 2))
    return net, torch.randn(1, 3, 3, 3)


def chunked() -> Built:
    """`chunk(2)` whose halves go separate ways."""

    def forward(s: Any, x: Tensor) -> Tensor:
        left, right = s.a(x).chunk(2, 1)
        return s.p(left.relu()) + s.q(right.sigmoid())

    return Net(forward, a=nn.Linear(3, 8), p=nn.Linear(4, 2), q=nn.Linear(4, 2)), torch.randn(2, 3)


def shuffled() -> Built:
    """Two ShuffleNet-like units: halve, transform one half, interleave the two."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.a(x)
        for layer in (s.p, s.q):
            left, right = x.chunk(2, 1)
            x = torch.stack([layer(right), left], 2).flatten(1)
        return s.out(x)

    layers = {"a": nn.Linear(3, 16), "p": nn.Linear(8, 8), "q": nn.Linear(8, 8), "out": nn.Linear(16, 2)}
    return Net(forward, **layers), torch.randn(2, 3)


def tied() -> Built:
    """An embedding whose weight is also that of the output layer."""
    embed, out = nn.Embedding(10, 6), nn.Linear(6, 10, bias=False)
    out.weight = embed.weight
    net = Net(lambda s, x: s.out(s.inner(s.embed(x))), embed=embed, inner=nn.Linear(6, 6), out=out)
    return net, torch.tensor([[1, 2, 3]])


def twice() -> Built:
    """One layer called twice in a row, so that it reads what it made."""
    net = Net(
        lambda s, x: s.out(s.a(F.relu(s.a(s.embed(x))))),
        embed=nn.Linear(3, 8),
        a=nn.Linear(8, 8),
        out=nn.Linear(8, 2),
    )
    return net, torch.randn(2, 3)


def lone() -> Built:
    """One layer that reads the model's input and makes its output: nothing can go."""
    return Net(lambda s, x: s.a(x), a=nn.Linear(3, 4)), torch.randn(2, 3)


PATTERNS: tuple[Callable[[], Built], ...] = (
    basic,
    residual,
    concatenation,
    reduction,
    depthwise,
    grouped,
    attention,
    flattened,
    chunked,
    shuffled,
    tied,
    twice,
    lone,
)
