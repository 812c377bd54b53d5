"""The program way: a module that replays the recorded torch calls with the sizes of a plan.

It stands in where a literal in the user's code cannot follow. Torch calls are replayed, not ATen ops, so that dropout,
BatchNorm in train mode and a free batch size survive. Parameters and buffers keep their original names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.engine.errors import ApplyError
from explorer.engine.explicit import Positions
from explorer.engine.program import Call, Program, Ref, refs
from explorer.engine.provenance import (
    Arithmetic,
    Attribute,
    Literal,
    Origin,
    Size,
    Traced,
    evaluate,
    map_numbers,
    origin_of,
    with_numbers,
)
from explorer.engine.requirements import requirements, restated
from explorer.engine.shapes import PlannedShapes
from explorer.engine.trees import flatten_tensors, map_leaves

_TRAINING_FLAGS: Mapping[str, int] = {
    "dropout": 2, "dropout1d": 2, "dropout2d": 2, "dropout3d": 2, "alpha_dropout": 2, "feature_alpha_dropout": 2,
    "feature_dropout": 2, "batch_norm": 5, "instance_norm": 5, "lstm": 6, "gru": 6, "rnn_tanh": 6, "rnn_relu": 6,
}  # fmt: skip
"""Position of the argument that says whether the module trains; by keyword it is ``training``."""


@dataclass(frozen=True)
class _Line:
    """One call of the program.

    Attributes:
        call: As recorded.
        args: Positional arguments with planned integers.
        kwargs: Keyword arguments, likewise.
        done: Values that nothing reads later.
    """

    call: Call
    args: Any
    kwargs: Any
    done: tuple[int, ...]


class ReplayedModel(nn.Module):
    """A pruned model that runs the recorded calls of the original instead of its forward.

    Attributes:
        takes_other_sizes: Whether inputs may have other sizes than they were recorded with, as another batch has.
    """

    def __init__(self, pruned: nn.Module, shapes: PlannedShapes) -> None:
        """Take over the parameters of a pruned model.

        Args:
            pruned: A copy of the original with pruned parameters; its own forward need not run.
            shapes: Shapes of all values under the plan.

        Raises:
            ApplyError: Some value of the program came from no recorded call, so it cannot be made again, or a call was
                made by a function with a backward of its own, which a replay would lose.
        """
        super().__init__()
        self.title = type(pruned).__name__
        for name, child in pruned.named_children():
            self.add_module(name, child)
        for name, parameter in pruned.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, buffer in pruned.named_buffers(recurse=False):
            self.register_buffer(name, buffer, persistent=name not in pruned._non_persistent_buffers_set)
        program = shapes.program
        self.takes_other_sizes = True
        self._inputs = program.inputs
        self._sizes = [program.values[value].shape for value in program.inputs]
        self._output_tree = program.output_tree
        self._constants = _constants(program, pruned)
        self._states = {value.index: value.name for value in program.values if value.is_state}
        self._lines = replayed_lines(shapes)
        self.training = pruned.training

    def extra_repr(self) -> str:
        """What it replays, for printing."""
        return f"{len(self._lines)} recorded calls of {self.title}"

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As the original's forward on inputs of the traced structure; the batch may have another size."""
        tensors = flatten_tensors((args, kwargs))
        if len(tensors) != len(self._inputs):
            raise ApplyError(
                f"This model was recorded with {len(self._inputs)} input tensors and got {len(tensors)}. Call it as "
                "the original was called on the example inputs."
            )
        found = [tuple(tensor.shape) for tensor in tensors]
        if not self.takes_other_sizes and found != self._sizes:
            raise ApplyError(
                f"This model was recorded with inputs of shape {_listed(self._sizes)} and got {_listed(found)}. Its "
                "code turns a size into a plain number, by len(x) or int(...), so it takes no others. Read sizes from "
                "x.shape as they are, and apply the plan again."
            )
        values = dict(zip(self._inputs, tensors, strict=True))
        values |= self._constants | {value: _state(self, name) for value, name in self._states.items()}
        sizes: dict[int, tuple[int, ...]] = {value: tuple(tensor.shape) for value, tensor in values.items()}
        for line in self._lines:
            self._run(line, values, sizes)
        return map_leaves(self._output_tree, Ref, lambda ref: values[ref.value])

    def _run(self, line: _Line, values: dict[int, Tensor], sizes: dict[int, tuple[int, ...]]) -> None:
        args = _filled(line.args, values, sizes)
        kwargs = _filled(line.kwargs, values, sizes)
        self._set_training(line.call, args, kwargs)
        results = flatten_tensors(line.call.target(*args, **kwargs))
        for number, tensor in zip(line.call.results, results, strict=True):
            values[number] = tensor
            sizes[number] = tuple(tensor.shape)
        for number in line.done:
            values.pop(number, None)

    def _set_training(self, call: Call, args: list[Any], kwargs: dict[str, Any]) -> None:
        place = _TRAINING_FLAGS.get(call.function)
        if place is None:
            return
        is_training = self.get_submodule(call.module).training
        if "training" in kwargs:
            kwargs["training"] = kwargs["training"] or is_training
        elif place < len(args):
            args[place] = args[place] or is_training


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def replayed_lines(shapes: PlannedShapes) -> tuple[_Line, ...]:
    """The calls of a program with the sizes of a plan.

    Args:
        shapes: Shapes of all values under the plan.

    Raises:
        ApplyError: They cannot be replayed.
    """
    program, needed = shapes.program, requirements(shapes)
    after = {id(need.number): need.after for need in needed if not need.is_floor}
    numbers = restated(needed, shapes)
    last = _last_uses(program)

    def planned(number: Traced) -> Origin:
        return _planned(origin_of(number), after.get(id(number)), numbers, shapes)

    lines = tuple(
        _Line(call, map_numbers(call.args, planned), map_numbers(call.kwargs, planned), last.get(call.index, ()))
        for call in program.calls
    )
    _check_backward(lines)
    _check_complete(program, lines)
    return lines


