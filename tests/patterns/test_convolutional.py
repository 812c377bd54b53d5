"""Coupling patterns of layers: grouped and shared convolutions, parametrised weights, bare parameters, embeddings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from tests.engine.nets import Run
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite


def conv(before: int, after: int, kernel: int = 1, **options: Any) -> nn.Conv2d:
    """A convolution that keeps the size of the image."""
    return nn.Conv2d(before, after, kernel, padding=kernel // 2, **options)


def image() -> Tensor:
    """A batch of two tiny images."""
    return torch.randn(2, 3, 8, 8)


def chain(**layers: nn.Module) -> tuple[nn.Module, Tensor]:
    """Layers one after the other, with a nonlinearity between them."""

    def forward(s: Any, x: Tensor) -> Tensor:
        *inner, last = layers
        for name in inner:
            x = torch.tanh(getattr(s, name)(x))
        return getattr(s, last)(x)

    return Run(forward, **layers), image()


def bare(forward: Any, given: Tensor, **shapes: tuple[int, ...]) -> tuple[nn.Module, Tensor]:
    """A function of parameters that belong to no layer."""
    model = Run(forward)
    for name, shape in shapes.items():
        model.register_parameter(name, nn.Parameter(torch.randn(shape)))
    return model, given


def normed(wrap: Callable[[nn.Module], nn.Module]) -> tuple[nn.Module, Tensor]:
    """Three layers whose weights are computed from other parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        layers = {"a": conv(3, 8, 3), "b": conv(8, 10, 3), "up": nn.ConvTranspose2d(10, 6, 2), "out": conv(6, 2)}
        return chain(**{name: wrap(layer) for name, layer in layers.items()})


def siamese() -> tuple[nn.Module, Any]:
    """One branch for two inputs, whose features meet in a concatenation."""
    net = Run(
        lambda s, x, y: s.out(torch.cat([s.b(s.a(x).relu()), s.b(s.a(y).relu())], 1)),
        a=conv(3, 8),
        b=conv(8, 6, 3),
        out=conv(12, 2),
    )
    return net, (image(), image())


