"""From a plan to a new, smaller model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from explorer.engine.attributes import grouped_convolutions, sizes_of_inputs, standard_attributes
from explorer.engine.errors import ApplyError
from explorer.engine.explicit import with_positions
from explorer.engine.provenance import Attribute
from explorer.engine.randomness import own_random_state
from explorer.engine.recipe import Recipe, recipe_of
from explorer.engine.renumber import renumbered
from explorer.engine.repair import find_repairs
from explorer.engine.replay import ReplayedModel
from explorer.engine.shadow import on_shadow, shadow_inputs, shadowed
from explorer.engine.shapes import PlannedShapes
from explorer.engine.surgery import AttentionChange, AttributeChange, IntegerAttributes, Surgery, perform
from explorer.engine.trace import ExampleInputs, brings_its_own, call_model, in_eval_mode
from explorer.engine.trees import map_tensors, named_modules, structure

if TYPE_CHECKING:
    from explorer.engine.plan import Plan
    from explorer.engine.verify import Verification


@dataclass(frozen=True, eq=False)
class Pruned:
    """A pruned model and how it was made.

    Attributes:
        model: The new module; the classes of the original run their own code.
        way: ``live``: the original classes; ``program``: the recorded calls replayed.
        surgery: What was changed, as plain data.
        plan: The plan.
        reason: Why the original classes cannot run the plan; empty where they do.
    """

    model: nn.Module = field(repr=False)
    way: str
    surgery: Surgery = field(repr=False)
    plan: Plan = field(repr=False)
    reason: str = ""

    @property
    def repairs(self) -> tuple[AttributeChange, ...]:
        """Attributes that were found in the user's code and set, with the reason."""
        return tuple(change for change in self.surgery.attributes if not change.is_standard)

    @property
    def recipe(self) -> Recipe:
        """What was done, as plain data that JSON can hold; see `explorer.apply_recipe` and `explorer.expand`."""
        return recipe_of(self.plan, self.surgery, self.way)

    def verify(self) -> Verification:
        """Check the model against the plan and against the zeroed original."""
        from explorer.engine.verify import verify  # verify builds on apply

        return verify(self)


def apply_plan(plan: Plan) -> Pruned:
    """A new, smaller model.

    Args:
        plan: Any plan; the model of its graph is untouched.

    Returns:
        The pruned model in the mode (train or eval) of the original; it has run once on the example inputs.

    Raises:
        ApplyError: Neither the model's own code nor the recorded calls can express the plan.
    """
    try:
        surgery = plan_surgery(plan)
        model = perform(plan.graph.model, surgery)
        _try(model, plan)
    except ApplyError as refusal:
        return _replayed(plan, refusal)
    return Pruned(model, "live", surgery, plan)


def _replayed(plan: Plan, refusal: ApplyError) -> Pruned:
    """The program way, for plans that the model's own code refuses."""
    try:
        surgery, shapes = plan_replay(plan)
        replayed = ReplayedModel(perform(plan.graph.model, surgery), shapes)
        _try(replayed, plan)
        replayed.takes_other_sizes = _takes_another_batch(replayed, plan)
    except ApplyError as error:
        raise refused(plan, refusal, error) from refusal
    return Pruned(replayed, "program", surgery, plan, explained(plan, refusal))


def explained(plan: Plan, refusal: ApplyError) -> str:
    """Why the model's own code cannot run a plan, after the ties that the plan breaks."""
    broken = [f"The plan breaks a tie of {', '.join(tie.groups)}: {tie.reason}." for tie in plan.broken_ties]
    return " ".join([*broken, str(refusal)])


def refused(plan: Plan, refusal: ApplyError, error: ApplyError) -> ApplyError:
    """What is wrong with a plan that neither the model's own code nor a replay can express."""
    reason = f"{explained(plan, refusal)} Replaying the recorded calls does not help: {error}"
    return ApplyError(reason, refusal.source)


def plan_replay(plan: Plan) -> tuple[Surgery, PlannedShapes]:
    """What a plan changes where the recorded calls are replayed, and the shapes that they have then.

    Raises:
        ApplyError: The example inputs, or numbers in the code, stand in the way.
    """
    if brings_its_own(plan.graph.example_inputs):
        raise ApplyError(
            "The example inputs are a callable, so it is not known which tensors it hands to the model. Pass the "
            "tensors themselves as example inputs."
        )
    shapes = PlannedShapes(plan.graph.coupling, 0, plan.alive, IntegerAttributes(plan.graph.model))
    shapes = with_positions(shapes)
    return Surgery(plan.kept, index_buffers=renumbered([shapes])), shapes


def carried_out(pruned: Pruned, model: nn.Module) -> nn.Module:
    """What a plan makes of another model of the same architecture, in the same way.

    Args:
        pruned: The plan, carried out on the graph's own model.
        model: A model of that architecture, with any weights; it is untouched.
    """
    plan = pruned.plan
    made = perform(model, pruned.surgery)
    if pruned.way == "live":
        return made
    return ReplayedModel(made, plan_replay(plan)[1])


def plan_surgery(plan: Plan) -> Surgery:
    """What a plan changes, as plain data.

    Raises:
        ApplyError: Some size in the user's code cannot follow.
    """
    model, coupling = plan.graph.model, plan.graph.coupling
    originals = IntegerAttributes(model)
    shapes = [PlannedShapes(coupling, number, plan.alive, originals) for number in range(len(coupling.programs))]
    standard = [*standard_attributes(model, plan.shape), *(c for each in shapes for c in sizes_of_inputs(model, each))]
    found = _repairs(shapes, {key: value for change in standard for key, value in change.entries()})
    standard += grouped_convolutions(
        model, plan.shape, lambda path, groups: found.get(Attribute(path, "groups"), (groups, ""))[0]
    )
    changes = (*standard, *_merged(model, found))
    distinct = {(c.module, c.name): c for c in changes if c.before != c.after}
    buffers = renumbered(shapes, dict(entry for change in distinct.values() for entry in change.entries()))
    return Surgery(plan.kept, tuple(distinct.values()), tuple(_attention_changes(plan)), buffers)


