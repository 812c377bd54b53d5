"""Coupling patterns of recurrent nets: a hidden unit is one channel of every gate, state, layer and direction."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.engine.nets import Run
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

WIDTH, HIDDEN, BATCH, STEPS = 5, 4, 2, 3
TWICE = {"num_layers": 2, "bidirectional": True, "batch_first": True}
READS_INPUT = "meets a dimension of the model's input"


def layer(made: nn.Module, out: int = HIDDEN) -> tuple[nn.Module, Tensor]:
    """A recurrent layer between two linear ones; all steps are read."""

    def run(s: Any, x: Tensor) -> Tensor:
        sequence, _ = s.r(s.i(x))
        return s.o(sequence)

    return Run(run, i=nn.Linear(3, WIDTH), r=made, o=nn.Linear(out, 2)), sequence()


def sequence() -> Tensor:
    return torch.randn(BATCH, STEPS, 3)


def last_states() -> tuple[nn.Module, Tensor]:
    """What is read are the states after the last step, those of both directions side by side."""

    def run(s: Any, x: Tensor) -> Tensor:
        _, (hidden, cell) = s.r(s.i(x))
        return s.o(torch.cat([hidden[-2], hidden[-1]], -1)) + s.p(cell[-1])

    made = nn.LSTM(WIDTH, HIDDEN, batch_first=True, bidirectional=True)
    net = Run(run, i=nn.Linear(3, WIDTH), r=made, o=nn.Linear(2 * HIDDEN, 2), p=nn.Linear(HIDDEN, 2))
    return net, sequence()


def translation() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The last state of one layer is the first state of another."""

    def run(s: Any, x: Tensor, y: Tensor) -> Tensor:
        _, state = s.encoder(s.i(x))
        return s.o(s.decoder(s.i(y), state)[0])

    layers = {name: nn.GRU(WIDTH, HIDDEN, batch_first=True) for name in ("encoder", "decoder")}
    return Run(run, i=nn.Linear(3, WIDTH), **layers, o=nn.Linear(HIDDEN, 2)), (sequence(), sequence())


def packed(made: nn.Module, out: int) -> tuple[nn.Module, Tensor]:
    def run(s: Any, x: Tensor) -> Tensor:
        lengths = 2 + torch.arange(len(x)) % 2
        given = pack_padded_sequence(s.i(x), lengths, batch_first=True, enforce_sorted=False)
        return s.o(pad_packed_sequence(s.r(given)[0], batch_first=True)[0])

    return Run(run, i=nn.Linear(3, WIDTH), r=made, o=nn.Linear(out, 2)), sequence()


