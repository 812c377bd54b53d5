"""Coupling patterns of reshapes: flatten, shuffles between channels and space, reordering and repeating."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from tests.engine.nets import Run
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite


def image() -> Tensor:
    """A batch of two tiny images."""
    return torch.randn(2, 3, 8, 8)


def between(change: Any, channels: int, after: int, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A convolution into `channels`, a change of its result, a convolution out of the `after` channels of that."""
    net = Run(
        lambda s, x: s.out(change(s, torch.relu(s.a(x)))),
        a=nn.Conv2d(3, channels, 3, padding=1),
        out=nn.Conv2d(after, 2, 1),
        **attributes,
    )
    return net, image()


def on_tokens(change: Any, channels: int, after: int, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A linear layer on tokens, a change of its result, a linear layer out of the `after` features of that."""
    layers = {"a": nn.Linear(4, channels), "out": nn.Linear(after, 2)}
    return Run(lambda s, x: s.out(change(s, s.a(x))), **layers, **attributes), torch.randn(2, 5, 4)


class Columns(nn.Module):
    """Pixels as columns, of a number of channels that all instances have."""

    width = 8

    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], self.width, -1)


def sized_by_class() -> tuple[nn.Module, Tensor]:
    """A convolution, columns, a convolution."""
    layers = {"a": nn.Conv2d(3, 8, 1), "columns": Columns(), "out": nn.Conv1d(8, 2, 1)}
    return Run(lambda s, x: s.out(s.columns(s.a(x))), **layers), image()


def flattened(flatten: Any) -> tuple[nn.Module, Tensor]:
    """A convolution, a flatten written in some way, a linear layer."""
    net = Run(
        lambda s, x: s.out(flatten(torch.relu(s.a(x)))),
        a=nn.Conv2d(3, 16, 3, padding=1),
        out=nn.Linear(16 * 8 * 8, 10),
    )
    return net, image()


def shuffle(s: Any, x: Tensor) -> Tensor:
    """A channel shuffle as ShuffleNet writes it."""
    batch, channels, height, width = x.shape
    x = x.view(batch, s.groups, channels // s.groups, height, width)
    return x.transpose(1, 2).reshape(batch, channels, height, width)


def literal_shuffle(s: Any, x: Tensor) -> Tensor:
    """The same with the number of groups written in the code."""
    batch, channels, height, width = x.shape
    return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, -1, height, width)


def space_to_depth(s: Any, x: Tensor) -> Tensor:
    """Two by two pixels become channels, the pixel numbers in front of the channels as YOLO's Focus has them."""
    batch, channels, height, width = x.shape
    x = x.view(batch, channels, height // 2, 2, width // 2, 2).permute(0, 3, 5, 1, 2, 4)
    return x.reshape(batch, 4 * channels, height // 2, width // 2)


def depth_to_space(s: Any, x: Tensor) -> Tensor:
    """Blocks of four channels become two by two pixels, block numbers in front (TensorFlow's order)."""
    batch, channels, height, width = x.shape
    x = x.view(batch, 2, 2, channels // 4, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(batch, channels // 4, 2 * height, 2 * width)


def focus(s: Any, x: Tensor) -> Tensor:
    """Every second pixel four times over, joined as channels."""
    return torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)


def tokens(s: Any, x: Tensor) -> Tensor:
    """To tokens and back, as hybrids of convolution and attention do."""
    batch, channels, height, width = x.shape
    x = s.norm(x.flatten(2).transpose(1, 2))
    return x.transpose(1, 2).reshape(batch, channels, height, width)


def windows(s: Any, x: Tensor) -> Tensor:
    """Window partition of Swin: (B, H, W, C) into windows of four by four and back."""
    batch, channels, height, width = x.shape
    x = x.permute(0, 2, 3, 1).view(batch, height // 4, 4, width // 4, 4, channels)
    x = s.norm(x.permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, channels))
    x = x.view(batch, height // 4, width // 4, 4, 4, channels).permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, channels, height, width)


def two_shuffles(s: Any, x: Tensor) -> Tensor:
    """Shuffles by two and by four groups with a depthwise convolution between them, which hands the factors on."""
    return s.fours(s.depth(s.twos(x)).relu())


def through_vector(unflatten: Any, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A decoder that starts from a vector: each of its channels is sixteen neighbouring features."""
    net = Run(
        lambda s, x: s.out(s.up(unflatten(s, s.inner(s.a(x).flatten(1)).tanh())).tanh()),
        a=nn.Conv2d(3, 6, 3, padding=1),
        inner=nn.Linear(6 * 64, 8 * 16),
        up=nn.ConvTranspose2d(8, 5, 2, stride=2),
        out=nn.Conv2d(5, 2, 1),
        **attributes,
    )
    return net, image()


VECTOR = {"a": ("channels", 6), "inner": ("channels", 8), "up": ("channels", 5)}
ONE = {"a": ("channels", 8)}
HALVES = {"a[0:4]": ("channels", 4), "a[4:8]": ("channels", 4)}
TIED = {"a[0:4]": ("a[4:8]",), "a[4:8]": ("a[0:4]",)}

PATTERNS = (
    Pattern("flatten before a linear layer", lambda: flattened(lambda x: x.flatten(1)), {"a": ("channels", 16)}),
    Pattern(
        "a literal view before a linear layer",
        lambda: flattened(lambda x: x.view(-1, 16 * 8 * 8)),
        {"a": ("channels", 16)},
        way="program",
    ),
    Pattern(
        "a view by sizes before a linear layer",
        lambda: flattened(lambda x: x.view(x.size(0), x.size(1) * x.size(2) * x.size(3))),
        {"a": ("channels", 16)},
    ),
    Pattern(
        "a view with -1 before a linear layer",
        lambda: flattened(lambda x: x.view(x.size(0), -1)),
        {"a": ("channels", 16)},
    ),
    Pattern(
        "channel shuffle written with view and transpose",
        lambda: between(shuffle, 16, 16, groups=2),
        {"a": ("channels", 2), "a#2": ("channels", 8)},
    ),
    Pattern(
        "channel shuffle with a literal number of groups",
        lambda: between(literal_shuffle, 16, 16),
        {"a": ("channels", 2), "a#2": ("channels", 8)},
        way="program",
        alone={"a#2": "live"},
    ),
    Pattern(
        "nn.ChannelShuffle",
        lambda: between(lambda s, x: s.shuffle(x), 16, 16, shuffle=nn.ChannelShuffle(2)),
        {"a": ("channels", 2), "a#2": ("channels", 8)},
    ),
    Pattern(
        "nn.PixelShuffle",
        lambda: between(lambda s, x: s.up(x), 16, 4, up=nn.PixelShuffle(2)),
        {"a": ("channels", 4)},
    ),
    Pattern("nn.PixelUnshuffle", lambda: between(lambda s, x: s.down(x), 8, 32, down=nn.PixelUnshuffle(2)), ONE),
    Pattern("space to depth", lambda: between(space_to_depth, 8, 32), ONE),
    Pattern("depth to space", lambda: between(depth_to_space, 16, 4), {"a": ("channels", 4)}),
    Pattern("focus slices", lambda: between(focus, 8, 32), ONE),
    Pattern("tokens and back", lambda: between(tokens, 8, 8, norm=nn.LayerNorm(8)), ONE),
    Pattern("window partition", lambda: between(windows, 8, 8, norm=nn.LayerNorm(8)), ONE),
    Pattern("flip over channels", lambda: between(lambda s, x: x.flip(1), 8, 8), ONE),
    Pattern(
        "halves that change places, by a shift of bits",
        lambda: between(lambda s, x: torch.cat([x[:, x.shape[1] >> 1 :], x[:, : x.shape[1] >> 1]], 1), 8, 8),
        HALVES,
        ties=TIED,
    ),
    Pattern(
        "halves of the last axis",
        lambda: on_tokens(
            lambda s, x: s.p(x[..., : x.shape[-1] // 2]).tanh() + s.q(x[..., math.floor(x.shape[-1] / 2) :]).sigmoid(),
            8,
            2,
            p=nn.Linear(4, 2),
            q=nn.Linear(4, 2),
        ),
        HALVES | {"p": ("channels", 2)},
        ties=TIED,
    ),
    Pattern("a size that is an attribute of the class", sized_by_class, ONE),
    Pattern("roll over channels by an attribute", lambda: between(lambda s, x: x.roll(s.shift, 1), 8, 8, shift=3), ONE),
    Pattern(
        "roll over channels by a literal", lambda: between(lambda s, x: torch.roll(x, 5, 1), 8, 8), ONE, way="program"
    ),
    Pattern("repeat", lambda: between(lambda s, x: x.repeat(1, 2, 1, 1), 8, 16), ONE),
    Pattern("tile", lambda: between(lambda s, x: x.tile((1, 2, 1, 1)), 8, 16), ONE),
    Pattern("repeat_interleave", lambda: between(lambda s, x: x.repeat_interleave(2, 1), 8, 16), ONE),
    Pattern(
        "expand over space",
        lambda: between(lambda s, x: x.mean((2, 3), keepdim=True).expand(-1, -1, 4, 4), 8, 8),
        ONE,
    ),
    Pattern("unflatten and flatten", lambda: between(lambda s, x: x.unflatten(3, (4, 2)).flatten(3), 8, 8), ONE),
    Pattern(
        "two channel shuffles",
        lambda: between(
            two_shuffles,
            16,
            16,
            twos=nn.ChannelShuffle(2),
            depth=nn.Conv2d(16, 16, 3, padding=1, groups=16),
            fours=nn.ChannelShuffle(4),
        ),
        {"a": ("channels", 2), "a#2": ("channels", 4), "a#3": ("channels", 2)},
    ),
    Pattern(
        "a vector becomes an image by a module",
        lambda: through_vector(lambda s, x: s.shape(x), shape=nn.Unflatten(1, (8, 4, 4))),
        VECTOR,
    ),
    Pattern(
        "a vector becomes an image by a literal",
        lambda: through_vector(lambda s, x: x.view(-1, 8, 4, 4)),
        VECTOR,
        way="program",
        alone={"a": "live", "up": "live"},
    ),
    Pattern(
        "unflatten of channels",
        lambda: between(lambda s, x: x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2), 16, 16),
        {"a": ("channels", 2), "a#2": ("channels", 8)},
        way="program",
        alone={"a#2": "live"},
    ),
)


class TestShapes(PatternSuite):
    """Reshapes."""

    patterns = PATTERNS
