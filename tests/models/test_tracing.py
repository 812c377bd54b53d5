"""Tracing from outside: every form of input, what is refused, and that the model is as before."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import explorer
from explorer.engine.errors import ModelSourceError, TraceError
from explorer.models.opening import open_model
from explorer.models.tracing import trace, trace_opened


class Perceptron(nn.Module):
    """A net with everything that tracing touches: flags, integers, buffers, hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.width = 4
        self.sizes = [3, 4, 2]
        self.pair = (3, 2)
        self.is_wide = True
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout()
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(self.norm(self.first(x))).view(-1, self.width))


def build_broken() -> nn.Module:
    """A net whose inner layer raises."""

    class Raises(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no weights for this weekday")

    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(Raises()))


def hooks_of(model: nn.Module) -> int:
    """Number of forward hooks in the whole model."""
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def test_a_sample_by_name_brings_its_own_inputs() -> None:
    graph = trace("sample:resnet20")
    assert graph.source == "sample:resnet20"
    assert graph.title == open_model("sample:resnet20").title
    assert (len(graph.groups), graph.cost.params) == (12, 272_186)
    assert graph.group("conv1").size == 16
    assert graph.unsupported_ops() == ()


def test_a_sample_by_name_can_be_traced_on_other_inputs() -> None:
    opened = open_model("sample:resnet20")
    (image,) = opened.example_inputs
    assert isinstance(image, Tensor)
    one = trace("sample:resnet20", image[:1]).cost
    two = trace("sample:resnet20", torch.cat([image[:1]] * 2)).cost
    assert two.macs == 2 * one.macs
    assert two.params == one.params
    assert trace_opened(opened, image[:1]).cost == one


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ModelSourceError, match=r"resnet21.*resnet20"):
        trace("sample:resnet21")


@pytest.mark.parametrize(
    "inputs",
    [
        torch.randn(5, 3),
        (torch.randn(5, 3),),
        {"x": torch.randn(5, 3)},
        OrderedDict(x=torch.randn(5, 3)),
        lambda model: model(torch.randn(5, 3)),
    ],
    ids=["tensor", "tuple", "dict", "mapping", "callable"],
)
def test_every_form_of_input_is_traced(inputs: Any) -> None:
    graph = trace(Perceptron(), inputs)
    assert [(group.name, group.size) for group in graph.groups] == [("first", 4)]
    assert graph.cost.macs == 5 * (3 * 4 + 4 * 2)


def test_a_list_of_inputs_is_refused() -> None:
    with pytest.raises(
        TraceError, match=r"example_inputs is a list\. Pass a tensor, a tuple of positional inputs, a dict"
    ):
        trace(Perceptron(), [torch.randn(5, 3)])  # type: ignore[arg-type]


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(TraceError, match=r"trace got a dict\. Pass a torch.nn.Module, or the name of a source"):
        trace({"weights": torch.zeros(3)}, torch.randn(5, 3))  # type: ignore[arg-type]


def test_a_model_without_inputs_is_refused() -> None:
    with pytest.raises(TraceError, match="Perceptron needs example inputs to run on"):
        trace(Perceptron())


def test_inputs_of_the_wrong_shape_say_which_shape_and_where() -> None:
    with pytest.raises(TraceError, match=r"Perceptron raised in forward on .* shape \(5, 7\), in first: RuntimeError"):
        trace(Perceptron(), torch.randn(5, 7))


def test_inputs_of_the_wrong_number_are_refused() -> None:
    with pytest.raises(TraceError, match=r"TypeError.*the same call must work without the explorer"):
        trace(Perceptron(), (torch.randn(5, 3), torch.randn(5, 3)))


def test_a_forward_that_raises_names_its_module_and_keeps_the_cause() -> None:
    with pytest.raises(TraceError, match=r"in 1\.0: RuntimeError: no weights for this weekday") as caught:
        trace(build_broken(), torch.randn(2, 3))
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize(("returned", "kind"), [(None, "NoneType"), (3.5, "float"), ([], "list"), ({"a": 1}, "dict")])
def test_an_output_without_a_tensor_is_refused(returned: Any, kind: str) -> None:
    class Silent(nn.Linear):
        def forward(self, input: Tensor) -> Any:
            super().forward(input)
            return returned

    with pytest.raises(TraceError, match=f"Silent returned {kind}, which holds no tensor"):
        trace(Silent(3, 4), torch.randn(2, 3))


@dataclass
class Output:
    """What some models return."""

    logits: Tensor
    extra: dict[str, list[Tensor]]


