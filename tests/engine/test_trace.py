"""What `record` sees, and that it leaves the model as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.errors import TraceError
from explorer.engine.program import Program, Ref
from explorer.engine.provenance import Arithmetic, Attribute, Size
from explorer.engine.trace import call_model, doubled_batch, mode_of, plain_kernels, record

X = torch.ones(2, 3)


class Blocks(nn.Module):
    """Reshapes by an attribute, calls one layer twice."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = 2
        self.sizes = (2, 4)
        self.inner = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
        self.last = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        y = y.view(x.shape[0], self.heads, y.shape[1] // self.heads).flatten(1)
        return self.last(self.last(y))


def _names(program: Program) -> list[str]:
    return [op.name for op in program.ops]


def test_ops_in_order_with_module_and_line() -> None:
    program = record(Blocks(), X)
    assert _names(program) == [
        "aten.t.default",
        "aten.addmm.default",
        "aten.relu.default",
        "aten.view.default",
        "aten.view.default",
        *["aten.t.default", "aten.addmm.default"] * 2,
    ]
    assert [op.module for op in program.ops] == [
        "inner.0",
        "inner.0",
        "inner.1",
        "",
        "",
        "last",
        "last",
        "last",
        "last",
    ]
    assert {op.source.file for op in program.ops if op.source} == {__file__}
    assert program.ops[3].source is not None
    assert program.ops[3].source.function == "forward"


def test_values_know_parameters_inputs_and_outputs() -> None:
    program = record(Blocks(), X)
    assert {value.name for value in program.values if value.kind == "parameter"} == {
        name for name, _ in Blocks().named_parameters()
    }
    (given,) = program.inputs
    assert program.values[given].kind == "input"
    (output,) = program.outputs
    assert program.values[output].shape == (2, 8)
    assert program.ops[-1].results == (output,)


def test_calls_keep_the_provenance_of_integers() -> None:
    program = record(Blocks(), X)
    (call,) = [call for call in program.calls if call.function == "view"]
    batch, heads, rest = call.args[1:]
    assert isinstance(batch.origin, Size)
    assert heads.origin == Attribute("", "heads")
    assert isinstance(rest.origin, Arithmetic)
    assert str(rest.origin) == "(size of dim 1 // model.heads)"
    assert program.calls[program.ops[3].call] is call


def test_in_place_ops_return_the_value_that_they_wrote() -> None:
    program = record(nn.ReLU(inplace=True), X)
    (op,) = program.ops
    assert op.is_in_place
    assert op.results == (op.args[0].value,)


@pytest.mark.parametrize("change", ["t_", "squeeze_", "unsqueeze_", "transpose_"])
def test_a_shape_changed_in_place_makes_another_value(change: str) -> None:
    arguments = {"unsqueeze_": (0,), "transpose_": (0, 1)}.get(change, ())

    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = getattr(x[:1] * 1, change)(*arguments)
            return y + 1

    program = record(Net(), X)
    changed = program.ops[-2]
    assert changed.base_name == f"aten.{change[:-1]}"
    (result,) = changed.results
    assert result != changed.args[0].value
    assert program.values[result].shape == program.values[program.outputs[0]].shape
    assert program.values[result].storage == program.values[changed.args[0].value].storage
    assert program.ops[-1].args[0] == Ref(result)


def test_views_share_the_storage_of_their_base() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.view(-1)[1:] * 2

    program = record(Net(), X)
    (given,) = program.inputs
    assert [program.values[op.results[0]].storage == program.values[given].storage for op in program.ops] == [
        True,
        True,
        False,
    ]


def test_integer_constants_keep_their_elements() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, [2, 0]]

    program = record(Net(), X)
    index = program.ops[-1].args[1][1]
    data = program.values[index.value].data
    assert data is not None
    assert data.tolist() == [2, 0]


def test_inference_mode_is_taken_apart_like_any_other() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = nn.Conv1d(3, 4, 1), nn.Linear(5, 2)

        def forward(self, x: Tensor, *, is_inference: bool) -> Tensor:
            with torch.inference_mode(is_inference):
                return self.linear(self.conv(x)).flatten(1).chunk(2, 1)[0]

    net, x = Net(), torch.ones(2, 3, 5)
    plain = record(net, lambda m: m(x, is_inference=False))
    under = record(net, lambda m: m(x, is_inference=True))
    composite = {"aten.linear.default", "aten.conv1d.default", "aten.flatten.using_ints", "aten.chunk.default"}
    assert not composite & set(_names(under))
    assert {"aten.convolution.default", "aten.split.Tensor"} <= set(_names(under)) & set(_names(plain))


