"""Blocks that papers made known, each for a coupling of its own, and what holds an axis together for good."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.engine.nets import Run
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite


def conv(before: int, after: int, kernel: int = 1, **options: Any) -> nn.Conv2d:
    """A convolution that keeps the size of the image."""
    return nn.Conv2d(before, after, kernel, padding=kernel // 2, **options)


def image() -> Tensor:
    """A batch of two tiny images."""
    return torch.randn(2, 3, 8, 8)


def between(change: Any, channels: int = 8, after: int = 8, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A convolution, something that is done to its channels, a convolution that reads them."""
    net = Run(lambda s, x: s.out(change(s, s.a(x))), a=conv(3, channels, 3), out=conv(after, 2), **attributes)
    return net, image()


def shuffle_unit(s: Any, x: Tensor) -> Tensor:
    """ShuffleNet V2: one half passes, the other is transformed, and the two are interleaved."""
    left, right = x.chunk(2, 1)
    x = torch.cat([left, s.q(s.p(right).relu())], 1)
    batch, channels, height, width = x.shape
    return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, -1, height, width)


def half_in_groups(s: Any, x: Tensor) -> Tensor:
    """One half passes a grouped convolution, the other stays as it is."""
    left, right = x.chunk(2, 1)
    return torch.cat([s.g(left).relu(), right], 1)


def padded_shortcut(s: Any, x: Tensor) -> Tensor:
    """ResNet's shortcut without parameters: fewer pixels, and channels of zeros around the old ones."""
    return s.b(x).relu() + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, s.border, s.border))


def ghost(s: Any, x: Tensor) -> Tensor:
    """GhostNet: a cheap depthwise copy of the channels stands beside them, cut to the width that is wanted."""
    return torch.cat([x, s.cheap(x)], 1)[:, : s.width]


def res2(s: Any, x: Tensor) -> Tensor:
    """Res2Net: quarters of the channels, each transformed after the one before it was added."""
    first, *rest = x.split(x.shape[1] // 4, 1)
    done = [first]
    for layer, part in zip((s.p, s.q, s.r), rest, strict=True):
        done.append(layer(part if len(done) == 1 else part + done[-1]).relu())
    return torch.cat(done, 1)


def temporal_shift() -> tuple[nn.Module, Tensor]:
    """TSM: some channels come from the frame before, some from the frame after."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.a(x)
        moved = torch.zeros_like(x)
        moved[:, :-1, : s.fold] = x[:, 1:, : s.fold]
        moved[:, 1:, s.fold : 2 * s.fold] = x[:, :-1, s.fold : 2 * s.fold]
        moved[:, :, 2 * s.fold :] = x[:, :, 2 * s.fold :]
        return s.out(moved.relu())

    return Run(forward, a=nn.Linear(4, 16), out=nn.Linear(16, 2), fold=3), torch.randn(2, 5, 4)


def response_norm(s: Any, x: Tensor) -> Tensor:
    """ConvNeXt V2's global response normalisation."""
    norm = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)
    return s.gamma * (x * norm / (norm.mean(1, keepdim=True) + 1e-6)) + s.beta + x


def channel_attention(s: Any, x: Tensor) -> Tensor:
    """DANet: every channel looks at every other."""
    flat = x.flatten(2)
    weights = (flat @ flat.transpose(1, 2) / 8).softmax(-1)
    return (weights @ flat).view_as(x) * s.gamma + x


def bilinear_pooling() -> tuple[nn.Module, Tensor]:
    """Products of all channels of two branches, flattened for a linear layer."""

    def forward(s: Any, x: Tensor) -> Tensor:
        left, right = s.a(x).relu().flatten(2), s.b(x).relu().flatten(2)
        return s.out((left @ right.transpose(1, 2) / 64).flatten(1))

    return Run(forward, a=conv(3, 6), b=conv(3, 8), out=nn.Linear(48, 2)), image()


def gram_pooling() -> tuple[nn.Module, Tensor]:
    """Products of all channels with each other, flattened for a linear layer."""

    def forward(s: Any, x: Tensor) -> Tensor:
        flat = s.a(x).relu().flatten(2)
        return s.out((flat @ flat.transpose(1, 2) / 64).flatten(1))

    return Run(forward, a=conv(3, 6), out=nn.Linear(36, 2)), image()


def unpooled() -> tuple[nn.Module, Tensor]:
    """SegNet: values go back to where the pooling found them."""

    def forward(s: Any, x: Tensor) -> Tensor:
        small, places = F.max_pool2d(s.a(x), 2, return_indices=True)
        return s.out(F.max_unpool2d(s.b(small), places, 2))

    return Run(forward, a=conv(3, 8, 3), b=conv(8, 8, 3), out=conv(8, 2)), image()


def weighted_fusion() -> tuple[nn.Module, Tensor]:
    """BiFPN: two features added with learned weights, one number each."""

    def forward(s: Any, x: Tensor) -> Tensor:
        weights = s.weights.relu()
        weights = weights / (weights.sum() + 1e-4)
        return s.out(weights[0] * s.a(x) + weights[1] * s.b(x))

    return Run(forward, a=conv(3, 8, 3), b=conv(3, 8), out=conv(8, 2), weights=nn.Parameter(torch.ones(2))), image()


