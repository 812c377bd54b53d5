"""Which of these edits breaks the model? Each is done to a copy, which is then run."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.engine.errors import ExplorerError
from explorer.engine.schema import Schema
from explorer.engine.switches import PLAIN_ATTENTION, PLAIN_RECURRENCE
from explorer.engine.trace import call_model
from explorer.lessons.tasks.kind import Answer, Asked, Feedback, Form, Kind, Option, Verdict, names_in

WHOLE = "group"
"""An edit of a whole group, as the engine makes it."""

FIELDS: Schema = {
    "required": ["group", "channel", "edits"],
    "properties": {
        "group": {"type": "string"},
        "channel": {"type": "integer", "minimum": 0},
        "edits": {
            "type": "array",
            "minItems": 2,
            "maxItems": 6,
            "items": {
                "type": "object",
                "required": ["title", "cut"],
                "properties": {
                    "title": {"type": "string"},
                    "cut": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                },
                "additionalProperties": False,
            },
        },
    },
}
"""Each edit cuts one channel of ``group`` out of the (parameter, dim) listed, as in ``conv1.weight 0``; ``group`` alone
cuts it out of all of them and changes what the code has to know, as pruning does."""


@dataclass(frozen=True)
class Outcome:
    """What became of an edit.

    Attributes:
        is_broken: Whether the model no longer runs.
        reason: What it says, or what it gives.
    """

    is_broken: bool
    reason: str


def outcomes(asked: Asked) -> tuple[Outcome, ...]:
    """What becomes of the model with each edit.

    Raises:
        LessonError: An edit names what the group does not have, or all or none of them break it.
    """
    found = tuple(_outcome(asked, number) for number in range(len(asked.field("edits"))))
    if len({outcome.is_broken for outcome in found}) < 2:
        raise asked.error("edits", "all or none of the edits break the model; a task needs both")
    return found


def _outcome(asked: Asked, number: int) -> Outcome:
    try:
        model = _edited(asked, number)
    except ExplorerError as error:
        raise asked.error(f"edits[{number}]", str(error)) from error
    try:
        with torch.no_grad(), PLAIN_ATTENTION, PLAIN_RECURRENCE:  # fused kernels read beyond a tensor that is too small
            given = call_model(model, asked.graph.example_inputs)
    except (RuntimeError, ValueError, IndexError, TypeError, AssertionError) as error:  # what modules say to bad shapes
        return Outcome(True, f"PyTorch says: {_first_line(error)}")
    shape = tuple(given.shape) if isinstance(given, Tensor) else ()
    return Outcome(False, f"it runs and gives {shape}" if shape else "it runs")


def _edited(asked: Asked, number: int) -> nn.Module:
    cut: list[str] = asked.field("edits")[number]["cut"]
    group, channel = asked.group(asked.field("group"), "group"), asked.field("channel")
    if channel >= group.size:
        raise asked.error("channel", f"{group.name} has the channels 0 to {group.size - 1}")
    if cut == [WHOLE]:
        rest = [each for each in range(group.size) if each != channel]
        return asked.graph.plan(keep={group.name: rest}).apply().model
    members = {f"{member.parameter} {member.dim}": member for member in group.members}
    model = deepcopy(asked.graph.model)
    for place, name in enumerate(cut):
        if name not in members:
            where = f"edits[{number}].cut[{place}]"
            raise asked.error(where, f"{group.name} has no {name!r}; it has {', '.join(members)}")
        _cut(model, members[name].parameter, members[name].dim, members[name].indices[channel])
    return model


def _cut(model: nn.Module, name: str, dim: int, indices: tuple[int, ...]) -> None:
    """Takes indices out of one dimension of a parameter or buffer; nothing else is told."""
    path, _, own = name.rpartition(".")
    module = model.get_submodule(path)
    tensor: Tensor = getattr(module, own)
    kept = [index for index in range(tensor.shape[dim]) if index not in indices]
    smaller = tensor.detach().index_select(dim, torch.tensor(kept, device=tensor.device))
    is_parameter = isinstance(tensor, nn.Parameter)
    setattr(module, own, nn.Parameter(smaller, tensor.requires_grad) if is_parameter else smaller)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _titles(asked: Asked) -> Mapping[str, str]:
    edits: list[dict[str, Any]] = asked.field("edits")
    return {str(number): edit["title"] for number, edit in enumerate(edits)}


def _form(asked: Asked) -> Form:
    return Form("several", tuple(Option(name, title) for name, title in _titles(asked).items()))


def _check(asked: Asked, answer: Answer) -> Feedback:
    picked, found, verdicts = names_in(answer), outcomes(asked), []
    for (name, title), outcome in zip(_titles(asked).items(), found, strict=True):
        is_picked = name in picked
        state = "right" if is_picked == outcome.is_broken else "extra" if is_picked else "missing"
        verdicts.append(Verdict(name, title, state, outcome.reason))
    wrong = sum(verdict.state != "right" for verdict in verdicts)
    said = "Right: that is what each of them does." if not wrong else f"{wrong} of {len(found)} are not as you said."
    return Feedback(not wrong, said, tuple(verdicts))


def _solution(asked: Asked) -> Answer:
    return [str(number) for number, outcome in enumerate(outcomes(asked)) if outcome.is_broken]


def _mistake(asked: Asked) -> Answer:
    return [str(number) for number, outcome in enumerate(outcomes(asked)) if not outcome.is_broken]


EDITS = Kind(FIELDS, _form, _check, _solution, _mistake)