def shared_head() -> tuple[nn.Module, Tensor]:
    """One head for two scales, so that both scales carry the same channels."""

    def forward(s: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = s.a(x).relu()
        coarse = s.b(F.avg_pool2d(fine, 2)).relu()
        return s.out(s.head(fine)), s.out(s.head(coarse))

    return Run(forward, a=conv(3, 8), b=conv(8, 8, 3), head=conv(8, 6, 3), out=conv(6, 2)), image()


def tied_convolutions() -> tuple[nn.Module, Tensor]:
    """Two convolutions with one weight, each with a bias of its own."""
    model, x = chain(stem=conv(3, 8), a=conv(8, 8, 3), b=conv(8, 8, 3), out=conv(8, 2))
    model.b.weight = model.a.weight
    return model, x


def autoencoder() -> tuple[nn.Module, Tensor]:
    """A decoder that uses the encoder's weight transposed."""
    net = Run(lambda s, x: F.linear(s.a(x).tanh(), s.a.weight.t()), a=nn.Linear(6, 8))
    return net, torch.randn(2, 6)


def bilinear() -> tuple[nn.Module, Tensor]:
    """Two branches that a bilinear form joins."""
    net = Run(
        lambda s, x: s.out(s.form(s.a(x), s.b(x)).tanh()),
        a=nn.Linear(4, 6),
        b=nn.Linear(4, 8),
        form=nn.Bilinear(6, 8, 10),
        out=nn.Linear(10, 2),
    )
    return net, torch.randn(2, 4)


def embedded(layer: nn.Module) -> tuple[nn.Module, Tensor]:
    """A table, a linear layer and another."""
    net = Run(lambda s, x: s.out(s.inner(s.table(x)).tanh()), table=layer, inner=nn.Linear(8, 6), out=nn.Linear(6, 2))
    return net, torch.tensor([[1, 2, 5], [4, 0, 3]])


BARE_CONV = {"w": (8, 3, 3, 3), "b": (8,), "v": (2, 8, 1, 1)}
TABLE = {"table": ("channels", 8), "inner": ("channels", 6)}
THREE = {"a": ("channels", 8), "b": ("channels", 10), "up": ("channels", 6)}

PATTERNS = (
    Pattern(
        "depthwise convolution",
        lambda: chain(a=conv(3, 8), d=conv(8, 8, 3, groups=8), out=conv(8, 2)),
        {"a": ("channels", 8)},
    ),
    Pattern(
        "depthwise convolution with a multiplier",
        lambda: chain(a=conv(3, 8), d=conv(8, 16, 3, groups=8), out=conv(16, 2)),
        {"a": ("channels", 8), "d": ("channels", 2)},
    ),
    Pattern(
        "grouped convolution",
        lambda: chain(a=conv(3, 8), g=conv(8, 12, 3, groups=4), out=conv(12, 2)),
        {"a:conv_groups": ("conv_groups", 4), "a": ("channels", 2), "g": ("channels", 3)},
    ),
    Pattern(
        "grouped transposed convolution",
        lambda: chain(a=conv(3, 8), g=nn.ConvTranspose2d(8, 12, 2, stride=2, groups=4), out=conv(12, 2)),
        {"a:conv_groups": ("conv_groups", 4), "a": ("channels", 2), "g": ("channels", 3)},
    ),
    Pattern(
        "depthwise transposed convolution",
        lambda: chain(a=conv(3, 8), g=nn.ConvTranspose2d(8, 8, 2, stride=2, groups=8), out=conv(8, 2)),
        {"a": ("channels", 8)},
    ),
    Pattern(
        "transposed convolutions",
        lambda: chain(a=nn.ConvTranspose2d(3, 8, 2), b=nn.ConvTranspose2d(8, 10, 3, stride=2), out=conv(10, 2)),
        {"a": ("channels", 8), "b": ("channels", 10)},
    ),
    Pattern(
        "convolutions over time",
        lambda: (
            Run(
                lambda s, x: s.out(s.b(F.max_pool1d(s.a(x).relu(), 2)).mean(2)),
                a=nn.Conv1d(3, 8, 3, padding=2, dilation=2),
                b=nn.Conv1d(8, 10, 3),
                out=nn.Linear(10, 2),
            ),
            torch.randn(2, 3, 12),
        ),
        {"a": ("channels", 8), "b": ("channels", 10)},
    ),
    Pattern(
        "convolutions over volumes",
        lambda: (
            Run(
                lambda s, x: s.out(F.interpolate(s.b(s.norm(s.a(x)).relu()), scale_factor=2)),
                a=nn.Conv3d(3, 8, 3),
                norm=nn.BatchNorm3d(8),
                b=nn.ConvTranspose3d(8, 6, 2),
                out=nn.Conv3d(6, 2, 1),
            ),
            torch.randn(2, 3, 4, 4, 4),
        ),
        {"a": ("channels", 8), "b": ("channels", 6)},
    ),
    Pattern("weight norm", lambda: normed(parametrizations.weight_norm), THREE),
    Pattern("weight norm by the old hook", lambda: normed(nn.utils.weight_norm), THREE),
    Pattern("spectral norm", lambda: normed(parametrizations.spectral_norm), THREE),
    Pattern("spectral norm by the old hook", lambda: normed(nn.utils.spectral_norm), THREE),
    Pattern(
        "F.conv2d on bare parameters",
        lambda: bare(lambda s, x: F.conv2d(F.conv2d(x, s.w, s.b, padding=1).relu(), s.v), image(), **BARE_CONV),
        {"w": ("channels", 8)},
    ),
    Pattern(
        "F.linear on bare parameters",
        lambda: bare(
            lambda s, x: F.linear(F.linear(x, s.w, s.b).relu(), s.v), torch.randn(2, 4), w=(8, 4), b=(8,), v=(3, 8)
        ),
        {"w": ("channels", 8)},
    ),
    Pattern(
        "matrix products of bare parameters",
        lambda: bare(lambda s, x: (x @ s.w + s.b).relu() @ s.v, torch.randn(2, 5, 4), w=(4, 8), b=(8,), v=(8, 3)),
        {"w": ("channels", 8)},
    ),
    Pattern(
        "einsum over channels",
        lambda: bare(
            lambda s, x: torch.einsum("bchw,dc->bdhw", torch.einsum("bchw,cd->bdhw", x, s.w).relu(), s.v),
            image(),
            w=(3, 8),
            v=(2, 8),
        ),
        {"w": ("channels", 8)},
    ),
    Pattern(
        "a kernel of low rank",
        lambda: bare(
            lambda s, x: F.conv2d(F.conv2d(x, (s.u @ s.w).view(8, 3, 3, 3)).relu(), s.v),
            image(),
            u=(8, 4),
            w=(4, 27),
            v=(2, 8, 1, 1),
        ),
        {"u[0:8]": ("channels", 8), "u[0:4]": ("channels", 4)},
        way="program",
        alone={"u[0:4]": "live"},
    ),
    Pattern("siamese branches", siamese, {"a": ("channels", 8), "b": ("channels", 6)}),
    Pattern("a head shared by two scales", shared_head, {"a": ("channels", 8), "head": ("channels", 6)}),
    Pattern("tied convolutions", tied_convolutions, {"stem": ("channels", 8)}),
    Pattern(
        "a layer called twice",
        lambda: (
            Run(lambda s, x: s.out(s.a(s.a(s.stem(x)).relu())), stem=conv(3, 8), a=conv(8, 8, 3), out=conv(8, 2)),
            image(),
        ),
        {"stem": ("channels", 8)},
    ),
    Pattern("a transposed weight decodes", autoencoder, {"a": ("channels", 8)}),
    Pattern("nn.Bilinear", bilinear, {"a": ("channels", 6), "b": ("channels", 8), "form": ("channels", 10)}),
    Pattern("nn.Embedding", lambda: embedded(nn.Embedding(9, 8)), TABLE, stays={("table.weight", 0): "vocabulary"}),
    Pattern(
        "nn.EmbeddingBag of means",
        lambda: embedded(nn.EmbeddingBag(9, 8)),
        TABLE,
        stays={("table.weight", 0): "vocabulary"},
    ),
    Pattern(
        "nn.EmbeddingBag of maxima",
        lambda: embedded(nn.EmbeddingBag(9, 8, mode="max")),
        TABLE,
        stays={("table.weight", 0): "vocabulary"},
    ),
)


class TestConvolutional(PatternSuite):
    """Layers."""

    patterns = PATTERNS