def _repairs(every: list[PlannedShapes], known: dict[Attribute, int]) -> dict[Attribute, tuple[int, str]]:
    """Attributes beyond the standard ones, with the reason for each."""
    found: dict[Attribute, tuple[int, str]] = {}
    for shapes in every:
        settled = known | {attribute: value for attribute, (value, _) in found.items()}
        for attribute, (value, call) in find_repairs(shapes, settled).items():
            found[attribute] = value, f"{call.function} at {call.source}"
    return {attribute: entry for attribute, entry in found.items() if entry[0] != every[0].attribute(attribute)}


def _merged(model: nn.Module, found: dict[Attribute, tuple[int, str]]) -> Iterator[AttributeChange]:
    """One change for each attribute; entries of one tuple together."""
    by_name: dict[tuple[str, str], list[Attribute]] = {}
    for attribute in found:
        by_name.setdefault((attribute.module, attribute.name), []).append(attribute)
    for (path, name), entries in by_name.items():
        module = model.get_submodule(path)
        before = _plain(getattr(module, name))
        reason = found[entries[0]][1]
        is_standard = type(module).__module__.startswith("torch.nn.")
        after: int | tuple[int, ...]
        if isinstance(before, int):
            after = found[entries[0]][0]
        else:
            changed = {entry.position: found[entry][0] for entry in entries}
            after = tuple(changed.get(place, number) for place, number in enumerate(before))
        yield AttributeChange(path, name, before, after, reason, is_standard)


def _plain(value: Any) -> int | tuple[int, ...]:
    return value if isinstance(value, int) else tuple(value)


def _attention_changes(plan: Plan) -> Iterator[AttentionChange]:
    """Every `nn.MultiheadAttention` that loses something; a subclass with a forward of its own is left to `repair`."""
    shapes = plan.graph.state_shapes
    for path, module in named_modules(plan.graph.model):
        if isinstance(module, nn.MultiheadAttention) and type(module).forward is nn.MultiheadAttention.forward:
            prefix = f"{path}." if path else ""
            names = [name for name in shapes if name.startswith(prefix)]
            if any(plan.shape(name) != shapes[name] for name in names):
                heads = _kept_heads(plan, f"{prefix}out_proj.weight", module)
                yield AttentionChange(path, heads, float(module.head_dim) ** -0.5)


def _kept_heads(plan: Plan, name: str, module: nn.MultiheadAttention) -> int:
    """Heads that keep something, each equally many."""
    if (name, 1) not in plan.kept:
        return int(module.num_heads)
    heads = np.array(plan.kept[name, 1]) // module.head_dim
    _, counts = np.unique(heads, return_counts=True)
    if len(set(counts.tolist())) > 1:
        raise ApplyError(
            f"The plan keeps {counts.tolist()} indices in the heads of {name.removesuffix('.out_proj.weight')}. "
            "Attention needs as many in every head: prune head_dim, not single indices of one head."
        )
    return len(counts)


def _try(model: nn.Module, plan: Plan) -> None:
    """Run the new model once, so that nobody is handed one that cannot run."""
    try:
        if not _runs_on_shadow(model, plan):
            _run(model, plan, plan.graph.example_inputs)
    except Exception as error:
        raise ApplyError(
            f"{type(model).__name__} does not run with the planned sizes: {type(error).__name__}: {error}. Some size "
            "in the model's code is not an attribute or a tensor's size that could be followed; leave the group alone."
        ) from error


def _takes_another_batch(replayed: ReplayedModel, plan: Plan) -> bool:
    """Whether a replay gives what the original gives for twice the batch, or the original cannot have that itself.

    A size that the code turned into a plain number (``len(x)``, ``int(x.shape[0])``) is replayed as it was.
    """
    doubled = map_tensors(plan.graph.example_inputs, lambda x: torch.cat([x, x]) if x.dim() else x)
    is_shadow = plan.graph.coupling.programs[0].is_shadow
    try:
        expected = structure(_run(plan.graph.model, plan, doubled, is_shadow=is_shadow))
    except Exception:  # noqa: BLE001  # whatever a model says to inputs that nobody promised
        return True
    try:
        return bool(structure(_run(replayed, plan, doubled, is_shadow=is_shadow)) == expected)
    except Exception:  # noqa: BLE001  # likewise
        return False


def _run(model: nn.Module, plan: Plan, inputs: ExampleInputs, *, is_shadow: bool = False) -> Any:
    """What a model returns in eval mode, which leaves it as it was; on a shadow, tensors without numbers."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(own_random_state())
        stack.enter_context(torch.no_grad())
        if is_shadow:
            stack.enter_context(shadowed(model))
        stack.enter_context(in_eval_mode(model, plan.graph.coupling.programs[0].written_parameters))
        if is_shadow:
            stack.enter_context(on_shadow())
        return call_model(model, shadow_inputs(inputs) if is_shadow else inputs)


def _runs_on_shadow(model: nn.Module, plan: Plan) -> bool:
    """Whether the new model runs without numbers, where the original was recorded so; if not, a real run says why."""
    if not plan.graph.coupling.programs[0].is_shadow:
        return False
    try:
        _run(model, plan, plan.graph.example_inputs, is_shadow=True)
    except Exception:  # noqa: BLE001  # whatever it is, the real run meets it too, or it was the shadow's alone
        return False
    return True
