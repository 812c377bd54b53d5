"""What is exported: a pruned model with inputs that it runs on, and its program as `torch.export` sees it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, ShapesCollection
from torch.fx.experimental.symbolic_shapes import is_concrete_int

from explorer.engine.errors import ExportError
from explorer.engine.randomness import own_random_state
from explorer.engine.surgery import copy_with
from explorer.engine.trace import ExampleInputs, brings_its_own, call_model, in_eval_mode
from explorer.engine.trees import flatten_tensors, map_tensors

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned

MORE = 5
"""Samples in the batch that a free first dimension is checked with, besides that of the example inputs."""


@dataclass(frozen=True)
class Inputs:
    """The arguments of one forward.

    Attributes:
        args: Positional ones.
        kwargs: Those by keyword.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tensors(self) -> list[Tensor]:
        """Every tensor, in order."""
        return flatten_tensors((self.args, self.kwargs))

    def map(self, change: Any) -> Inputs:
        """The same with every tensor replaced by `change` of it."""
        return Inputs(map_tensors(self.args, change), map_tensors(dict(self.kwargs), change))

    @classmethod
    def of(cls, given: ExampleInputs, model: nn.Module) -> Inputs:
        """Example inputs in any of the accepted forms; a callable is run to see what it hands to the model.

        Raises:
            ExportError: A callable that does not call the model itself.
        """
        if isinstance(given, Tensor):
            return cls((given,))
        if isinstance(given, Mapping):
            return cls(kwargs=given)
        if isinstance(given, tuple):
            return cls(given)
        return cls._seen(given, model)

    @classmethod
    def _seen(cls, given: ExampleInputs, model: nn.Module) -> Inputs:
        seen: list[Inputs] = []
        hook = model.register_forward_pre_hook(lambda _, args, kwargs: seen.append(cls(args, kwargs)), with_kwargs=True)
        try:
            with _quietly(model):
                call_model(model, given)
        finally:
            hook.remove()
        if not seen:
            raise ExportError(
                "The example inputs are a callable that never calls the model itself, so there is no forward to "
                "export. Trace the model on the tensors that its forward takes."
            )
        return seen[0]


@dataclass(frozen=True, eq=False)
class Subject:
    """A pruned model to export.

    Attributes:
        pruned: The model and how it was made; its weights may have been trained since.
    """

    pruned: Pruned

    @cached_property
    def model(self) -> nn.Module:
        """The pruned model; a copy on the CPU where it is elsewhere."""
        model = self.pruned.model
        states = [*model.parameters(), *model.buffers()]
        if any(state.is_meta for state in states):
            raise ExportError("The pruned model is on the meta device and has no values to export. Give it weights.")
        is_elsewhere = any(state.device.type != "cpu" for state in states)
        return copy_with(model, lambda _, tensor: tensor.cpu()) if is_elsewhere else model

    @cached_property
    def inputs(self) -> Inputs:
        """What the original was traced on, on the CPU."""
        given = self.pruned.plan.graph.example_inputs
        return Inputs.of(given, self.model if brings_its_own(given) else self.pruned.model).map(Tensor.cpu)

    @cached_property
    def program(self) -> ExportedProgram:
        """The forward in eval mode as `torch.export` sees it, for any batch size where the model allows that.

        Raises:
            ExportError: The forward depends on its numbers, or runs code that `torch.export` cannot follow.
        """
        return self._captured[0]

    @property
    def is_batch_free(self) -> bool:
        """Whether the program takes inputs with any size of the first dimension, which holds the samples of a batch."""
        return self._captured[1]

    @cached_property
    def more_inputs(self) -> Inputs | None:
        """The example inputs as a batch of `MORE` different samples; None where the model takes no such batch."""
        given = [*self.inputs.args, *self.inputs.kwargs.values()]
        tensors = [item for item in given if isinstance(item, Tensor) and item.dim()]
        if len({len(tensor) for tensor in tensors}) != 1 or len(tensors) < len(self.inputs.tensors):
            return None  # not one batch: a list of pictures, or a graph's nodes and edges
        more = self.inputs.map(_several)
        try:
            outputs = outputs_of(self.model, more)
        except Exception:  # noqa: BLE001  # whatever the model says to another batch, it takes none
            return None
        return more if any(tensor.dim() and len(tensor) == MORE for tensor in outputs) else None

    def inputs_text(self, *, is_flat: bool) -> str:
        """Inputs like the traced ones as an expression of Python: a list of arguments, or a dict of keywords."""
        if is_flat or not self.inputs.kwargs:
            return f"[{', '.join(_texts(self.inputs.tensors if is_flat else self.inputs.args))}]"
        if self.inputs.args:
            return f"[{', '.join(_texts(self.inputs.args))}], {_text(self.inputs.kwargs)}"
        return _text(self.inputs.kwargs)

    @property
    def call_text(self) -> str:
        """How a model is called with such inputs."""
        if not self.inputs.kwargs:
            return "model(*inputs)"
        return "model(*inputs[0], **inputs[1])" if self.inputs.args else "model(**inputs)"

    @cached_property
    def _captured(self) -> tuple[ExportedProgram, bool]:
        if self.more_inputs is not None:
            program = self._capture(self.more_inputs)
            if _has_free_batch(program):
                return program, True
        return self._capture(self.inputs), False

    def _capture(self, inputs: Inputs) -> ExportedProgram:
        shapes = ShapesCollection()
        for tensor in inputs.tensors:
            if tensor.dim():
                shapes[tensor] = {0: Dim.AUTO}
        try:
            with _quietly(self.model):
                program = torch.export.export(self.model, inputs.args, dict(inputs.kwargs), dynamic_shapes=shapes)
        except Exception as error:
            raise ExportError(
                f"torch.export cannot follow {type(self.model).__name__}: {_told(error)} Export the format 'folder' or "
                "'state_dict', which keep the model's own code."
            ) from error
        _forget_places(program)
        return program


