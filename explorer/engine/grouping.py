"""From classes of atoms to the groups that people see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from explorer.engine.couple import Coupling, State, with_frozen
from explorer.engine.coupler import EqualCount
from explorer.engine.errors import TraceError
from explorer.engine.factors import Factor, distinct
from explorer.engine.groups import Frozen, Group, Member, Tie
from explorer.engine.naming import group_names, owner
from explorer.engine.polynomials import Polynomial
from explorer.engine.program import SourceLine
from explorer.engine.relations import SizeRelation, piece_relations, size_relations
from explorer.engine.solve import Labels, Mask, Solution

SINGLE = "a single index: nothing to remove"
LONELY = "all of it hangs together as one channel, which cannot go without leaving nothing"
_DEEPEST_PRODUCT = 16
_SEED = 20230615


@dataclass(frozen=True)
class Grouping:
    """Groups, ties and frozen dimensions of a coupling.

    Attributes:
        groups: In execution order of their first parameter.
        ties: Relations between the groups' counts.
        frozen: Parameter dimensions that stay, wholly or in part.
        group_of: For each class, the position of its group in `groups`, or -1.
    """

    groups: tuple[Group, ...]
    ties: tuple[Tie, ...]
    frozen: tuple[Frozen, ...]
    group_of: Labels


@dataclass(frozen=True)
class Touches:
    """A table of (entry, role, index, channel): which index of which state dimension goes with which channel."""

    entry: Labels
    role: Labels
    index: Labels
    channel: Labels

    def distinct(self, classes: int) -> tuple[Labels, Labels]:
        """(channel, key) with one row for each channel and (entry, role) pair that touches it; the key is the pair."""
        roles = int(self.role.max(initial=0)) + 1
        key = self.entry * roles + self.role
        pair = key * classes + self.channel
        order = np.argsort(pair, kind="stable")
        first = order[np.diff(pair[order], prepend=-1) > 0]
        return self.channel[first], key[first]


@dataclass(frozen=True)
class _Relation:
    """A tie over channels: sum of weight times kept, plus constant, is zero."""

    channels: Labels
    weights: Labels
    constant: int
    op: int


def leaves(solution: Solution, labels: Labels) -> tuple[Labels, Labels, Labels]:
    """The channels that an array of classes is made of.

    Args:
        solution: Classes.
        labels: Class of each index.

    Returns:
        (index, channel, role): one row per index and channel; an index that is a product has a row for each factor.
        Roles number the places in nested products: 1 is the index itself, 2 r its outer and 2 r + 1 its inner factor.
    """
    index, found, role = np.arange(len(labels)), labels, np.ones(len(labels), dtype=np.int64)
    done: list[tuple[Labels, Labels, Labels]] = []
    for _ in range(_DEEPEST_PRODUCT):
        is_product = solution.outer[found] >= 0
        keep = ~is_product & ~solution.frozen[found]
        done.append((index[keep], found[keep], role[keep]))
        if not is_product.any():
            return tuple(np.concatenate(column) for column in zip(*done, strict=True))  # type: ignore[return-value]
        index, found, role = index[is_product], found[is_product], role[is_product]
        parts = solution.outer[found], solution.inner[found]
        index, role = np.tile(index, 2), np.concatenate([2 * role, 2 * role + 1])
        found = np.concatenate(parts)
    raise TraceError("products of channels are nested too deeply to be grouped; please report the model")


def find_groups(coupling: Coupling) -> Grouping:
    """The groups of a coupling, with their ties, and what is frozen."""
    entries = list(_entries(coupling))
    touches = _touches(coupling.solution, [factor for _, _, factor in entries])
    relations = [relation for event in coupling.coupler.even for relation in _relations(coupling.solution, event)]
    mixed = [event for event in coupling.coupler.even if _is_mixed(coupling.solution, event)]
    classes, number_of = _group_channels(touches, relations, len(coupling.solution.frozen))
    members = _members(touches, classes, number_of, entries)
    kinds = _kinds(coupling, classes)
    names = group_names([(kind, found) for kind, found in zip(kinds, members, strict=True)])
    even = tuple(tie for relation in relations if (tie := _tie(coupling, relation, number_of, names)))
    sizes = [len(channels) for channels in classes]
    ties = (
        *even,
        *(_piece_tie(coupling, p, e.op, names) for e in mixed for p in piece_relations(coupling, number_of, sizes, e)),
        *(_size_tie(relation, names) for relation in size_relations(coupling, number_of, sizes)),
    )
    tied = {name: _tied_to(name, ties) for name in names}
    groups = tuple(
        Group(name, kind, len(channels), found, tied[name], channels)
        for name, kind, channels, found in zip(names, kinds, classes, members, strict=True)
    )
    return Grouping(groups, ties, tuple(_frozen(coupling)), number_of)


def settle(coupling: Coupling) -> tuple[Coupling, Grouping]:
    """The groups that leave a choice, and the coupling in which all else is frozen.

    A channel that is a group by itself can never go, since every group keeps at least one. Frozen, it is one number
    less to choose, and a product with it is its other factor.
    """
    grouping = find_groups(coupling)
    while lonely := [group.channels for group in grouping.groups if group.size == 1]:
        atoms = np.flatnonzero(np.isin(coupling.solution.labels, np.concatenate(lonely)))
        coupling = with_frozen(coupling, atoms, LONELY)
        grouping = find_groups(coupling)
    return coupling, grouping


def _entries(coupling: Coupling) -> Iterator[tuple[State, int, Factor]]:
    """Each dimension of each parameter and buffer that has more than one index."""
    for state in coupling.states.values():
        for number, dim in enumerate(state.dims):
            if dim:
                yield state, number, dim[0]


def _touches(solution: Solution, factors: list[Factor]) -> Touches:
    sizes = np.array([len(factor) for factor in factors], dtype=np.int64)
    atoms = np.concatenate(factors) if factors else _EMPTY
    place, channel, role = leaves(solution, solution.labels[atoms])
    entry = np.repeat(np.arange(len(sizes)), sizes)[place]
    return Touches(entry, role, place - (np.cumsum(sizes) - sizes)[entry], channel)


_EMPTY = np.empty(0, dtype=np.int64)


def _group_channels(touches: Touches, relations: list[_Relation], classes: int) -> tuple[list[Labels], Labels]:
    """Channels with one signature, ordered by their first entry; and the group number of each class."""
    signature = _signatures(touches, relations, classes)
    first = np.full(classes, np.iinfo(np.int64).max, dtype=np.int64)
    width = int(touches.index.max()) + 1 if len(touches.index) else 1
    np.minimum.at(first, touches.channel, touches.entry * width + touches.index)
    channels = np.flatnonzero(first != np.iinfo(np.int64).max)
    channels = channels[np.argsort(first[channels], kind="stable")]
    _, start, inverse = np.unique(signature[channels], return_index=True, return_inverse=True)
    rank = np.empty(len(start), dtype=np.int64)
    rank[np.argsort(start, kind="stable")] = np.arange(len(start))
    number = rank[inverse]
    number_of = np.full(classes, -1, dtype=np.int64)
    number_of[channels] = number
    order = np.argsort(number, kind="stable")
    bounds = np.cumsum(np.bincount(number, minlength=len(start)))[:-1] if len(start) else _EMPTY
    return (np.split(channels[order], bounds) if len(start) else []), number_of


def _signatures(touches: Touches, relations: list[_Relation], classes: int) -> Labels:
    """A number for each class that is equal where the touched (entry, role) pairs and tie weights are equal.

    Each (entry, role) pair gets a random 64-bit number; a set's signature is their sum, which collides with a
    probability below one in 10^12 for a million channels. The generator is seeded, so that results repeat.
    """
    generator = np.random.default_rng(_SEED)
    channel, key = touches.distinct(classes)
    numbers = generator.integers(0, 2**63, size=int(key.max(initial=0)) + 1, dtype=np.int64)
    signature = np.zeros(classes, dtype=np.int64)
    with np.errstate(over="ignore"):
        np.add.at(signature, channel, numbers[key])
        for relation in relations:
            np.add.at(signature, relation.channels, relation.weights * generator.integers(0, 2**62))
    return signature


def _members(
    touches: Touches, classes: list[Labels], number_of: Labels, entries: list[tuple[State, int, Factor]]
) -> list[tuple[Member, ...]]:
    """The members of every group, each with its indices channel after channel."""
    place_of = np.zeros(len(number_of), dtype=np.int64)
    for channels in classes:
        place_of[channels] = np.arange(len(channels))
    group, place = number_of[touches.channel], place_of[touches.channel]
    order = _order(group, touches.entry, place, touches.index)
    group, entry, place, index = group[order], touches.entry[order], place[order], touches.index[order]
    bounds = [*np.flatnonzero(np.diff(group * len(entries) + entry, prepend=-1)).tolist(), len(order)]
    members: list[list[Member]] = [[] for _ in classes]
    one_each = [np.arange(len(channels) + 1) for channels in classes]
    for start, end in pairwise(bounds):
        number = int(group[start])
        starts = one_each[number]
        if end - start >= len(starts):  # some channel has several; each has one, since a group shares what it touches
            starts = np.searchsorted(place[start:end], starts)
        state, dim, factor = entries[int(entry[start])]
        module = owner(state.name)
        members[number].append(Member(state.name, dim, module, len(factor), index[start:end], starts))
    return [tuple(found) for found in members]


def _order(*columns: Labels) -> Labels:
    """The order of rows by their columns, the first counting most; one sort where the columns fit into one number.

    Rows come in long ordered runs, which the stable sort only merges.
    """
    key, size = np.zeros_like(columns[0]), 1
    for column in columns:
        width = int(column.max(initial=0)) + 1
        size *= width
        if size >= 2**62:
            return np.lexsort(columns[::-1])
        key = key * width + column
    return np.argsort(key, kind="stable")


def _kinds(coupling: Coupling, classes: list[Labels]) -> list[str]:
    """What one channel of each group is: a head, a part of every head, a group of a convolution, or just a channel."""
    solution = coupling.solution
    tagged = {name: np.zeros(len(solution.frozen), dtype=bool) for name in ("heads", "conv_groups")}
    for name, atoms in coupling.coupler.tags:
        tagged[name][solution.labels[atoms]] = True
    _spread_to_factors(tagged["heads"], coupling)
    in_head = np.zeros(len(solution.frozen), dtype=bool)
    for product in coupling.coupler.products:
        outer = solution.labels[product.outer]
        if tagged["heads"][outer].any():
            in_head[solution.labels[product.inner]] = True
    return [_kind(channels, tagged["heads"], in_head, tagged["conv_groups"]) for channels in classes]


def _spread_to_factors(heads: Mask, coupling: Coupling) -> None:
    """Heads that are a product, as where several queries share a key, mark both of its factors."""
    solution = coupling.solution
    for _ in range(_DEEPEST_PRODUCT):
        flats = np.flatnonzero(heads & (solution.outer >= 0))
        parts = np.concatenate([solution.outer[flats], solution.inner[flats]])
        if heads[parts].all():
            return
        heads[parts] = True


def _kind(channels: Labels, heads: Labels, in_head: Labels, conv_groups: Labels) -> str:
    for kind, marks in (("heads", heads), ("head_dim", in_head), ("conv_groups", conv_groups)):
        if marks[channels].any():
            return kind
    return "channels"


def _relations(solution: Solution, event: EqualCount) -> Iterator[_Relation]:
    """Every piece of an even split against the first; pieces of products compare factor by factor."""
    if _is_mixed(solution, event):
        return
    counts = [_counts(solution, piece) for piece in event.pieces]
    for other in counts[1:]:
        for role in counts[0].keys() | other.keys():
            yield from _difference(counts[0].get(role, {}), other.get(role, {}), event.op)


def _is_mixed(solution: Solution, event: EqualCount) -> bool:
    """Whether some pieces of a split are products, and others are not or only in part."""
    labels = [solution.labels[piece] for piece in event.pieces]
    is_product = [bool((solution.outer[found] >= 0).any()) for found in labels]
    return any(is_product) and not all((solution.outer[found] >= 0).all() for found in labels)


def _counts(solution: Solution, piece: Factor) -> dict[int, dict[int, int]]:
    """For each role, how often each channel occurs; -1 counts what stays."""
    labels = solution.labels[piece]
    _, channel, role = leaves(solution, labels)
    found: dict[int, dict[int, int]] = {1: {-1: int(solution.frozen[labels].sum())}}
    for number in distinct(role):
        names, times = np.unique(channel[role == number], return_counts=True)
        if number != 1:
            times = np.ones_like(times)
        found.setdefault(int(number), {}).update(zip(names.tolist(), times.tolist(), strict=True))
    return found


def _difference(a: dict[int, int], b: dict[int, int], op: int) -> Iterator[_Relation]:
    weights = {channel: a.get(channel, 0) - b.get(channel, 0) for channel in a.keys() | b.keys()}
    constant = weights.pop(-1, 0)
    weights = {channel: weight for channel, weight in sorted(weights.items()) if weight}
    if weights:
        yield _Relation(np.array(list(weights)), np.array(list(weights.values())), constant, op)


def _tie(coupling: Coupling, relation: _Relation, number_of: Labels, names: list[str]) -> Tie | None:
    weight_of = {
        int(number): int(weight)
        for number, weight in zip(number_of[relation.channels], relation.weights, strict=True)
        if number >= 0
    }
    op = coupling.op(relation.op)
    if not weight_of:
        return None
    groups = tuple(names[number] for number in weight_of)
    source = op.source if op else None
    return Tie("equal_count", groups, tuple(weight_of.values()), relation.constant, _evenly(source), source)


def _piece_tie(coupling: Coupling, polynomial: Polynomial, number: int, names: list[str]) -> Tie:
    op = coupling.op(number)
    source = op.source if op else None
    return _polynomial_tie("equal_count", polynomial, names, _evenly(source), source)


def _evenly(source: SourceLine | None) -> str:
    place = f" at {source}" if source else ""
    return f"the code splits these channels evenly{place}, so the pieces must keep equally many"


def _size_tie(relation: SizeRelation, names: list[str]) -> Tie:
    call = relation.call
    place = f" at {call.source}" if call.source else ""
    is_fixed = len(relation.polynomial.groups) == 1
    follows = "a number that these channels do not change, so they all stay unless a plan names them"
    so = follows if is_fixed else "so these counts must stay in step"
    reason = f"the code computes a size as {relation.text}{place}, {so}"
    return _polynomial_tie("size", relation.polynomial, names, reason, call.source)


def _polynomial_tie(kind: str, polynomial: Polynomial, names: list[str], reason: str, source: SourceLine | None) -> Tie:
    terms = polynomial.terms
    weights = {number: terms.get((number,), 0) for number in polynomial.groups}
    products = tuple(
        (weight, tuple(names[number] for number in monomial)) for monomial, weight in terms.items() if len(monomial) > 1
    )
    groups = tuple(names[number] for number in weights)
    return Tie(kind, groups, tuple(weights.values()), terms.get((), 0), reason, source, products)


def _tied_to(name: str, ties: tuple[Tie, ...]) -> tuple[str, ...]:
    others = {other: None for tie in ties if name in tie.groups for other in tie.groups if other != name}
    return tuple(others)


def _frozen(coupling: Coupling) -> Iterator[Frozen]:
    solution = coupling.solution
    stays = solution.frozen[solution.labels]
    for state in coupling.states.values():
        if state.value.kind != "parameter":
            continue
        for number, (dim, size) in enumerate(zip(state.dims, state.value.shape, strict=True)):
            if not dim:
                yield Frozen(state.name, number, size, (0,), SINGLE, owner(state.name))
                continue
            indices = np.flatnonzero(stays[dim[0]])
            if not len(indices):
                continue
            events = solution.reasons[solution.labels[dim[0][indices]]]
            for event in distinct(events):
                where = indices[events == event]
                yield _frozen_part(coupling, state, number, size, where)


def _frozen_part(coupling: Coupling, state: State, dim: int, size: int, where: Labels) -> Frozen:
    factor = state.dims[dim][0]
    reason, number = coupling.solution.reason(int(coupling.solution.labels[factor[where[0]]]))
    op = coupling.op(number) if number >= 0 else None
    module = op.module if op else owner(state.name)
    return Frozen(state.name, dim, size, tuple(where.tolist()), reason, module, op.source if op else None)