def given_state() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The first states are an input: who calls the model promises their size."""
    net = Run(
        lambda s, x, state: s.o(s.r(s.i(x), state)[0]),
        i=nn.Linear(3, WIDTH),
        r=nn.GRU(WIDTH, HIDDEN, num_layers=2, batch_first=True),
        o=nn.Linear(HIDDEN, 2),
    )
    return net, (sequence(), torch.randn(2, BATCH, HIDDEN))


def learned_state() -> tuple[nn.Module, Tensor]:
    def run(s: Any, x: Tensor) -> Tensor:
        states = (s.hidden.expand(-1, len(x), -1).contiguous(), s.cell.expand(-1, len(x), -1).contiguous())
        return s.o(s.r(s.i(x), states)[0])

    states = {name: nn.Parameter(torch.randn(1, 1, HIDDEN)) for name in ("hidden", "cell")}
    made = nn.LSTM(WIDTH, HIDDEN, batch_first=True)
    return Run(run, i=nn.Linear(3, WIDTH), **states, r=made, o=nn.Linear(HIDDEN, 2)), sequence()


def cell(made: nn.Module) -> tuple[nn.Module, Tensor]:
    """A cell of PyTorch in a loop, which makes its first state itself."""

    def run(s: Any, x: Tensor) -> Tensor:
        x, state = s.i(x), None
        for step in range(STEPS):
            state = s.r(x[:, step], state)
        return s.o(state if isinstance(state, Tensor) else state[0])

    return Run(run, i=nn.Linear(3, WIDTH), r=made, o=nn.Linear(HIDDEN, 2)), sequence()


def hand_written_lstm(*, is_literal: bool) -> tuple[nn.Module, Tensor]:
    """A cell in plain code, whose states start as zeros."""

    def run(s: Any, x: Tensor) -> Tensor:
        hidden = cell = torch.zeros(x.shape[0], 4 if is_literal else s.hidden_size)
        outputs = []
        for step in range(x.shape[1]):
            i, f, g, o = (s.from_input(x[:, step]) + s.from_state(hidden)).chunk(4, 1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            outputs.append(hidden)
        return s.o(torch.stack(outputs, 1))

    layers = {"from_input": nn.Linear(3, 4 * HIDDEN), "from_state": nn.Linear(HIDDEN, 4 * HIDDEN)}
    return Run(run, hidden_size=HIDDEN, **layers, o=nn.Linear(HIDDEN, 2)), sequence()


def hand_written_gru() -> tuple[nn.Module, Tensor]:
    """As `nn.GRU` computes it: one weight for three gates, cut by the size of the state."""

    def run(s: Any, x: Tensor) -> Tensor:
        state = x.new_zeros(x.size(0), s.n)
        for step in x.unbind(1):
            a, b = s.from_input(step), s.from_state(state)
            reset = (a[:, : s.n] + b[:, : s.n]).sigmoid()
            update = (a[:, s.n : 2 * s.n] + b[:, s.n : 2 * s.n]).sigmoid()
            new = (a[:, 2 * s.n :] + reset * b[:, 2 * s.n :]).tanh()
            state = update * state + (1 - update) * new
        return s.o(state)

    layers = {"from_input": nn.Linear(3, 3 * HIDDEN), "from_state": nn.Linear(HIDDEN, 3 * HIDDEN)}
    return Run(run, n=HIDDEN, **layers, o=nn.Linear(HIDDEN, 2)), sequence()


def convolutional_lstm() -> tuple[nn.Module, Tensor]:
    """Frames of a film: input and state are joined before one convolution makes all gates."""

    def run(s: Any, x: Tensor) -> Tensor:
        B, _, _, H, W = x.shape
        hidden = cell = torch.zeros(B, s.hidden_size, H, W)
        for step in range(x.shape[1]):
            joined = torch.cat([s.stem(x[:, step]), hidden], 1)
            i, f, o, g = torch.split(s.gates(joined), s.hidden_size, dim=1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
        return s.o(hidden)

    layers = {"stem": nn.Conv2d(3, WIDTH, 1), "gates": nn.Conv2d(WIDTH + HIDDEN, 4 * HIDDEN, 3, padding=1)}
    return Run(run, hidden_size=HIDDEN, **layers, o=nn.Conv2d(HIDDEN, 2, 1)), torch.randn(BATCH, STEPS, 3, 4, 4)


def states_by_direction() -> tuple[nn.Module, Tensor]:
    """The states of the last layer, told apart by a view with the layer's own sizes."""

    def run(s: Any, x: Tensor) -> Tensor:
        _, (hidden, _) = s.r(s.i(x))
        hidden = hidden.view(s.r.num_layers, 2, len(x), s.r.hidden_size)
        return s.o(hidden[-1].transpose(0, 1).reshape(len(x), -1))

    net = Run(run, i=nn.Linear(3, WIDTH), r=nn.LSTM(WIDTH, HIDDEN, **TWICE), o=nn.Linear(2 * HIDDEN, 2))
    return net, sequence()


def both_ways_by_hand() -> tuple[nn.Module, Tensor]:
    """Two layers of different sizes, one of which reads the sequence from its end."""

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.i(x)
        return s.o(torch.cat([s.forth(x)[0], s.back(x.flip(1))[0].flip(1)], -1))

    layers = {"forth": nn.GRU(WIDTH, HIDDEN, batch_first=True), "back": nn.GRU(WIDTH, 6, batch_first=True)}
    return Run(run, i=nn.Linear(3, WIDTH), **layers, o=nn.Linear(HIDDEN + 6, 2)), sequence()


