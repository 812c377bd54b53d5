"""Coupling patterns of graph networks: messages carry channels along edges, which stay as they are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.graph import trace
from tests.engine.nets import Run, proven
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

NODES, WIDTH, HEADS, D = 6, 8, 2, 4
EDGES = torch.tensor([[0, 1, 2, 3, 4, 5, 0, 2], [1, 2, 3, 4, 5, 0, 3, 5]])


def nodes() -> tuple[Tensor, Tensor]:
    return torch.randn(NODES, 3), EDGES


def gcn() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """Neighbours summed by `index_add`, weighted by the degrees of both ends."""

    def convolve(layer: nn.Module, x: Tensor, edges: Tensor) -> Tensor:
        source, target = edges
        x = layer(x)
        degree = torch.ones(x.size(0)).index_add(0, target, torch.ones(target.size(0)))
        weights = (degree[source] * degree[target]).rsqrt()
        summed = torch.zeros_like(x).index_add(0, target, x.index_select(0, source) * weights.unsqueeze(-1))
        return summed + x / degree.unsqueeze(-1)

    def run(s: Any, x: Tensor, edges: Tensor) -> Tensor:
        return s.o(convolve(s.b, convolve(s.a, x, edges).tanh(), edges).tanh())

    return Run(run, a=nn.Linear(3, WIDTH), b=nn.Linear(WIDTH, 6), o=nn.Linear(6, 2)), nodes()


def adjacency() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """The paper's form: a dense matrix of neighbours times the nodes."""

    def run(s: Any, x: Tensor, edges: Tensor) -> Tensor:
        near = torch.eye(x.size(0)).index_put((edges[0], edges[1]), torch.ones(()))
        near = near / near.sum(1, keepdim=True)
        return s.o((near @ s.b((near @ s.a(x)).tanh())).tanh())

    return Run(run, a=nn.Linear(3, WIDTH), b=nn.Linear(WIDTH, 6), o=nn.Linear(6, 2)), nodes()


def sparse_adjacency() -> tuple[nn.Module, Tensor]:
    """The same of one graph, whose matrix of neighbours is kept in a sparse buffer."""
    near = (torch.eye(NODES) + torch.diag(torch.ones(NODES - 1), 1)).to_sparse()

    def run(s: Any, x: Tensor) -> Tensor:
        return s.o((s.near @ s.b(torch.sparse.mm(s.near, s.a(x)).tanh())).tanh())

    net = Run(run, a=nn.Linear(3, WIDTH), b=nn.Linear(WIDTH, 6), o=nn.Linear(6, 2), near=nn.Buffer(near))
    return net, torch.randn(NODES, 3)


def sparse_weights() -> tuple[nn.Module, Tensor]:
    """A layer whose weight is sparse, between two that are not."""

    def run(s: Any, x: Tensor) -> Tensor:
        return s.o(torch.sparse.mm(s.weight, s.b(s.a(x)).T).T.relu())

    weight = nn.Parameter(torch.randn(WIDTH, 6).relu().to_sparse())
    return Run(run, a=nn.Linear(3, 10), b=nn.Linear(10, 6), o=nn.Linear(WIDTH, 2), weight=weight), torch.randn(5, 3)


def sage() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """The mean of the neighbours by `scatter_add`, and the node itself, through a weight each."""

    def aggregate(x: Tensor, edges: Tensor) -> Tensor:
        source, target = edges
        messages = x[source]
        index = target.unsqueeze(-1).expand_as(messages)
        summed = torch.zeros_like(x).scatter_add(0, index, messages)
        count = x.new_zeros(x.size(0)).scatter_add(0, target, x.new_ones(target.size(0)))
        return summed / count.clamp(min=1).unsqueeze(-1)

    def run(s: Any, x: Tensor, edges: Tensor) -> Tensor:
        x = s.embed(x)
        x = (s.near(aggregate(x, edges)) + s.own(x)).relu()
        return s.o(F.normalize(x, dim=-1))

    layers = {"near": nn.Linear(WIDTH, 6), "own": nn.Linear(WIDTH, 6, bias=False)}
    return Run(run, embed=nn.Linear(3, WIDTH), **layers, o=nn.Linear(6, 2)), nodes()


def sage_by_concatenation() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """The largest of the neighbours beside the node itself, before one weight."""

    def run(s: Any, x: Tensor, edges: Tensor) -> Tensor:
        x = s.embed(x)
        source, target = edges
        messages = s.pool(x)[source].relu()
        index = target[:, None].expand(-1, messages.shape[1])
        largest = messages.new_zeros(x.shape[0], messages.shape[1]).scatter_reduce(0, index, messages, "amax")
        return s.o(s.join(torch.cat([x, largest], 1)).relu())

    layers = {"embed": nn.Linear(3, WIDTH), "pool": nn.Linear(WIDTH, 6), "join": nn.Linear(WIDTH + 6, 10)}
    return Run(run, **layers, o=nn.Linear(10, 2)), nodes()


def gat() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """Attention over the edges into a node, several heads side by side."""

    def run(s: Any, x: Tensor, edges: Tensor) -> Tensor:
        source, target = edges
        x = s.a(x).view(-1, s.heads, s.size)
        scores = (x * s.to_source).sum(-1)[source] + (x * s.to_target).sum(-1)[target]
        scores = F.leaky_relu(scores, 0.2).exp()
        total = torch.zeros(len(x), s.heads).index_add(0, target, scores)
        weights = scores / total[target].clamp(min=1e-6)
        mixed = torch.zeros_like(x).index_add(0, target, x[source] * weights.unsqueeze(-1))
        return s.o(F.elu(mixed.flatten(1)))

    scores = {name: nn.Parameter(torch.randn(1, HEADS, D)) for name in ("to_source", "to_target")}
    return Run(run, heads=HEADS, size=D, a=nn.Linear(3, HEADS * D), **scores, o=nn.Linear(HEADS * D, 2)), nodes()


