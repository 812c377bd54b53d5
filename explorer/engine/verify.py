"""The proof that a pruned model is right: shapes, counts, and the zeroing oracle."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from explorer.engine.apply import carried_out, plan_replay
from explorer.engine.decisions import ReplayedDecisions, depends_on_data
from explorer.engine.errors import VerifyError
from explorer.engine.oracle import reference, zeroed
from explorer.engine.precision import RaisedPrecision
from explorer.engine.provenance import Origin
from explorer.engine.randomness import own_random_state
from explorer.engine.requirements import requirements, restated
from explorer.engine.shapes import PlannedShapes
from explorer.engine.surgery import IntegerAttributes, copy_with
from explorer.engine.trace import ExampleInputs, brings_its_own, call_model, in_eval_mode, plain_kernels
from explorer.engine.trees import flatten_tensors, map_tensors, structure

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned

TOLERANCE = 1e-4
"""Largest relative error between pruned and zeroed outputs that counts as equal."""

_SILENT = 1e-3
"""A parameter that is nowhere larger hides whatever it multiplies."""

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
        is_awakened: Whether the comparison was made with noise in place of parameters that are next to zero, since they
            hide what pruning does (a head that starts at zero, a LayerScale of 1e-6).
        has_replayed: Whether the models ran with the decisions of the traced run, since a forward that acts upon its
            own numbers (a detector's choice of boxes) can only be compared so.
    """

    error: float
    difference: float
    dtype: torch.dtype
    has_same_structure: bool
    params: tuple[int, int]
    macs: tuple[int, int]
    failures: tuple[str, ...]
    is_awakened: bool = False
    has_replayed: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything that was checked is right."""
        return not self.failures

    @property
    def is_proof(self) -> bool:
        """Whether the comparison could have failed: pruning changed the output far more than the tolerance."""
        return _is_telling(self.difference)

    def __str__(self) -> str:
        if not self.ok:
            return "not verified: " + "; ".join(self.failures)
        strength = "" if self.is_proof else ", but the output hardly changed, so this proves little"
        noise = ", with noise for parameters next to zero" if self.is_awakened else ""
        decisions = ", with the decisions of the traced run" if self.has_replayed else ""
        return f"pruned = zeroed, max rel. error {self.error:.1e}{strength}{noise}{decisions}"


def verify(pruned: Pruned) -> Verification:
    """Check a pruned model against its plan and against the zeroed original.

    Args:
        pruned: What `Plan.apply` returned.

    Returns:
        What was found; nothing is raised where the model runs and is wrong, so that it can be shown.

    Raises:
        VerifyError: The model does not run or has no values, or the comparison could not be carried out.

    Source:
        PyTorch's `torch.utils.flop_counter` counts the multiply-adds; FLOPs are twice that.
    """
    _check_has_values(pruned.plan.graph.model)
    plan = pruned.plan
    params = sum(parameter.numel() for parameter in pruned.model.parameters()), plan.cost.after.params
    runs = _Runs(pruned, plan.graph.model, pruned.model)
    is_awakened = False
    macs, output = _try_counted(runs)
    original = runs.original(runs.precision)
    structures = structure(output[0]), structure(original[0])
    found = _errors(runs, output, original) if structures[0] == structures[1] else (math.inf, 0.0, torch.float32)
    if found[0] <= TOLERANCE and not _is_telling(found[1]) and not plan.is_identity:
        awake = _awake_errors(pruned)
        is_awakened = _is_telling(awake[1])
        found = awake if is_awakened or awake[0] > TOLERANCE else found
    error, difference, dtype = found
    checks = structures[0] == structures[1], params, (macs, plan.cost.after.macs), error
    failures = tuple(_failures(*checks, *structures))
    return Verification(error, difference, dtype, *checks[:3], failures, is_awakened, runs.has_replayed)


def _is_telling(difference: float) -> bool:
    return difference >= MARGIN * TOLERANCE


def _awake_errors(pruned: Pruned) -> tuple[float, float, torch.dtype]:
    """(error, difference, dtype) of the same plan on a model whose silent parameters speak."""
    model = awakened(pruned.plan.graph.model)
    runs = _Runs(pruned, model, carried_out(pruned, model))
    return _errors(runs, runs.pruned(runs.precision), runs.original(runs.precision))


def awakened(model: nn.Module) -> nn.Module:
    """A copy of a model with noise in place of every parameter that is next to zero as a whole."""
    generator = torch.Generator().manual_seed(0)
    names = {name for name, _ in model.named_parameters()}

    def wake(name: str, tensor: Tensor) -> Tensor:
        is_real = name in names and tensor.is_floating_point() and tensor.layout is torch.strided
        if not is_real or not tensor.numel() or tensor.abs().max() > _SILENT:
            return tensor.clone()
        return torch.empty(tensor.shape).normal_(0, 0.1, generator=generator).to(tensor)

    return copy_with(model, wake)


def _check_has_values(model: nn.Module) -> None:
    meta = [name for name, state in (*model.named_parameters(), *model.named_buffers()) if state.is_meta]
    if meta:
        raise VerifyError(
            f"{meta[0]} is on the meta device and has no values, so there are no outputs to compare. Give the model "
            "weights on another device, and trace and prune that."
        )


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


class _Runs:
    """The three models that a proof compares, run on the example inputs in any precision.

    A model whose shapes follow from the numbers it runs on (a detector) runs with the decisions that were recorded, and
    what it decided upon is compared along with its outputs.
    """

    def __init__(self, pruned: Pruned, original: nn.Module, smaller: nn.Module) -> None:
        self._pruned = pruned
        self._graph = pruned.plan.graph
        self._original, self._smaller = original, smaller
        originals = IntegerAttributes(original)
        self._shapes = PlannedShapes(self._graph.coupling, 0, pruned.plan.alive, originals)
        self.has_replayed = depends_on_data(self._shapes.program)
        self.name = type(smaller).__name__
        self.precision = _precision(original)

    @property
    def brings_its_own_inputs(self) -> bool:
        """Whether the example inputs are a callable, whose precision cannot be changed."""
        return brings_its_own(self._graph.example_inputs)

    def pruned(self, dtype: torch.dtype | None) -> Any:
        """What the pruned model returns."""
        return self._run(self._smaller, dtype, is_pruned=True)

    def original(self, dtype: torch.dtype | None) -> Any:
        """What the unpruned model returns."""
        return self._run(self._original, dtype, is_pruned=False)

    def zeroed(self, dtype: torch.dtype | None) -> Any:
        """What the original with zeros for removed channels returns."""
        model = _cast_model(zeroed(self._original, self._pruned.plan.kept), dtype)
        inputs = _cast(self._graph.example_inputs, dtype)
        with self._setting(dtype, is_pruned=False) as grounds:
            return reference(model, inputs, self._shapes, _numbers(self._pruned)), grounds

    def _run(self, model: nn.Module, dtype: torch.dtype | None, *, is_pruned: bool) -> Any:
        model, inputs = _cast_model(model, dtype), _cast(self._graph.example_inputs, dtype)
        with (
            own_random_state(seed=0),
            torch.no_grad(),
            in_eval_mode(model, self._shapes.program.written_parameters),
            plain_kernels(),
            self._setting(dtype, is_pruned=is_pruned) as grounds,
        ):
            return call_model(model, inputs), grounds

    @contextlib.contextmanager
    def _setting(self, dtype: torch.dtype | None, *, is_pruned: bool) -> Iterator[list[Tensor]]:
        """The modes of a run; gives what decisions were made from."""
        with contextlib.ExitStack() as stack:
            if dtype is not None and dtype is not self.precision:
                stack.enter_context(RaisedPrecision(dtype))
            if not self.has_replayed:
                yield []
            else:
                yield stack.enter_context(ReplayedDecisions(self._shapes, is_pruned=is_pruned)).grounds


def _numbers(pruned: Pruned) -> Mapping[Origin, int]:
    """What a plan makes of attributes, or of expressions in the replayed code."""
    if pruned.way == "live":
        return dict(entry for change in pruned.surgery.attributes for entry in change.entries())
    _, shapes = plan_replay(pruned.plan)
    return restated(requirements(shapes), shapes)


def _errors(runs: _Runs, output: Any, original: Any) -> tuple[float, float, torch.dtype]:
    """(error, difference, dtype), in double precision where single does not suffice."""
    own = runs.precision
    first = own if own is torch.float64 else torch.float32
    outputs = (output, original) if own is first else (runs.pruned(first), runs.original(first))
    error, difference = _compare(outputs, runs.zeroed(first))
    if error <= TOLERANCE or first is torch.float64 or runs.brings_its_own_inputs:
        return error, difference, first
    del outputs
    double = torch.float64
    return *_compare((runs.pruned(double), runs.original(double)), runs.zeroed(double)), double


def _compare(outputs: tuple[Any, Any], expected: Any) -> tuple[float, float]:
    """(error, difference) of the pruned and the original model's outputs."""
    return relative_error(outputs[0], expected), relative_error(outputs[1], expected)


