"""Coupling patterns of attention: heads, head sizes, embeddings and hidden widths are groups of their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.engine.nets import Run
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

Repeat = Callable[[Any, Tensor], Tensor]

E, HEADS, D, L, S = 8, 2, 4, 5, 6
WIDE = 3 * HEADS * D
TOKENS, OTHERS = (2, L, 3), (2, S, 3)


def residual(function: Callable[[Any, Tensor], Tensor], **attributes: Any) -> tuple[nn.Module, Tensor]:
    """An embedding of `E` channels, something of them added to it, and a last layer."""

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.embed(x)
        return s.out(x + function(s, x))

    return Run(run, embed=nn.Linear(3, E), **attributes, out=nn.Linear(E, 2)), torch.randn(TOKENS)


def multihead(**options: Any) -> tuple[nn.Module, Tensor]:
    """Self-attention by `nn.MultiheadAttention`."""
    layer = nn.MultiheadAttention(E, HEADS, **options)
    return residual(lambda s, x: s.attend(x, x, x, need_weights=False)[0], attend=layer)


def cross(**options: Any) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A query that looks at another sequence, which is both key and value."""

    def run(s: Any, x: Tensor, y: Tensor) -> Tensor:
        x, y = s.embed(x), s.memory(y)
        return s.out(s.attend(x, y, y)[0])

    layer = nn.MultiheadAttention(E, HEADS, batch_first=True, **options)
    net = Run(run, embed=nn.Linear(3, E), memory=nn.Linear(3, E), attend=layer, out=nn.Linear(E, 2))
    return net, (torch.randn(TOKENS), torch.randn(OTHERS))