def stacked_cells() -> tuple[nn.Module, Tensor]:
    """Cells one above the other, their states in a list."""

    def run(s: Any, x: Tensor) -> Tensor:
        x = s.i(x)
        states = [x.new_zeros(len(x), cell.hidden_size) for cell in s.cells]
        for step in x.unbind(1):
            for number, cell in enumerate(s.cells):
                states[number] = step = cell(step, states[number])
        return s.o(states[-1])

    cells = nn.ModuleList([nn.GRUCell(WIDTH, HIDDEN), nn.GRUCell(HIDDEN, 6)])
    return Run(run, i=nn.Linear(3, WIDTH), cells=cells, o=nn.Linear(6, 2)), sequence()


def attentive_decoder() -> tuple[nn.Module, Tensor]:
    """A cell that reads its own last output and, by additive attention, what the encoder said."""

    def run(s: Any, x: Tensor) -> Tensor:
        said, (hidden, cell) = s.encoder(s.i(x))
        hidden, cell, output = hidden[0], cell[0], x.new_zeros(len(x), 2)
        outputs = []
        for _ in range(2):
            scores = s.score((s.query(hidden).unsqueeze(1) + s.key(said)).tanh())
            heard = (scores.softmax(1) * said).sum(1)
            hidden, cell = s.cell(torch.cat([output, heard], 1), (hidden, cell))
            output = s.o(hidden)
            outputs.append(output)
        return torch.stack(outputs, 1)

    layers = {
        "encoder": nn.LSTM(WIDTH, HIDDEN, batch_first=True),
        "query": nn.Linear(HIDDEN, 6),
        "key": nn.Linear(HIDDEN, 6),
        "score": nn.Linear(6, 1),
        "cell": nn.LSTMCell(2 + HIDDEN, HIDDEN),
    }
    net = Run(run, i=nn.Linear(3, WIDTH), **layers, o=nn.Linear(HIDDEN, 2))
    with torch.no_grad():
        for part in (net.i, net.key, net.score):
            part.weight.mul_(6)  # steps differ, and it looks at single ones, so that scores matter
    return net, sequence()


def selective_scan() -> tuple[nn.Module, Tensor]:
    """As Mamba's code in plain PyTorch: a state of `n` numbers for each channel, which the input steers."""

    def run(s: Any, x: Tensor) -> Tensor:
        x, gate = s.i(x).chunk(2, -1)
        x = F.silu(s.conv(x.mT)[..., : x.shape[1]].mT)
        delta, b, c = s.steer(x).split([s.rank, s.n, s.n], -1)
        delta = F.softplus(s.delta(delta)).unsqueeze(-1)
        decay, drive = (-delta * s.log_a.exp()).exp(), delta * b.unsqueeze(2) * x.unsqueeze(-1)
        state = torch.zeros(len(x), x.shape[-1], s.n)
        outputs = []
        for step in range(x.shape[1]):
            state = decay[:, step] * state + drive[:, step]
            outputs.append(torch.einsum("bdn,bn->bd", state, c[:, step]))
        return s.o((torch.stack(outputs, 1) + x * s.skip) * F.silu(gate))

    layers = {
        "i": nn.Linear(3, 16),
        "conv": nn.Conv1d(8, 8, 3, padding=2, groups=8),
        "steer": nn.Linear(8, 2 + 2 * HIDDEN),
        "delta": nn.Linear(2, 8),
        "o": nn.Linear(8, 2),
    }
    learned = {"log_a": nn.Parameter(torch.randn(8, HIDDEN)), "skip": nn.Parameter(torch.randn(8))}
    return Run(run, rank=2, n=HIDDEN, **layers, **learned), sequence()


IN, R = {"i": ("channels", WIDTH)}, {"r": ("channels", HIDDEN)}

