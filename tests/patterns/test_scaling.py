"""Coupling patterns of scales and sums: masks, attention over channels, normalisation, buffers, reductions."""

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


def between(change: Any, channels: int = 8, after: int | None = None, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A convolution, something that is done to its channels, a convolution that reads them."""
    net = Run(
        lambda s, x: s.out(change(s, s.a(x))),
        a=conv(3, channels, 3),
        out=conv(channels if after is None else after, 2),
    )
    for name, value in attributes.items():
        if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
            net.register_buffer(name, value)
        else:
            setattr(net, name, value)
    return net, image()


def scale(*shape: int) -> nn.Parameter:
    """A parameter well away from zero."""
    return nn.Parameter(torch.rand(shape) + 0.5)


def on_tokens(change: Any, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A linear layer on five tokens, something done to its features, a linear layer."""
    net = Run(lambda s, x: s.out(change(s, s.a(x))), a=nn.Linear(4, 8), out=nn.Linear(8, 2))
    for name, value in attributes.items():
        setattr(net, name, value)
    return net, torch.randn(2, 5, 4)


def squeeze_excite(s: Any, x: Tensor) -> Tensor:
    """Channels weighted by what their means say."""
    return x * s.up(s.down(x.mean((2, 3), keepdim=True)).tanh()).sigmoid()


def cbam(s: Any, x: Tensor) -> Tensor:
    """Channel attention by mean and maximum through one network, then spatial attention by mean and maximum."""
    x = x * (s.mlp(x.mean((2, 3))) + s.mlp(x.amax((2, 3)))).sigmoid()[:, :, None, None]
    pooled = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]], 1)
    return x * s.space(pooled).sigmoid()


def eca(s: Any, x: Tensor) -> Tensor:
    """A convolution that slides over the channels."""
    pooled = F.adaptive_avg_pool2d(x, 1).squeeze(-1).transpose(-1, -2)
    return s.wide(x * s.slide(pooled).transpose(-1, -2).unsqueeze(-1).sigmoid())


def selective(s: Any, x: Tensor) -> Tensor:
    """Two kernels, weighted against each other for each channel (SKNet)."""
    branches = torch.stack([s.p(x), s.q(x)], 1)
    squeezed = s.down(branches.sum(1).mean((2, 3))).relu()
    weights = s.up(squeezed).view(x.shape[0], 2, -1, 1, 1).softmax(1)
    return (branches * weights).sum(1)


def global_context(s: Any, x: Tensor) -> Tensor:
    """One attention map over space gathers a context for each channel (GCNet)."""
    weights = s.mask(x).flatten(2).softmax(-1)
    context = torch.matmul(x.flatten(2), weights.transpose(1, 2)).unsqueeze(-1)
    return x + s.up(s.down(context).relu())


def film() -> tuple[nn.Module, Any]:
    """A second input scales and shifts channels."""

    def forward(s: Any, x: Tensor, condition: Tensor) -> Tensor:
        gamma, beta = s.modulate(condition).chunk(2, 1)
        return s.out(s.a(x) * gamma[:, :, None, None] + beta[:, :, None, None])

    return Run(forward, a=conv(3, 8), modulate=nn.Linear(4, 16), out=conv(8, 2)), (image(), torch.randn(2, 4))


