"""The proof of a pruned model catches every wrong plan that was made on purpose, and says when it proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.engine.apply import Pruned
from explorer.engine.errors import VerifyError
from explorer.engine.graph import DependencyGraph, trace
from explorer.engine.plan import Plan
from explorer.engine.surgery import Surgery, perform
from explorer.engine.verify import MARGIN, TOLERANCE, Verification, verify
from tests.engine.nets import IMAGE, TOKENS, GroupNormCnn, PlainCnn, Run, Transformer, every_group, proven, traced

NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain CNN": (PlainCnn, IMAGE),
    "LayerNorm transformer": (Transformer, TOKENS),
    "GroupNorm CNN": (GroupNormCnn, IMAGE),
}


def graph_of(name: str) -> DependencyGraph:
    build, shape = NETS[name]
    torch.manual_seed(3)
    return traced(build(), *shape)


def with_head_of_zeros(name: str) -> DependencyGraph:
    graph = graph_of(name)
    head = list(graph.model.modules())[-1]
    assert isinstance(head, nn.Linear)
    nn.init.zeros_(head.weight)
    return graph


def with_kept(pruned: Pruned, key: tuple[str, int], indices: tuple[int, ...] | None) -> Pruned:
    """The plan carried out with other indices for one dimension; with all of them for None."""
    kept = dict(pruned.surgery.kept)
    if indices is None:
        del kept[key]
    else:
        kept[key] = indices
    return performed(pruned, replace(pruned.surgery, kept=kept))


def performed(pruned: Pruned, surgery: Surgery) -> Pruned:
    return Pruned(perform(pruned.plan.graph.model, surgery), "live", surgery, pruned.plan)


def shifted(kept: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The kept indices with the first of them exchanged for the nearest one that goes."""
    first = kept[0]
    gone = sorted(set(range(size)) - set(kept), key=lambda index: abs(index - first))
    return tuple(sorted({*kept[1:], gone[0]}))


def touched(plan: Plan) -> Iterator[tuple[tuple[str, int], int]]:
    """Every (parameter or buffer, dim) that loses something, with its size."""
    for key, kept in plan.kept.items():
        size = plan.graph.state_shapes[key[0]][key[1]]
        if len(kept) < size:
            yield key, size


@pytest.mark.parametrize("net", NETS)
def test_one_index_of_one_member_shifted(net: str) -> None:
    pruned = every_group(graph_of(net))
    proven(pruned)
    tried = 0
    for key, size in touched(pruned.plan):
        found = with_kept(pruned, key, shifted(pruned.plan.kept[key], size)).verify()
        assert not found.ok, f"{key} shifted went unnoticed"
        assert found.error > TOLERANCE
        assert "not verified: pruned and zeroed outputs differ by" in str(found)
        tried += 1
    assert tried >= 8


@pytest.mark.parametrize("net", NETS)
def test_one_member_left_out(net: str) -> None:
    pruned = every_group(graph_of(net))
    for key, _ in touched(pruned.plan):
        wrong = with_kept(pruned, key, None)
        try:
            found = wrong.verify()
        except VerifyError as error:
            assert "does not run on the example inputs" in str(error)  # either outcome is right
        else:
            assert not found.ok, f"{key} left out went unnoticed"


