"""The proof that a pruned model is right: shapes, counts, and the zeroing oracle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from explorer.engine.errors import VerifyError
from explorer.engine.oracle import reference, zeroed
from explorer.engine.shapes import PlannedShapes
from explorer.engine.surgery import copy_with
from explorer.engine.trace import ExampleInputs, call_model, mode_of, plain_kernels
from explorer.engine.trees import flatten_tensors, map_tensors, structure

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned

TOLERANCE = 1e-4
"""Largest relative error between pruned and zeroed outputs that counts as equal."""

MARGIN = 10
"""A proof counts only if pruning changed the output by this many tolerances: otherwise it could not have failed."""


@dataclass(frozen=True)
class Verification:
    """What the check of a pruned model found.

    Attributes:
        error: Largest difference between the pruned and the zeroed model's outputs, relative to the largest output.
        difference: Likewise between the zeroed and the unpruned model: how much was at stake.
        dtype: Precision of the comparison; float64 where float32 rounding alone was too coarse.
        has_same_structure: Whether outputs have the original's structure and shapes.
        params: (counted on the result, planned).
        macs: (counted on the result by `FlopCounterMode`, planned).
        failures: What is wrong, in words; empty where all is right.
    """

    error: float
    difference: float
    dtype: torch.dtype
    has_same_structure: bool
    params: tuple[int, int]
    macs: tuple[int, int]
    failures: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that was checked is right."""
        return not self.failures

    @property
    def is_proof(self) -> bool:
        """Whether the comparison could have failed: pruning changed the output far more than the tolerance."""
        return self.difference >= MARGIN * TOLERANCE

    def __str__(self) -> str:
        if not self.ok:
            return "not verified: " + "; ".join(self.failures)
        strength = "" if self.is_proof else ", but the output hardly changed, so this proves little"
        return f"pruned = zeroed, max rel. error {self.error:.1e}{strength}"


def verify(pruned: Pruned) -> Verification:
    """Check a pruned model against its plan and against the zeroed original.

    Args:
        pruned: What `Plan.apply` returned.

    Returns:
        What was found; nothing is raised where the model runs and is wrong, so that it can be shown.

    Raises:
        VerifyError: The model does not run, or the comparison could not be carried out.

    Source:
        PyTorch's `torch.utils.flop_counter` counts the multiply-adds; FLOPs are twice that.
    """
    plan, graph = pruned.plan, pruned.plan.graph
    params = sum(parameter.numel() for parameter in pruned.model.parameters()), plan.cost.after.params
    with torch.random.fork_rng(devices=[]):
        macs, output = _try_counted(pruned.model, graph.example_inputs)
        original = _run(graph.model, graph.example_inputs)
        has_same_structure = structure(output) == structure(original)
        error, difference, dtype = (
            _errors(pruned, output, original) if has_same_structure else (float("inf"), 0.0, torch.float32)
        )
    checks = has_same_structure, params, (macs, plan.cost.after.macs), error
    failures = tuple(_failures(*checks, structure(output), structure(original)))
    return Verification(error, difference, dtype, has_same_structure, params, checks[2], failures)


def _failures(
    has_same_structure: bool, params: tuple[int, int], macs: tuple[int, int], error: float, found: Any, expected: Any
) -> Iterator[str]:
    if not has_same_structure:
        yield f"the output has structure {found}, the original's has {expected}"
        return
    if params[0] != params[1]:
        yield f"the result has {params[0]} parameters, the plan says {params[1]}"
    if macs[0] != macs[1]:
        yield f"the result runs {macs[0]} multiply-adds, the plan says {macs[1]}"
    if not error <= TOLERANCE:
        yield f"pruned and zeroed outputs differ by {error:.1e} of the largest output, more than {TOLERANCE:.0e}"