def test_recurrent_layers_and_attention_run_on_plain_kernels() -> None:
    lstm = record(nn.LSTM(3, 4), lambda m: m(torch.ones(2, 1, 3))[0])
    assert "aten.mkldnn_rnn_layer.default" not in _names(lstm)
    assert "aten.sigmoid.default" in " ".join(_names(lstm)).replace("sigmoid_", "sigmoid")
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    names = _names(record(layer, torch.ones(1, 2, 4)))
    assert "aten.bmm.default" in names
    assert not [name for name in names if "attention" in name or "transformer" in name]


def test_plain_kernels_are_restored() -> None:
    before = torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled()
    with plain_kernels():
        assert not torch.backends.mha.get_fastpath_enabled()
    assert (torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled()) == before


def test_the_model_is_as_before() -> None:
    model = Blocks()
    model.train()
    model.inner.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    record(model, X)
    assert model.training
    assert not model.inner.training
    assert type(model.heads) is int
    assert type(model.sizes[0]) is int
    assert type(model.last.in_features) is int
    assert not model._forward_hooks
    assert not model.last._forward_pre_hooks
    assert torch.is_grad_enabled()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, before[name])


def test_the_model_is_as_before_after_an_error() -> None:
    model = Blocks()
    with pytest.raises(TraceError, match=r"Blocks raised in forward on example inputs of shape \(2, 5\)"):
        record(model, torch.ones(2, 5))
    assert model.training
    assert type(model.heads) is int
    assert not model.last._forward_hooks
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_forward_without_tensors_is_an_error() -> None:
    with pytest.raises(TraceError, match="returned NoneType, which holds no tensor"):
        record(nn.Linear(3, 2), lambda model: None)


def test_inputs_of_no_accepted_form_are_an_error() -> None:
    with pytest.raises(TraceError, match="example_inputs is a int"):
        record(nn.Linear(3, 2), 3)  # type: ignore[arg-type]


@dataclass
class Output:
    """What some models return."""

    first: Tensor
    rest: dict[str, Any]


def test_inputs_and_outputs_in_nested_forms() -> None:
    class Net(nn.Module):
        def forward(self, *, x: Tensor, other: list[Tensor]) -> Output:
            return Output(x * 2, {"sum": (x + other[0], 3)})

    program = record(Net(), {"x": X, "other": [X + 1]})
    assert len(program.inputs) == 2
    assert len(program.outputs) == 2


def test_call_model_accepts_every_form() -> None:
    model = nn.Linear(3, 2)
    expected = model(X)
    for inputs in (X, (X,), {"input": X}, lambda m: m(X)):
        torch.testing.assert_close(call_model(model, inputs), expected)


def test_mode_of_restores_each_module() -> None:
    model = Blocks()
    model.inner.eval()
    with mode_of(model, is_training=True):
        assert model.inner[0].training
    assert (model.training, model.inner.training) == (True, False)


def test_doubled_batch() -> None:
    assert doubled_batch(torch.ones(1, 3)).shape == (2, 3)  # type: ignore[union-attr]
    assert doubled_batch(X) is X
    assert [tensor.shape[0] for tensor in doubled_batch((torch.ones(1, 3), X))] == [2, 2]  # type: ignore[union-attr]


def test_what_forward_stores_is_taken_back() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.width = 3
            self.runs = [1]
            self.cache = {"a": 1}

        def forward(self, x: Tensor) -> Tensor:
            self.seen = self.width * 2
            self.runs.append(self.width)
            self.cache["b"] = x.shape[0]
            return x.view(-1, self.width)

    net = Net()
    runs, cache = net.runs, net.cache
    record(net, X)
    assert type(net.width) is int
    assert not hasattr(net, "seen")
    assert net.runs is runs == [1]
    assert net.cache is cache == {"a": 1}


def test_what_a_batch_norm_leaves_to_other_backwards_is_not_recorded_and_an_empty_tensor_of_the_code_is() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.norm(self.conv(x)).flatten(), torch.empty(0)])

    names = [op.name for op in record(Net(), torch.zeros(1, 3, 2, 2)).ops]
    assert names == [
        "aten.convolution.default",
        "aten.native_batch_norm.default",
        "aten.view.default",
        "aten.empty.memory_format",
        "aten.cat.default",
    ]
