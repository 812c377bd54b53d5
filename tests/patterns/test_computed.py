"""Coupling patterns of computed weights and products of activations, and of what is written into tensors."""

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


def drawn(*shape: int) -> nn.Parameter:
    """A random parameter."""
    return nn.Parameter(torch.randn(shape) / 2)


def between(change: Any, channels: int = 8, after: int = 8, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A convolution, something that is done to its channels, a convolution that reads them."""
    net = Run(lambda s, x: s.out(change(s, s.a(x))), a=conv(3, channels, 3), out=conv(after, 2), **attributes)
    return net, image()


def dense(change: Any, after: int, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A convolution, something that makes features of its channels, a linear layer that reads them."""
    net = Run(lambda s, x: s.out(change(s, s.a(x))), a=conv(3, 8, 3), out=nn.Linear(after, 2), **attributes)
    return net, image()


class StandardisedConv(nn.Conv2d):
    """A convolution whose weight is standardised before it is used."""

    def forward(self, x: Tensor) -> Tensor:
        """As the parent's, on a weight of zero mean and unit variance for each output channel."""
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.var((1, 2, 3), keepdim=True) + 1e-5).sqrt()
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def modulated(s: Any, x: Tensor) -> Tensor:
    """StyleGAN 2: one kernel for each sample, run as groups of one convolution."""
    batch, channels, height, width = x.shape
    style = s.style(x.mean((2, 3)))
    weight = s.kernel[None] * style[:, None, :, None, None]
    weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-6).rsqrt()
    weight = weight.view(-1, channels, 3, 3)
    x = F.conv2d(x.reshape(1, batch * channels, height, width), weight, padding=1, groups=batch)
    return x.view(batch, -1, height, width)


def mixed_kernels(s: Any, x: Tensor) -> Tensor:
    """One kernel out of several, mixed by numbers that are learned."""
    mixture = torch.einsum("k,koihw->oihw", s.mixture.softmax(0), s.kernels)
    return F.conv2d(x, mixture, padding=1)


def low_rank(s: Any, x: Tensor) -> Tensor:
    """LoRA on a linear layer over the channels."""
    x = x.permute(0, 2, 3, 1)
    return (s.base(x) + s.up(s.down(x))).permute(0, 3, 1, 2)


def net_vlad(s: Any, x: Tensor) -> Tensor:
    """Soft assignments of places to centres, and the sums of differences from these."""
    assignment = s.assign(x).flatten(2).softmax(1)
    summed = assignment @ x.flatten(2).transpose(1, 2)
    residual = summed - assignment.sum(2)[:, :, None] * s.centres
    return F.normalize(F.normalize(residual, dim=2).flatten(1), dim=1)


