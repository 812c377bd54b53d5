"""One ranking for many groups: how many channels each keeps where they compete for what stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor

import numpy as np
from torch import nn

from explorer.engine.groups import Group
from explorer.engine.importance.criteria import Scores
from explorer.engine.selection import ROUNDING, Options, kept_count

RANKINGS: Mapping[str, str] = {
    "local": "each group loses the same fraction",
    "global": "all groups compete, so that unimportant groups lose more",
    "isomorphic": "groups of like structure compete with one another",
}
"""Who competes when one ratio is given for the whole model.

Source of isomorphic: Fang et al., Isomorphic Pruning for Vision Models, ECCV 2024, section 3.2.
"""


def structure(group: Group, modules: Mapping[str, nn.Module]) -> str:
    """What a group is made of, whatever its sizes: its kind, and the layer types, parameters and dims it touches.

    Args:
        group: The group.
        modules: Modules by path.

    Returns:
        Equal texts for groups of like structure, such as ``channels: Conv2d.weight/0 BatchNorm2d.weight/0 ...``.
    """
    parts = [
        f"{type(modules.get(member.module)).__name__}.{member.parameter.rpartition('.')[2]}/{member.dim}"
        for member in group.members
    ]
    return f"{group.kind}: {' '.join(parts)}"


def leagues(groups: Sequence[Group], ranking: str, modules: Mapping[str, nn.Module]) -> list[list[Group]]:
    """The groups that compete with one another, together.

    Args:
        groups: All groups that may lose channels.
        ranking: ``global`` or ``isomorphic``.
        modules: Modules by path.
    """
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(structure(group, modules) if ranking == "isomorphic" else "", []).append(group)
    return list(found.values())


def competing_counts(
    groups: Sequence[Group], scores: Mapping[str, Scores], ratio: float, options: Options
) -> dict[str, int]:
    """Kept counts when the least important channels of all groups go, a fraction `ratio` of all of them.

    No group loses more than `options.cap` of its channels or falls below `options.minimum`; where that binds, others
    lose more, as far as they can. Of channels that score alike, those go first whose group has lost least.

    Args:
        groups: Groups that compete.
        scores: Their scores, on a common scale.
        ratio: Fraction of all their channels to remove.
        options: Cap, minimum and rounding.

    Returns:
        A count for each group, rounded up to `options.round_to`.
    """
    sizes = np.array([group.size for group in groups], dtype=np.int64)
    limits = [group.size - kept_count(group.size, options.cap, minimum=options.minimum) for group in groups]
    owner = np.repeat(np.arange(len(groups)), limits)
    lowest = [np.sort(scores[group.name])[:limit] for group, limit in zip(groups, limits, strict=True)]
    lost = [np.arange(limit) / group.size for group, limit in zip(groups, limits, strict=True)]
    order = np.lexsort((np.concatenate(lost), np.concatenate(lowest)))
    goal = floor(int(sizes.sum()) * ratio + ROUNDING)
    removed = np.bincount(owner[order[:goal]], minlength=len(groups))
    return {
        group.name: kept_count(group.size, gone / group.size, round_to=options.round_to)
        for group, gone in zip(groups, removed.tolist(), strict=True)
    }
