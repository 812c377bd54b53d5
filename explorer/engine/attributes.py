"""Attributes of torch.nn modules that follow from the shapes of their parameters, or of what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from torch import Tensor, nn

from explorer.engine.program import Ref
from explorer.engine.shapes import PlannedShapes
from explorer.engine.surgery import AttributeChange, AttributeValue
from explorer.engine.trees import Modules, buffers_of, named_modules, parameters_of

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
"""New shapes of a module's parameters and buffers by name inside the module."""

Follows = Callable[[nn.Module, Shapes], Mapping[str, AttributeValue]]


def _convolution(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    rows, columns = shapes["weight"][:2]
    is_transposed = bool(getattr(module, "transposed", False))
    into, out = ("out_channels", "in_channels") if is_transposed else ("in_channels", "out_channels")
    if getattr(module, "groups", 1) != 1:
        return {out: rows}  # the other side is `columns` times the groups, which `repair` reads off the recorded call
    return {into: columns, out: rows}


def _linear(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    return {"in_features": shapes["weight"][1], "out_features": shapes["weight"][0]}


def _bilinear(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    out, first, second = shapes["weight"]
    return {"out_features": out, "in1_features": first, "in2_features": second}


def _feature_norm(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    name = "weight" if "weight" in shapes else "running_mean"
    return {"num_features": shapes[name][0]} if name in shapes else {}  # others: see `sizes_of_inputs`


def _layer_norm(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    return {"normalized_shape": tuple(shapes["weight"])}


def _group_norm(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    return {"num_channels": shapes["weight"][0]}


def _embedding(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    return {"embedding_dim": shapes["weight"][1]}


def _prelu(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    return {"num_parameters": shapes["weight"][0]}


def _recurrent(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    recurrent = shapes["weight_hh_l0"]
    gates = getattr(module, "weight_hh_l0").shape[0] // int(getattr(module, "hidden_size"))  # noqa: B009 - dynamic
    found: dict[str, AttributeValue] = {"input_size": shapes["weight_ih_l0"][1], "hidden_size": recurrent[0] // gates}
    if getattr(module, "proj_size", 0):
        found["proj_size"] = recurrent[1]
    return found


def _recurrent_cell(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    return {"input_size": shapes["weight_ih"][1], "hidden_size": shapes["weight_hh"][1]}


def _transformer(module: nn.Module, shapes: Shapes) -> dict[str, AttributeValue]:
    return {"d_model": shapes["decoder.layers.0.linear1.weight"][1]}


FOLLOWS: tuple[tuple[type[nn.Module], str, Follows], ...] = (
    (nn.modules.conv._ConvNd, "weight", _convolution),
    (nn.Linear, "weight", _linear),
    (nn.Bilinear, "weight", _bilinear),
    (nn.modules.batchnorm._NormBase, "", _feature_norm),
    (nn.LayerNorm, "weight", _layer_norm),
    (nn.RMSNorm, "weight", _layer_norm),
    (nn.GroupNorm, "weight", _group_norm),
    (nn.Embedding, "weight", _embedding),
    (nn.EmbeddingBag, "weight", _embedding),
    (nn.PReLU, "weight", _prelu),
    (nn.RNNBase, "weight_hh_l0", _recurrent),
    (nn.RNNCellBase, "weight_hh", _recurrent_cell),
    (nn.Transformer, "decoder.layers.0.linear1.weight", _transformer),
)
"""Classes, a parameter that they must have, and the attributes that follow from the shapes; a new class is a row."""

SIZES_OF_INPUTS: Mapping[str, tuple[type[nn.Module], str]] = {
    "instance_norm": (nn.modules.instancenorm._InstanceNorm, "num_features"),
    "group_norm": (nn.GroupNorm, "num_channels"),
}
"""Torch calls, the class that makes them, and its attribute that says how many channels the input has."""


def standard_attributes(model: nn.Module, shape_of: Callable[[str], Shape]) -> Iterator[AttributeChange]:
    """The attributes that follow from parameters, whether they change or not.

    Args:
        model: The original model.
        shape_of: New shape of a parameter or buffer by qualified name.
    """
    modules = named_modules(model)
    names = _names(modules)
    for path, module in modules:
        kind: Any = type(module)
        if (row := _row_of(kind)) is None:
            continue
        needed, follows = row
        shapes = {local: shape_of(names[id(tensor)]) for local, tensor in _tensors(module) if id(tensor) in names}
        if not needed or needed in shapes:
            reason = f"size of the parameters of {type(module).__name__}"
            yield from _changes(path, module, follows(module, shapes), reason)


@lru_cache(maxsize=1024)
def _row_of(kind: type[nn.Module]) -> tuple[str, Follows] | None:
    """What the first row of `FOLLOWS` says that a class of modules is one of."""
    return next(((needed, follows) for base, needed, follows in FOLLOWS if issubclass(kind, base)), None)


def sizes_of_inputs(model: nn.Module, shapes: PlannedShapes) -> Iterator[AttributeChange]:
    """The attributes of modules without parameters that follow from what the modules read."""
    for call in shapes.program.calls:
        kind, name = SIZES_OF_INPUTS.get(call.function, (nn.Identity, ""))
        if name and isinstance(module := model.get_submodule(call.module), kind):
            read = call.args[0]
            assert isinstance(read, Ref), f"{call.function} reads no tensor"
            channels = shapes.shape(read.value)[1]
            yield from _changes(call.module, module, {name: channels}, f"size of the input of {type(module).__name__}")


def grouped_convolutions(
    model: nn.Module, shape_of: Callable[[str], Shape], groups_of: Callable[[str, int], int]
) -> Iterator[AttributeChange]:
    """The side of grouped convolutions that their weights do not show.

    Args:
        model: The original model.
        shape_of: New shape of a parameter by qualified name.
        groups_of: New number of groups by module path and original number.
    """
    modules = named_modules(model)
    grouped = [(p, m) for p, m in modules if isinstance(m, nn.modules.conv._ConvNd) and m.groups != 1]
    names = _names(modules) if grouped else {}
    for path, module in grouped:
        weights = [names[id(tensor)] for local, tensor in _tensors(module) if local == "weight"]
        name = "out_channels" if module.transposed else "in_channels"
        for weight in weights:
            after = shape_of(weight)[1] * groups_of(path, module.groups)
            yield from _changes(path, module, {name: after}, f"size of the parameters of {type(module).__name__}")


def _changes(
    path: str, module: nn.Module, after: Mapping[str, AttributeValue], reason: str
) -> Iterator[AttributeChange]:
    for name, value in after.items():
        yield AttributeChange(path, name, getattr(module, name), value, reason)


def _names(modules: Modules) -> dict[int, str]:
    """The first name of every parameter and buffer; tied ones have several."""
    return {id(tensor): name for name, tensor in (*parameters_of(modules), *buffers_of(modules))}


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name inside a module; of a reparametrised one the tensor that has its shape."""
    if module._modules:
        held = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    else:
        own = (*module._parameters.items(), *module._buffers.items())
        held = [(name, tensor) for name, tensor in own if tensor is not None]
    yield from held
    for name, tensor in held:
        for whole in (
            "weight_v",
            "weight_orig",
            "parametrizations.weight.original",
            "parametrizations.weight.original1",
        ):
            if name == whole and isinstance(tensor, nn.Parameter):  # spectral norm has a buffer `weight_v`
                yield "weight", tensor