def mixer() -> tuple[nn.Module, Tensor]:
    """MLP-Mixer: tokens are places of the image, so only the hidden layer of their mixing can shrink."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.embed(x).flatten(2).transpose(1, 2)
        x = x + s.token2(F.gelu(s.token1(s.norm1(x).transpose(1, 2)))).transpose(1, 2)
        x = x + s.channel2(F.gelu(s.channel1(s.norm2(x))))
        return s.out(x.mean(1))

    layers = {"embed": nn.Conv2d(3, 8, 2, stride=2), "norm1": nn.LayerNorm(8), "norm2": nn.LayerNorm(8),
              "token1": nn.Linear(16, 12), "token2": nn.Linear(12, 16), "channel1": nn.Linear(8, 10),
              "channel2": nn.Linear(10, 8), "out": nn.Linear(8, 2)}  # fmt: skip
    return Run(forward, **layers), image()


def latents() -> tuple[nn.Module, Tensor]:
    """Learned queries gather from tokens and are mixed with each other: their number can shrink."""

    def forward(s: Any, x: Tensor) -> Tensor:
        weights = (s.queries @ s.key(x).transpose(1, 2)).softmax(-1)
        x = weights @ s.value(x)
        x = x + s.mix2(s.mix1(x.transpose(1, 2)).relu()).transpose(1, 2)
        return s.out(x.mean(1))

    layers = {"key": nn.Linear(4, 8), "value": nn.Linear(4, 10), "mix1": nn.Linear(6, 12), "mix2": nn.Linear(12, 6)}
    return Run(forward, **layers, out=nn.Linear(10, 2), queries=scale(6, 8)), torch.randn(2, 5, 4)


def recurrent(start: Any, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A recurrence over five steps from a hidden state that is made in forward."""

    def forward(s: Any, x: Tensor) -> Tensor:
        hidden = start(s, x)
        for step in range(5):
            hidden = torch.tanh(s.a(x[:, step]) + s.b(hidden))
        return s.out(hidden)

    layers = {"a": nn.Linear(4, 8), "b": nn.Linear(8, 8), "out": nn.Linear(8, 2)}
    return Run(forward, **layers, **attributes), torch.randn(2, 5, 4)


def spectral_filter(s: Any, x: Tensor) -> Tensor:
    """A learned filter over the frequencies of the image, one for each channel (GFNet)."""
    return torch.fft.irfft2(torch.fft.rfft2(x) * torch.view_as_complex(s.filter), s=x.shape[-2:])


def chosen(s: Any, x: Tensor) -> Tensor:
    """Two branches, and a comparison that says which one counts."""
    left, right = s.p(x), s.q(x)
    return torch.where(left > right, left, right * 0.5)