PATTERNS = (
    Pattern("rnn", lambda: layer(nn.RNN(WIDTH, HIDDEN, batch_first=True)), IN | R),
    Pattern("rnn with relu", lambda: layer(nn.RNN(WIDTH, HIDDEN, nonlinearity="relu", bias=False)), IN | R),
    Pattern("lstm", lambda: layer(nn.LSTM(WIDTH, HIDDEN)), IN | R),
    Pattern("gru", lambda: layer(nn.GRU(WIDTH, HIDDEN, batch_first=True)), IN | R),
    # the first states of all layers and directions are one tensor, so that their sizes are one
    Pattern("stacked rnn", lambda: layer(nn.RNN(WIDTH, HIDDEN, num_layers=2, batch_first=True)), IN | R),
    Pattern("stacked bidirectional lstm", lambda: layer(nn.LSTM(WIDTH, HIDDEN, **TWICE), 2 * HIDDEN), IN | R),
    Pattern("stacked bidirectional gru", lambda: layer(nn.GRU(WIDTH, HIDDEN, **TWICE), 2 * HIDDEN), IN | R),
    Pattern(
        "lstm with projection",
        lambda: layer(nn.LSTM(WIDTH, 6, proj_size=4, batch_first=True), 4),
        IN | {"r": ("channels", 6), "r.weight_hh_l0": ("channels", 4)},
    ),
    Pattern(
        "stacked bidirectional lstm with projection",
        lambda: layer(nn.LSTM(WIDTH, 6, proj_size=4, **TWICE), 8),
        IN | {"r": ("channels", 6), "r.weight_hh_l0": ("channels", 4)},
    ),
    Pattern("last states of both directions", last_states, IN | R),
    Pattern("a state handed from layer to layer", translation, IN | {"encoder": ("channels", HIDDEN)}),
    Pattern("packed lstm", lambda: packed(nn.LSTM(WIDTH, HIDDEN, batch_first=True), HIDDEN), IN | R),
    Pattern("packed gru", lambda: packed(nn.GRU(WIDTH, HIDDEN, **TWICE), 2 * HIDDEN), IN | R),
    Pattern(
        "a given first state",
        given_state,
        IN,
        has_free_batch=False,
        stays={("r.weight_hh_l0", 1): READS_INPUT, ("r.weight_ih_l0", 0): READS_INPUT, ("o.weight", 1): READS_INPUT},
    ),
    Pattern("a learned first state", learned_state, IN | {"hidden": ("channels", HIDDEN)}),
    Pattern("rnn cell", lambda: cell(nn.RNNCell(WIDTH, HIDDEN)), IN | R),
    Pattern("lstm cell", lambda: cell(nn.LSTMCell(WIDTH, HIDDEN)), IN | R),
    Pattern("gru cell", lambda: cell(nn.GRUCell(WIDTH, HIDDEN, bias=False)), IN | R),
    Pattern("hand-written lstm", lambda: hand_written_lstm(is_literal=False), {"from_input": ("channels", HIDDEN)}),
    Pattern(
        "hand-written lstm with a literal size",
        lambda: hand_written_lstm(is_literal=True),
        {"from_input": ("channels", HIDDEN)},
        way="program",
    ),
    Pattern("hand-written gru", hand_written_gru, {"from_input": ("channels", HIDDEN)}),
    Pattern("states told apart by direction", states_by_direction, IN | R),
    Pattern(
        "both ways by hand",
        both_ways_by_hand,
        IN | {"forth": ("channels", HIDDEN), "back": ("channels", 6)},
    ),
    Pattern(
        "stacked cells",
        stacked_cells,
        IN | {"cells.0": ("channels", HIDDEN), "cells.1": ("channels", 6)},
    ),
    Pattern(
        "a decoder that attends",
        attentive_decoder,
        IN | {"encoder": ("channels", HIDDEN), "query": ("channels", 6)},
    ),
    Pattern(
        "selective scan",
        selective_scan,
        # input and gate meet in a product; what steers is cut into the width of one layer and twice the state's size
        {"i": ("channels", 8), "steer[0:2]": ("channels", 2), "steer[2:10]": ("channels", HIDDEN)},
    ),
    Pattern("convolutional lstm", convolutional_lstm, {"stem": ("channels", WIDTH), "gates": ("channels", HIDDEN)}),
)

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


class TestPatterns(PatternSuite):
    patterns = PATTERNS
