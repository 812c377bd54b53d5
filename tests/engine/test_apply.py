"""A plan becomes a new model: smaller, in the same classes and modes, and the original is as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import explorer
import sample_models
from explorer.engine.errors import TraceError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.trace import plain_kernels
from tests.engine.nets import (
    IMAGE,
    TOKENS,
    GroupNormCnn,
    PlainCnn,
    Run,
    Transformer,
    assert_refused,
    every_group,
    names,
    proven,
    randomised,
    traced,
)

MANY_GROUPS = 6

SMALL: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain CNN": (PlainCnn, IMAGE),
    "GroupNorm CNN": (GroupNormCnn, IMAGE),
    "transformer": (Transformer, TOKENS),
}


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module", params=sample_models.SAMPLES)
def graph(request: pytest.FixtureRequest) -> DependencyGraph:
    """The graph of each sample model."""
    return explorer.trace(f"sample:{request.param}")


class TestSamples:
    def test_each_group_alone(self, graph: DependencyGraph) -> None:
        assert graph.groups
        # the thirty groups of ResNet-56 are ten times the same three
        for name in names(graph)[:: 1 + (len(graph.groups) - 1) // MANY_GROUPS]:
            pruned = graph.plan({name: 0.5}).apply()
            proven(pruned)
            assert pruned.way == "live"

    def test_all_groups_together_and_to_one_channel(self, graph: DependencyGraph) -> None:
        proven(every_group(graph))
        smallest = every_group(graph, 0.999)
        proven(smallest)
        assert all(len(kept) == 1 for kept in smallest.plan.channels.values())

    def test_counts_are_what_an_independent_counter_says(self, graph: DependencyGraph) -> None:
        pruned = every_group(graph, 0.3)
        with plain_kernels(), torch.no_grad(), FlopCounterMode(display=False) as counter:
            output = pruned.model(*graph.example_inputs)
        assert counter.get_total_flops() == pruned.plan.cost.after.flops
        assert output.shape == graph.model(*graph.example_inputs).shape
        assert sum(p.numel() for p in pruned.model.parameters()) == pruned.plan.cost.after.params

    def test_the_sample_itself_is_untouched(self, graph: DependencyGraph) -> None:
        before = state(graph.model)
        every_group(graph).model(*graph.example_inputs)
        assert all(torch.equal(before[name], tensor) for name, tensor in graph.model.state_dict().items())


@pytest.mark.parametrize("net", SMALL)
def test_every_group_alone_and_together(net: str) -> None:
    build, shape = SMALL[net]
    graph = traced(build(), *shape)
    for name in names(graph):
        proven(graph.plan({name: 0.5}).apply())
    proven(every_group(graph, 0.9))


@pytest.mark.parametrize("net", SMALL)
def test_a_pruned_model_can_be_traced_and_pruned_again(net: str) -> None:
    build, shape = SMALL[net]
    once = every_group(traced(build(), *shape))
    again = trace(once.model, once.plan.graph.example_inputs)
    assert names(again) == names(once.plan.graph)
    proven(every_group(again))


@pytest.mark.parametrize("net", SMALL)
def test_a_pruned_model_trains(net: str) -> None:
    build, shape = SMALL[net]
    model = every_group(traced(build(), *shape)).model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = F.cross_entropy(model(torch.ones(shape)), torch.ones(shape[0], dtype=torch.int64))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_plan_that_removes_nothing_gives_an_equal_copy() -> None:
    graph = traced(PlainCnn(), *IMAGE)
    pruned = graph.plan(0.0).apply()
    assert pruned.surgery.attributes == ()
    assert pruned.model is not graph.model
    assert all(
        torch.equal(a, b) for a, b in zip(state(pruned.model).values(), state(graph.model).values(), strict=True)
    )
    assert not {p.data_ptr() for p in pruned.model.parameters()} & {p.data_ptr() for p in graph.model.parameters()}


class TestKept:
    """What a model carries besides its weights."""

    def test_classes_training_flags_and_requires_grad(self) -> None:
        model = randomised(PlainCnn()).train()
        model.bn1.eval()
        model.conv1.weight.requires_grad_(False)
        pruned = trace(model, torch.randn(IMAGE)).plan(0.5).apply().model
        assert [type(module) for module in pruned.modules()] == [type(module) for module in model.modules()]
        assert [module.training for module in pruned.modules()] == [module.training for module in model.modules()]
        flags = {name: parameter.requires_grad for name, parameter in pruned.named_parameters()}
        assert flags == {name: parameter.requires_grad for name, parameter in model.named_parameters()}
        assert not flags["conv1.weight"]
        assert all(parameter.is_leaf and parameter.grad is None for parameter in pruned.parameters())

    @pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
    def test_dtype(self, dtype: torch.dtype) -> None:
        graph = trace(randomised(PlainCnn()).to(dtype), torch.randn(IMAGE, dtype=dtype))
        pruned = graph.plan(0.5).apply()
        proven(pruned)
        assert {p.dtype for p in pruned.model.parameters()} == {dtype}
        assert pruned.model(graph.example_inputs).dtype is dtype

    def test_hooks_on_modules(self) -> None:
        model, seen = randomised(PlainCnn()), []
        model.conv1.register_forward_hook(lambda *_: seen.append("conv1"))
        model.register_forward_pre_hook(lambda *_: seen.append("model"))
        graph = trace(model, torch.randn(IMAGE))
        pruned = graph.plan(0.5).apply().model
        seen.clear()
        pruned(graph.example_inputs)
        assert seen == ["model", "conv1"]

    def test_weights_that_are_tied(self) -> None:
        class Language(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Embedding(11, 16)
                self.norm = nn.LayerNorm(16)
                self.decode = nn.Linear(16, 11)
                self.decode.weight = self.embed.weight

            def forward(self, x: Tensor) -> Tensor:
                return self.decode(self.norm(torch.tanh(self.embed(x))))

        graph = trace(randomised(Language()), torch.tensor([[1, 5, 9, 3]]))
        pruned = every_group(graph)
        proven(pruned)
        model = pruned.model
        assert model.decode.weight is model.embed.weight
        assert (model.embed.embedding_dim, model.decode.in_features, model.norm.normalized_shape) == (8, 8, (8,))
        assert pruned.plan.cost.after.params == 11 * 8 + 11 + 16

    def test_a_module_used_twice(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            return self.c(F.relu(self.b(F.relu(self.b(F.relu(self.a(x)))))))

        layers = {"a": nn.Linear(12, 8), "b": nn.Linear(8, 8), "c": nn.Linear(8, 5)}
        model = Run(forward, **layers)
        model.alias = model.b
        pruned = every_group(traced(model, 4, 12))
        proven(pruned)
        assert pruned.model.alias is pruned.model.b
        assert (pruned.model.b.in_features, pruned.model.b.out_features) == (4, 4)

    def test_buffers_persistent_or_not(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(x)) * self.scale + self.shift)

        model = Run(forward, a=nn.Linear(12, 8), b=nn.Linear(8, 5))
        model.register_buffer("scale", torch.rand(8) + 0.5)
        model.register_buffer("shift", torch.rand(8), persistent=False)
        pruned = every_group(traced(model, 4, 12))
        proven(pruned)
        kept = list(pruned.plan.kept["a.weight", 0])
        assert torch.equal(pruned.model.scale, model.scale[kept])
        assert torch.equal(pruned.model.shift, model.shift[kept])
        assert set(pruned.model.state_dict()) == set(model.state_dict())

    def test_recurrent_layers_run_after_pruning(self) -> None:
        for kind in (nn.LSTM, nn.GRU, nn.RNN):
            model = Run(lambda m, x: m.head(m.core(x)[0]), core=kind(12, 8, batch_first=True), head=nn.Linear(8, 5))
            graph = trace(model.eval(), torch.randn(TOKENS))
            pruned = every_group(graph)
            proven(pruned)
            assert (pruned.model.core.input_size, pruned.model.core.hidden_size) == (12, 4)
            pruned.model.train()(graph.example_inputs).sum().backward()
            assert all(parameter.grad is not None for parameter in pruned.model.parameters())


class TestIndexBuffers:
    def model(self, **picks: Tensor) -> nn.Module:
        def forward(self: Any, x: Tensor) -> Tensor:
            hidden = torch.tanh(self.a(x))
            for name in picks:
                hidden = hidden[:, getattr(self, name)]
            return self.b(hidden) + self.c(torch.relu(self.a(x)))

        width = 12
        for pick in picks.values():
            width = int(pick.sum()) if pick.dtype is torch.bool else len(pick)
        model = Run(forward, a=nn.Linear(12, 12), b=nn.Linear(width, 5), c=nn.Linear(12, 5))
        for name, pick in picks.items():
            model.register_buffer(name, pick)
        return model

    @pytest.mark.parametrize(
        "pick",
        [
            torch.tensor([11, 0, 5, 7, 1, 2, 3, 4, 6, 8, 9, 10]),
            torch.tensor([4, 9, 2, 2]),
            torch.tensor([1, 3, 5, 7], dtype=torch.int32),
            torch.tensor([True, False] * 6),
        ],
        ids=["permutation", "selection with a repetition", "int32", "mask"],
    )
    def test_numbers_follow_the_kept_channels(self, pick: Tensor) -> None:
        graph = traced(self.model(pick=pick), 4, 12)
        pruned = every_group(graph)
        proven(pruned)
        made = pruned.model.pick
        assert made.dtype is pick.dtype
        assert len(made) < len(pick)
        kept = torch.tensor(pruned.plan.kept["a.weight", 0])
        numbers = kept[made] if made.dtype is torch.bool else kept[made.long()]
        assert set(numbers.tolist()) <= set((pick.nonzero().ravel() if pick.dtype is torch.bool else pick).tolist())

    def test_one_after_the_other(self) -> None:
        first, second = torch.randperm(12), torch.randperm(12)[:7]
        proven(every_group(traced(self.model(first=first, second=second), 4, 12)))

    def test_an_index_select_through_a_buffer(self) -> None:
        model = Run(lambda m, x: m.b(m.a(x).index_select(1, m.pick)) + m.c(torch.tanh(m.a(x))), a=nn.Linear(12, 8))
        model.b, model.c = nn.Linear(3, 5), nn.Linear(8, 5)
        model.register_buffer("pick", torch.tensor([6, 1, 4]))
        proven(every_group(traced(model, 4, 12)))

    def test_one_buffer_for_two_axes_that_part_is_refused(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            a, b = torch.tanh(self.a(x)), torch.relu(self.b(x))
            return self.c(a[:, self.pick] + b[:, self.pick]) + self.d(a) + self.e(b)

        layers = {"a": nn.Linear(12, 6), "b": nn.Linear(12, 6), "c": nn.Linear(2, 5)}
        model = Run(forward, **layers, d=nn.Linear(6, 5), e=nn.Linear(6, 5))
        model.register_buffer("pick", torch.tensor([4, 2]))
        graph = traced(model, 4, 12)
        a, b = (name for name in names(graph) if graph.group(name).size == 4)  # what the buffer does not pick
        proven(graph.plan(keep={a: [0, 3], b: [0, 3]}).apply())
        assert_refused(
            graph.plan(keep={a: [0, 1], b: [2, 3]}), "buffer pick picks from axes that lose different channels"
        )


@dataclass
class Boxes:
    scores: Tensor
    labels: list[Tensor]


@pytest.mark.parametrize(
    ("wrap", "inputs"),
    [
        (lambda logits: {"logits": logits}, lambda x: {"x": x}),
        (lambda logits: Boxes(logits, [logits * 2]), lambda x: (x,)),
        (lambda logits: (logits, {"more": (logits,)}), lambda x: lambda model: model(x)),
    ],
    ids=["dict", "dataclass", "nested, by a callable"],
)
def test_any_form_of_inputs_and_outputs(wrap: Callable[[Tensor], Any], inputs: Callable[[Tensor], Any]) -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(12, 8), nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Any:
            return wrap(self.b(F.relu(self.a(x))))

    proven(every_group(trace(Wrapped().eval(), inputs(torch.randn(4, 12)))))


def test_warnings_of_the_model_reach_the_user_every_time() -> None:
    """Nothing between the user and the model swallows a warning: tracing, applying and verifying all run the model."""

    def forward(self: Any, x: Tensor) -> Tensor:
        warnings.warn("this model is old", UserWarning, stacklevel=2)
        return self.b(F.relu(self.a(x)))

    model, x = Run(forward, a=nn.Linear(12, 8), b=nn.Linear(8, 5)).eval(), torch.randn(4, 12)
    with pytest.raises(TraceError, match="this model is old"):  # warnings are errors in these tests
        trace(model, x)
    with pytest.warns(UserWarning, match="this model is old"):
        graph = trace(model, x)
    plan = graph.plan(0.5)
    assert_refused(plan, "this model is old")
    with pytest.warns(UserWarning, match="this model is old"):
        pruned = plan.apply()
    with pytest.warns(UserWarning, match="this model is old"):
        assert pruned.verify().ok


def test_applying_leaves_random_numbers_and_the_original_alone() -> None:
    model = Run(
        lambda m, x: m.b(F.dropout(m.a(x + torch.rand(1)), 0.5, m.training)), a=nn.Linear(12, 8), b=nn.Linear(8, 5)
    )
    graph = trace(model.train(), torch.randn(4, 12))
    before, numbers = state(model), torch.get_rng_state()
    every_group(graph)
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(torch.equal(before[name], tensor) for name, tensor in state(model).items())
    assert model.training


def test_a_model_that_cannot_be_copied_is_named() -> None:
    class Locked:
        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            raise TypeError("cannot copy a lock")

    model = PlainCnn().eval()
    model.lock = Locked()
    graph = trace(model, torch.randn(IMAGE))
    assert_refused(graph.plan(0.5), r"PlainCnn cannot be copied: TypeError: cannot copy a lock\..*copy\.deepcopy")


def test_a_meta_model_can_be_planned_and_pruned() -> None:
    with torch.device("meta"):
        model = PlainCnn().eval()
    graph = trace(model, torch.empty(IMAGE, device="meta"))
    channels = {group.name: range(group.size // 2) for group in graph.groups}
    pruned = graph.plan(keep=channels).apply()
    assert pruned.model.conv1.weight.shape == (8, 3, 3, 3)
    assert pruned.model.conv1.weight.is_meta
    assert sum(p.numel() for p in pruned.model.parameters()) == pruned.plan.cost.after.params


def test_the_repr_and_the_repairs_say_what_was_done() -> None:
    pruned = every_group(traced(Transformer(), *TOKENS))
    assert "way='live'" in repr(pruned)
    assert {f"{c.module}.{c.name}" for c in pruned.repairs} == {"attention.num_heads", "attention.head_dim"}
    heads = next(change for change in pruned.repairs if change.name == "num_heads")
    assert str(heads).startswith("attention.num_heads: 4 -> 2 (view at ")
    assert "nets.py:" in heads.reason