def three_sources() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Query, key and value of three widths."""

    def run(s: Any, x: Tensor, y: Tensor) -> Tensor:
        return s.out(s.attend(s.embed(x), s.key(y), s.value(y))[0])

    layer = nn.MultiheadAttention(E, HEADS, batch_first=True, kdim=6, vdim=10)
    layers = {"embed": nn.Linear(3, E), "key": nn.Linear(3, 6), "value": nn.Linear(3, 10)}
    return Run(run, **layers, attend=layer, out=nn.Linear(E, 2)), (torch.randn(TOKENS), torch.randn(OTHERS))


def encoder(*, is_norm_first: bool) -> tuple[nn.Module, Tensor]:
    layer = nn.TransformerEncoderLayer(E, HEADS, 12, batch_first=True, norm_first=is_norm_first)
    net = Run(
        lambda s, x: s.out(s.encoder(s.embed(x))),
        embed=nn.Linear(3, E),
        encoder=nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
        out=nn.Linear(E, 2),
    )
    return net, torch.randn(TOKENS)


def decoder() -> tuple[nn.Module, tuple[Tensor, ...]]:
    layer = nn.TransformerDecoderLayer(E, HEADS, 12, batch_first=True)
    net = Run(
        lambda s, x, y: s.out(s.decoder(s.embed(x), s.memory(y))),
        embed=nn.Linear(3, E),
        memory=nn.Linear(3, E),
        decoder=nn.TransformerDecoder(layer, 1),
        out=nn.Linear(E, 2),
    )
    return net, (torch.randn(TOKENS), torch.randn(OTHERS))


def three_layers(mix: Callable[[Any, Tensor, Tensor, Tensor], Tensor], **attributes: Any) -> tuple[nn.Module, Tensor]:
    """Query, key and value from a layer each, split by a literal head size of the class."""

    def attend(s: Any, x: Tensor) -> Tensor:
        parts = (part.unflatten(-1, (s.heads, -1)).transpose(1, 2) for part in (s.q(x), s.k(x), s.v(x)))
        return s.proj(mix(s, *parts).transpose(1, 2).flatten(2))

    layers = {name: nn.Linear(E, HEADS * D) for name in ("q", "k", "v")}
    return residual(attend, heads=HEADS, **layers, proj=nn.Linear(HEADS * D, E), **attributes)


def dot_product(**options: Any) -> tuple[nn.Module, Tensor]:
    return three_layers(lambda s, q, k, v: F.scaled_dot_product_attention(q, k, v, **options))


def softmax_of(scaled: Callable[[Any, Tensor, Tensor], Tensor]) -> Callable[[Any, Tensor, Tensor, Tensor], Tensor]:
    """Attention by two products, given how scores are scaled."""
    return lambda s, q, k, v: scaled(s, q, k).softmax(-1) @ v


def fused(separate: Callable[[Any, Tensor], tuple[Tensor, ...]], **attributes: Any) -> tuple[nn.Module, Tensor]:
    """One layer for query, key and value, given how its output is taken apart."""

    def attend(s: Any, x: Tensor) -> Tensor:
        q, k, v = separate(s, s.qkv(x))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return s.proj(mixed.transpose(1, 2).flatten(2))

    layers = {"qkv": nn.Linear(E, WIDE), "proj": nn.Linear(HEADS * D, E)}
    return residual(attend, heads=HEADS, **attributes, **layers)


def chunked(s: Any, qkv: Tensor) -> tuple[Tensor, ...]:
    return tuple(part.unflatten(-1, (s.heads, -1)).transpose(1, 2) for part in qkv.chunk(3, -1))


def vision_transformer() -> tuple[nn.Module, Tensor]:
    """As timm writes it: the head size is the width over the number of heads."""

    def attend(s: Any, x: Tensor) -> Tensor:
        B, N, C = x.shape
        qkv = s.qkv(x).reshape(B, N, 3, s.num_heads, C // s.num_heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weights = ((q * s.scale) @ k.transpose(-2, -1)).softmax(-1)
        return s.proj((weights @ v).transpose(1, 2).reshape(B, N, C))

    layers = {"qkv": nn.Linear(E, WIDE), "proj": nn.Linear(HEADS * D, E)}
    return residual(attend, num_heads=HEADS, scale=D**-0.5, **layers)


QUERY_HEADS = 4


def grouped_queries(repeat: Repeat, *, is_shared: bool = False, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """Four query heads share two heads of keys and values."""

    def attend(s: Any, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (-1, s.head_dim)).transpose(1, 2) for part in (s.q(x), s.k(x), s.v(x)))
        mixed = F.scaled_dot_product_attention(q, repeat(s, k), repeat(s, v), enable_gqa=is_shared)
        return s.proj(mixed.transpose(1, 2).flatten(2))

    layers = {name: nn.Linear(E, heads * D) for name, heads in (("q", QUERY_HEADS), ("k", HEADS), ("v", HEADS))}
    return residual(attend, head_dim=D, **attributes, **layers, proj=nn.Linear(QUERY_HEADS * D, E))


def expanded(s: Any, z: Tensor) -> Tensor:
    """As LLaMA's code repeats keys and values."""
    B, heads, length, size = z.shape
    return z[:, :, None].expand(B, heads, s.repeats, length, size).reshape(B, heads * s.repeats, length, size)