def edge_convolution(*, is_static: bool) -> tuple[nn.Module, Tensor]:
    """DGCNN: a point's neighbours are the nearest in the space of its channels, or in space itself."""

    def features(x: Tensor, places: Tensor) -> Tensor:
        B, C, N = x.shape
        inner = -2 * places.mT @ places
        square = (places**2).sum(1, keepdim=True)
        nearest = (-square - inner - square.mT).topk(3, dim=-1)[1]
        rows = (nearest + torch.arange(B).view(-1, 1, 1) * N).view(-1)
        near = x.mT.reshape(B * N, C)[rows].view(B, N, 3, C)
        own = x.mT.view(B, N, 1, C).expand(-1, -1, 3, -1)
        return torch.cat([near - own, own], -1).permute(0, 3, 1, 2)

    def run(s: Any, x: Tensor) -> Tensor:
        one = s.a(features(x, x)).relu().max(-1)[0]
        two = s.b(features(one, x if is_static else one)).relu().max(-1)[0]
        return s.o(torch.cat([one, two], 1)).max(-1)[0]

    net = Run(run, a=nn.Conv2d(6, WIDTH, 1), b=nn.Conv2d(2 * WIDTH, 6, 1), o=nn.Conv1d(WIDTH + 6, 2, 1))
    return net, torch.randn(2, 3, 7)


def edge_convolution_by_gather() -> tuple[nn.Module, Tensor]:
    """Neighbours fetched by `gather`, as code without batched indices does."""

    def run(s: Any, x: Tensor) -> Tensor:
        y = s.a(x)
        nearest = torch.cdist(x, x).topk(3, largest=False)[1]
        index = nearest.unsqueeze(-1).expand(-1, -1, -1, y.shape[-1])
        near = y.unsqueeze(1).expand(-1, y.shape[1], -1, -1).gather(2, index)
        return s.o(s.b(torch.cat([near - y.unsqueeze(2), near], -1)).relu().amax(2))

    layers = {"a": nn.Linear(3, WIDTH), "b": nn.Linear(2 * WIDTH, 6)}
    return Run(run, **layers, o=nn.Linear(6, 2)), torch.randn(2, 7, 3)


AB = {"a": ("channels", WIDTH), "b": ("channels", 6)}

PATTERNS = (
    Pattern("gcn", gcn, AB, has_free_batch=False),
    Pattern("gcn by a matrix", adjacency, AB, has_free_batch=False),
    Pattern("gcn by a sparse matrix", sparse_adjacency, AB, has_free_batch=False),
    Pattern(
        "a sparse weight",
        sparse_weights,
        {"a": ("channels", 10)},
        stays={("weight", 0): "the tensor is sparse", ("weight", 1): "sparse", ("o.weight", 1): "sparse"},
    ),
    Pattern("sage", sage, {"embed": ("channels", WIDTH), "near": ("channels", 6)}, has_free_batch=False),
    Pattern(
        "sage by concatenation",
        sage_by_concatenation,
        {"embed": ("channels", WIDTH), "pool": ("channels", 6), "join": ("channels", 10)},
        has_free_batch=False,
    ),
    Pattern("gat", gat, {"a:heads": ("heads", HEADS), "a:head_dim": ("head_dim", D)}, has_free_batch=False),
    Pattern("neighbours in space", lambda: edge_convolution(is_static=True), AB),
    Pattern("neighbours among channels", lambda: edge_convolution(is_static=False), AB),
    Pattern("neighbours by gather", edge_convolution_by_gather, AB),
)


class TestPatterns(PatternSuite):
    patterns = PATTERNS


LIBRARY: dict[str, tuple[tuple[str, dict[str, Any]], dict[str, int]]] = {
    "gcn": (("GCNConv", {"out_channels": WIDTH}), {"a.lin": WIDTH, "b.lin": 6}),
    "sage": (("SAGEConv", {"out_channels": WIDTH}), {"a.lin_l": WIDTH, "b.lin_l": 6}),
    "gat": (("GATConv", {"out_channels": D, "heads": HEADS}), {"a.lin:heads": HEADS, "a.lin:head_dim": D, "b.lin": 6}),
}


@pytest.mark.filterwarnings("ignore")  # the library scripts functions, which PyTorch calls old
@pytest.mark.parametrize("name", LIBRARY)
def test_layers_of_pytorch_geometric_work_as_they_are(name: str) -> None:
    library = pytest.importorskip("torch_geometric.nn", reason="PyTorch Geometric is optional")
    (layer, options), groups = LIBRARY[name]
    torch.manual_seed(0)
    net = Run(
        lambda s, x, edges: s.o(s.b(s.a(x, edges).tanh(), edges).tanh()),
        a=getattr(library, layer)(3, **options),
        b=getattr(library, layer)(WIDTH, 6),
        o=nn.Linear(6, 2),
    )
    graph = trace(net.eval(), nodes())
    assert {group.name: group.size for group in graph.groups} == groups
    assert graph.unsupported_ops() == ()
    for chosen in (*([group] for group in groups), list(groups)):
        pruned = graph.plan(dict.fromkeys(chosen, 0.5)).apply()
        assert pruned.way == "live", pruned.reason
        proven(pruned)