def relative_error(found: Any, expected: Any) -> float:
    """Largest difference over all tensors of nested containers, each relative to its own largest expected value."""
    pairs = zip(flatten_tensors(found), flatten_tensors(expected), strict=True)
    return max((_relative(_plain(a), _plain(b)) for a, b in pairs if a.numel()), default=0.0)


def _relative(found: Tensor, expected: Tensor) -> float:
    """Largest difference relative to the largest expected value; infinite where only one of two is a number."""
    is_same = (found == expected) | (found.isnan() & expected.isnan())
    difference = (found - expected).abs().masked_fill(is_same, 0).nan_to_num(torch.inf, torch.inf).max()
    largest = expected.abs().masked_fill(~expected.isfinite(), 0).max()
    if not difference:
        return 0.0
    return float(difference / largest) if largest else math.inf


def _plain(tensor: Tensor) -> Tensor:
    """Real numbers in double precision."""
    real = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
    return real.detach().double()


class _NoModules:
    """Counts for the whole model alone: those for each module hook into gradients, which not every forward allows."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _try_counted(runs: _Runs) -> tuple[int, Any]:
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _NoModules()  # type: ignore[assignment]
    try:
        with counter:
            output = runs.pruned(runs.precision)
    except VerifyError:
        raise
    except Exception as error:
        raise VerifyError(
            f"The pruned {runs.name} does not run on the example inputs: {type(error).__name__}: {error}. "
            "It was changed after the plan was applied, or the plan is wrong."
        ) from error
    return counter.get_total_flops() // 2, output


def _precision(model: nn.Module) -> torch.dtype | None:
    """The element type of all parameters and buffers that are not integers; None where there are several."""
    tensors = (*model.parameters(), *model.buffers())
    found = {tensor.dtype for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()}
    return found.pop() if len(found) == 1 else None


def _cast(example_inputs: ExampleInputs, dtype: torch.dtype | None) -> ExampleInputs:
    """Floating-point inputs in the precision of the comparison; a callable brings its own."""
    if dtype is None or brings_its_own(example_inputs):
        return example_inputs
    cast: ExampleInputs = map_tensors(example_inputs, lambda t: t.to(dtype) if t.is_floating_point() else t)
    return cast


def _cast_model(model: nn.Module, dtype: torch.dtype | None) -> nn.Module:
    """The model itself where it is in that precision already, else a copy that is."""
    floats = [tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point()]
    if dtype is None or all(tensor.dtype is dtype for tensor in floats):
        return model
    return copy_with(model, lambda _, tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor.clone())