def capsules(s: Any, x: Tensor) -> Tensor:
    """Vectors of four channels each, shortened by their own length."""
    batch, channels, height, width = x.shape
    x = x.view(batch, channels // s.length, s.length, height, width)
    norm = x.norm(dim=2, keepdim=True)
    return (x * norm / (1 + norm * norm)).view(batch, channels, height, width)


def non_local(s: Any, x: Tensor) -> Tensor:
    """Every place looks at every other."""
    theta, phi, g = s.theta(x).flatten(2), s.phi(x).flatten(2), s.g(x).flatten(2)
    weights = (theta.transpose(1, 2) @ phi).softmax(-1)
    return x + s.back((g @ weights.transpose(1, 2)).view(x.shape[0], -1, *x.shape[2:]))


def instance_style() -> tuple[nn.Module, Any]:
    """AdaIN: the mean and deviation of one feature are those of another."""

    def forward(s: Any, x: Tensor, y: Tensor) -> Tensor:
        x, y = s.a(x), s.b(y)
        normal = (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1e-5)
        return s.out(normal * y.std((2, 3), keepdim=True) + y.mean((2, 3), keepdim=True))

    return Run(forward, a=conv(3, 8, 3), b=conv(3, 8), out=conv(8, 2)), (image(), image())


def experts(s: Any, x: Tensor) -> Tensor:
    """Three branches weighted by a gate: how many there are is written in the code."""
    gate = s.gate(x.mean((2, 3))).softmax(-1)[:, :, None, None, None]
    return (torch.stack([s.p(x), s.q(x), s.r(x)], 1) * gate).sum(1)


def coordinates(s: Any, x: Tensor) -> Tensor:
    """CoordConv: the places of the pixels stand beside the channels."""
    rows = torch.linspace(-1, 1, x.shape[2])[None, None, :, None].expand(x.shape[0], 1, -1, x.shape[3])
    columns = torch.linspace(-1, 1, x.shape[3])[None, None, None, :].expand(x.shape[0], 1, x.shape[2], -1)
    return torch.cat([x, rows, columns], 1)


def context(s: Any, x: Tensor) -> Tensor:
    """A pooled feature stretched over the image beside a dilated one (ASPP)."""
    pooled = F.interpolate(s.pool(F.adaptive_avg_pool2d(x, 1)), size=x.shape[2:], mode="bilinear")
    return torch.cat([s.dilated(x), pooled], 1)


def highway(s: Any, x: Tensor) -> Tensor:
    """A gate that chooses between a transformation and what went in."""
    gate = s.gate(x).sigmoid()
    return gate * s.other(x).tanh() + (1 - gate) * x


def written_half(s: Any, x: Tensor) -> Tensor:
    """Some channels are overwritten by a convolution of them."""
    x = x.clone()
    x[:, : s.half] = s.p(x[:, : s.half].clone())
    return x


def added_half(s: Any, x: Tensor) -> Tensor:
    """Some channels get something added in place."""
    x = x * 2
    x[:, s.half :] += 0.5
    return x


def partial(s: Any, x: Tensor) -> Tensor:
    """FasterNet's partial convolution: only the first channels are convolved."""
    first, rest = torch.split(x, [s.first, s.rest], dim=1)
    return torch.cat((s.p(first), rest), 1)


def similarity(s: Any, x: Tensor) -> Tensor:
    """Cosines between the features and learned prototypes."""
    return F.linear(F.normalize(x.mean((2, 3)), dim=1), F.normalize(s.prototypes, dim=1))


def made_kernel() -> tuple[nn.Module, Any]:
    """A hypernetwork: the kernel of a convolution is what a linear layer makes."""

    def forward(s: Any, x: Tensor, z: Tensor) -> Tensor:
        kernel = s.maker(s.inner(z).tanh()).view(s.width, 3, 3, 3)
        return s.out(F.conv2d(x, kernel, padding=1).relu())

    layers = {"inner": nn.Linear(5, 6), "maker": nn.Linear(6, 8 * 27), "out": conv(8, 2)}
    return Run(forward, **layers, width=8), (image(), torch.randn(5))


def assigned(s: Any, x: Tensor) -> Tensor:
    """Numbers assigned where a condition holds: for each element, and for each channel."""
    x = x * 1
    x[x < -0.5] = -0.5
    x[:, x.mean((0, 2, 3)) > 0.2] = 1.0
    return x


def thinned(s: Any, x: Tensor) -> Tensor:
    """What a leaky slope writes through a mask: as many values as the mask is true."""
    x = x * 1
    x[x < 0] = x[x < 0] * 0.1
    return x


def quantised(form: str) -> tuple[nn.Module, Any]:
    """Two convolutions as they are while a model is trained for quantisation."""

    def forward(s: Any, x: Tensor) -> Tensor:
        weights = [layer.weight for layer in (s.a, s.b)]
        if form == "channel":
            scales, zeros = (s.one, s.two), (s.low, s.high)
            weights = [
                torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -128, 127)
                for weight, scale, zero in zip(weights, scales, zeros, strict=True)
            ]
        x = torch.fake_quantize_per_tensor_affine(F.conv2d(x, weights[0]).relu(), 0.02, 0, 0, 255)
        return s.out(F.conv2d(x, weights[1]).relu())

    buffers = {"one": torch.rand(8) * 0.01 + 0.005, "two": torch.rand(6) * 0.01 + 0.005}
    zeros = {"low": torch.zeros(8, dtype=torch.int32), "high": torch.zeros(6, dtype=torch.int32)}
    held = {name: nn.Buffer(tensor) for name, tensor in (buffers | zeros).items()} if form == "channel" else {}
    layers = {"a": nn.Conv2d(3, 8, 1, bias=False), "b": nn.Conv2d(8, 6, 1, bias=False), "out": conv(6, 2)}
    return Run(forward, **layers, **held), image()


