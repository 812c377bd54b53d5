"""The dependency graph of a model: what people browse, and what plans are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Unpack, cast

import numpy as np
from torch import Tensor, nn, strided

from explorer.engine.batches import Batches
from explorer.engine.cost import Cost, CostModel, StateSize
from explorer.engine.couple import Coupling, Unsupported, couple
from explorer.engine.errors import PlanError
from explorer.engine.explain import Step, explain
from explorer.engine.grouping import Grouping, settle
from explorer.engine.groups import Frozen, Group, Tie
from explorer.engine.importance.criteria import Scores
from explorer.engine.importance.gradients import Gradients, gradients
from explorer.engine.importance.scoring import Scoring, score_groups
from explorer.engine.layers import Dependency, Edge, Layer
from explorer.engine.notebook import graph_html
from explorer.engine.plan import Keep, Plan, Ratios, make_plan
from explorer.engine.program import Program
from explorer.engine.programs import record_all
from explorer.engine.propagation import PropagationStep, propagate
from explorer.engine.schedule import step_ratios
from explorer.engine.selection import Choices, Options, PlanChoices, check_names
from explorer.engine.switches import UNCOLLECTED
from explorer.engine.targets import TOLERANCE, Watch, one_target, plan_to_target
from explorer.engine.trace import ExampleInputs
from explorer.engine.trees import buffers_of, named_modules, named_parameters, parameters_of
from explorer.engine.unreached import Unreached, find_unreached, with_warnings
from explorer.engine.view import View, build_view
from explorer.engine.ways import Way

WeightVersions = tuple[tuple[int, int], ...]
"""Where each parameter lies in memory and how often it was written to."""


@dataclass(frozen=True, eq=False)
class DependencyGraph:
    """Everything that is known about how the parts of a model hang together.

    Attributes:
        model: The traced model, never changed.
        example_inputs: What it was traced on.
        coupling: Which index of which dimension is the same channel.
        grouping: Groups, ties and frozen dimensions.
        source: Canonical name of where the model came from ("sample:resnet20"), empty for a model in memory.
        title: What to call the model on screen.
    """

    model: nn.Module = field(repr=False)
    example_inputs: ExampleInputs = field(repr=False)
    coupling: Coupling = field(repr=False)
    grouping: Grouping = field(repr=False)
    source: str = ""
    title: str = ""
    _scores: dict[Scoring, tuple[WeightVersions, dict[str, Scores]]] = field(default_factory=dict, repr=False)
    _ways: dict[tuple[str, float], tuple[WeightVersions, Way]] = field(default_factory=dict, repr=False)

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups, in execution order of their first parameter."""
        return self.grouping.groups

    @property
    def ties(self) -> tuple[Tie, ...]:
        """Relations between the groups' counts that the model's code assumes."""
        return self.grouping.ties

    @property
    def frozen(self) -> tuple[Frozen, ...]:
        """Parameter dimensions that stay, with the reason."""
        return self.grouping.frozen

    @cached_property
    def not_reached(self) -> tuple[str, ...]:
        """Parameters that no traced forward read; they are never pruned."""
        return tuple(name for name, _ in self.model.named_parameters() if name not in self.coupling.states)

    @cached_property
    def unreached(self) -> tuple[Unreached, ...]:
        """The modules of `not_reached` as wholes, each with the groups that it would read; those say so as well."""
        return find_unreached(self.model, self.coupling.states, self.groups)

    @property
    def traced_on(self) -> tuple[str, ...]:
        """What ran in eval mode, a real run or meta tensors, and why; and in train mode, where that was recorded."""
        modes = ("eval mode", "train mode")
        return tuple(f"{modes[program.is_training]}: {program.traced_on}" for program in self.coupling.programs)

    def unsupported_ops(self) -> tuple[Unsupported, ...]:
        """Ops without a rule; what they touched is frozen."""
        return self.coupling.unsupported

    def group(self, name: str) -> Group:
        """A group by name.

        Raises:
            PlanError: There is none of this name.
        """
        check_names([name], self._by_name)
        return self._by_name[name]

    def way(self, group: str, ratio: float = 0.5) -> Way:
        """Which way pruning one group, and what is tied to it, will need; asked before, so nothing is built or run.

        Args:
            group: Name of the group.
            ratio: Fraction to remove.

        Returns:
            ``live``, ``program`` or ``none``, with the reason in words and the user's line; found once per group and
            ratio, until the weights change.

        Raises:
            PlanError: There is no such group, or the ratio is outside [0, 1).
        """
        versions = _versions(weight for _, weight in named_parameters(self.model))
        known = self._ways.get((group, ratio))
        if known is None or known[0] != versions:
            known = self._ways[group, ratio] = versions, self.plan({group: ratio}).expected_way
        return known[1]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Modules that own parameters, and the ops that join or reshape, in execution order."""
        return self.view.layers

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Data that flows between layers."""
        return self.view.edges

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Ports that are pruned together: the paper's D."""
        return self.view.dependencies

    def layer(self, name: str) -> Layer:
        """A layer by name.

        Raises:
            PlanError: There is none of this name.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise PlanError(f"There is no layer {name!r} in this graph. See graph.layers.")

    def explain(self, group: str, a: tuple[str, int], b: tuple[str, int]) -> tuple[Step, ...]:
        """The shortest chain of ops that couples two members of a group.

        Args:
            group: Name of the group.
            a: (parameter, dim) of one member.
            b: (parameter, dim) of another.

        Returns:
            Steps from a to b, each with op, module path, source line and a sentence.

        Raises:
            PlanError: One of the names is unknown.
        """
        return explain(self.coupling, self.group(group), a, b)

    def propagation(self, port: str) -> tuple[PropagationStep, ...]:
        """What pruning one port reaches, step by step.

        Args:
            port: Name of a port: a layer's name followed by ``-`` or ``+``.

        Returns:
            Steps in breadth-first order, inter-layer or intra-layer, each with a reason.

        Raises:
            PlanError: There is no such port.
        """
        return propagate(self.view, port)

    def plan(  # noqa: PLR0913 - every option is a keyword of its own
        self,
        ratios: Ratios | None = None,
        *,
        keep: Keep | None = None,
        importance: str = "l2",
        round_to: int = 1,
        minimum: int = 1,
        break_ties: bool | Iterable[str] = False,
        data: Batches | Gradients | None = None,
        **choices: Unpack[Choices],
    ) -> Plan:
        """A plan; nothing is changed, and only criteria that need gradients run the model.

        Args:
            ratios: Fraction to remove: one number for every group but kinds heads and conv_groups and those with
                warnings, or by group name.
            keep: Channels to keep by group name; they win over ratios.
            importance: A criterion of `CRITERIA`, such as ``l2``, ``group_norm`` or ``taylor``.
            round_to: Round kept counts up to a multiple of this.
            minimum: Channels that every group keeps at least.
            break_ties: Let the counts of tied groups part where the ratios ask for it: True for all ties, or names of
                groups whose ties need not hold. `Plan.broken_ties` lists those that do not, and `Plan.expected_way`
                says what that costs: where the model's own code relies on a tie, its recorded calls are replayed.
            data: Labelled batches, for the criteria that need gradients (``taylor``, ``hessian``); or what
                `explorer.gradients` measured on them, which several plans can share.
            choices: ``ranking``: local (the default), global or isomorphic; ``cap``: the fraction that no group loses
                more of; ``reduction`` over the coupled slices (mean, sum, max, prod, first); ``normalise`` of each
                group's scores (none, mean, max, standardise; where groups compete, mean unless the criterion is
                relative by itself); ``scope`` (group; producer: no grouping; conv: only convolutions); ``seed`` of
                ``random``.

        Raises:
            PlanError: An unknown name, a ratio outside [0, 1), a plan that would empty a group, ties that cannot hold,
                or a criterion that finds nothing to score in a group or needs data that was not given.
            EvaluationError: The gradients cannot be taken on the data.
        """
        options = self._options(importance, data, choices)
        options = replace(options, round_to=round_to, minimum=minimum, break_ties=_loose(break_ties))
        return make_plan(self, ratios, keep, options)

    def plans(
        self, ratio: float, *, steps: int, schedule: str = "linear", **choices: Unpack[PlanChoices]
    ) -> Iterator[Plan]:
        """Plans that remove more and more, the last of them `ratio`.

        Each is made when it is asked for, from the weights that the model has then. To train between steps, trace what
        each step made and plan `of_what_is_left(step_ratios(...))` of it.

        Args:
            ratio: Fraction to remove in the end.
            steps: Number of plans.
            schedule: ``linear`` or ``geometric``.
            choices: As the keywords of `plan`.

        Raises:
            PlanError: As for `plan`, or an unknown schedule.
        """
        for gone in step_ratios(ratio, steps, schedule):
            yield self.plan(gone, **choices)

    def plan_to(
        self,
        *,
        macs: float | None = None,
        params: float | None = None,
        bytes: float | None = None,
        latency: float | None = None,
        tolerance: float = TOLERANCE,
        watch: Watch = lambda _timings: None,
        **choices: Unpack[PlanChoices],
    ) -> Plan:
        """A plan that leaves a wanted fraction of one cost.

        One ratio for all groups, or one ranking of all channels, is found by bisection on the cost of plans, which
        runs nothing. Only latency is measured: on this machine, on the example inputs, in `plan.timings`.

        Args:
            macs: Fraction of the multiply-adds that remains, 0-1; give one of the four.
            params: Fraction of the parameters that remains.
            bytes: Fraction of the bytes of weights and buffers that remains.
            latency: Fraction of the time of one forward that remains.
            tolerance: How far from it the plan may be, as a fraction of the target.
            watch: Called with what was timed so far, between forwards; what it raises ends the search for a latency.
            choices: As the keywords of `plan`.

        Raises:
            PlanError: No target or several, one outside (0, 1], or out of reach: the message says how close is
                possible and why.
        """
        targets = {"macs": macs, "params": params, "bytes": bytes, "latency": latency}
        target = one_target(targets, tolerance)
        others: dict[str, Any] = {"break_ties": False, **choices}
        others["break_ties"] = _loose(others["break_ties"])
        options = self._options(others.pop("importance", "l2"), others.pop("data", None), cast("Choices", others))
        return plan_to_target(self, target, options, watch)

    def _options(self, importance: str, data: Batches | Gradients | None, choices: Choices) -> Options:
        is_competing = choices.get("ranking", "local") != "local"
        is_relative = Scoring(importance).criterion.relative is not None
        scale = "mean" if is_competing and not is_relative else "none"
        chosen: Choices = {"normalise": scale, **choices}
        return Options(importance, gradients=self._gradients(importance, data), **chosen)

    def _gradients(self, importance: str, data: Batches | Gradients | None) -> Gradients | None:
        needs = Scoring(importance).criterion.needs
        if not needs or data is None or isinstance(data, Gradients):
            return data if needs and isinstance(data, Gradients) else None
        return gradients(self.model, data, fisher=needs == "fisher")

    @cached_property
    def cost(self) -> Cost:
        """What the model costs as it is."""
        return self.cost_model.cost(self.coupling.solution.alive(np.empty(0, dtype=np.int64)))

    @cached_property
    def cost_model(self) -> CostModel:
        """Costs of any plan."""
        modules = named_modules(self.model)
        sizes = [StateSize(name, p.numel(), p.element_size(), True) for name, p in parameters_of(modules)]
        sizes += [StateSize(name, b.numel(), b.element_size(), False) for name, b in buffers_of(modules)]
        return CostModel(self.coupling, sizes)

    @cached_property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter and buffer."""
        modules = named_modules(self.model)
        return {name: tuple(tensor.shape) for name, tensor in (*parameters_of(modules), *buffers_of(modules))}

    @cached_property
    def view(self) -> View:
        """Layers, ports, edges and dependencies."""
        return build_view(self.model, self.coupling, self.grouping, self.cost_model)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that name the architecture: parameter names and shapes, and the ops of the forward."""
        digest = hashlib.sha256()
        for name, shape in self.state_shapes.items():
            digest.update(f"{name}{shape};".encode())
        for program in self.coupling.programs:
            digest.update(",".join(op.name for op in program.ops).encode())
        return digest.hexdigest()[:16]

    def scores(self, options: Options) -> dict[str, Scores]:
        """The importance of every channel of every group, computed once per criterion until the weights change."""
        key = options.scoring
        versions = _versions(weight for _, weight in named_parameters(self.model))
        known = self._scores.get(key)
        if known is None or known[0] != versions:
            for old in [old for old in self._scores if key.gradients and old.gradients not in (None, key.gradients)]:
                del self._scores[old]  # gradients are as large as the model
            known = self._scores[key] = versions, score_groups(self.groups, self.model, key)
        return known[1]

    @cached_property
    def _by_name(self) -> dict[str, Group]:
        return {group.name: group for group in self.groups}

    def _repr_html_(self) -> str:
        return graph_html(self)


def trace(model: nn.Module, example_inputs: ExampleInputs, *, source: str = "", title: str = "") -> DependencyGraph:
    """The dependency graph of a model, from one real run.

    Args:
        model: Any module; it is as before when this returns.
        example_inputs: A tensor, a tuple of positional inputs, a dict of keyword inputs, or a callable that runs the
            model it is given.
        source: Where the model came from, for recipes.
        title: What to call it on screen.

    Returns:
        The graph. A model with branches that only training reaches (auxiliary heads) is traced in both modes.

    Raises:
        TraceError: The model does not run on the example inputs, or returns no tensor.
    """
    with UNCOLLECTED:
        return graph_of(model, example_inputs, record_all(model, example_inputs), source=source, title=title)


def graph_of(
    model: nn.Module, example_inputs: ExampleInputs, programs: list[Program], *, source: str = "", title: str = ""
) -> DependencyGraph:
    """The dependency graph of recorded programs of a model."""
    with UNCOLLECTED:
        coupling, grouping = settle(couple(programs))
    unreached = find_unreached(model, coupling.states, grouping.groups)
    if unreached:
        grouping = replace(grouping, groups=with_warnings(grouping.groups, unreached))
    return DependencyGraph(model, example_inputs, coupling, grouping, source, title or source or type(model).__name__)


def _loose(names: bool | Iterable[str]) -> bool | tuple[str, ...]:
    """Ties that may be broken: all, none, or those of some groups."""
    if isinstance(names, bool):
        return names
    return (names,) if isinstance(names, str) else tuple(names)


def _versions(weights: Iterable[Tensor]) -> WeightVersions:
    return tuple((_address(weight), 0 if weight.is_inference() else weight._version) for weight in weights)


def _address(weight: Tensor) -> int:
    return weight.data_ptr() if weight.layout is strided else id(weight)
