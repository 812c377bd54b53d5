"""Messages: a node's channels go along every edge, weighted by head, so both ends of an edge lose the same ones.

Graph attention as in Velickovic et al., Graph Attention Networks (ICLR 2018, https://arxiv.org/abs/1710.10903), on a
graph of scikit-learn's digits in which each image is joined to those nearest to it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GraphAttention(nn.Module):
    """Each node becomes a mean of its neighbours, weighted by attention, in several heads, added to what it was."""

    def __init__(self, in_features: int, out_features: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.out_features = out_features
        self.linear = nn.Linear(in_features, num_heads * out_features, bias=False)
        self.skip = nn.Linear(in_features, num_heads * out_features)
        self.to_source = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, num_heads, out_features)))
        self.to_target = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, num_heads, out_features)))
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """Features of shape (N, num_heads * out_features)."""
        source, target = edges
        skipped = self.skip(x)
        x = self.linear(x).view(-1, self.num_heads, self.out_features)
        scores = (x * self.to_source).sum(-1)[source] + (x * self.to_target).sum(-1)[target]  # (E, num_heads)
        weights = self.dropout(edge_softmax(F.leaky_relu(scores, 0.2), target, len(x)))
        messages = x[source] * weights.unsqueeze(-1)  # (E, num_heads, out_features)
        mean = torch.zeros_like(x).index_add(0, target, messages)
        out: Tensor = mean.flatten(1) + skipped
        return out


class GAT(nn.Module):
    """Two layers of several heads, and one of a single head whose features are the class scores."""

    def __init__(self, in_features: int = 64, width: int = 16, num_heads: int = 4, num_classes: int = 10) -> None:
        super().__init__()
        self.layer1 = GraphAttention(in_features, width, num_heads)
        self.layer2 = GraphAttention(num_heads * width, width, num_heads)
        self.layer3 = GraphAttention(num_heads * width, num_classes, 1)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """Class scores of shape (N, num_classes) for nodes of shape (N, 64) and edges of shape (2, E)."""
        x = F.elu(self.layer1(self.dropout(x), edges))
        x = F.elu(self.layer2(self.dropout(x), edges))
        scores: Tensor = self.layer3(self.dropout(x), edges)
        return scores


def edge_softmax(scores: Tensor, target: Tensor, num_nodes: int) -> Tensor:
    """The softmax of scores, shape (E, num_heads), over all edges into the same node."""
    scores = (scores - scores.amax(0)).exp()
    total = scores.new_zeros(num_nodes, scores.shape[1]).index_add(0, target, scores)
    return scores / total[target]


def build() -> GAT:
    """The model with freshly initialised weights."""
    return GAT()


def example_inputs() -> tuple[Tensor, Tensor]:
    """A ring of 16 nodes of standard normal noise, always the same: features (16, 64), edges (2, 48).

    Each node is joined to itself and to both of its neighbours.
    """
    nodes = torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    target = torch.arange(16).repeat(3)
    source = torch.cat([torch.arange(16), torch.arange(16).roll(1), torch.arange(16).roll(-1)])
    return nodes, torch.stack([source, target])
