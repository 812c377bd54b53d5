"""Coupling patterns of published attention layers: what is projected, normalised, biased, shared or mixed how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.engine.nets import Run
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

E, HEADS, D, L = 8, 2, 4, 5
INNER = HEADS * D
Mix = Callable[[Any, Tensor, Tensor, Tensor], Tensor]


def residual(function: Callable[[Any, Tensor], Tensor], **attributes: Any) -> tuple[nn.Module, Tensor]:
    """An embedding of `E` channels, something of them added to it, and a last layer."""

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.embed(x)
        return s.out(x + function(s, x))

    return Run(run, embed=nn.Linear(3, E), **attributes, out=nn.Linear(E, 2)), torch.randn(2, L, 3)


def mixed(mix: Mix, *, width: int = INNER, **attributes: Any) -> tuple[nn.Module, Tensor]:
    """Query, key and value from a layer each, given what becomes of them."""

    def attend(s: Any, x: Tensor) -> Tensor:
        parts = (part.unflatten(-1, (s.heads, -1)).transpose(1, 2) for part in (s.q(x), s.k(x), s.v(x)))
        return s.proj(mix(s, *parts).transpose(1, 2).flatten(2))

    layers = {name: nn.Linear(E, width) for name in ("q", "k", "v")}
    return residual(attend, heads=HEADS, **layers, proj=nn.Linear(width, E), **attributes)


def layers(*names: str) -> dict[str, nn.Module]:
    return {name: nn.Linear(E, INNER) for name in names}


def literal_sizes() -> tuple[nn.Module, Tensor]:
    def attend(s: Any, x: Tensor) -> Tensor:
        q, k, v = (part.view(-1, L, 2, 4).transpose(1, 2) for part in (s.q(x), s.k(x), s.v(x)))
        return s.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, L, 8))

    return residual(attend, **layers("q", "k", "v"), proj=nn.Linear(INNER, E))


def merged_with_the_batch() -> tuple[nn.Module, Tensor]:
    """As BART's code: heads join the batch before a product of matrices."""

    def attend(s: Any, x: Tensor) -> Tensor:
        B, N, _ = x.shape

        def shaped(part: Tensor) -> Tensor:
            return part.view(B, -1, s.heads, s.head_dim).transpose(1, 2).reshape(B * s.heads, -1, s.head_dim)

        q, k, v = shaped(s.q(x) * s.scaling), shaped(s.k(x)), shaped(s.v(x))
        made = torch.bmm(torch.bmm(q, k.transpose(1, 2)).softmax(-1), v).view(B, s.heads, N, s.head_dim)
        return s.proj(made.transpose(1, 2).reshape(B, N, s.heads * s.head_dim))

    attributes = {"heads": HEADS, "head_dim": D, "scaling": D**-0.5}
    return residual(attend, **attributes, **layers("q", "k", "v"), proj=nn.Linear(INNER, E))


def causal_by_a_buffer() -> tuple[nn.Module, Tensor]:
    """As GPT-2's code: a weight the other way round, a split by an attribute, and a mask cut out of a larger one."""

    def attend(s: Any, x: Tensor) -> Tensor:
        B, N, _ = x.shape
        made = torch.addmm(s.bias, x.view(-1, x.size(-1)), s.weight).view(B, N, s.weight.size(1))
        q, k, v = (
            part.view(*part.shape[:-1], s.heads, s.head_dim).permute(0, 2, 1, 3)
            for part in made.split(s.split_size, dim=2)
        )
        scores = q @ k.transpose(-1, -2) / (v.size(-1) ** 0.5)
        least = torch.full([], torch.finfo(scores.dtype).min, dtype=scores.dtype)
        weights = torch.where(s.mask[:, :, :N, :N], scores, least).softmax(-1)
        made = (weights @ v).permute(0, 2, 1, 3).contiguous()
        return s.proj(made.view((*made.shape[:-2], s.heads * s.head_dim)))

    weights = {"weight": nn.Parameter(torch.randn(E, 3 * INNER)), "bias": nn.Parameter(torch.randn(3 * INNER))}
    attributes = {"split_size": INNER, "heads": HEADS, "head_dim": D}
    net, x = residual(attend, **weights, **attributes, proj=nn.Linear(INNER, E))
    net.register_buffer("mask", torch.tril(torch.ones(8, 8, dtype=torch.bool))[None, None])
    return net, x