ONE = {"a": ("channels", 8)}
HALVES = {"a[0:4]": ("channels", 4), "a[4:8]": ("channels", 4)}

PATTERNS = (
    Pattern(
        "standardised weights",
        lambda: between(lambda s, x: s.b(x).relu(), after=6, b=StandardisedConv(8, 6, 3, padding=1)),
        ONE | {"b": ("channels", 6)},
    ),
    Pattern(
        "kernels modulated for each sample",
        lambda: between(modulated, after=6, style=nn.Linear(8, 8), kernel=drawn(6, 8, 3, 3)),
        ONE | {"kernel": ("channels", 6)},
    ),
    Pattern(
        "a mixture of kernels",
        lambda: between(mixed_kernels, after=6, mixture=drawn(4), kernels=drawn(4, 6, 8, 3, 3)),
        ONE | {"mixture": ("channels", 4), "kernels": ("channels", 6)},
    ),
    Pattern(
        "an update of low rank",
        lambda: between(low_rank, base=nn.Linear(8, 8), down=nn.Linear(8, 4), up=nn.Linear(4, 8)),
        ONE | {"base": ("channels", 8), "down": ("channels", 4)},
    ),
    Pattern(
        "a kernel made by a layer",
        made_kernel,
        {"inner": ("channels", 6), "maker": ("channels", 8)},
        has_free_batch=False,
    ),
    Pattern(
        "NetVLAD",
        lambda: dense(net_vlad, 32, assign=conv(8, 4), centres=drawn(4, 8)),
        ONE | {"assign": ("channels", 4)},
    ),
    Pattern("capsules", lambda: between(capsules, 12, 12, length=4), {"a": ("channels", 3), "a#2": ("channels", 4)}),
    Pattern(
        "non-local block",
        lambda: between(non_local, theta=conv(8, 4), phi=conv(8, 4), g=conv(8, 6), back=conv(6, 8)),
        ONE | {"theta": ("channels", 4), "g": ("channels", 6)},
    ),
    Pattern("statistics of another feature", instance_style, ONE),
    Pattern(
        "a gate over branches",
        lambda: between(experts, after=6, gate=nn.Linear(8, 3), p=conv(8, 6), q=conv(8, 6), r=conv(8, 6, 3)),
        ONE | {"p": ("channels", 6)},
        stays={("gate.weight", 0): "never pruned"},
    ),
    Pattern("coordinates beside the channels", lambda: between(coordinates, after=10), ONE),
    Pattern(
        "a pooled context",
        lambda: between(context, after=10, pool=conv(8, 4), dilated=nn.Conv2d(8, 6, 3, padding=2, dilation=2)),
        ONE | {"pool": ("channels", 4), "dilated": ("channels", 6)},
    ),
    Pattern("highway", lambda: between(highway, gate=conv(8, 8), other=conv(8, 8)), ONE),
    Pattern(
        "partial convolution",
        lambda: between(partial, p=conv(4, 4, 3), first=4, rest=4),
        HALVES | {"p": ("channels", 4)},
    ),
    Pattern("channels overwritten", lambda: between(written_half, p=conv(4, 4, 3), half=4), HALVES),
    Pattern("channels changed in place", lambda: between(added_half, half=4), ONE),
    Pattern("prototypes", lambda: dense(similarity, 5, prototypes=drawn(5, 8)), ONE | {"prototypes": ("channels", 5)}),
    Pattern(
        "einsum of two activations",
        lambda: dense(lambda s, x: torch.einsum("bchw,bdhw->bcd", x, s.b(x)).flatten(1) / 64, 48, b=conv(8, 6)),
        ONE | {"b": ("channels", 6)},
    ),
    Pattern(
        "distances to centres",
        lambda: dense(lambda s, x: torch.cdist(x.mean((2, 3)), s.centres), 5, centres=drawn(5, 8)),
        ONE | {"centres": ("channels", 5)},
    ),
    Pattern(
        "a cosine over channels",
        lambda: between(lambda s, x: x * F.cosine_similarity(x, s.b(x), dim=1).unsqueeze(1), b=conv(8, 8)),
        ONE,
    ),
    Pattern(
        "a group norm by a literal",
        lambda: between(lambda s, x: F.group_norm(x, 2), 8, 8),
        {"a": ("channels", 2), "a#2": ("channels", 4)},
        way="program",
        alone={"a#2": "live"},
    ),
    Pattern(
        "masks of channels in buffers",
        lambda: between(
            lambda s, x: torch.cat([x[:, s.mask], x[:, s.rest]], 1),
            mask=nn.Buffer(torch.arange(8) % 4 != 1),
            rest=nn.Buffer(torch.arange(8) % 4 == 1),
        ),
        ONE,
    ),
    Pattern(
        "a mask of booleans fills channels",
        lambda: between(
            lambda s, x: x.masked_fill(s.mask, 0.3), mask=nn.Buffer((torch.arange(8) % 3 == 0).view(8, 1, 1))
        ),
        ONE,
    ),
    Pattern(
        "whole numbers scale channels",
        lambda: between(lambda s, x: x * s.times, times=nn.Buffer(torch.arange(1, 9).view(8, 1, 1))),
        ONE,
    ),
    Pattern("numbers assigned by masks", lambda: between(assigned), ONE, has_free_batch=False),
    Pattern(
        "values written through a mask",
        lambda: between(lambda s, x: s.wide(thinned(s, x)).tanh(), after=6, wide=conv(8, 6)),
        {"wide": ("channels", 6)},
        stays={("a.weight", 0): "by their values"},
    ),
    Pattern("fake quantisation", lambda: quantised("tensor"), ONE | {"b": ("channels", 6)}),
    Pattern("fake quantisation of each channel", lambda: quantised("channel"), ONE | {"b": ("channels", 6)}),
    Pattern(
        "channels gathered by an expanded buffer",
        lambda: between(
            lambda s, x: s.wide(x.gather(1, s.order.view(1, -1, 1, 1).expand_as(x))).relu(),
            after=6,
            order=nn.Buffer(torch.randperm(8)),
            wide=conv(8, 6),
        ),
        {"wide": ("channels", 6)},
        stays={("a.weight", 0): "by number", ("wide.weight", 1): "by number"},
    ),
    Pattern(
        "blocks along a diagonal",
        lambda: dense(
            lambda s, x: F.linear(x.mean((2, 3)), torch.block_diag(s.p, s.q)).tanh() @ s.r,
            5,
            p=drawn(6, 4),
            q=drawn(3, 4),
            r=drawn(9, 5),
        ),
        HALVES | {"p": ("channels", 6), "q": ("channels", 3), "r": ("channels", 5)},
    ),
    Pattern(
        "channels gathered by a buffer",
        lambda: between(
            lambda s, x: torch.take_along_dim(x, s.order, 1), order=nn.Buffer(torch.randperm(8).view(1, 8, 1, 1))
        ),
        {"order": ("channels", 8)},
        stays={("a.weight", 0): "by number"},
    ),
    Pattern(
        "channels times their product",
        lambda: between(lambda s, x: x + x.tanh().prod(1, keepdim=True) * 8),
        ONE,
    ),
    Pattern(
        "channels minus their median",
        lambda: between(lambda s, x: x - x.median(1, keepdim=True)[0]),
        ONE,
    ),
    Pattern(
        "a plain tensor scales channels",
        lambda: between(
            lambda s, x: s.wide((x * s.plain)[:, :4].relu()), after=6, wide=conv(4, 6), plain=torch.rand(8, 1, 1)
        ),
        {"wide": ("channels", 6)},
        stays={("a.weight", 0): "a constant"},
    ),
)


class TestComputed(PatternSuite):
    """Computed weights."""

    patterns = PATTERNS