def dynamic_filter() -> tuple[nn.Module, Tensor]:
    """Involution: a kernel for each pixel, made from the channels and shared by groups of them."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.a(x)
        batch, channels, height, width = x.shape
        kernel = s.span(s.reduce(x).tanh()).view(batch, s.groups, 1, 9, height, width)
        patches = F.unfold(x, 3, padding=1).view(batch, s.groups, channels // s.groups, 9, height, width)
        return s.out((kernel * patches).sum(3).view(batch, channels, height, width))

    layers = {"a": conv(3, 8), "reduce": conv(8, 6), "span": conv(6, 18), "out": conv(8, 2)}
    return Run(forward, **layers, groups=2), image()


def inverted_residual(s: Any, x: Tensor) -> Tensor:
    """MobileNet V2: wide inside, narrow outside."""
    return x + s.norm2(s.narrow(F.relu6(s.norm1(s.depth(F.relu6(s.wide(x)))))))


def inception(s: Any, x: Tensor) -> Tensor:
    """Branches of their own widths side by side."""
    return torch.cat([s.p(x), s.q2(s.q1(x).relu()), s.r(F.avg_pool2d(x, 3, 1, 1))], 1)


ONE = {"a": ("channels", 8)}
WIDE = {"wide": ("channels", 6)}
HALVES = {"a[0:8]": ("channels", 8), "a[8:16]": ("channels", 8)}
TIED = {"a[0:8]": ("a[8:16]",), "a[8:16]": ("a[0:8]",)}
QUARTERS = ("a[0:4]", "a[4:8]", "a[8:12]", "a[12:16]")
ORDERED = {("a.weight", 0): "sorts or accumulates"}

PATTERNS = (
    Pattern(
        "inverted residual",
        lambda: between(
            inverted_residual,
            wide=conv(8, 12),
            depth=conv(12, 12, 3, groups=12),
            norm1=nn.BatchNorm2d(12),
            narrow=conv(12, 8),
            norm2=nn.BatchNorm2d(8),
        ),
        ONE | {"wide": ("channels", 12)},
    ),
    Pattern(
        "inception",
        lambda: between(inception, 8, 14, p=conv(8, 4), q1=conv(8, 5), q2=conv(5, 4, 3), r=conv(8, 6)),
        ONE | {"p": ("channels", 4), "q1": ("channels", 5), "q2": ("channels", 4), "r": ("channels", 6)},
    ),
    Pattern(
        "ShuffleNet unit",
        lambda: between(shuffle_unit, 16, 16, p=conv(8, 6), q=conv(6, 8, 3)),
        HALVES | {"p": ("channels", 6)},
        ties=TIED,
    ),
    Pattern(
        "halves of which one is convolved in groups",
        lambda: between(half_in_groups, 16, 20, g=conv(8, 12, 3, groups=4)),
        {
            "a:conv_groups": ("conv_groups", 4),
            "a[0:8]": ("channels", 2),
            "a[8:16]": ("channels", 8),
            "g": ("channels", 3),
        },
        ties={
            "a:conv_groups": ("a[0:8]", "a[8:16]"),
            "a[0:8]": ("a:conv_groups", "a[8:16]"),
            "a[8:16]": ("a[0:8]", "a:conv_groups"),
        },
    ),
    Pattern(
        "padded shortcut",
        lambda: between(padded_shortcut, 8, 16, b=nn.Conv2d(8, 16, 3, stride=2, padding=1), border=4),
        ONE | {"b": ("channels", 8)},
    ),
    Pattern("ghost module", lambda: between(ghost, 8, 16, cheap=conv(8, 8, 3, groups=8), width=16), ONE),
    Pattern(
        "Res2Net",
        lambda: between(res2, 16, 16, p=conv(4, 4, 3), q=conv(4, 4, 3), r=conv(4, 4, 3)),
        dict.fromkeys((*QUARTERS, "r"), ("channels", 4)),
        ties={name: tuple(other for other in QUARTERS if other != name) for name in QUARTERS},
    ),
    Pattern("temporal shift", temporal_shift, {"a": ("channels", 16)}, way="program"),
    Pattern(
        "global response normalisation",
        lambda: between(
            response_norm, gamma=nn.Parameter(torch.rand(1, 8, 1, 1)), beta=nn.Parameter(torch.rand(1, 8, 1, 1))
        ),
        ONE,
    ),
    Pattern("attention over channels", lambda: between(channel_attention, gamma=nn.Parameter(torch.ones(1))), ONE),
    Pattern("bilinear pooling", bilinear_pooling, {"a": ("channels", 6), "b": ("channels", 8)}),
    Pattern("bilinear pooling with itself", gram_pooling, {"a": ("channels", 6)}),
    Pattern("unpooling", unpooled, ONE),
    Pattern("weighted fusion", weighted_fusion, ONE, stays={("weights", 0): "by its number"}),
    Pattern(
        "involution",
        dynamic_filter,
        {"a": ("channels", 2), "a#2": ("channels", 4), "reduce": ("channels", 6)},
    ),
    Pattern(
        "running sums over channels",
        lambda: between(lambda s, x: s.wide(x.cumsum(1)), after=6, wide=conv(8, 6)),
        WIDE,
        stays=ORDERED,
    ),
    Pattern(
        "the largest channels in order",
        lambda: between(lambda s, x: s.wide(x.topk(4, 1)[0]), after=6, wide=conv(4, 6)),
        WIDE,
        stays=ORDERED,
    ),
    Pattern(
        "differences of neighbouring channels",
        lambda: between(lambda s, x: s.wide(x[:, 1:] - x[:, :-1]), after=6, wide=conv(7, 6)),
        WIDE,
        stays={("a.weight", 0): "hangs together as one channel"},
    ),
)


class TestBlocks(PatternSuite):
    """Blocks."""

    patterns = PATTERNS
