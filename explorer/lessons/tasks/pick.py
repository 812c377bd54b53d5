"""Pick all that something is true of: each option is right or not, and the engine says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Member, Tie
from explorer.engine.layers import SIGNS, Layer, Port
from explorer.engine.schema import Schema
from explorer.lessons.lesson import Task
from explorer.lessons.tasks.kind import (
    COLOURS,
    COUPLING,
    INSPECTOR,
    LOCKS,
    SLIDERS,
    Answer,
    Asked,
    Feedback,
    Form,
    Kind,
    Option,
    Verdict,
    names_in,
    sized,
    spoken,
)


@dataclass(frozen=True)
class Candidate:
    """An option with the truth about it.

    Attributes:
        option: The option.
        is_right: Whether it is to be picked.
        reason: Why, or why not.
    """

    option: Option
    is_right: bool
    reason: str


@dataclass(frozen=True)
class Finder:
    """What can be asked of each option.

    Attributes:
        needs: Fields that a lesson has to give.
        find: The options, with the truth about them.
        hides: As `Kind.hides`.
    """

    needs: tuple[str, ...]
    find: Callable[[Asked], tuple[Candidate, ...]]
    hides: tuple[str, ...] = COUPLING


def _loses_with(asked: Asked) -> tuple[Candidate, ...]:
    """The layers that lose a channel when the port named by ``port`` does."""
    start = asked.port(asked.field("port"), "port")
    reached = dict[str, str]()
    for step in asked.graph.propagation(start.name):
        said = f"{spoken(step.source)} → {spoken(step.target)}: {step.reason}"
        reached.setdefault(step.target[:-1], _with_signs(said, asked.graph, (step.source[:-1], step.target[:-1])))
    others = [layer for layer in asked.layers() if layer.name != start.layer]
    return tuple(
        Candidate(_of_layer(layer), layer.name in reached, reached.get(layer.name) or _not_reached(layer, start))
        for layer in others
    )


def _not_reached(layer: Layer, start: Port) -> str:
    if not layer.inputs.groups and not layer.outputs.groups:
        return f"nothing of it can go: {layer.outputs.frozen or layer.inputs.frozen}"
    return f"{_whose(layer)}; no step leads there from {spoken(start.name)}"


def _whose(layer: Layer) -> str:
    """Which groups the two sides of a layer belong to, in words; empty where nothing of it can be pruned."""
    reads, makes = layer.inputs.groups, layer.outputs.groups
    if reads == makes:
        return f"its channels belong to {' and '.join(reads)}" if reads else ""
    sides = (("reads", reads), ("makes", makes))
    return " and ".join(f"what it {verb} belongs to {' and '.join(groups)}" for verb, groups in sides if groups)


def _with_signs(text: str, graph: DependencyGraph, names: Iterable[str]) -> str:
    """A text in which the ops among the names are followed by the sign that stands on them in the graph."""
    for name in dict.fromkeys(names):
        if sign := SIGNS.get(graph.layer(name).type_name):
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", f"{name} ({sign})", text)
    return text


def _depends_on(asked: Asked) -> tuple[Candidate, ...]:
    """The ports that depend on ``port`` directly: its row of the dependency matrix D."""
    start = asked.port(asked.field("port"), "port")
    direct = dict[str, str]()
    for dependency in asked.graph.dependencies:
        if start.name in (dependency.a, dependency.b):
            other = dependency.b if dependency.a == start.name else dependency.a
            direct[other] = f"{dependency.kind}-layer: {dependency.reason}"
    ports = [port for layer in asked.layers() for port in (layer.inputs, layer.outputs) if port.name != start.name]
    return tuple(
        Candidate(
            Option(port.name, spoken(port.name), _size(port), port.layer),
            port.name in direct,
            direct.get(
                port.name, f"D has no entry for it and {spoken(start.name)}: no single step leads from one to the other"
            ),
        )
        for port in ports
    )


def _carries(asked: Asked) -> tuple[Candidate, ...]:
    """The layers that a group touches."""
    group = asked.group(asked.field("group"), "group")
    members = {member.module: member for member in reversed(group.members)}
    return tuple(
        Candidate(
            _of_layer(layer),
            layer.name in members,
            _of_group(layer, members[layer.name]) if layer.name in members else _of_others(layer),
        )
        for layer in asked.layers()
    )


def _of_group(layer: Layer, member: Member) -> str:
    """What of a layer a group holds: rows and columns of a matrix or of filters, numbers of anything else."""
    shape = dict(layer.parameters).get(member.parameter, ())
    parts = ("rows", "columns")[member.dim] if len(shape) > 1 and member.dim < 2 else "numbers"
    return f"the {parts} of its {member.parameter.rpartition('.')[2]} (dim {member.dim}) are in the group"


def _of_others(layer: Layer) -> str:
    return _whose(layer) or "nothing of it is in any group"


def _frozen(asked: Asked) -> tuple[Candidate, ...]:
    """The ports of which nothing can be pruned."""
    ports = [port for layer in asked.layers() for port in (layer.inputs, layer.outputs)]
    return tuple(
        Candidate(
            Option(port.name, spoken(port.name), _size(port), port.layer),
            not port.groups,
            f"its channels belong to {' and '.join(port.groups)}"
            if port.groups
            else port.frozen or "nothing here can be pruned",
        )
        for port in ports
    )


def _tied_to(asked: Asked) -> tuple[Candidate, ...]:
    """The groups whose counts are tied to that of ``group``."""
    group = asked.group(asked.field("group"), "group")
    reasons = {name: _why_tied(tie) for tie in asked.graph.ties if group.name in tie.groups for name in tie.groups}
    return tuple(
        Candidate(
            Option(other.name, other.name, sized(other)),
            other.name in reasons,
            reasons.get(other.name, f"no line of the code relates its count to that of {group.name}"),
        )
        for other in asked.groups()
        if other.name != group.name
    )


def _why_tied(tie: Tie) -> str:
    """The reason of a tie, with the file's folder left out, as everywhere on the screen."""
    file = tie.source.file if tie.source else ""
    return tie.reason.replace(file, Path(file).name) if file else tie.reason