def _errors(pruned: Pruned, output: Any, original: Any) -> tuple[float, float, torch.dtype]:
    """(error, difference, dtype), in double precision where single does not suffice."""
    graph = pruned.plan.graph
    own = _precision(graph.model)
    first = own if own is torch.float64 else torch.float32
    error, difference = _compare(pruned, first, (output, original) if own is first else None)
    brings_its_own = callable(graph.example_inputs) and not isinstance(graph.example_inputs, Tensor)
    if error <= TOLERANCE or first is torch.float64 or brings_its_own:
        return error, difference, first
    return *_compare(pruned, torch.float64, None), torch.float64


def _compare(pruned: Pruned, dtype: torch.dtype, outputs: tuple[Any, Any] | None) -> tuple[float, float]:
    """(error, difference) in one precision; `outputs` of the pruned and the original model where they are known."""
    plan, graph = pruned.plan, pruned.plan.graph
    inputs = _cast(graph.example_inputs, dtype)
    shapes = PlannedShapes(graph.coupling, 0, plan.alive, {})
    expected = reference(_cast_model(zeroed(graph.model, plan.kept), dtype), inputs, shapes)
    if outputs is None:
        outputs = _run(_cast_model(pruned.model, dtype), inputs), _run(_cast_model(graph.model, dtype), inputs)
    return _relative_error(outputs[0], expected), _relative_error(outputs[1], expected)


def _relative_error(found: Any, expected: Any) -> float:
    """Largest difference over all tensors, each relative to its own largest expected value."""
    pairs = zip(flatten_tensors(found), flatten_tensors(expected), strict=True)
    return max((_relative(_plain(a), _plain(b)) for a, b in pairs if a.numel()), default=0.0)


def _relative(found: Tensor, expected: Tensor) -> float:
    """Largest difference relative to the largest expected value; infinite where only one of two is a number."""
    is_same = (found == expected) | (found.isnan() & expected.isnan())
    difference = (found - expected).abs().masked_fill(is_same, 0).nan_to_num(torch.inf, torch.inf).max()
    largest = expected.abs().masked_fill(~expected.isfinite(), 0).max()
    if not difference:
        return 0.0
    return float(difference / largest) if largest else float("inf")


def _plain(tensor: Tensor) -> Tensor:
    """Real numbers in double precision."""
    return (torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor).double()


def _try_counted(model: nn.Module, example_inputs: ExampleInputs) -> tuple[int, Any]:
    try:
        return _counted_run(model, example_inputs)
    except Exception as error:
        raise VerifyError(
            f"The pruned {type(model).__name__} does not run on the example inputs: {type(error).__name__}: {error}. "
            "It was changed after the plan was applied, or the plan is wrong."
        ) from error


def _counted_run(model: nn.Module, example_inputs: ExampleInputs) -> tuple[int, Any]:
    counter = FlopCounterMode(display=False)
    with counter:
        output = _run(model, example_inputs)
    return counter.get_total_flops() // 2, output


def _precision(model: nn.Module) -> torch.dtype | None:
    """The element type of all parameters and buffers that are not integers; None where there are several."""
    tensors = (*model.parameters(), *model.buffers())
    found = {tensor.dtype for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()}
    return found.pop() if len(found) == 1 else None


def _run(model: nn.Module, example_inputs: ExampleInputs) -> Any:
    torch.manual_seed(0)
    with torch.no_grad(), mode_of(model, is_training=False), plain_kernels():
        return call_model(model, example_inputs)


def _cast(example_inputs: ExampleInputs, dtype: torch.dtype) -> ExampleInputs:
    """Floating-point inputs in the precision of the comparison; a callable brings its own."""
    if callable(example_inputs) and not isinstance(example_inputs, Tensor):
        return example_inputs
    cast: ExampleInputs = map_tensors(example_inputs, lambda t: t.to(dtype) if t.is_floating_point() else t)
    return cast


def _cast_model(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The model itself where it is in that precision already, else a copy that is."""
    floats = [tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point()]
    if all(tensor.dtype is dtype for tensor in floats):
        return model
    return copy_with(model, lambda _, tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor.clone())