def _told(error: Exception) -> str:
    """What `torch.export` says, the first line of it, after what that means where it is well known."""
    kind, said = type(error).__name__, (str(error).strip().splitlines() or ["no more is said."])[0]
    if kind.startswith("GuardOnDataDependent"):
        return f"its forward chooses its path by numbers that it computes ({kind}: {said})."
    return f"{kind}: {said}"


def _forget_places(program: ExportedProgram) -> None:
    """Takes out of a program where each operation came from: files of this machine, and lines of its owner's code."""
    for graph in program.graph_module.modules():
        if isinstance(graph, fx.GraphModule):
            for node in graph.graph.nodes:
                node.meta.pop("stack_trace", None)


def outputs_of(model: nn.Module, inputs: Inputs) -> list[Tensor]:
    """The tensors that a model returns in eval mode, in order."""
    with _quietly(model):
        return flatten_tensors(model(*inputs.args, **inputs.kwargs))


@contextlib.contextmanager
def _quietly(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients, leaving model and random state as they were."""
    with own_random_state(seed=0), torch.no_grad(), in_eval_mode(model), without_remarks():
        yield


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Keeps back what PyTorch warns, logs and prints while it captures a program: what matters comes as an error."""
    logger = logging.getLogger("torch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _has_free_batch(program: ExportedProgram) -> bool:
    inputs = program.graph_signature.user_inputs
    values = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in inputs]
    return any(not is_concrete_int(size) for value in values if isinstance(value, Tensor) for size in value.shape)


def _several(tensor: Tensor) -> Tensor:
    """The first sample several times, each a little different where samples are no integers."""
    rows = tensor[:1].expand(MORE, *tensor.shape[1:])
    if not tensor.is_floating_point():
        return rows.contiguous()
    scales = 1 - torch.arange(MORE, dtype=tensor.dtype) / (2 * MORE)
    return rows * scales.view(-1, *[1] * (tensor.dim() - 1))


def _texts(items: Any) -> list[str]:
    return [_text(item) for item in items]


def _text(item: Any) -> str:
    """An expression that gives something of the same form."""
    if isinstance(item, Tensor):
        shape = ", ".join(str(size) for size in item.shape) or "()"
        if item.dtype is torch.float32:
            return f"torch.randn({shape})"
        return f"torch.zeros({shape}, dtype={item.dtype})"
    if isinstance(item, Mapping):
        return "{" + ", ".join(f"{key!r}: {_text(value)}" for key, value in item.items()) + "}"
    if isinstance(item, (list, tuple)):
        return f"[{', '.join(_texts(item))}]"
    return repr(item)
