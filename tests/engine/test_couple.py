"""Whole models: which parameter dimensions are live, and running every op on smaller operands agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.couple import OUTPUT, UNTOUCHED, couple
from explorer.engine.coupler import READS_INPUT
from explorer.engine.graph import trace
from explorer.engine.trace import record
from tests.engine.rules.oracle import check_execution, free_channels, live_dims, module_case

BATCH, IMAGE = torch.rand(2, 3), torch.rand(1, 3, 4, 4)
SEQUENCE, TOKENS = torch.rand(2, 3, 3), torch.rand(2, 3, 8)
EDGES = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])


class Net(nn.Module):
    """Named layers and a function of them that is the forward."""

    def __init__(self, function: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *x: Tensor) -> Any:
        return self.function(self, *x)


def _recurrent(cls: type[nn.Module], width: int = 4, **options: Any) -> nn.Module:
    layer = cls(5, 4, batch_first=True, **options)
    return Net(lambda s, x: s.o(s.r(s.i(x))[0]), i=nn.Linear(3, 5), r=layer, o=nn.Linear(width, 2))


def _cell(cls: type[nn.Module]) -> nn.Module:
    def run(s: Any, x: Tensor) -> Tensor:
        state = s.r(s.i(x))
        return s.o(state if isinstance(state, Tensor) else state[0])

    return Net(run, i=nn.Linear(3, 5), r=cls(5, 4), o=nn.Linear(4, 2))


def _packed(s: Any, x: Tensor) -> Tensor:
    sequence = nn.utils.rnn.pack_padded_sequence(s.i(x), torch.tensor([3, 2]), batch_first=True)
    return s.o(nn.utils.rnn.pad_packed_sequence(s.r(sequence)[0], batch_first=True)[0])


def _hand_written_lstm(s: Any, x: Tensor) -> Tensor:
    hidden = cell = torch.zeros(x.shape[0], 4, dtype=x.dtype)
    for step in range(x.shape[1]):
        i, f, g, o = (s.a(x[:, step]) + s.b(hidden)).chunk(4, 1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
    return s.o(hidden)


RECURRENT = {
    "lstm": (_recurrent(nn.LSTM), 9),
    "gru": (_recurrent(nn.GRU), 9),
    "rnn": (_recurrent(nn.RNN), 9),
    "stacked bidirectional lstm": (_recurrent(nn.LSTM, 8, num_layers=2, bidirectional=True), 9),
    "stacked bidirectional gru": (_recurrent(nn.GRU, 8, num_layers=2, bidirectional=True), 9),
    "lstm with projection": (_recurrent(nn.LSTM, 3, proj_size=3), 12),
    "packed lstm": (Net(_packed, i=nn.Linear(3, 5), r=nn.LSTM(5, 4, batch_first=True), o=nn.Linear(4, 2)), 9),
    "hand-written lstm": (Net(_hand_written_lstm, a=nn.Linear(3, 16), b=nn.Linear(4, 16), o=nn.Linear(4, 2)), 4),
}


@pytest.mark.parametrize(("model", "channels"), RECURRENT.values(), ids=RECURRENT)
def test_recurrent_layers_prune_across_gates(model: nn.Module, channels: int) -> None:
    case = module_case(model, SEQUENCE)
    assert not case.coupling.unsupported
    assert len(free_channels(case)) == channels
    live = set(live_dims(case).split())
    frozen_by_nature = {"i.weight:1", "a.weight:1", "o.weight:0", "o.bias:0"}
    every = {f"{name}:{dim}" for name, state in case.coupling.states.items() for dim in range(len(state.value.shape))}
    assert live == every - frozen_by_nature
    assert check_execution(case)


@pytest.mark.parametrize(("cls", "channels"), [(nn.LSTMCell, 9), (nn.GRUCell, 9), (nn.RNNCell, 13)])
def test_recurrent_cells(cls: type[nn.Module], channels: int) -> None:
    # one step of a plain RNN cell never adds the old state to the new one, so that their units part
    case = module_case(_cell(cls), BATCH)
    assert len(free_channels(case)) == channels
    assert check_execution(case)


def _attend(s: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return s.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 3, -1))


def _grouped(repeat: Callable[[Tensor], Tensor]) -> nn.Module:
    def run(s: Any, x: Tensor) -> Tensor:
        q, k, v = (layer(x).view(2, 3, -1, 2).transpose(1, 2) for layer in (s.q, s.k, s.v))
        return _attend(s, q, repeat(k), repeat(v))

    return Net(run, q=nn.Linear(8, 8), k=nn.Linear(8, 4), v=nn.Linear(8, 4), o=nn.Linear(8, 2))


def _fused_attention(s: Any, x: Tensor) -> Tensor:
    q, k, v = s.q(x).view(2, 3, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
    weights = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-1, -2)
    return s.o((weights.softmax(-1) @ v).transpose(1, 2).reshape(2, 3, 8))


def _einsum_attention(s: Any, x: Tensor) -> Tensor:
    q, k, v = (part.view(2, 3, 2, 4) for part in s.q(x).chunk(3, -1))
    weights = torch.einsum("bthd,bshd->bhts", q, k).softmax(-1)
    return s.o(torch.einsum("bhts,bshd->bthd", weights, v).reshape(2, 3, 8))


def _multihead(**options: Any) -> nn.Module:
    def run(s: Any, x: Tensor) -> Tensor:
        y = s.i(x)
        return s.o(s.m(y, x[..., : s.m.kdim], x[..., : s.m.vdim])[0] if options else s.m(y, y, y)[0])

    layer = nn.MultiheadAttention(8, 2, batch_first=True, **options)
    return Net(run, i=nn.Linear(8, 8), m=layer, o=nn.Linear(8, 2))


ATTENTION = {
    # 8 into and 8 out of the layer, 2 heads, 4 of the head dim, which one reshape of query, key and value shares
    "multihead": (_multihead(), 22),
    # the value's head dim apart
    "multihead with kdim and vdim": (_multihead(kdim=5, vdim=6), 26),
    "grouped by repeat_interleave": (_grouped(lambda z: z.repeat_interleave(2, 1)), 6),
    "grouped by expand": (_grouped(lambda z: z[:, :, None].expand(2, 2, 2, 3, 2).reshape(2, 4, 3, 2)), 8),
    "fused, unbound, normalised": (Net(_fused_attention, q=nn.Linear(8, 24), o=nn.Linear(8, 2)), 6),
    "einsum": (Net(_einsum_attention, q=nn.Linear(8, 24), o=nn.Linear(8, 2)), 10),
}


@pytest.mark.parametrize(("model", "channels"), ATTENTION.values(), ids=ATTENTION)
def test_attention(model: nn.Module, channels: int) -> None:
    case = module_case(model, TOKENS)
    assert not case.coupling.unsupported
    assert len(free_channels(case)) == channels
    assert check_execution(case)


def _graph_convolution(s: Any, x: Tensor, edges: Tensor) -> Tensor:
    source, target = edges
    x = s.a(x)
    x = s.b(torch.zeros_like(x).index_add_(0, target, x[source]).relu())
    messages = x[source]
    summed = x.new_zeros(x.shape).scatter_add(0, target.unsqueeze(-1).expand_as(messages), messages)
    degree = torch.zeros(5, dtype=x.dtype).index_add(0, target, torch.ones(4, dtype=x.dtype))
    return s.o(summed / degree.clamp(min=1).unsqueeze(-1))


def _edge_convolution(s: Any, x: Tensor, edges: Tensor) -> Tensor:
    x = s.a(x)[None]
    nearest = torch.cdist(x, x).topk(2, largest=False)[1]
    near = torch.gather(x.unsqueeze(1).expand(-1, 5, -1, -1), 2, nearest.unsqueeze(-1).expand(-1, -1, -1, x.shape[-1]))
    return s.o(s.b(near - x.unsqueeze(2)).relu().max(2)[0])


def _mixture(s: Any, x: Tensor) -> Tensor:
    weights, chosen = s.gate(x).softmax(-1).topk(1, -1)
    out = torch.zeros(2, 2, dtype=x.dtype)
    for number, expert in enumerate(s.experts):
        rows, _ = torch.where(chosen == number)
        if len(rows):
            out[rows] += weights[rows] * expert(x[rows])
    return out


def _channel_attention(s: Any, x: Tensor) -> Tensor:
    y = s.a(x)
    return s.b(y * s.k(torch.cat([y.mean(1, keepdim=True), y.max(1, keepdim=True)[0]], 1)).sigmoid())


def _conv_over_channels(s: Any, x: Tensor) -> Tensor:
    y = s.a(x)
    return s.b(y * s.k(y.mean((2, 3)).unsqueeze(1)).sigmoid().squeeze(1)[:, :, None, None])


def _under_inference_mode(s: Any, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return s.b(s.a(x).relu())


def _pair(function: Callable[..., Any], *, width: int = 4, **layers: nn.Module) -> nn.Module:
    layers = {"a": nn.Conv2d(3, 4, 1), "b": nn.Conv2d(width, 2, 1), **layers}
    return Net(function, **layers)


def _space_to_depth(s: Any, x: Tensor) -> Tensor:
    y = s.a(x)
    return s.b(y.view(1, -1, 2, 2, 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(1, -1, 2, 2))


def _buffered(model: nn.Module, **buffers: Tensor) -> nn.Module:
    for name, buffer in buffers.items():
        model.register_buffer(name, buffer)
    return model


norms = nn.utils.parametrizations
PATTERNS = {
    "graph convolution": (
        Net(_graph_convolution, a=nn.Linear(3, 4), b=nn.Linear(4, 5), o=nn.Linear(5, 2)),
        (torch.rand(5, 3), EDGES),
        "a.bias:0 a.weight:0 b.bias:0 b.weight:0 b.weight:1 o.weight:1",
    ),
    "edge convolution": (
        Net(_edge_convolution, a=nn.Linear(3, 4), b=nn.Linear(4, 5), o=nn.Linear(5, 2)),
        (torch.rand(5, 3), EDGES),
        "a.bias:0 a.weight:0 b.bias:0 b.weight:0 b.weight:1 o.weight:1",
    ),
    "mixture of experts": (
        Net(_mixture, gate=nn.Linear(3, 1), experts=nn.ModuleList([nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))])),
        (BATCH,),
        "experts.0.0.bias:0 experts.0.0.weight:0 experts.0.1.weight:1",
    ),
    "channel attention by mean and max": (
        _pair(_channel_attention, k=nn.Conv2d(2, 1, 3, padding=1)),
        (IMAGE,),
        "a.bias:0 a.weight:0 b.weight:1",
    ),
    "a conv over the channel axis freezes it": (
        _pair(_conv_over_channels, k=nn.Conv1d(1, 1, 3, padding=1)),
        (IMAGE,),
        "",
    ),
    "weight norm": (
        _pair(lambda s, x: s.b(s.a(x)), a=norms.weight_norm(nn.Conv2d(3, 4, 2))),
        (IMAGE,),
        "a.bias:0 a.parametrizations.weight.original0:0 a.parametrizations.weight.original1:0 b.weight:1",
    ),
    "spectral norm": (
        _pair(lambda s, x: s.b(s.a(x)), a=norms.spectral_norm(nn.Conv2d(3, 4, 2))),
        (IMAGE,),
        "a.bias:0 a.parametrizations.weight.0._u:0 a.parametrizations.weight.original:0 b.weight:1",
    ),
    "instance norm": (
        _pair(lambda s, x: s.b(s.n(s.a(x))), n=nn.InstanceNorm2d(4, affine=True, track_running_stats=True)),
        (IMAGE,),
        "a.bias:0 a.weight:0 b.weight:1 n.bias:0 n.running_mean:0 n.running_var:0 n.weight:0",
    ),
    "a permutation buffer": (
        _buffered(_pair(lambda s, x: s.b(s.a(x)[:, s.perm])), perm=torch.tensor([2, 0, 3, 1])),
        (IMAGE,),
        "a.bias:0 a.weight:0 b.weight:1 perm:0",
    ),
    "a shortcut padded with channels": (
        _pair(lambda s, x: s.b(F.pad(s.a(x), (0, 0, 0, 0, 2, 2)) + s.c(x)), width=8, c=nn.Conv2d(3, 8, 1)),
        (IMAGE,),
        "a.bias:0 a.weight:0 b.weight:1 c.bias:0 c.weight:0",
    ),
    "space to depth": (_pair(_space_to_depth, width=16), (IMAGE,), "a.bias:0 a.weight:0 b.weight:1"),
    "inference mode": (_pair(_under_inference_mode), (IMAGE,), "a.bias:0 a.weight:0 b.weight:1"),
    "bilinear": (
        Net(lambda s, x: s.l(s.a(x), s.b(x)), a=nn.Linear(3, 4), b=nn.Linear(3, 5), l=nn.Bilinear(4, 5, 2)),
        (BATCH,),
        "a.bias:0 a.weight:0 b.bias:0 b.weight:0 l.weight:1 l.weight:2",
    ),
    "maxout": (
        Net(lambda s, x: s.b(s.a(x).view(-1, 4, 2).max(-1)[0]), a=nn.Linear(3, 8), b=nn.Linear(4, 2)),
        (BATCH,),
        "a.bias:0 a.weight:0 b.weight:1",
    ),
    "spatial fourier transform": (
        _pair(lambda s, x: s.b(torch.fft.fft2(s.a(x), dim=(-2, -1)).real)),
        (IMAGE,),
        "a.bias:0 a.weight:0 b.weight:1",
    ),
    "fourier transform over channels freezes them": (
        _pair(lambda s, x: s.b(torch.fft.fft(s.a(x), dim=1).real)),
        (IMAGE,),
        "",
    ),
    "max positions over channels freeze them": (
        Net(lambda s, x: s.b(s.a(x)), a=nn.Linear(3, 4), b=Net(lambda s, x: x.max(1)[1])),
        (BATCH,),
        "",
    ),
}


@pytest.mark.parametrize(("model", "inputs", "live"), PATTERNS.values(), ids=PATTERNS)
def test_patterns(model: nn.Module, inputs: tuple[Tensor, ...], live: str) -> None:
    case = module_case(model, *inputs)
    assert not case.coupling.unsupported
    assert live_dims(case) == live
    assert check_execution(case) or not live


def _reason(coupling: Any, name: str, dim: int) -> str:
    label = int(coupling.solution.labels[coupling.states[name].dims[dim][0][0]])
    return str(coupling.solution.reason(label)[0])


def test_inputs_and_outputs_stay_and_say_why() -> None:
    coupling = couple([record(nn.Linear(3, 4), BATCH)])
    assert _reason(coupling, "weight", 1) == READS_INPUT
    assert _reason(coupling, "weight", 0) == OUTPUT
    op = coupling.op(
        coupling.solution.reason(int(coupling.solution.labels[coupling.states["weight"].dims[1][0][0]]))[1]
    )
    assert op is not None
    assert op.short_name == "addmm"


def test_a_dimension_that_no_rule_touches_stays() -> None:
    class Unread(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(4))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.scale.relu()[:0].numel()

    coupling = couple([record(Unread(), BATCH)])
    assert _reason(coupling, "scale", 0) == UNTOUCHED


def test_programs_share_parameters_by_name_and_join_their_freezes() -> None:
    model = Net(lambda s, x: s.b(s.a(x)), a=nn.Linear(3, 4), b=nn.Linear(4, 2))
    whole = record(model, BATCH)
    part = record(model, lambda m: m.a(BATCH))
    assert _reason(couple([whole, part]), "a.weight", 0) == OUTPUT
    joined = couple([whole, part])
    assert joined.offsets == (0, len(whole.ops))
    assert joined.op(len(whole.ops)) is part.ops[0]
    assert joined.op(-1) is None


@pytest.mark.parametrize("cls", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_recurrent_layer_carries_its_state_on_even_where_one_step_was_traced(cls: type[nn.Module]) -> None:
    net = Net(lambda s, x: s.out(s.rnn(x)[0]), rnn=cls(3, 8), out=nn.Linear(8, 2))
    graph = trace(net, torch.randn(1, 2, 3))
    assert [(group.name, group.size) for group in graph.groups] == [("rnn", 8)]
    touched = {(member.parameter, member.dim) for member in graph.groups[0].members}
    assert {("rnn.weight_hh_l0", 0), ("rnn.weight_hh_l0", 1), ("out.weight", 1)} <= touched
