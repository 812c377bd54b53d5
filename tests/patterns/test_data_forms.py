"""Forms of data: how inputs come in, how outputs go out, and in which precision and on which device a model lives."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.errors import ApplyError, VerifyError
from explorer.engine.graph import trace
from explorer.engine.trace import call_model
from tests.engine.nets import PlainCnn, Run, Transformer, every_group, proven, randomised
from tests.patterns.pattern import Pattern
from tests.patterns.suite import PatternSuite

HIDDEN = 8
A = {"a": ("channels", HIDDEN)}


@dataclass
class Answer:
    """What models of the transformers kind return."""

    logits: Tensor
    states: tuple[Tensor, ...] = ()
    loss: Tensor | None = None


class Named(NamedTuple):
    logits: Tensor
    rest: tuple[Any, ...]


def answering(answer: Callable[[Any, Tensor], Any]) -> tuple[nn.Module, Tensor]:
    """Hidden channels that two layers read, given what is made of their outputs."""
    net = Run(
        lambda s, x: answer(s, s.a(x).tanh()),
        a=nn.Linear(3, HIDDEN),
        b=nn.Linear(HIDDEN, 2),
        c=nn.Linear(HIDDEN, 4),
    )
    return net, torch.randn(5, 3)


class Asked(nn.Module):
    """Inputs by keyword, in dicts and lists, some of them optional, and plain numbers among them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.o = nn.Linear(3, HIDDEN), nn.Linear(3, HIDDEN), nn.Linear(HIDDEN, 2)

    def forward(
        self, x: Tensor, *, y: Tensor | None = None, scale: float = 1.0, extra: dict[str, Any] | None = None
    ) -> dict[str, Tensor]:
        hidden = self.a(x)
        if y is not None:
            hidden = hidden + self.b(y)
        if extra is not None:
            hidden = hidden * extra["weights"][0]
        return {"logits": self.o(hidden.tanh() * scale)}


def by_keyword() -> tuple[nn.Module, dict[str, Any]]:
    return Asked(), {"x": torch.randn(5, 3), "y": torch.randn(5, 3)}


def nested_inputs() -> tuple[nn.Module, dict[str, Any]]:
    inputs = {"x": torch.randn(5, 3), "y": torch.randn(5, 3), "scale": 2.0}
    return Asked(), inputs | {"extra": {"weights": [torch.randn(5, 1)]}}


def optional_input_given_once() -> tuple[nn.Module, Callable[[nn.Module], Any]]:
    """Only the second call reads the second layer."""
    x, y = torch.randn(5, 3), torch.randn(2, 4, 3)
    return Asked(), lambda model: [model(x), model(y, y=y)]


def two_sizes() -> tuple[nn.Module, Callable[[nn.Module], Any]]:
    """Two images of different sizes and batches."""

    def run(s: Any, x: Tensor) -> Tensor:
        return s.o(F.adaptive_avg_pool2d(s.b(s.a(x).relu()), 2).flatten(1))

    layers = {"a": nn.Conv2d(3, HIDDEN, 3, padding=1), "b": nn.Conv2d(HIDDEN, 6, 3)}
    small, large = torch.randn(2, 3, 6, 6), torch.randn(1, 3, 9, 5)
    return Run(run, **layers, o=nn.Linear(6 * 4, 2)), lambda model: (model(small), model(large))


def two_branches() -> tuple[nn.Module, Callable[[nn.Module], Any]]:
    """Images and vectors take branches of their own into one layer, which ties what they make."""

    def run(s: Any, x: Tensor) -> Tensor:
        hidden = s.image(x).mean((2, 3)) if x.dim() == 4 else s.vector(x)
        return s.o(hidden.tanh())

    layers = {"image": nn.Conv2d(3, HIDDEN, 1), "vector": nn.Linear(3, HIDDEN)}
    image, vector = torch.randn(2, 3, 4, 4), torch.randn(5, 3)
    return Run(run, **layers, o=nn.Linear(HIDDEN, 2)), lambda model: [model(image), model(vector)]