def heads_before_parts() -> tuple[nn.Module, Tensor]:
    """As GPT-NeoX's code: every head has its query, key and value side by side."""

    def attend(s: Any, x: Tensor) -> Tensor:
        B, N, _ = x.shape
        q, k, v = s.qkv(x).view(B, N, s.heads, 3 * s.head_dim).transpose(1, 2).chunk(3, -1)
        made = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return s.proj(made.transpose(1, 2).reshape(B, N, -1))

    return residual(attend, heads=HEADS, head_dim=D, qkv=nn.Linear(E, 3 * INNER), proj=nn.Linear(INNER, E))


def one_key_for_all_heads() -> tuple[nn.Module, Tensor]:
    def attend(s: Any, x: Tensor) -> Tensor:
        B, N, _ = x.shape
        q = s.q(x).view(B, N, s.heads, s.head_dim).transpose(1, 2)
        k, v = s.kv(x).split(s.head_dim, -1)
        weights = (q @ k.unsqueeze(1).mT * s.head_dim**-0.5).softmax(-1)
        return s.proj((weights @ v[:, None]).transpose(1, 2).reshape(B, N, -1))

    return residual(attend, heads=HEADS, head_dim=D, **layers("q", "kv"), proj=nn.Linear(INNER, E))


def latent() -> tuple[nn.Module, Tensor]:
    """As DeepSeek's code: narrow layers before the wide ones, and keys and values of sizes of their own."""

    def attend(s: Any, x: Tensor) -> Tensor:
        B, N, _ = x.shape
        q = s.q_up(s.q_down(x)).view(B, N, s.heads, -1).transpose(1, 2)
        both = s.up(s.norm(s.down(x))).view(B, N, s.heads, s.qk_dim + s.v_dim).transpose(1, 2)
        k, v = both.split([s.qk_dim, s.v_dim], -1)
        made = F.scaled_dot_product_attention(q, k, v)
        return s.proj(made.transpose(1, 2).reshape(B, N, s.heads * s.v_dim))

    made = {
        "q_down": nn.Linear(E, 5),
        "q_up": nn.Linear(5, INNER),
        "down": nn.Linear(E, 6),
        "norm": nn.LayerNorm(6),
        "up": nn.Linear(6, HEADS * (D + 6)),
        "proj": nn.Linear(HEADS * 6, E),
    }
    return residual(attend, heads=HEADS, qk_dim=D, v_dim=6, **made)


def bias_of_two_parts() -> tuple[nn.Module, Tensor]:
    """As BEiT's code: queries and values have a bias, keys have zeros."""

    def attend(s: Any, x: Tensor) -> Tensor:
        B, N, _ = x.shape
        bias = torch.cat([s.q_bias, torch.zeros_like(s.v_bias, requires_grad=False), s.v_bias])
        q, k, v = F.linear(x, s.qkv.weight, bias).reshape(B, N, 3, s.heads, -1).permute(2, 0, 3, 1, 4)
        return s.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, -1))

    biases = {name: nn.Parameter(torch.randn(INNER)) for name in ("q_bias", "v_bias")}
    qkv = nn.Linear(E, 3 * INNER, bias=False)
    return residual(attend, heads=HEADS, qkv=qkv, **biases, proj=nn.Linear(INNER, E))


def slopes(*, is_buffer: bool) -> tuple[nn.Module, Tensor]:
    """ALiBi: a slope for each head, which a buffer holds or the code computes from the number of the head."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        slope = s.slope if is_buffer else 2.0 ** -torch.arange(1, HEADS + 1)
        steps = torch.arange(L)
        bias = -slope.view(-1, 1, 1) * (steps[None, :] - steps[:, None]).abs()
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])

    net, x = mixed(mix)
    net.register_buffer("slope", torch.tensor([0.5, 0.25]))
    return net, x


def bucketed_distances() -> tuple[nn.Module, Tensor]:
    """As T5's code: an embedding of distances gives each head its bias."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        steps = torch.arange(L)[None, :] - torch.arange(L)[:, None]
        bucket = torch.where(steps < 0, steps.abs(), steps + L)
        bias = s.distance(bucket).permute(2, 0, 1).unsqueeze(0)
        return (q @ k.transpose(3, 2) + bias).softmax(-1) @ v

    return mixed(mix, distance=nn.Embedding(2 * L, HEADS))