def maxout(s: Any, x: Tensor) -> Tensor:
    """The largest of every two neighbours."""
    batch, channels, height, width = x.shape
    return x.view(batch, channels // s.pieces, s.pieces, height, width).max(2)[0]


def literal_maxout(s: Any, x: Tensor) -> Tensor:
    """The same with a literal."""
    return x.view(x.shape[0], x.shape[1] // 2, 2, 8, 8).amax(2)


def pooled_channels(s: Any, x: Tensor) -> Tensor:
    """Maxout by a pooling that slides over the channels."""
    return F.max_pool1d(x.flatten(2).transpose(1, 2), 2).transpose(1, 2).unflatten(2, (8, 8))


ONE = {"a": ("channels", 8)}
GROUPED = {"a": ("channels", 4), "a#2": ("channels", 4)}
WIDE = {"wide": ("channels", 6)}

PATTERNS = (
    Pattern("a mask over space", lambda: between(lambda s, x: x * s.mask(x).sigmoid(), mask=conv(8, 1)), ONE),
    Pattern(
        "a mask repeated by a literal",
        lambda: between(lambda s, x: x * s.mask(x).sigmoid().repeat(1, 8, 1, 1), mask=conv(8, 1)),
        ONE,
        way="program",
    ),
    Pattern(
        "a mask expanded like the channels",
        lambda: between(lambda s, x: x * s.mask(x).sigmoid().expand_as(x), mask=conv(8, 1)),
        ONE,
    ),
    Pattern(
        "squeeze and excite",
        lambda: between(squeeze_excite, down=conv(8, 4), up=conv(4, 8)),
        ONE | {"down": ("channels", 4)},
    ),
    Pattern(
        "CBAM",
        lambda: between(cbam, mlp=nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8)), space=conv(2, 1, 7)),
        ONE | {"mlp.0": ("channels", 4)},
    ),
    Pattern(
        "ECA",
        lambda: between(eca, after=6, slide=nn.Conv1d(1, 1, 3, padding=1, bias=False), wide=conv(8, 6)),
        WIDE,
        stays={("a.weight", 0): "slides along this axis"},
    ),
    Pattern(
        "selective kernels",
        lambda: between(selective, p=conv(8, 6), q=conv(8, 6, 3), down=nn.Linear(6, 4), up=nn.Linear(4, 12), after=6),
        ONE | {"p": ("channels", 6), "down": ("channels", 4)},
    ),
    Pattern(
        "global context",
        lambda: between(global_context, mask=conv(8, 1), down=conv(8, 4), up=conv(4, 8)),
        ONE | {"down": ("channels", 4)},
    ),
    Pattern("modulation by another input", film, {"modulate": ("channels", 8)}),
    Pattern("PReLU", lambda: between(lambda s, x: s.act(x), act=nn.PReLU(8)), ONE),
    Pattern("PReLU of one number", lambda: between(lambda s, x: s.act(x), act=nn.PReLU()), ONE),
    Pattern("BatchNorm", lambda: between(lambda s, x: s.norm(x), norm=nn.BatchNorm2d(8)), ONE),
    Pattern(
        "BatchNorm without scales", lambda: between(lambda s, x: s.norm(x), norm=nn.BatchNorm2d(8, affine=False)), ONE
    ),
    Pattern("GroupNorm", lambda: between(lambda s, x: s.norm(x), 16, norm=nn.GroupNorm(4, 16)), GROUPED),
    Pattern("GroupNorm of one group", lambda: between(lambda s, x: s.norm(x), norm=nn.GroupNorm(1, 8)), ONE),
    Pattern("GroupNorm of single channels", lambda: between(lambda s, x: s.norm(x), norm=nn.GroupNorm(8, 8)), ONE),
    Pattern(
        "GroupNorm without scales",
        lambda: between(lambda s, x: s.norm(x), 16, norm=nn.GroupNorm(4, 16, affine=False)),
        GROUPED,
    ),
    Pattern(
        "InstanceNorm",
        lambda: between(lambda s, x: s.norm(x), norm=nn.InstanceNorm2d(8, affine=True, track_running_stats=True)),
        ONE,
    ),
    Pattern("InstanceNorm without scales", lambda: between(lambda s, x: s.norm(x), norm=nn.InstanceNorm2d(8)), ONE),
    Pattern(
        "LayerNorm over channels and space",
        lambda: between(lambda s, x: s.norm(x), norm=nn.LayerNorm([8, 8, 8])),
        ONE,
        stays={("norm.weight", 1): "", ("norm.weight", 2): ""},
    ),
    Pattern(
        "LayerNorm without scales",
        lambda: on_tokens(lambda s, x: s.norm(x) * x.tanh(), norm=nn.LayerNorm(8, elementwise_affine=False)),
        ONE,
    ),
    Pattern(
        "LayerNorm by a literal",
        lambda: on_tokens(lambda s, x: F.layer_norm(x, (8,)) * x.tanh()),
        ONE,
        way="program",
    ),
    Pattern(
        "a normalisation over neighbouring channels",
        lambda: between(lambda s, x: s.wide(s.norm(x)), after=6, norm=nn.LocalResponseNorm(3), wide=conv(8, 6)),
        WIDE,
        stays={("a.weight", 0): "pooling"},
    ),
    Pattern("RMSNorm", lambda: on_tokens(lambda s, x: s.norm(x), norm=nn.RMSNorm(8)), ONE),
    Pattern(
        "LayerNorm with channels first",
        lambda: between(lambda s, x: s.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), norm=nn.LayerNorm(8)),
        ONE,
    ),
    Pattern(
        "a normalisation written out",
        lambda: between(
            lambda s, x: (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-5).sqrt() * s.gamma,
            gamma=scale(1, 8, 1, 1),
        ),
        ONE,
    ),
    Pattern("a scale (1, C, 1, 1)", lambda: between(lambda s, x: x * s.gamma, gamma=scale(1, 8, 1, 1)), ONE),
    Pattern("a scale (C, 1, 1)", lambda: between(lambda s, x: x * s.gamma, gamma=scale(8, 1, 1)), ONE),
    Pattern("a scale (C,)", lambda: between(lambda s, x: x * s.gamma.view(1, -1, 1, 1), gamma=scale(8)), ONE),
    Pattern("a scale (C,) on tokens", lambda: on_tokens(lambda s, x: x + s.gamma * x, gamma=scale(8)), ONE),
    Pattern(
        "a buffer of channels", lambda: between(lambda s, x: x - s.mean[None, :, None, None], mean=torch.randn(8)), ONE
    ),
    Pattern(
        "positions learned",
        lambda: on_tokens(lambda s, x: x + s.position[:, : x.shape[1]], position=scale(1, 7, 8)),
        ONE,
        stays={("position", 1): ""},
    ),
    Pattern(
        "positions from a table",
        lambda: on_tokens(lambda s, x: x + s.table(torch.arange(x.size(1))), table=nn.Embedding(7, 8)),
        ONE,
        stays={("table.weight", 0): "vocabulary"},
    ),
    Pattern(
        "positions in a buffer",
        lambda: between(lambda s, x: x + s.position, position=torch.randn(1, 8, 8, 8)),
        ONE,
    ),
    Pattern(
        "a token in front",
        lambda: on_tokens(
            lambda s, x: torch.cat([s.token.expand(x.shape[0], -1, -1), x], 1)[:, 0] + x.mean(1), token=scale(1, 1, 8)
        ),
        ONE,
    ),
    Pattern(
        "token mixing over places",
        mixer,
        {"embed": ("channels", 8), "token1": ("channels", 12), "channel1": ("channels", 10)},
        stays={("token1.weight", 1): "never pruned", ("token2.weight", 0): "never pruned"},
    ),
    Pattern(
        "token mixing over learned queries",
        latents,
        {"queries": ("channels", 6), "key": ("channels", 8), "value": ("channels", 10), "mix1": ("channels", 12)},
    ),
    Pattern(
        "channels divided by their sum",
        lambda: between(lambda s, x: x.abs() / (x.abs().sum(1, keepdim=True) + 1)),
        ONE,
    ),
    Pattern("channels minus their maximum", lambda: between(lambda s, x: x - x.amax(1, keepdim=True)), ONE),
    Pattern("channels divided by their norm", lambda: between(lambda s, x: F.normalize(x, dim=1)), ONE),
    Pattern("softmax over channels", lambda: between(lambda s, x: x.softmax(1)), ONE),
    Pattern("maxout", lambda: between(maxout, 16, 8, pieces=2), {"a": ("channels", 8), "a#2": ("channels", 2)}),
    Pattern(
        "maxout by a literal",
        lambda: between(literal_maxout, 16, 8),
        {"a": ("channels", 8), "a#2": ("channels", 2)},
        way="program",
        alone={"a": "live"},
    ),
    Pattern(
        "a pooling over channels",
        lambda: between(lambda s, x: s.wide(pooled_channels(s, x)), 16, 6, wide=conv(8, 6)),
        WIDE,
        stays={("a.weight", 0): "pooling"},
    ),
    Pattern(
        "a convolution over channels",
        lambda: between(
            lambda s, x: s.wide(s.slide(x.transpose(1, 2)).transpose(1, 2)),
            after=6,
            slide=conv(8, 8, 3),
            wide=conv(8, 6),
        ),
        WIDE,
        stays={("a.weight", 0): "slides along this axis"},
    ),
    Pattern(
        "a hidden state of zeros",
        lambda: recurrent(lambda s, x: x.new_zeros(x.shape[0], s.width), width=8),
        ONE,
    ),
    Pattern(
        "a hidden state of ones by a literal",
        lambda: recurrent(lambda s, x: torch.ones(x.size(0), 8)),
        ONE,
        way="program",
    ),
    Pattern(
        "a choice by comparison",
        lambda: between(chosen, p=conv(8, 6), q=conv(8, 6, 3), after=6),
        ONE | {"p": ("channels", 6)},
    ),
    Pattern("a masked fill", lambda: between(lambda s, x: x.masked_fill(x > 1, 0.5)), ONE),
    Pattern(
        "a mask over space fills",
        lambda: between(lambda s, x: x.masked_fill(x.mean(1, keepdim=True) > 0, -1.0)),
        ONE,
    ),
    Pattern("a filter over frequencies", lambda: between(spectral_filter, filter=scale(8, 8, 5, 2)), ONE),
    Pattern(
        "a Fourier transform over channels",
        lambda: between(lambda s, x: s.wide(torch.fft.fft(x, dim=1).real), after=6, wide=conv(8, 6)),
        WIDE,
        stays={("a.weight", 0): "Fourier transform mixes this axis"},
    ),
)


class TestScaling(PatternSuite):
    """Scales and sums."""

    patterns = PATTERNS
