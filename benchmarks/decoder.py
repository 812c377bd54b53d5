"""Traces a decoder of LLaMA-7B's shape without its weights, from 4 to 32 layers: `python -m benchmarks.decoder`."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import explorer

WIDTH, HEADS, HIDDEN, VOCABULARY, TOKENS = 4096, 32, 11008, 32000, 128
COLUMNS = ("layers", "parameters", "ops", "groups", "trace to groups s", "plan and cost s", "peak GiB")


class RootMeanSquareNorm(nn.Module):
    """Division by the root of the mean square, and a scale per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, N, C)."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


class Attention(nn.Module):
    """Causal attention with rotary positions."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = num_heads, width // num_heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, N, C)."""
        batch, tokens, _ = x.shape
        shape = batch, tokens, self.num_heads, self.head_dim
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(rotated(q), rotated(k), v, is_causal=True)
        return self.o(mixed.transpose(1, 2).reshape(batch, tokens, -1))


def rotated(x: Tensor) -> Tensor:
    """Queries or keys (B, H, N, D) turned by an angle that grows with the position."""
    half = x.shape[-1] // 2
    rates = 10000.0 ** (-torch.arange(half, device=x.device) / half)
    angles = torch.arange(x.shape[2], device=x.device)[:, None] * rates
    left, right = x.chunk(2, -1)
    return torch.cat([left * angles.cos() - right * angles.sin(), left * angles.sin() + right * angles.cos()], -1)


class Block(nn.Module):
    """Attention and a gated MLP, each on top of a norm and beside a residual."""

    def __init__(self, width: int, num_heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = RootMeanSquareNorm(width), RootMeanSquareNorm(width)
        self.attention = Attention(width, num_heads)
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, N, C)."""
        x = x + self.attention(self.norm1(x))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Decoder(nn.Module):
    """Token ids to scores of the next token."""

    def __init__(self, layers: int, width: int = WIDTH, num_heads: int = HEADS, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        self.blocks = nn.ModuleList(Block(width, num_heads, hidden) for _ in range(layers))
        self.norm = RootMeanSquareNorm(width)
        self.head = nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (B, N)."""
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table with one row for each depth, each from a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("layers", nargs="*", type=int, default=(4, 8, 16, 32), help="numbers of layers")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.one:
        sys.stdout.write(json.dumps(measure(options.layers[0])))
        return 0
    sys.stdout.write("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS) + "\n")
    for layers in options.layers:
        command = [sys.executable, "-m", "benchmarks.decoder", str(layers), "--one"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        sys.stdout.write("| " + " | ".join(json.loads(done.stdout)) + " |\n")
        sys.stdout.flush()
    return 0


def measure(layers: int, **sizes: int) -> list[str]:
    """The figures of one depth, in the order of `COLUMNS`."""
    with torch.device("meta"):
        model = Decoder(layers, **sizes)
    ids = torch.zeros(1, TOKENS, dtype=torch.int64)
    started = time.perf_counter()
    graph = explorer.trace(model, ids)
    traced = time.perf_counter()
    cost = graph.plan(0.5).cost
    planned = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 2**30
    ops = len(graph.coupling.programs[0].ops)
    params = f"{cost.before.params / 1e9:.2f} G -> {cost.after.params / 1e9:.2f} G"
    return [str(layers), params, str(ops), str(len(graph.groups)), f"{traced - started:.2f}",
            f"{planned - traced:.2f}", f"{peak:.1f}"]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
