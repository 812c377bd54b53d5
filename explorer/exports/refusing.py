"""What is known against a format before anything is made: why it cannot hold what a plan makes of a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from torch.utils import _pytree as pytree

from explorer.engine.decisions import depends_on_data
from explorer.engine.errors import ApplyError, ExportError
from explorer.engine.program import Ref, refs
from explorer.engine.save import is_by_name
from explorer.engine.trace import brings_its_own
from explorer.exports.checking import check_handed
from explorer.exports.subject import Subject

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.plan import Plan
    from explorer.engine.ways import Way
    from explorer.exports.format import Format


def known_refusal(form: Format, plan: Plan, way: Way) -> str:
    """Why a format cannot hold what a plan makes, as far as that is known before anything is made; else empty.

    Args:
        form: The format.
        plan: The plan; nothing is applied.
        way: How it is carried out.
    """
    if form.lacks:
        return form.lacks
    return _of_arguments(form, plan.graph) or _of_results(form, plan) or form.refusal(plan, way)


def plan_refusal(plan: Plan) -> str:
    """Why what a plan makes cannot be exported at all, as far as that is known before it is applied; else empty."""
    if plan.expected_way.way == "none":
        return plan.expected_way.reason
    if any(state.is_meta for state in (*plan.graph.model.parameters(), *plan.graph.model.buffers())):
        return "The model is on the meta device and has no values to export. Give it weights."
    return ""


def _of_arguments(form: Format, graph: DependencyGraph) -> str:
    """Whether the process that checks the format can be given what the model was traced on."""
    given = graph.example_inputs
    if brings_its_own(given) or (form.needs_explorer and not is_by_name(graph.source)):
        return ""  # seen once it is called, or loaded in this process
    try:
        check_handed(given)
    except ExportError as error:
        return str(error)
    return ""


def _of_results(form: Format, plan: Plan) -> str:
    strange = next((kind for kind in containers(plan) if not _is_registered(kind)), None)
    if not form.is_captured or strange is None:
        return ""
    return (
        f"The model returns a {strange.__name__}, which torch.export does not know. Let the model return tensors, "
        "tuples, lists or dicts; or choose folder or state_dict, which keep the model's own code."
    )


def containers(plan: Plan) -> Iterator[type]:
    """Types of everything that holds tensors in what the model returns, outermost first."""
    return _containers(plan.graph.coupling.programs[0].output_tree)


def _containers(tree: Any) -> Iterator[type]:
    if isinstance(tree, Ref) or not refs(tree):
        return
    yield type(tree)
    if isinstance(tree, Mapping):
        inner = list(tree.values())
    elif dataclasses.is_dataclass(tree):
        inner = [getattr(tree, entry.name) for entry in dataclasses.fields(tree)]
    else:
        inner = list(tree)
    for item in inner:
        yield from _containers(item)


def _is_registered(kind: type) -> bool:
    return kind in pytree.SUPPORTED_NODES or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def is_doubtful(graph: DependencyGraph, way: Way) -> bool:
    """Whether only trying tells if `torch.export` can follow a model.

    It follows the named ones, as long as what they compute does not depend on numbers, and calls that are replayed.
    """
    if way.way != "live":
        return False
    return not is_by_name(graph.source) or any(depends_on_data(program) for program in graph.coupling.programs)


def capture_refusal(graph: DependencyGraph) -> str:
    """Why `torch.export` cannot follow a model, found out by trying it on a copy; empty where it can.

    What it can follow, it can follow when it is pruned, and the other way round: the same code runs.

    Args:
        graph: Of the model, which is untouched.
    """
    try:
        _ = Subject(graph.plan().apply()).program
    except (ApplyError, ExportError) as error:
        return str(error)
    return ""