@pytest.mark.parametrize("net", NETS)
def test_one_member_pruned_where_another_should_be(net: str) -> None:
    """As many indices as planned, but always the first ones: shapes are right and values are not."""
    graph = graph_of(net)
    last = {group.name: range(group.size - group.size // 2, group.size) for group in graph.groups}
    pruned = graph.plan(keep=last).apply()
    proven(pruned)
    for key, _ in touched(pruned.plan):
        found = with_kept(pruned, key, tuple(range(len(pruned.plan.kept[key])))).verify()
        assert not found.ok, f"{key} went unnoticed"


@pytest.mark.parametrize(
    ("net", "key", "width"),
    [
        ("plain CNN", ("fc1.weight", 1), 4),  # a channel is four columns, behind the flatten
        ("LayerNorm transformer", ("attention.proj.weight", 1), 3),
        ("LayerNorm transformer", ("attention.qkv.weight", 0), 3),
        ("GroupNorm CNN", ("conv2.weight", 1), 2),  # two channels are left of each group
    ],
)
def test_two_neighbours_swapped(net: str, key: tuple[str, int], width: int) -> None:
    """Heads, groups or flattened channels in the wrong order in one member alone."""
    pruned = every_group(graph_of(net))
    kept = pruned.plan.kept[key]
    found = with_kept(pruned, key, (*kept[width : 2 * width], *kept[:width], *kept[2 * width :])).verify()
    assert not found.ok
    assert found.has_same_structure


@pytest.mark.parametrize("net", NETS)
def test_two_channels_swapped_in_every_member_is_right(net: str) -> None:
    """The order of channels is nobody's business as long as all members agree."""
    graph = graph_of(net)
    name = graph.groups[0].name
    members = {(member.parameter, member.dim) for member in graph.group(name).members}
    pruned = graph.plan({name: 0.5}).apply()
    kept = dict(pruned.surgery.kept)
    if net == "plain CNN":
        for key in members:
            kept[key] = kept[key][1::-1] + kept[key][2:]
        found = performed(pruned, replace(pruned.surgery, kept=kept)).verify()
        assert found.ok, str(found)
        assert found.is_proof
    else:
        key = sorted(members)[0]
        kept[key] = kept[key][1::-1] + kept[key][2:]
        assert not performed(pruned, replace(pruned.surgery, kept=kept)).verify().ok


@pytest.mark.parametrize("net", NETS)
def test_a_wrong_slice_bound_that_keeps_a_plausible_shape(net: str) -> None:
    shape = (4, 12) if net == "LayerNorm transformer" else (4, 3, 4, 4)

    def forward(self: Any, x: Tensor) -> Tensor:
        hidden = self.norm(self.a(x))
        return self.last(F.relu(hidden[:, self.start : self.start + self.k]).flatten(1)) + self.rest(hidden.flatten(1))

    space = 1 if len(shape) == 2 else 16
    layer = nn.Linear(12, 16) if space == 1 else nn.Conv2d(3, 16, 1)
    norm = {"plain CNN": nn.BatchNorm2d, "LayerNorm transformer": nn.LayerNorm, "GroupNorm CNN": None}[net]
    layers = {"a": layer, "norm": norm(16) if norm else nn.GroupNorm(1, 16)}
    layers |= {"last": nn.Linear(6 * space, 5), "rest": nn.Linear(16 * space, 5)}
    pruned = every_group(traced(Run(forward, **layers, start=4, k=6), *shape))
    proven(pruned)
    start = next(change for change in pruned.surgery.attributes if change.name == "start")
    others = tuple(change for change in pruned.surgery.attributes if change is not start)
    for wrong in (start.after - 1, start.after + 1):
        found = performed(pruned, replace(pruned.surgery, attributes=(*others, replace(start, after=wrong)))).verify()
        assert found.has_same_structure
        assert not found.ok


@pytest.mark.parametrize("net", NETS)
def test_a_head_of_zeros_is_given_noise_so_that_it_proves_something(net: str) -> None:
    pruned = every_group(with_head_of_zeros(net))
    found = pruned.verify()
    assert found.ok
    assert found.is_proof
    assert found.is_awakened
    assert str(found).endswith("with noise for parameters next to zero")
    assert not list(pruned.model.modules())[-1].weight.any()
    assert not list(pruned.plan.graph.model.modules())[-1].weight.any()


@pytest.mark.parametrize("net", NETS)
def test_a_wrong_plan_is_caught_behind_a_head_of_zeros(net: str) -> None:
    pruned = every_group(with_head_of_zeros(net))
    key, size = next(touched(pruned.plan))
    assert not with_kept(pruned, key, shifted(pruned.plan.kept[key], size)).verify().ok


def test_a_model_that_hides_everything_proves_nothing() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        return s.b(s.a(x).relu()) * 0

    graph = trace(Run(forward, a=nn.Linear(3, 8), b=nn.Linear(8, 2)), torch.randn(2, 3))
    found = graph.plan(0.5).apply().verify()
    assert found.ok
    assert not found.is_proof
    assert str(found).endswith("but the output hardly changed, so this proves little")


def test_a_plan_that_removes_nothing_proves_nothing() -> None:
    found = graph_of("plain CNN").plan(0.0).apply().verify()
    assert found.ok
    assert found.difference == 0
    assert not found.is_proof


def test_a_proof_needs_ten_times_the_tolerance() -> None:
    found = Verification(0.0, MARGIN * TOLERANCE, torch.float32, True, (1, 1), (1, 1), ())
    assert found.is_proof
    assert not replace(found, difference=0.99 * MARGIN * TOLERANCE).is_proof


def test_counts_that_disagree_are_reported() -> None:
    pruned = every_group(graph_of("plain CNN"))
    pruned.model.extra = nn.Linear(3, 3)
    planned = pruned.plan.cost.after.params
    assert f"the result has {planned + 12} parameters, the plan says {planned}" in str(pruned.verify())
    del pruned.model.extra
    forward = pruned.model.forward
    pruned.model.forward = lambda x: forward(x) + 0 * pruned.model.fc2(x.new_zeros(1, pruned.model.fc2.in_features))
    found = pruned.verify()
    assert found.macs[0] == found.macs[1] + 7 * pruned.model.fc2.in_features
    assert not found.ok


@dataclass
class Output:
    logits: Tensor
    hidden: list[Tensor]


class TestOutputs:
    def structured(self, make: Callable[[Tensor, Tensor], Any]) -> Pruned:
        def forward(self: Any, x: Tensor) -> Any:
            hidden = self.b(F.relu(self.a(x)))
            return make(self.c(torch.tanh(hidden)), hidden)

        layers = {"a": nn.Linear(12, 8), "b": nn.Linear(8, 6), "c": nn.Linear(6, 5)}
        return every_group(traced(Run(forward, **layers), 4, 12))

    @pytest.mark.parametrize(
        "make",
        [
            lambda logits, hidden: {"logits": logits, "more": [hidden, 3, "text", None]},
            lambda logits, hidden: Output(logits, [hidden]),
            lambda logits, hidden: (logits, (hidden, {"again": hidden})),
            lambda logits, hidden: torch.return_types.max((logits, hidden.argmax(1))),
            lambda logits, hidden: (torch.complex(logits, 2 * logits), hidden > 100),
            lambda logits, hidden: (
                logits,
                logits.new_full((2, 2), float("-inf")),
                hidden.new_full((1,), float("nan")),
            ),
        ],
        ids=["dict", "dataclass", "nested", "named", "complex and bool", "not finite"],
    )
    def test_nested_outputs_are_compared_piece_by_piece(self, make: Callable[[Tensor, Tensor], Any]) -> None:
        proven(self.structured(make))

    def test_another_structure_is_reported(self) -> None:
        pruned = self.structured(lambda logits, hidden: (logits, hidden))
        forward = pruned.model.forward
        pruned.model.forward = lambda x: forward(x)[0]
        found = pruned.verify()
        assert not found.has_same_structure
        assert found.failures == ("the output has structure (4, 5), the original's has ('tuple', [(4, 5), (4, 6)])",)

    def test_a_nan_in_any_output_is_a_failure(self) -> None:
        """The first tensor is right; the largest of (small, nan) must not be small."""
        pruned = self.structured(lambda logits, hidden: (logits, hidden))

        def broken(module: nn.Module, given: Any, output: tuple[Tensor, Tensor]) -> None:
            output[1][0, 0] = float("nan")

        pruned.model.register_forward_hook(broken)
        found = pruned.verify()
        assert found.error == float("inf")
        assert not found.ok


def test_double_precision_is_used_where_single_is_too_coarse() -> None:
    """A difference of large sums: rounding alone is above the tolerance in float32."""

    def forward(self: Any, x: Tensor) -> Tensor:
        return self.b(torch.tanh(self.a(x)) + 1e4) - 1e4 * self.b.weight.sum(1)

    graph = traced(Run(forward, a=nn.Linear(12, 250), b=nn.Linear(250, 5)), 4, 12)
    found = proven(every_group(graph))
    assert found.dtype is torch.float64
    assert {parameter.dtype for parameter in graph.model.parameters()} == {torch.float32}


def test_a_callable_that_runs_the_model_is_verified_in_its_own_precision() -> None:
    x = torch.randn(IMAGE)
    graph = trace(PlainCnn().eval(), lambda model: model(x))
    assert proven(every_group(graph)).dtype is torch.float32


def test_a_module_may_be_given_a_view_of_a_parameter() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.b(self.a(self.query.expand(len(x), -1, -1)) * x)

    layers = {"a": nn.Linear(8, 16), "b": nn.Linear(16, 5)}
    model = Run(forward, **layers, query=nn.Parameter(torch.randn(1, 3, 8))).eval()
    pruned = every_group(trace(model, torch.randn(2, 1, 1)))
    proven(pruned)
    assert all(parameter.requires_grad for parameter in pruned.model.parameters())


def test_verification_leaves_models_modes_and_random_numbers_alone() -> None:
    graph = graph_of("plain CNN")
    graph.model.train()
    graph.model.bn1.eval()
    pruned = every_group(graph)
    before = [tensor.clone() for model in (graph.model, pruned.model) for tensor in model.state_dict().values()]
    state = torch.get_rng_state()
    assert verify(pruned).ok
    after = [tensor for model in (graph.model, pruned.model) for tensor in model.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    for model in (graph.model, pruned.model):
        assert [module.training for module in model.children()] == [True, False, True, True, True, True]


@pytest.mark.parametrize("form", ["autograd", "func"])
def test_a_forward_that_takes_gradients(form: str) -> None:
    """An energy whose gradient is the output, as score models and force fields have."""

    def energy(s: Any, x: Tensor) -> Tensor:
        return s.b(s.a(x).tanh()).sum()

    def forward(s: Any, x: Tensor) -> Tensor:
        if form == "func":
            return torch.func.grad(lambda given: energy(s, given))(x)
        with torch.enable_grad():
            given = x.detach().requires_grad_()
            return torch.autograd.grad(energy(s, given), given, create_graph=True)[0]

    graph = trace(Run(forward, a=nn.Linear(4, 8), b=nn.Linear(8, 1)).eval(), torch.randn(3, 4))
    assert [(group.name, group.size) for group in graph.groups] == [("a", 8)]
    proven(graph.plan(0.5).apply())