def _planned(origin: Origin, after: int | None, numbers: Mapping[Origin, int], shapes: PlannedShapes) -> Origin:
    """The expression that a number becomes: with planned sizes it must give what the plan needs."""
    fixed = _without_attributes(origin if after is not None else with_numbers(origin, numbers), shapes)
    if after is None or evaluate(fixed, shapes.attribute, shapes.size) == after:
        return fixed
    return _with_literal(fixed, after, shapes) or Literal(after)


def _without_attributes(origin: Origin, shapes: PlannedShapes) -> Origin:
    """Attributes as the numbers they were; the replayed code reads none."""
    if isinstance(origin, Attribute):
        return Literal(shapes.attribute(origin))
    if isinstance(origin, Arithmetic):
        left, right = (_without_attributes(side, shapes) for side in (origin.left, origin.right))
        return Arithmetic(origin.operator, left, right)
    return origin


def _with_literal(origin: Origin, after: int, shapes: PlannedShapes) -> Origin | None:
    """``size * literal`` with the literal that gives `after`, so that the batch stays free."""
    if not isinstance(origin, Arithmetic) or origin.operator != "*":
        return None
    for side, other in ((origin.left, origin.right), (origin.right, origin.left)):
        found = evaluate(other, shapes.attribute, shapes.size)
        if isinstance(side, Literal) and found and after % found == 0:
            return Arithmetic("*", other, Literal(after // found))
    return None


def _last_uses(program: Program) -> dict[int, tuple[int, ...]]:
    """For each call, the values that no later call and no output reads."""
    last: dict[int, int] = {}
    for call in program.calls:
        for value in (*(ref.value for ref in refs((call.args, call.kwargs))), *call.results):
            last[value] = call.index
    kept = {*program.outputs, *(value.index for value in program.values if value.is_state)}
    done: dict[int, list[int]] = {}
    for value, index in last.items():
        if value not in kept:
            done.setdefault(index, []).append(value)
    return {index: tuple(values) for index, values in done.items()}


def _check_backward(lines: tuple[_Line, ...]) -> None:
    for line in lines:
        if line.call.custom:
            raise ApplyError(
                f"{line.call.function} at {line.call.source} is part of {line.call.custom}, a function with a backward "
                "of its own, which a replay of the recorded calls would lose in training.",
                line.call.source,
            )


def _check_complete(program: Program, lines: tuple[_Line, ...]) -> None:
    known = {*program.inputs, *(value.index for value in program.values if value.is_state or value.name)}
    for line in lines:
        missing = [ref.value for ref in refs((line.args, line.kwargs)) if ref.value not in known]
        if missing:
            value = program.values[missing[0]]
            raise ApplyError(
                f"{line.call.function} at {line.call.source} reads a {value.kind} of shape {value.shape} that came "
                "from no recorded torch call (a custom function, or a tensor made outside of forward), so the forward "
                "cannot be replayed with other sizes.",
                line.call.source,
            )
        known.update(line.call.results)


def _constants(program: Program, model: nn.Module) -> dict[int, Tensor]:
    """Tensors that are plain attributes of modules, by value; only those that some call reads."""
    read = {ref.value for call in program.calls for ref in refs((call.args, call.kwargs))}
    names = {value.index: value.name for value in program.values if value.kind == "constant" and value.name}
    return {value: _state(model, name) for value, name in names.items() if value in read}


def _state(model: nn.Module, name: str) -> Tensor:
    path, _, leaf = name.rpartition(".")
    found: Tensor = getattr(model.get_submodule(path), leaf)
    return found


def _filled(tree: Any, values: dict[int, Tensor], sizes: dict[int, tuple[int, ...]]) -> Any:
    """Arguments for a call: references looked up, expressions evaluated; the outermost sequence is a list."""

    def tensor(item: Ref | Positions) -> Tensor:
        if isinstance(item, Ref):
            return values[item.value]
        return torch.tensor(item.numbers, dtype=torch.int64, device=values[refs(tree)[0].value].device)

    def fill(item: Any) -> Any:
        if isinstance(item, (Ref, Positions)):
            return tensor(item)
        if isinstance(item, (Size, Literal, Arithmetic, Attribute)):
            return evaluate(item, _no_attribute, lambda size: sizes[size.value][size.dim])
        if isinstance(item, slice):
            return slice(fill(item.start), fill(item.stop), fill(item.step))
        if isinstance(item, Mapping):
            return {key: fill(entry) for key, entry in item.items()}
        if isinstance(item, (tuple, list)):
            return type(item)(fill(entry) for entry in item)
        return item

    return fill(tree) if isinstance(tree, Mapping) else [fill(item) for item in tree]


def _no_attribute(attribute: Attribute) -> int:
    raise AssertionError(f"{attribute} should have become a number")