def cosine() -> tuple[nn.Module, Tensor]:
    """As Swin v2's code: cosines, and a learned scale for each head."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        return (scores * s.scale.clamp(max=4.6).exp()).softmax(-1) @ v

    return mixed(mix, scale=nn.Parameter(torch.randn(HEADS, 1, 1)))


def talking_heads() -> tuple[nn.Module, Tensor]:
    """Scores are mixed among heads before the softmax and after it, so that three sets of heads part."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = s.before((q @ k.mT).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        weights = s.after(scores.softmax(-1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return weights @ v

    return mixed(mix, before=nn.Linear(HEADS, 3), after=nn.Linear(3, HEADS))


def kernel() -> tuple[nn.Module, Tensor]:
    """Linear attention: keys meet values first."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k = F.elu(q) + 1, F.elu(k) + 1
        return (q @ (k.mT @ v)) / (q @ k.sum(2).unsqueeze(-1))

    return mixed(mix)


def partly_rotary() -> tuple[nn.Module, Tensor]:
    """Only the first elements of a head turn; the others are a group of their own."""

    def mix(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        angles = torch.outer(torch.arange(L, dtype=q.dtype), s.inv_freq)
        cos, sin = (part.repeat(1, 2) for part in (angles.cos(), angles.sin()))

        def turn(x: Tensor) -> Tensor:
            turned, rest = x[..., : s.rotary_dim], x[..., s.rotary_dim :]
            one, other = turned.chunk(2, -1)
            return torch.cat([turned * cos + torch.cat([-other, one], -1) * sin, rest], -1)

        return F.scaled_dot_product_attention(turn(q), turn(k), v)

    net, x = mixed(mix, width=HEADS * 8, rotary_dim=4)
    net.register_buffer("inv_freq", torch.tensor([1.0, 0.3]))
    return net, x


def shifted_windows() -> tuple[nn.Module, Tensor]:
    """As Swin's code: windows of a rolled image, a table of biases and a mask for each window."""

    def attend(s: Any, x: Tensor) -> Tensor:
        B, H, W, C = x.shape
        x = torch.roll(x, (-1, -1), (1, 2))
        x = x.view(B, H // 2, 2, W // 2, 2, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, C)
        q, k, v = s.qkv(x).reshape(-1, 4, 3, s.heads, C // s.heads).permute(2, 0, 3, 1, 4).unbind(0)
        bias = s.table[s.index.view(-1)].view(4, 4, -1).permute(2, 0, 1)
        scores = (q * s.scale) @ k.mT + bias.unsqueeze(0)
        scores = scores.view(-1, len(s.mask), s.heads, 4, 4) + s.mask.unsqueeze(1).unsqueeze(0)
        weights = scores.view(-1, s.heads, 4, 4).softmax(-1)
        x = s.proj((weights @ v).transpose(1, 2).reshape(-1, 4, C))
        x = x.view(B, H // 2, W // 2, 2, 2, C).permute(0, 1, 3, 2, 4, 5).reshape(B, H, W, C)
        return torch.roll(x, (1, 1), (1, 2))

    made = {"qkv": nn.Linear(E, 3 * INNER), "proj": nn.Linear(INNER, E)}
    net, _ = residual(attend, heads=HEADS, scale=D**-0.5, **made, table=nn.Parameter(torch.randn(9, HEADS)))
    net.register_buffer("index", torch.randint(0, 9, (4, 4)))
    net.register_buffer("mask", -5.0 * torch.randint(0, 2, (4, 4, 4)))
    return net, torch.randn(2, 4, 4, 3)


def class_token() -> tuple[nn.Module, Tensor]:
    """As vision transformers: patches after a learned token, learned positions, and a feed-forward part."""

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([s.token.expand(x.shape[0], -1, -1), x], 1) + s.position
        gate, up = s.up(s.norm(x)).chunk(2, -1)
        return s.out((x + s.down(F.silu(gate) * up))[:, 0])

    made = {
        "patch": nn.Conv2d(3, E, 2, 2),
        "norm": nn.LayerNorm(E),
        "up": nn.Linear(E, 24),
        "down": nn.Linear(12, E),
        "out": nn.Linear(E, 2),
    }
    learned = {"token": nn.Parameter(torch.randn(1, 1, E)), "position": nn.Parameter(torch.randn(1, 5, E))}
    return Run(run, **made, **learned), torch.randn(2, 3, 4, 4)


EMBED = {"embed": ("channels", E)}
APART = EMBED | {"q:heads": ("heads", HEADS), "q:head_dim": ("head_dim", D), "v:head_dim": ("head_dim", D)}
FUSED = EMBED | {"qkv:heads": ("heads", HEADS), "qkv:head_dim": ("head_dim", D)}


def both_ways(one: str, other: str) -> dict[str, tuple[str, ...]]:
    """Two groups that are tied to each other."""
    return {one: (other,), other: (one,)}


def parted(name: str, first: str, second: str) -> dict[str, tuple[str, int]]:
    """Heads, the head size of query and key, and that of the value, in one tensor."""
    sizes = {f"{name}:head_dim{part}": ("head_dim", D) for part in (first, second)}
    return EMBED | {f"{name}:heads": ("heads", HEADS)} | sizes


PATTERNS = (
    # the width of the embedding is literal nowhere
    Pattern("literal sizes", literal_sizes, APART, way="program", alone={"embed": "live"}),
    Pattern(
        "heads merged with the batch",
        merged_with_the_batch,
        APART,
        ties=both_ways("q:head_dim", "v:head_dim"),
    ),
    Pattern(
        "causal by a buffer",
        causal_by_a_buffer,
        parted("bias", "[0:16]", "[16:24]"),
        ties=both_ways("bias:head_dim[0:16]", "bias:head_dim[16:24]"),
    ),
    Pattern(
        "heads before parts",
        heads_before_parts,
        parted("qkv", "[0:20]", "[8:24]"),
        ties=both_ways("qkv:head_dim[0:20]", "qkv:head_dim[8:24]"),
    ),
    Pattern(
        "one key for all heads",
        one_key_for_all_heads,
        EMBED | {"q:heads": ("heads", HEADS), "q:head_dim": ("head_dim", D), "kv:head_dim": ("head_dim", D)},
        ties=both_ways("q:head_dim", "kv:head_dim"),
    ),
    Pattern(
        "latent queries, keys and values",
        latent,
        EMBED
        | {
            "q_down": ("channels", 5),
            "q_up:heads": ("heads", HEADS),
            "q_up:head_dim": ("head_dim", D),
            "down": ("channels", 6),
            "up:head_dim": ("head_dim", 6),
        },
    ),
    Pattern(
        "a bias of two parts",
        bias_of_two_parts,
        EMBED | {"v_bias:heads": ("heads", HEADS), "v_bias:head_dim": ("head_dim", D)},
    ),
    Pattern("slopes in a buffer", lambda: slopes(is_buffer=True), APART),
    Pattern(
        "slopes from the number of the head",
        lambda: slopes(is_buffer=False),
        EMBED | {"q:head_dim": ("head_dim", D), "v:head_dim": ("head_dim", D)},
    ),
    Pattern("bucketed distances", bucketed_distances, APART, stays={("distance.weight", 0): "vocabulary"}),
    Pattern("cosines", cosine, APART),
    Pattern(
        "normalised heads",
        lambda: mixed(
            lambda s, q, k, v: F.scaled_dot_product_attention(s.q_norm(q), s.k_norm(k), v),
            q_norm=nn.LayerNorm(D),
            k_norm=nn.RMSNorm(D),
        ),
        APART,
    ),
    Pattern(
        "talking heads",
        talking_heads,
        APART | {"v:heads": ("heads", HEADS), "before": ("channels", 3)},
        ties=both_ways("q:heads", "v:heads"),  # one attribute of the class measures both
    ),
    Pattern("a kernel instead of a softmax", kernel, APART),
    Pattern(
        "partly rotary embedding",
        partly_rotary,
        EMBED
        | {
            "q:heads": ("heads", HEADS),
            "q:head_dim[0:12]": ("head_dim", 2),
            "q:head_dim[4:16]": ("head_dim", 4),
            "v:head_dim": ("head_dim", 8),
        },
    ),
    Pattern(
        "shifted windows",
        shifted_windows,
        FUSED,
        ties={
            "embed": ("qkv:heads", "qkv:head_dim"),
            "qkv:heads": ("embed", "qkv:head_dim"),
            "qkv:head_dim": ("embed", "qkv:heads"),
        },
    ),
    Pattern("a class token", class_token, {"patch": ("channels", E), "up": ("channels", 12)}),
)


class TestPatterns(PatternSuite):
    patterns = PATTERNS