def test_outputs_in_containers_are_all_frozen() -> None:
    class Rich(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 5), nn.Linear(5, 6)

        def forward(self, x: Tensor) -> Output:
            a = self.a(x)
            b = self.b(a)
            return Output(self.c(b), {"features": [b]})

    graph = trace(Rich(), torch.randn(2, 3))
    assert [group.name for group in graph.groups] == ["a"]
    reasons = {(frozen.parameter, frozen.dim): frozen.reason for frozen in graph.frozen}
    assert "model output" in reasons["b.weight", 0]
    assert "model output" in reasons["c.weight", 0]


def trace_either(model: nn.Module, fails: bool) -> None:
    """Trace on inputs that fit, or on ones that do not."""
    if fails:
        with pytest.raises(TraceError):
            trace(model, torch.randn(5, 7))
    else:
        trace(model, torch.randn(5, 3))


@pytest.mark.parametrize("fails", [False, True])
def test_modes_of_every_submodule_are_as_before(fails: bool) -> None:
    model = Perceptron().train()
    model.norm.eval()
    trace_either(model, fails)
    assert {name: module.training for name, module in model.named_modules()} == {
        "": True,
        "first": True,
        "norm": False,
        "drop": True,
        "last": True,
    }


@pytest.mark.parametrize("fails", [False, True])
def test_integers_are_plain_again(fails: bool) -> None:
    model = Perceptron()
    trace_either(model, fails)
    assert type(model.width) is type(model.first.in_features) is type(model.norm.num_features) is int
    assert (model.width, model.sizes, model.pair, model.is_wide) == (4, [3, 4, 2], (3, 2), True)
    assert {type(size) for size in (*model.sizes, *model.pair)} == {int}


@pytest.mark.parametrize("fails", [False, True])
def test_hooks_are_gone_and_those_of_the_user_stay(fails: bool) -> None:
    model = Perceptron()
    calls: list[str] = []
    model.first.register_forward_hook(lambda *_: calls.append("hook"))
    trace_either(model, fails)
    assert hooks_of(model) == 1
    model.eval()(torch.randn(5, 3))
    assert calls == ["hook"] * (1 if fails else 2)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("is_enabled", [False, True])
def test_global_flags_are_as_before(fails: bool, is_enabled: bool) -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(is_enabled)
    try:
        trace_either(Perceptron(), fails)
        assert torch.backends.mha.get_fastpath_enabled() is is_enabled
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
    assert torch.is_grad_enabled()
    assert torch._C._get_mkldnn_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()


@pytest.mark.parametrize("fails", [False, True])
def test_the_state_dict_is_bit_identical_and_gradients_are_untouched(fails: bool) -> None:
    model = Perceptron()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    addresses = {name: tensor.data_ptr() for name, tensor in model.state_dict().items()}
    trace_either(model, fails)
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert {name: tensor.data_ptr() for name, tensor in after.items()} == addresses
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_sizes_that_forward_remembers_are_forgotten() -> None:
    class Remembers(nn.Linear):
        size: int | None = None

        def forward(self, input: Tensor) -> Tensor:
            self.size = input.shape[1]
            return super().forward(input)

    model = Remembers(3, 4)
    trace(model, torch.randn(2, 3))
    assert model.size is None


def test_buffers_that_forward_writes_are_as_before() -> None:
    class Counts(nn.Linear):
        def __init__(self) -> None:
            super().__init__(3, 4)
            self.register_buffer("calls", torch.zeros((), dtype=torch.long))

        def forward(self, input: Tensor) -> Tensor:
            self.calls += 1
            return super().forward(input)

    model = Counts()
    trace(model, torch.randn(2, 3))
    assert int(model.calls) == 0


def test_a_traced_model_trains_as_before() -> None:
    model = Perceptron()
    trace(model, torch.randn(5, 3))
    model(torch.randn(5, 3)).sum().backward()
    assert model.first.weight.grad is not None


def test_a_graph_survives_inference_mode_around_it() -> None:
    with torch.inference_mode():
        graph = trace(Perceptron(), torch.randn(5, 3))
        kept = len(graph.plan(0.5).channels["first"])
    assert kept == 2


def test_the_public_trace_is_this_one() -> None:
    assert explorer.trace is trace


def test_a_lazy_model_says_what_to_do() -> None:
    with pytest.raises(TraceError, match=r"model \(LazyLinear\) has parameters without a shape yet. Run the model"):
        trace(nn.LazyLinear(4), torch.randn(2, 3))


def test_whoever_waits_is_told_of_each_stage() -> None:
    told: list[str] = []
    trace_opened(open_model("sample:resnet20"), tell=told.append)
    assert list(dict.fromkeys(told)) == ["tracing", "grouping"]
