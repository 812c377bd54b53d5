"""Coupling patterns of parts: concatenation, splits, slices, single indices and indices kept in buffers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.engine.nets import Run
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

ORDER = (3, 0, 7, 1, 6, 2, 5, 4)


def conv(before: int, after: int, kernel: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size of the image."""
    return nn.Conv2d(before, after, kernel, padding=kernel // 2)


def image() -> Tensor:
    """A batch of two tiny images."""
    return torch.randn(2, 3, 8, 8)


def apart(halve: Any, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A convolution into 16 channels, halved in some way, and each half read by a convolution of its own."""

    def forward(s: Any, x: Tensor) -> Tensor:
        left, right = halve(s, s.a(x))
        return s.p(left.relu()) + s.q(right.sigmoid())

    return Run(forward, a=conv(3, 16), p=conv(8, 2), q=conv(8, 2), **attributes), image()


def gated(gate: Any, **modules: nn.Module) -> tuple[nn.Module, Tensor]:
    """A convolution into 16 channels, of which one half gates the other."""
    return Run(lambda s, x: s.out(gate(s, s.a(x))), a=conv(3, 16), out=conv(8, 2), **modules), image()


def picked(pick: Any, after: int = 8, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """A convolution into 8 channels, some choice of them, and a convolution."""
    model = Run(lambda s, x: s.out(pick(s, s.a(x).relu())), a=conv(3, 8), out=conv(after, 2), **attributes)
    model.register_buffer("order", torch.tensor(ORDER))
    return model, image()


def unequal(split: Any, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """Two convolutions of 8 channels, joined and split into 4 and 12."""

    def forward(s: Any, x: Tensor) -> Tensor:
        small, large = split(s, torch.cat([s.a(x), s.b(x)], 1))
        return s.p(small.relu()) + s.q(large.sigmoid())

    return Run(forward, a=conv(3, 8), b=conv(3, 8), p=conv(4, 2), q=conv(12, 2), **attributes), image()


def dense() -> tuple[nn.Module, Tensor]:
    """A block of DenseNet: each layer reads all before it, normalised anew."""

    def forward(s: Any, x: Tensor) -> Tensor:
        features = [s.a(x)]
        features.append(s.b(s.norm1(torch.cat(features, 1)).relu()))
        features.append(s.c(s.norm2(torch.cat(features, 1)).relu()))
        return s.out(torch.cat(features, 1))

    layers = {"a": conv(3, 8), "b": conv(8, 4, 3), "c": conv(12, 4, 3), "out": conv(16, 2)}
    return Run(forward, **layers, norm1=nn.BatchNorm2d(8), norm2=nn.BatchNorm2d(12)), image()


def unet(up: nn.Module, after_up: int) -> tuple[nn.Module, Tensor]:
    """Two scales of a U-Net, joined after an upsampling."""

    def forward(s: Any, x: Tensor) -> Tensor:
        fine = s.fine(x).relu()
        coarse = s.coarse(nn.functional.max_pool2d(fine, 2)).relu()
        return s.out(s.join(torch.cat([s.up(coarse), fine], 1)).relu())

    layers = {"fine": conv(3, 8, 3), "coarse": conv(8, 12, 3), "join": conv(after_up + 8, 6, 3), "out": conv(6, 2)}
    return Run(forward, **layers, up=up), image()


def c2f() -> tuple[nn.Module, Tensor]:
    """YOLO's C2f: halves go separate ways, one through a bottleneck, and all come together."""

    def forward(s: Any, x: Tensor) -> Tensor:
        parts = list(s.a(x).chunk(2, 1))
        parts.append(s.m(parts[-1]).relu())
        return s.out(torch.cat(parts, 1))

    return Run(forward, a=conv(3, 16), m=conv(8, 8, 3), out=conv(24, 2)), image()


def c2f_residual() -> tuple[nn.Module, Tensor]:
    """C2f with a shortcut around the bottleneck, whose inner width is its own."""

    def forward(s: Any, x: Tensor) -> Tensor:
        parts = list(s.a(x).split((s.width, s.width), 1))
        parts.append(parts[-1] + s.m(s.l(parts[-1]).relu()))
        return s.out(torch.cat(parts, 1))

    return Run(forward, a=conv(3, 16), l=conv(8, 6, 3), m=conv(6, 8, 3), out=conv(24, 2), width=8), image()


def thirds(cut: Any, sizes: tuple[int, int, int]) -> tuple[nn.Module, Tensor]:
    """A convolution into 16 channels, cut into three pieces that go separate ways."""

    def forward(s: Any, x: Tensor) -> Tensor:
        first, second, third = cut(s.a(x))
        return s.p(first.tanh()) + s.q(second.sigmoid()) + s.r(third.sin())

    p, q, r = (conv(size, 2) for size in sizes)
    return Run(forward, a=conv(3, 16), p=p, q=q, r=r), image()


def every_fourth() -> tuple[nn.Module, Tensor]:
    """A channel shuffle written with slices."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.a(x)
        return s.out(torch.cat([x[:, first::4] for first in range(4)], 1))

    return Run(forward, a=conv(3, 16), out=conv(16, 2)), image()


def pairs(x: Tensor) -> Tensor:
    """Every two neighbours are a complex number, of which the product is taken."""
    real, imaginary = x.view(x.shape[0], -1, 2, *x.shape[2:]).unbind(2)
    return real * imaginary - imaginary


def halves(x: Tensor) -> Tensor:
    """The halves are told apart by a view."""
    x = x.view(x.shape[0], 2, -1, *x.shape[2:])
    return x[:, 0] * x[:, 1].sigmoid()


def swiglu() -> tuple[nn.Module, Tensor]:
    """The feed-forward of LLaMA with both projections in one."""

    def forward(s: Any, x: Tensor) -> Tensor:
        gate, value = s.w12(s.embed(x)).chunk(2, -1)
        return s.out(s.w3(torch.nn.functional.silu(gate) * value))

    layers = {"embed": nn.Linear(4, 8), "w12": nn.Linear(8, 24), "w3": nn.Linear(12, 6), "out": nn.Linear(6, 2)}
    return Run(forward, **layers), torch.randn(2, 5, 4)


def pyramid() -> tuple[nn.Module, Tensor]:
    """Poolings of one feature side by side, as in SPPF."""

    def forward(s: Any, x: Tensor) -> Tensor:
        features = [s.a(x)]
        for _ in range(2):
            features.append(nn.functional.max_pool2d(features[-1], 3, 1, 1))
        return s.out(torch.cat(features, 1))

    return Run(forward, a=conv(3, 8), out=conv(24, 2)), image()


def beside_input() -> tuple[nn.Module, Tensor]:
    """Channels next to those of the model's input."""
    net = Run(lambda s, x: s.out(s.b(torch.cat([x, s.a(x)], 1)).relu()), a=conv(3, 8), b=conv(11, 6), out=conv(6, 2))
    return net, image()


def literal_order(s: Any, x: Tensor) -> Tensor:
    """Channels in an order that is written in the code."""
    return x.index_select(1, torch.tensor(ORDER))


def filled(positions: Any, values: Any) -> tuple[nn.Module, Tensor]:
    """Some channels are overwritten, by a number or by what is computed from the others."""

    def pick(s: Any, x: Tensor) -> Tensor:
        y = x * 1
        y[:, positions(s)] = values(x)
        return y

    return picked(pick, few=torch.nn.Buffer(torch.tensor([1, 4, 6])))


def even_and_odd(s: Any, x: Tensor) -> Tensor:
    """Masks computed from positions, which halve the channels in turn."""
    is_even = torch.arange(x.shape[1]) % 2 == 0
    return x[:, is_even] * x[:, ~is_even].tanh()


ONE = {"a": ("channels", 8)}
HALVES = {"a[0:8]": ("channels", 8), "a[8:16]": ("channels", 8)}
TIED = {"a[0:8]": ("a[8:16]",), "a[8:16]": ("a[0:8]",)}
PARTS = {"a[0:4]": ("channels", 4), "a[4:8]": ("channels", 4), "b": ("channels", 8)}
INTERLEAVED = {"a[0:15]": ("channels", 8), "a[1:16]": ("channels", 8)}

PATTERNS = (
    Pattern("DenseNet", dense, {"a": ("channels", 8), "b": ("channels", 4), "c": ("channels", 4)}),
    Pattern(
        "U-Net with a transposed convolution",
        lambda: unet(nn.ConvTranspose2d(12, 10, 2, stride=2), 10),
        {"fine": ("channels", 8), "coarse": ("channels", 12), "up": ("channels", 10), "join": ("channels", 6)},
    ),
    Pattern(
        "U-Net with upsampling",
        lambda: unet(nn.Upsample(scale_factor=2, mode="bilinear"), 12),
        {"fine": ("channels", 8), "coarse": ("channels", 12), "join": ("channels", 6)},
    ),
    Pattern("spatial pyramid", pyramid, ONE),
    Pattern("channels beside the input", beside_input, {"a": ("channels", 8), "b": ("channels", 6)}),
    Pattern(
        "concatenation cut elsewhere by literals",
        lambda: unequal(lambda s, x: x.split([4, 12], 1)),
        PARTS,
        way="program",
    ),
    Pattern(
        "concatenation cut elsewhere by attributes",
        lambda: unequal(lambda s, x: torch.split(x, s.sizes, 1), sizes=(4, 12)),
        PARTS,
    ),
    Pattern(
        "halves by literal slices",
        lambda: apart(lambda s, x: (x[:, :8], x[:, 8:])),
        HALVES,
        way="program",
        alone={"a[8:16]": "live"},
    ),
    Pattern("halves by an attribute", lambda: apart(lambda s, x: (x[:, : s.half], x[:, s.half :]), half=8), HALVES),
    Pattern(
        "halves by narrow",
        lambda: apart(lambda s, x: (x.narrow(1, 0, s.first), x.narrow(1, s.first, s.second)), first=8, second=8),
        HALVES,
    ),
    Pattern("every second channel", lambda: apart(lambda s, x: (x[:, 0::2], x[:, 1::2])), INTERLEAVED, way="program"),
    Pattern("every second channel gates the next", lambda: gated(lambda s, x: x[:, 0::2] * x[:, 1::2].tanh()), ONE),
    Pattern("chunk", lambda: apart(lambda s, x: x.chunk(2, 1)), HALVES, ties=TIED),
    Pattern("tensor_split", lambda: apart(lambda s, x: x.tensor_split(2, 1)), HALVES, ties=TIED),
    Pattern("hsplit", lambda: apart(lambda s, x: x.hsplit(2)), HALVES, ties=TIED),
    Pattern(
        "chunk into thirds of which the last is smaller",
        lambda: thirds(lambda x: x.chunk(3, 1), (6, 6, 4)),
        {"a[0:6]": ("channels", 6), "a[6:12]": ("channels", 6), "a[12:16]": ("channels", 4)},
        alone=dict.fromkeys(("a[0:6]", "a[6:12]", "a[12:16]"), "program"),
        ties={"a[0:6]": ("a[6:12]",), "a[6:12]": ("a[0:6]",)},
    ),
    Pattern(
        "tensor_split into thirds of which the first is larger",
        lambda: thirds(lambda x: x.tensor_split(3, 1), (6, 5, 5)),
        {"a[0:6]": ("channels", 6), "a[6:11]": ("channels", 5), "a[11:16]": ("channels", 5)},
        alone=dict.fromkeys(("a[0:6]", "a[6:11]", "a[11:16]"), "program"),
        ties={"a[6:11]": ("a[11:16]",), "a[11:16]": ("a[6:11]",)},
    ),
    Pattern("every fourth channel in turn", lambda: every_fourth(), {"a": ("channels", 16)}, way="program"),
    Pattern("pairs by a view", lambda: gated(lambda s, x: pairs(x)), ONE),
    Pattern("halves by a view", lambda: gated(lambda s, x: halves(x)), ONE),
    Pattern("C2f", c2f, HALVES | {"m": ("channels", 8)}, ties=TIED),
    Pattern("C2f with a shortcut", c2f_residual, HALVES | {"l": ("channels", 6)}, ties=TIED),
    Pattern("F.glu", lambda: gated(lambda s, x: torch.nn.functional.glu(x, 1)), ONE),
    Pattern("nn.GLU", lambda: gated(lambda s, x: s.glu(x), glu=nn.GLU(1)), ONE),
    Pattern("SwiGLU", swiglu, {"embed": ("channels", 8), "w12": ("channels", 12), "w3": ("channels", 6)}),
    Pattern("an order from a buffer", lambda: picked(lambda s, x: x[:, s.order]), ONE),
    Pattern("index_select by a buffer", lambda: picked(lambda s, x: x.index_select(1, s.order)), ONE),
    Pattern("an order written in the code", lambda: picked(literal_order), ONE, way="program"),
    Pattern("an order in a list", lambda: picked(lambda s, x: x[:, list(ORDER)]), ONE, way="program"),
    Pattern(
        "an order in a plain attribute",
        lambda: picked(lambda s, x: x[:, s.plain], plain=torch.tensor(ORDER)),
        ONE,
        way="program",
    ),
    Pattern("backwards by positions", lambda: picked(lambda s, x: x[:, torch.arange(x.shape[1] - 1, -1, -1)]), ONE),
    Pattern("backwards by literals", lambda: picked(lambda s, x: x[:, torch.arange(7, -1, -1)]), ONE, way="program"),
    Pattern(
        "backwards by positions that are flipped",
        lambda: picked(lambda s, x: x.index_select(1, torch.arange(x.shape[1]).flip(0))),
        ONE,
    ),
    Pattern(
        "a shuffle by positions",
        lambda: picked(lambda s, x: x[:, torch.arange(x.shape[1]).view(2, -1).t().reshape(-1)]),
        ONE,
        way="program",
    ),
    Pattern("even and odd by masks of positions", lambda: picked(even_and_odd, after=4), {"a": ("channels", 4)}),
    Pattern(
        "each channel as often as a list says",
        lambda: picked(lambda s, x: x.repeat_interleave(torch.tensor([1, 3, 2, 1, 1, 2, 1, 1]), 1), after=12),
        ONE,
        way="program",
    ),
    Pattern("channels of a list set to a number", lambda: filled(lambda s: [0, 3, 5], lambda x: 0.5), ONE, "program"),
    Pattern("a channel of a list set to a number", lambda: filled(lambda s: [3], lambda x: 0.5), ONE, way="program"),
    Pattern(
        "channels of a list set to others",
        lambda: filled(lambda s: [0, 3, 5, 7], lambda x: x[:, [1, 2, 4, 6]]),
        {"a": ("channels", 4)},
        way="program",
    ),
    Pattern(
        "channels of a buffer set to a number",
        lambda: filled(lambda s: s.few, lambda x: 0.5),
        {"a[0:8]": ("channels", 5), "a[1:7]": ("channels", 3)},
    ),
    Pattern(
        "index_fill",
        lambda: picked(lambda s, x: x.index_fill(1, torch.tensor([0, 1, 2, 5]), 0.7)),
        ONE,
        way="program",
    ),
    Pattern(
        "index_add",
        lambda: picked(lambda s, x: x.index_add(1, torch.tensor([1, 4]), x[:, 6:8] * 2)),
        {"a": ("channels", 6)},
        way="program",
    ),
    Pattern("a channel gates all", lambda: picked(lambda s, x: x * x[:, 0:1]), {"a": ("channels", 7)}),
    Pattern(
        "a channel in the middle gates all",
        lambda: picked(lambda s, x: x * x[:, 5].unsqueeze(1)),
        {"a": ("channels", 7)},
        way="program",
    ),
    Pattern("the last channel gates all", lambda: picked(lambda s, x: x * x[:, -1:]), {"a": ("channels", 7)}),
)


class TestIndexing(PatternSuite):
    """Parts."""

    patterns = PATTERNS
