"""Small networks with random weights, each for one kind of coupling, and what every proof of them asks for."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.apply import Pruned
from explorer.engine.errors import ApplyError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.plan import Plan
from explorer.engine.verify import Verification

IMAGE = (2, 3, 12, 12)
TOKENS = (2, 5, 12)


class PlainCnn(nn.Module):
    """Two convolutions with BatchNorm, a flatten over space, two linears."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 24, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.fc1 = nn.Linear(24 * 4, 20)
        self.fc2 = nn.Linear(20, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x))).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


class GroupNormCnn(nn.Module):
    """A convolution whose channels are normalised in four groups, then one with a grouped kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.GroupNorm(4, 16)
        self.conv2 = nn.Conv2d(16, 10, 3, padding=1)
        self.fc = nn.Linear(10, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.conv2(F.gelu(self.norm(self.conv1(x)))))
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    """Self-attention with one projection for query, key and value, sized by attributes."""

    def __init__(self, dim: int, num_heads: int, head_dim: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = num_heads, head_dim
        self.qkv = nn.Linear(dim, 3 * num_heads * head_dim)
        self.proj = nn.Linear(num_heads * head_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        return self.proj(mixed.transpose(1, 2).reshape(batch, length, self.num_heads * self.head_dim))


class Transformer(nn.Module):
    """An embedding of tokens, one block with LayerNorm, and a head."""

    def __init__(self, num_heads: int = 4, head_dim: int = 6) -> None:
        super().__init__()
        self.embed = nn.Linear(12, 16)
        self.norm1 = nn.LayerNorm(16)
        self.attention = Attention(16, num_heads, head_dim)
        self.norm2 = nn.LayerNorm(16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(x.mean(1))


class Run(nn.Module):
    """Linear layers (and others by name) around a function of the module and its input."""

    def __init__(self, function: Any, **attributes: Any) -> None:
        super().__init__()
        self.function = function
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, *args: Any) -> Any:
        return self.function(self, *args)


def randomised(model: nn.Module) -> nn.Module:
    """The model in eval mode with random normalisation statistics, scales and shifts, all well away from 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if getattr(module, "running_mean", None) is not None:
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
            if (
                isinstance(module, (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm))
                and module.weight is not None
            ):
                module.weight.uniform_(0.5, 1.5, generator=generator)
                if module.bias is not None:
                    module.bias.normal_(0, 0.1, generator=generator)
    return model.eval()


def traced(model: nn.Module, *shape: int) -> DependencyGraph:
    """The graph of a randomised model on a random input of a shape."""
    return trace(randomised(model), torch.randn(shape, generator=torch.Generator().manual_seed(2)))


def names(graph: DependencyGraph) -> list[str]:
    return [group.name for group in graph.groups]


def every_group(graph: DependencyGraph, ratio: float = 0.5) -> Pruned:
    """All groups pruned together, heads too."""
    return graph.plan(dict.fromkeys(names(graph), ratio)).apply()


def proven(pruned: Pruned) -> Verification:
    """The verification of a pruned model, which must succeed and must have been able to fail."""
    found = pruned.verify()
    assert found.ok, str(found)
    assert found.is_proof, f"removing channels changed the output by {found.difference} alone"
    assert not pruned.plan.is_identity
    states = [*pruned.model.parameters(), *pruned.model.buffers()]
    assert sum(state.numel() * state.element_size() for state in states) == pruned.plan.cost.after.bytes
    return found


def assert_refused(plan: Plan, match: str) -> None:
    """The classes of the original cannot run a plan, and the reason reads like `match`."""
    try:
        pruned = plan.apply()
    except ApplyError as error:
        reason = str(error)
    else:
        assert pruned.way != "live", "the plan was carried out live"
        reason = pruned.reason
    assert re.search(match, reason), reason


def sizes(model: nn.Module, *attributes: str) -> list[int]:
    """Values of attributes given as ``path.name``."""
    found = []
    for attribute in attributes:
        path, _, name = attribute.rpartition(".")
        found.append(getattr(model.get_submodule(path), name))
    return found