def in_precision(dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    return Transformer().to(dtype), torch.randn(2, 5, 12, dtype=dtype)


def mixed_precision() -> tuple[nn.Module, Tensor]:
    """Half precision up to a cast."""
    net = Run(
        lambda s, x: s.b(s.a(x).float().tanh()),
        a=nn.Linear(3, HIDDEN, dtype=torch.float16),
        b=nn.Linear(HIDDEN, 2),
    )
    return net, torch.randn(5, 3, dtype=torch.float16)


TRANSFORMER = {
    "embed": ("channels", 16),
    "attention.qkv:heads": ("heads", 4),
    "attention.qkv:head_dim": ("head_dim", 6),
    "mlp.0": ("channels", 32),
}
ANSWERS: dict[str, Callable[[Any, Tensor], Any]] = {
    "a dict": lambda s, h: {"b": s.b(h), "more": {"c": s.c(h)}},
    "an ordered dict": lambda s, h: OrderedDict(b=s.b(h), c=s.c(h)),
    "a dataclass": lambda s, h: Answer(s.b(h), (s.c(h),)),
    "a named tuple": lambda s, h: Named(s.b(h), (s.c(h), [None, "words"])),
    "nested tuples": lambda s, h: (s.b(h), (s.c(h), {"again": [s.b(h)]}, 3)),
}

PATTERNS = (
    *(Pattern(f"{name} as output", lambda answer=answer: answering(answer), A) for name, answer in ANSWERS.items()),
    Pattern("inputs by keyword", by_keyword, A, has_free_batch=False),
    Pattern("nested inputs", nested_inputs, A, has_free_batch=False),
    Pattern("an optional input that one call gives", optional_input_given_once, A, has_free_batch=False),
    Pattern("two sizes of input", two_sizes, A | {"b": ("channels", 6)}, has_free_batch=False),
    Pattern("two kinds of input", two_branches, {"image": ("channels", HIDDEN)}, has_free_batch=False),
    *(
        Pattern(f"weights of {str(dtype).removeprefix('torch.')}", lambda dtype=dtype: in_precision(dtype), TRANSFORMER)
        for dtype in (torch.float16, torch.bfloat16, torch.float64)
    ),
    Pattern("weights of two precisions", mixed_precision, A),
)


class TestPatterns(PatternSuite):
    patterns = PATTERNS


@pytest.mark.parametrize("name", ["a dataclass", "a named tuple", "an ordered dict"])
def test_outputs_keep_their_types(name: str) -> None:
    model, x = answering(ANSWERS[name])
    pruned = every_group(trace(model.eval(), x)).model
    assert type(pruned(x)) is type(model(x))


def test_a_hidden_state_in_the_output_stays_with_all_that_makes_it() -> None:
    model, x = answering(lambda s, h: Answer(s.b(h), (h, s.c(h))))
    graph = trace(model.eval(), x)
    assert graph.groups == ()
    (reason,) = {part.reason for part in graph.frozen if (part.parameter, part.dim) == ("a.weight", 0)}
    assert reason.startswith("model output")


def test_several_calls_of_code_with_a_literal_are_refused_and_one_call_is_replayed() -> None:
    net = Run(lambda s, x: s.b(s.a(x).view(-1, 8).tanh()), a=nn.Linear(3, 8), b=nn.Linear(8, 2)).eval()
    x = torch.randn(5, 3)
    with pytest.raises(ApplyError, match=r"uses the literal 8 where 4 is needed.*example inputs are a callable"):
        trace(net, lambda model: (model(x), model(x[:1]))).plan(0.5).apply()
    pruned = trace(net, x).plan(0.5).apply()
    assert pruned.way == "program"
    proven(pruned)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_what_is_pruned_keeps_its_precision(dtype: torch.dtype) -> None:
    pruned = every_group(trace(randomised(PlainCnn().to(dtype)), torch.randn(2, 3, 12, 12, dtype=dtype)))
    proven(pruned)
    assert {parameter.dtype for parameter in pruned.model.parameters()} == {dtype}


class Own(Tensor):
    """A subclass of tensors, as libraries of data use."""


def test_a_subclass_of_tensors_is_followed() -> None:
    def run(s: Any, x: Tensor) -> Tensor:
        one, other = s.norm(s.a(x)).chunk(2, -1)
        return s.b(one.tanh() * other)

    net = Run(run, a=nn.Linear(3, HIDDEN), norm=nn.LayerNorm(HIDDEN), b=nn.Linear(HIDDEN // 2, 2))
    graph = trace(randomised(net), torch.randn(5, 3).as_subclass(Own))
    assert [(group.name, group.size) for group in graph.groups] == [("a", HIDDEN // 2)]
    pruned = graph.plan(0.5).apply()
    assert pruned.way == "live"
    proven(pruned)


class TestMeta:
    """A model without values: everything that needs only shapes works, and what needs values says so."""

    def graph(self, build: Callable[[], nn.Module], *shape: int) -> Any:
        with torch.device("meta"):
            return trace(build().eval(), torch.empty(shape))

    @pytest.mark.parametrize(("build", "shape"), [(PlainCnn, (2, 3, 12, 12)), (Transformer, (2, 5, 12))])
    def test_tracing_planning_and_applying_are_as_with_values(self, build: Any, shape: tuple[int, ...]) -> None:
        graph, real = self.graph(build, *shape), trace(build().eval(), torch.randn(shape))
        assert [(g.name, g.kind, g.size) for g in graph.groups] == [(g.name, g.kind, g.size) for g in real.groups]
        plan, expected = (each.plan(0.5, importance="random") for each in (graph, real))
        assert plan.cost == expected.cost
        pruned = plan.apply()
        assert pruned.way == "live"
        assert all(parameter.is_meta for parameter in pruned.model.parameters())
        assert [p.shape for p in pruned.model.parameters()] == [p.shape for p in expected.apply().model.parameters()]
        assert call_model(pruned.model, graph.example_inputs).is_meta

    def test_where_there_is_nothing_to_rank_by_the_first_channels_stay(self) -> None:
        graph = self.graph(PlainCnn, 2, 3, 12, 12)
        plan = graph.plan(0.5)
        assert plan.cost == graph.plan(0.5, importance="random").cost
        assert all(kept == tuple(range(len(kept))) for kept in plan.channels.values())
        assert len(graph.plan(keep={"conv1": [0, 3]}).apply().model.conv1.weight) == 2

    def test_a_proof_says_that_there_is_nothing_to_compare(self) -> None:
        pruned = self.graph(PlainCnn, 2, 3, 12, 12).plan(0.5, importance="random").apply()
        with pytest.raises(VerifyError, match=r"conv1\.weight is on the meta device and has no values"):
            pruned.verify()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize(("build", "shape"), [(PlainCnn, (2, 3, 12, 12)), (Transformer, (2, 5, 12))])
def test_a_model_on_a_gpu(build: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    graph = trace(randomised(build()).cuda(), torch.randn(shape).cuda())
    pruned = every_group(graph)
    proven(pruned)
    assert all(parameter.is_cuda for parameter in pruned.model.parameters())
