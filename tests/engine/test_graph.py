"""The graph as a whole: what it offers, and what it was made from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import PlanError
from explorer.engine.graph import trace
from tests.engine import patterns
from tests.engine.patterns import Net, all_touched, touched, traced


class Auxiliary(nn.Module):
    """A net with a head that only training reaches, as GoogLeNet has."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 6, 1)
        self.norm = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(6, 2)
        self.aux = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 2))

    def forward(self, x: Tensor) -> Any:
        h = self.drop(self.norm(self.body(x)).mean((2, 3)))
        return (self.out(h), self.aux(h)) if self.training else self.out(h)


def test_a_head_that_only_training_reaches_is_coupled_and_has_groups_of_its_own() -> None:
    graph = trace(Auxiliary(), torch.randn(1, 3, 4, 4))
    assert [program.is_training for program in graph.coupling.programs] == [False, True]
    assert graph.not_reached == ()
    assert [group.name for group in graph.groups] == ["body", "aux.0"]
    assert ("aux.0.weight", 1) in touched(graph.group("body"))
    assert touched(graph.group("aux.0")) == {("aux.0.weight", 0): 5, ("aux.0.bias", 0): 5, ("aux.1.weight", 1): 5}


def test_a_training_run_leaves_modes_statistics_and_random_state_alone() -> None:
    net = Auxiliary()
    net.norm.eval()
    net.train()
    net.norm.eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    random_state = torch.get_rng_state()
    trace(net, torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert (net.training, net.norm.training, net.aux.training) == (True, False, True)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.drop.p == 0.5
    assert torch.equal(torch.get_rng_state(), random_state)


def test_the_cost_is_that_of_the_eval_run() -> None:
    graph = trace(Auxiliary(), torch.randn(1, 3, 4, 4))
    assert graph.cost.macs == 3 * 6 * 16 + 6 * 2


def test_a_model_that_cannot_train_here_is_traced_in_eval_mode_alone() -> None:
    class NeedsTargets(Auxiliary):
        def forward(self, x: Tensor, targets: Tensor | None = None) -> Any:
            if self.training and targets is None:
                raise ValueError("targets are needed in training mode")
            return self.out(self.body(x).mean((2, 3)))

    graph = trace(NeedsTargets(), torch.randn(1, 3, 4, 4))
    assert len(graph.coupling.programs) == 1
    assert graph.not_reached == (
        "norm.weight",
        "norm.bias",
        "aux.0.weight",
        "aux.0.bias",
        "aux.1.weight",
        "aux.1.bias",
    )


def test_a_model_that_cannot_be_copied_is_traced_in_eval_mode_alone() -> None:
    net = Net(lambda s, x: s.a(x), a=nn.Linear(3, 4), unused=nn.Linear(3, 4))
    net.derived = net.get_parameter("a.weight") * 2  # not a leaf, so deepcopy refuses
    graph = trace(net, torch.randn(2, 3))
    assert len(graph.coupling.programs) == 1
    assert graph.not_reached == ("unused.weight", "unused.bias")


def test_a_fully_reached_model_is_run_once() -> None:
    assert len(traced(patterns.residual()).coupling.programs) == 1


def test_parameters_that_are_not_reached_are_listed_and_in_no_group() -> None:
    net = Net(lambda s, x: s.b(s.a(x)), a=nn.Linear(3, 4), b=nn.Linear(4, 2), unused=nn.Linear(4, 4))
    graph = trace(net, torch.randn(2, 3))
    assert graph.not_reached == ("unused.weight", "unused.bias")
    named = {member.parameter for group in graph.groups for member in group.members}
    assert named == {"a.weight", "a.bias", "b.weight"}
    assert not {frozen.parameter for frozen in graph.frozen} & {"unused.weight", "unused.bias"}


def test_groups_are_found_by_name_and_unknown_ones_list_near_names() -> None:
    graph = traced(patterns.concatenation())
    assert graph.group("b") is graph.groups[1]
    with pytest.raises(PlanError, match=r"no group 'bb'.*Did you mean b\?"):
        graph.group("bb")


def test_positional_and_keyword_inputs_give_the_same_groups() -> None:
    net = Net(lambda s, x, y: s.out(s.a(x) + s.b(y)), a=nn.Linear(3, 4), b=nn.Linear(5, 4), out=nn.Linear(4, 2))
    x, y = torch.randn(2, 3), torch.randn(2, 5)
    by_place, by_name = trace(net, (x, y)), trace(net, {"x": x, "y": y})
    by_callable = trace(net, lambda model: model(x, y=y))
    assert all_touched(by_place) == all_touched(by_name)
    assert set(all_touched(by_callable)) == {"a"}
    assert touched(by_callable.group("a")) == touched(by_place.group("a"))
    assert by_place.layer("b").inputs.frozen == "reads the model's input"


def test_groups_do_not_depend_on_the_batch_or_the_image_size() -> None:
    model, _ = patterns.residual()
    expected = all_touched(trace(model, torch.randn(1, 3, 5, 5)))
    assert all_touched(trace(model, torch.randn(3, 3, 8, 6))) == expected


def test_groups_do_not_depend_on_the_dtype() -> None:
    model, inputs = patterns.attention()
    expected = all_touched(trace(model, inputs))
    assert all_touched(trace(model.double(), inputs.double())) == expected


def test_a_batch_of_a_size_that_is_also_a_channel_count_stays_apart() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    graph = trace(net, torch.randn(4, 4))
    assert [(group.name, group.size) for group in graph.groups] == [("0", 4), ("1", 4)]


def test_the_title_is_the_class_of_a_model_in_memory() -> None:
    graph = traced(patterns.basic())
    assert (graph.title, graph.source) == ("Net", "")


def test_the_fingerprint_tells_architectures_apart_and_not_weights() -> None:
    assert traced(patterns.basic()).fingerprint == traced(patterns.basic()).fingerprint
    assert traced(patterns.basic()).fingerprint != traced(patterns.residual()).fingerprint
    relu = trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.randn(1, 3))
    tanh = trace(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), torch.randn(1, 3))
    assert relu.fingerprint != tanh.fingerprint
    assert len(relu.fingerprint) == 16


def test_state_shapes_hold_every_parameter_and_buffer() -> None:
    shapes = traced(patterns.basic()).state_shapes
    assert shapes["a.weight"] == (4, 3, 3, 3)
    assert shapes["bn.num_batches_tracked"] == ()
    assert len(shapes) == 9


@pytest.mark.parametrize("make", [torch.ones, torch.randn, torch.zeros], ids=["ones", "randn", "zeros"])
def test_what_a_callable_makes_to_run_the_model_on_is_an_input(make: Any) -> None:
    """`torch.ones` inside of a forward is a free constant; made by the caller it has the size that the caller gives."""
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 2, 1))
    graph = trace(net, lambda model: model(make(2, 3, 4, 4)))
    assert {group.name: group.size for group in graph.groups} == {"0": 8}
    (frozen,) = (part for part in graph.frozen if (part.parameter, part.dim) == ("0.weight", 1))
    assert "model's input" in frozen.reason
    (program,) = graph.coupling.programs
    assert [program.values[value].shape for value in program.inputs] == [(2, 3, 4, 4)]
