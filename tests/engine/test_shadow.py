"""A shadow records what a real run records, or gives way to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.errors import VerifyError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.program import Program
from explorer.engine.shadow import MIN_ELEMENTS, why_real
from explorer.engine.trace import record
from tests.engine.nets import Run, proven, randomised
from tests.engine.patterns import PATTERNS, Built, all_touched


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.engine.shadow.MIN_ELEMENTS", 0)


def masked(s: Any, x: Tensor) -> Tensor:
    """A mask and positions that forward makes by itself, on the device of its input."""
    mask = x.new_zeros(x.shape[1], x.shape[1])
    mask[:2, 2:] = -100.0
    scores = s.a(x) @ s.a(x).transpose(1, 2) + mask + torch.eye(x.shape[1], device=x.device)
    return s.b(scores.softmax(-1) @ F.gelu(s.c(x)) * torch.arange(2, 3, device=x.device))


def attending() -> Built:
    net = Run(masked, a=nn.Linear(3, 8), b=nn.Linear(6, 2), c=nn.Linear(3, 6))
    return net, torch.randn(2, 4, 3)


def recurrent() -> Built:
    net = Run(
        lambda s, x: s.out(s.rnn(s.embed(x))[0][:, -1]),
        embed=nn.Embedding(9, 6),
        rnn=nn.LSTM(6, 8, batch_first=True),
        out=nn.Linear(8, 2),
    )
    return net, torch.tensor([[1, 2, 3]])


def what_was_found(graph: DependencyGraph) -> tuple[Any, ...]:
    stays = [(part.parameter, part.dim, part.indices, part.reason) for part in graph.frozen]
    return all_touched(graph), stays, [(tie.groups, tie.weights) for tie in graph.ties], graph.cost


@pytest.mark.parametrize("build", [*PATTERNS, attending], ids=lambda build: build.__name__)
def test_a_shadow_finds_what_a_real_run_finds(build: Callable[[], Built], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model, inputs = build()
    real = trace(randomised(model), inputs)
    monkeypatch.setattr("explorer.engine.shadow.MIN_ELEMENTS", 0)
    shadowed = trace(model, inputs)
    assert [program.is_shadow for program in (*real.coupling.programs, *shadowed.coupling.programs)] == [False, True]
    assert _names(shadowed.coupling.programs[0]) == _names(real.coupling.programs[0])
    assert what_was_found(shadowed) == what_was_found(real)


def _names(program: Program) -> list[str]:
    return [op.name for op in program.ops]


@pytest.mark.usefixtures("everything_is_large")
def test_a_plan_made_on_a_shadow_is_proven_on_the_model() -> None:
    torch.manual_seed(0)
    model, inputs = attending()
    graph = trace(randomised(model), inputs)
    proven(graph.plan(0.5).apply())
    assert not any(parameter.is_meta for parameter in model.parameters())


@pytest.mark.usefixtures("everything_is_large")
def test_what_is_replayed_makes_its_tensors_on_the_model_s_device() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        return s.b((s.a(x) + torch.ones(8, device=x.device)).view(-1, 4, 2).sum(2))

    pruned = trace(Run(forward, a=nn.Linear(3, 8), b=nn.Linear(4, 2)), torch.randn(2, 3)).plan(0.5).apply()
    assert pruned.way == "program"
    proven(pruned)


@pytest.mark.usefixtures("everything_is_large")
def test_recurrent_layers_run_for_real_unless_they_have_no_numbers() -> None:
    model, inputs = recurrent()
    assert not record(model, inputs).is_shadow
    names = [group.name for group in trace(model.to("meta"), inputs).groups]
    assert names == ["embed", "rnn"]


def routed(s: Any, x: Tensor) -> Tensor:
    best = s.gate(x).topk(1).indices
    return s.a(x).gather(1, best) * s.b(x)


def branching(s: Any, x: Tensor) -> Tensor:
    return s.a(x) if s.gate(x).sum() > 0 else s.b(x)


def collecting(s: Any, x: Tensor) -> Tensor:
    out = torch.zeros(len(x), 3)
    out[:, :] = s.gate(x)
    return s.a(out) * s.b(out)


@pytest.mark.parametrize("forward", [routed, branching, collecting])
@pytest.mark.usefixtures("everything_is_large")
def test_what_depends_on_numbers_runs_for_real(forward: Callable[[Any, Tensor], Tensor]) -> None:
    net = Run(forward, gate=nn.Linear(3, 3), a=nn.Linear(3, 3), b=nn.Linear(3, 3))
    assert not record(net, torch.randn(2, 3)).is_shadow


def test_small_models_and_inputs_that_are_no_tensors_run_for_real() -> None:
    large = nn.Linear(1, MIN_ELEMENTS, bias=False)
    assert why_real(large, torch.zeros(1, 1)) == ""
    assert why_real(large, lambda model: model(torch.zeros(1, 1))) == "the example inputs are a callable"
    assert why_real(nn.Linear(2, 2), torch.zeros(1, 2)) == "the model has fewer than 1,000,000 parameters"


@pytest.mark.usefixtures("everything_is_large")
def test_what_was_traced_and_why_is_told() -> None:
    def told(net: nn.Module, inputs: Any) -> str:
        (found,) = trace(net, inputs).traced_on
        return found

    layers = {"gate": nn.Linear(3, 3), "a": nn.Linear(3, 3), "b": nn.Linear(3, 3)}
    x = torch.randn(2, 3)
    plain = Run(lambda s, x: s.b(s.a(s.gate(x))), **layers)
    assert told(plain, x).startswith(
        "eval mode: meta tensors, since the model is large and nothing that it runs depends"
    )
    assert told(plain, lambda model: model(x)) == "eval mode: a real run, since the example inputs are a callable"
    chosen = told(Run(routed, **layers), x)
    assert re.fullmatch(r"eval mode: a real run, since topk at .*test_shadow\.py:\d+ chooses by numbers", chosen)
    assert told(Run(branching, **layers), x) == "eval mode: a real run, since its forward asks for numbers"
    assert told(*recurrent()) == "eval mode: a real run, since lstm runs other steps without numbers"
    assert told(plain.to("meta"), x) == "eval mode: meta tensors, since the model has no numbers itself"


def test_both_modes_are_told_where_training_reaches_more() -> None:
    net = Run(lambda s, x: (s.o(s.a(x)), s.aux(s.a(x))) if s.training else s.o(s.a(x)), a=nn.Linear(3, 4))
    net.o, net.aux = nn.Linear(4, 2), nn.Linear(4, 2)
    small = "a real run, since the model has fewer than 1,000,000 parameters"
    assert trace(net, torch.randn(2, 3)).traced_on == (f"eval mode: {small}", f"train mode: {small}")


@pytest.mark.usefixtures("everything_is_large")
def test_a_model_that_runs_otherwise_on_meta_tensors_says_how_to_trace_it() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        hidden = s.a(x)
        return s.b(hidden.tanh() if hidden.is_meta else hidden.relu())

    torch.manual_seed(0)
    net, x = Run(forward, a=nn.Linear(3, 8), b=nn.Linear(8, 2)), torch.randn(2, 3)
    with pytest.raises(VerifyError, match=r"ran aten\.relu.* where tracing saw aten\.tanh.* Trace a real run instead"):
        trace(net, x).plan(0.5).apply().verify()
    proven(trace(net, lambda model: model(x)).plan(0.5).apply())


def test_a_model_without_numbers_takes_real_tokens_and_makes_real_positions() -> None:
    def forward(s: Any, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        return s.out(s.inner(s.embed(tokens) + s.place(positions)))

    with torch.device("meta"):
        parts = {
            "embed": nn.Embedding(9, 6),
            "place": nn.Embedding(4, 6),
            "inner": nn.Linear(6, 8),
            "out": nn.Linear(8, 2),
        }
    graph = trace(Run(forward, **parts), torch.tensor([[1, 2, 3]]))
    assert [(group.name, group.size) for group in graph.groups] == [("embed", 6), ("inner", 8)]
    assert graph.plan(0.5, importance="random").cost.after.params < graph.cost.params
