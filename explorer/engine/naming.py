"""Names of groups: stable, unique, and read from the model's own module paths."""

from __future__ import annotations

from collections import Counter

import numpy as np

from explorer.engine.groups import Member


def group_names(groups: list[tuple[str, tuple[Member, ...]]]) -> list[str]:
    """A name for each group.

    Args:
        groups: (kind, members in execution order) of each group.

    Returns:
        The path of the module that produces the channels first, with ``:heads``, ``:head_dim`` or ``:conv_groups`` for
        those kinds; where several groups share that, the parameter's name or the range of indices tells them apart.
    """
    firsts = [members[0] for _, members in groups]
    suffixes = ["" if kind == "channels" else f":{kind}" for kind, _ in groups]
    parameters = [first.parameter for first in firsts]
    names = [(owner(name) or name) + suffix for name, suffix in zip(parameters, suffixes, strict=True)]
    by_parameter = [name + suffix for name, suffix in zip(parameters, suffixes, strict=True)]
    names = _told_apart(names, parameters, by_parameter, keeps_first=True)
    ranges = [_range(first) for first in firsts]
    names = _told_apart(names, ranges, [name + mark for name, mark in zip(names, ranges, strict=True)])
    return _numbered(names)


def owner(state: str) -> str:
    """Path of the module that a parameter or buffer belongs to; a parametrised one belongs to what it parametrises."""
    return state.partition(".parametrizations.")[0] if ".parametrizations." in state else state.rpartition(".")[0]


def _told_apart(names: list[str], marks: list[str], finer: list[str], *, keeps_first: bool = False) -> list[str]:
    """Finer names where equal names have different marks; those with the first mark may keep the plain one."""
    marks_of: dict[str, list[str]] = {}
    for name, mark in zip(names, marks, strict=True):
        marks_of.setdefault(name, []).append(mark)
    chosen = []
    for name, mark, fine in zip(names, marks, finer, strict=True):
        is_plain = len(set(marks_of[name])) == 1 or (keeps_first and mark == marks_of[name][0])
        chosen.append(name if is_plain else fine)
    return chosen


def _range(first: Member) -> str:
    return f"[{int(np.min(first.positions))}:{int(np.max(first.positions)) + 1}]"


def _numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return numbered