FINDERS: Mapping[str, Finder] = {
    "loses_with": Finder(("port",), _loses_with),
    "depends_on": Finder(("port",), _depends_on),
    "carries": Finder(("group",), _carries),
    "frozen": Finder((), _frozen, (INSPECTOR, COLOURS, LOCKS)),
    "tied_to": Finder(("group",), _tied_to, (INSPECTOR, SLIDERS)),
}
"""What can be asked, by the word that lessons use."""

FIELDS: Schema = {
    "required": ["find"],
    "properties": {
        "find": {"enum": list(FINDERS)},
        "port": {"type": "string"},
        "group": {"type": "string"},
        "among": {"type": "array", "items": {"type": "string"}},
    },
}
"""``among`` names layers, or modules whose layers are meant; for groups, groups or modules. All without it."""


def candidates(asked: Asked) -> tuple[Candidate, ...]:
    """The options of a task, with the truth about them.

    Raises:
        LessonError: The task names what the model does not have, or all or none of its options are right.
    """
    finder = FINDERS[asked.field("find")]
    for name in finder.needs:
        if asked.field(name) is None:
            raise asked.error(name, f"to find {asked.field('find')!r}, say which {name}")
    found = finder.find(asked)
    if len({candidate.is_right for candidate in found}) < 2:
        raise asked.error("among", "all or none of the options are right; a task needs both, so allow other layers")
    return found


def _form(asked: Asked) -> Form:
    return Form("several", tuple(candidate.option for candidate in candidates(asked)))


def _check(asked: Asked, answer: Answer) -> Feedback:
    picked = names_in(answer)
    found = candidates(asked)
    verdicts = [
        Verdict(each.option.name, each.option.title, state, each.reason, each.option.layer)
        for each in found
        if (state := _state(each.is_right, each.option.name in picked))
    ]
    wrong = {state: sum(verdict.state == state for verdict in verdicts) for state in ("missing", "extra")}
    right = len(verdicts) - sum(wrong.values())
    total = sum(each.is_right for each in found)
    return Feedback(not any(wrong.values()), _said(right, total, wrong), tuple(verdicts))


def _state(is_right: bool, is_picked: bool) -> str:
    """What is said of an option; nothing of one that was rightly left alone."""
    if is_picked:
        return "right" if is_right else "extra"
    return "missing" if is_right else ""


def _said(right: int, total: int, wrong: Mapping[str, int]) -> str:
    if not any(wrong.values()):
        return f"All {total} found." if total > 1 else "Found."
    parts = [f"{count} {state}" for state, count in wrong.items() if count]
    return f"{right} of {total} found, {' and '.join(parts)}."


def _solution(asked: Asked) -> Answer:
    return [each.option.name for each in candidates(asked) if each.is_right]


def _mistake(asked: Asked) -> Answer:
    """All right ones but the first, and the first wrong one."""
    found = candidates(asked)
    return [*_solution(asked)[1:], next(each.option.name for each in found if not each.is_right)]


def _of_layer(layer: Layer) -> Option:
    return Option(layer.name, layer.name, layer.type_name, layer.name)


def _size(port: Port) -> str:
    return f"{port.size} {'channels' if port.size != 1 else 'channel'}" if port.size else ""


def _hides(task: Task) -> tuple[str, ...]:
    return FINDERS[task.fields["find"]].hides


PICK = Kind(FIELDS, _form, _check, _solution, _mistake, _hides)