def rotate_half(x: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return torch.cat([-x[..., half:], x[..., :half]], -1)


def rotary_by_halves() -> tuple[nn.Module, Tensor]:
    """As LLaMA's code turns queries and keys: the first half of a head with its second half."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        angles = torch.outer(torch.arange(q.shape[2], dtype=q.dtype), s.inv_freq)
        angles = torch.cat([angles, angles], -1)
        cos, sin = angles.cos(), angles.sin()
        q, k = (x * cos + rotate_half(x) * sin for x in (q, k))
        return F.scaled_dot_product_attention(q, k, v)

    net, x = three_layers(mix)
    net.register_buffer("inv_freq", torch.tensor([1.0, 0.3]))
    return net, x


def rotary_by_pairs() -> tuple[nn.Module, Tensor]:
    """Neighbouring elements of a head turn together."""

    def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        even, odd = x[..., ::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k = (turn(x, s.cos, s.sin) for x in (q, k))
        return F.scaled_dot_product_attention(q, k, v)

    net, x = three_layers(mix)
    angles = torch.outer(torch.arange(float(L)), torch.tensor([1.0, 0.3]))
    net.register_buffer("cos", angles.cos())
    net.register_buffer("sin", angles.sin())
    return net, x


def rotary_by_complex_numbers() -> tuple[nn.Module, Tensor]:
    """Neighbouring elements of a head are one complex number."""

    def turn(x: Tensor, turned: Tensor) -> Tensor:
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * turned).flatten(-2)

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(turn(q, s.turned), turn(k, s.turned), v)

    net, x = three_layers(mix)
    angles = torch.outer(torch.arange(float(L)), torch.tensor([1.0, 0.3]))
    net.register_buffer("turned", torch.polar(torch.ones_like(angles), angles))
    return net, x


def relative_position_bias() -> tuple[nn.Module, Tensor]:
    """A learned table of biases, one for each head and distance."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        bias = s.table[s.index.view(-1)].view(L, L, -1).permute(2, 0, 1)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])

    net, x = three_layers(mix, table=nn.Parameter(torch.randn(2 * L - 1, HEADS)))
    steps = torch.arange(L)
    net.register_buffer("index", steps[:, None] - steps[None, :] + L - 1)
    return net, x


def windows(is_grid: bool) -> tuple[nn.Module, Tensor]:
    """Attention within windows of 2 x 2 neighbours, or among 2 x 2 pixels spread over a grid."""

    def partition(x: Tensor) -> Tensor:
        B, H, W, C = x.shape
        if is_grid:
            return x.view(B, 2, H // 2, 2, W // 2, C).permute(0, 2, 4, 1, 3, 5).reshape(-1, 4, C)
        return x.view(B, H // 2, 2, W // 2, 2, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, C)

    def join(x: Tensor, H: int, W: int, C: int) -> Tensor:
        if is_grid:
            return x.view(-1, H // 2, W // 2, 2, 2, C).permute(0, 3, 1, 4, 2, 5).reshape(-1, H, W, C)
        return x.view(-1, H // 2, W // 2, 2, 2, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, H, W, C)

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.embed(x)
        _, H, W, C = x.shape
        parts = partition(x)
        mixed = s.attend(parts, parts, parts, need_weights=False)[0]
        return s.out(x + join(mixed, H, W, C))

    layer = nn.MultiheadAttention(E, HEADS, batch_first=True)
    return Run(run, embed=nn.Linear(3, E), attend=layer, out=nn.Linear(E, 2)), torch.randn(2, 4, 4, 3)


EMBED = {"embed": ("channels", E)}
PACKED = EMBED | {"attend:heads": ("heads", HEADS), "attend:head_dim": ("head_dim", D)}
APART = EMBED | {"q:heads": ("heads", HEADS), "q:head_dim": ("head_dim", D), "v:head_dim": ("head_dim", D)}
TURNED = APART | {"q:head_dim": ("head_dim", D // 2)}
QUERIES = {"q:heads#2": ("heads", QUERY_HEADS // HEADS)}  # the first, or the second, of all that share a key


def layer_groups(path: str) -> dict[str, tuple[str, int]]:
    """The groups of an attention layer whose one reshape serves query, key and value."""
    return {f"{path}:heads": ("heads", HEADS), f"{path}:head_dim": ("head_dim", D)}


def both_ways(one: str, other: str) -> dict[str, tuple[str, ...]]:
    """Two groups that are tied to each other."""
    return {one: (other,), other: (one,)}


PATTERNS = (
    Pattern("multi-head attention", multihead, PACKED),
    Pattern("multi-head attention, batch first", lambda: multihead(batch_first=True), PACKED),
    Pattern(
        "cross-attention",
        cross,
        PACKED | {"attend.out_proj": ("channels", E)},  # one weight reads both sequences, so that they share channels
    ),
    Pattern(
        "attention to keys and values of other widths",
        three_sources,
        EMBED
        | {
            "key": ("channels", 6),
            "value": ("channels", 10),
            "attend:heads": ("heads", HEADS),
            "attend:head_dim[0:16]": ("head_dim", D),  # of the bias: query and key
            "attend:head_dim[16:24]": ("head_dim", D),
            "attend.out_proj": ("channels", E),
        },
        ties=both_ways("attend:head_dim[0:16]", "attend:head_dim[16:24]"),
    ),
    *(
        Pattern(
            f"encoder, norm {'first' if is_first else 'last'}",
            lambda is_first=is_first: encoder(is_norm_first=is_first),
            EMBED
            | layer_groups("encoder.layers.0.self_attn")
            | {"encoder.layers.0.linear1": ("channels", 12)}
            | layer_groups("encoder.layers.1.self_attn")
            | {"encoder.layers.1.linear1": ("channels", 12)},
        )
        for is_first in (False, True)
    ),
    Pattern(
        "decoder",
        decoder,
        EMBED
        | {"decoder.layers.0.linear1": ("channels", 12)}
        | layer_groups("decoder.layers.0.self_attn")
        | layer_groups("decoder.layers.0.multihead_attn"),
    ),
    Pattern("dot-product attention", dot_product, APART),
    Pattern("causal dot-product attention", lambda: dot_product(is_causal=True), APART),
    Pattern("dot-product attention with a scale", lambda: dot_product(scale=0.3), APART),
    Pattern(
        "scores times the head size to a power",
        lambda: three_layers(softmax_of(lambda s, q, k: q @ k.mT * q.shape[-1] ** -0.5)),
        APART,
    ),
    Pattern(
        "scores over a root",
        lambda: three_layers(softmax_of(lambda s, q, k: q @ k.mT / math.sqrt(q.size(-1)))),
        APART,
    ),
    Pattern(
        "scores over a root of an attribute",
        lambda: three_layers(softmax_of(lambda s, q, k: q @ k.mT / math.sqrt(s.head_dim)), head_dim=D),
        APART,
    ),
    Pattern(
        "queries times an attribute",
        lambda: three_layers(softmax_of(lambda s, q, k: (q * s.scale) @ k.mT), scale=D**-0.5),
        APART,
    ),
    Pattern(
        "scores by einsum",
        lambda: three_layers(
            lambda s, q, k, v: torch.einsum(
                "bhts,bhsd->bhtd", (torch.einsum("bhtd,bhsd->bhts", q, k) * 0.5).softmax(-1), v
            )
        ),
        APART,
    ),
    Pattern(
        "fused projection, reshaped",
        lambda: fused(lambda s, y: y.unflatten(-1, (3, s.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)),
        EMBED | {"qkv:heads": ("heads", HEADS), "qkv:head_dim": ("head_dim", D)},
    ),
    Pattern(
        "fused projection, in chunks",
        lambda: fused(chunked),
        EMBED
        | {
            "qkv:heads": ("heads", HEADS),
            "qkv:head_dim[0:16]": ("head_dim", D),
            "qkv:head_dim[16:24]": ("head_dim", D),
        },
        ties=both_ways("qkv:head_dim[0:16]", "qkv:head_dim[16:24]"),
    ),
    Pattern(
        "a head size that is width over heads",
        vision_transformer,
        EMBED | {"qkv:heads": ("heads", HEADS), "qkv:head_dim": ("head_dim", D)},
        ties={
            "embed": ("qkv:heads", "qkv:head_dim"),
            "qkv:heads": ("embed", "qkv:head_dim"),
            "qkv:head_dim": ("embed", "qkv:heads"),
        },
    ),
    Pattern(
        "keys and values repeated by repeat_interleave",
        lambda: grouped_queries(lambda s, z: z.repeat_interleave(2, 1)),
        APART,
        ties=both_ways("q:head_dim", "v:head_dim"),
    ),
    Pattern(
        "keys and values repeated by expand",
        lambda: grouped_queries(expanded, repeats=QUERY_HEADS // HEADS),
        APART | QUERIES,
        ties=both_ways("q:head_dim", "v:head_dim"),
    ),
    Pattern(
        "keys and values shared by PyTorch",
        lambda: grouped_queries(lambda s, z: z, is_shared=True),
        APART | QUERIES,
        ties=both_ways("q:head_dim", "v:head_dim"),
    ),
    Pattern("rotary embedding by halves", rotary_by_halves, TURNED),
    Pattern("rotary embedding by pairs", rotary_by_pairs, TURNED),
    Pattern("rotary embedding by complex numbers", rotary_by_complex_numbers, TURNED),
    Pattern("relative position bias", relative_position_bias, APART, stays={("table", 0): "by number"}),
    Pattern("window partition", lambda: windows(False), PACKED),
    Pattern("grid partition", lambda: windows(True), PACKED),
)


class TestPatterns(PatternSuite):
    patterns = PATTERNS
