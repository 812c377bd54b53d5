"""The layout of the inside of one module: rows from `ranking`, columns from `columns`, and where everything stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from explorer.app.columns import PANE, PORTRAIT, Span, wrap
from explorer.app.ranking import Pair, Rows, is_bend, rank

Point = tuple[float, float]

ROW_GAP, COLUMN_GAP, NODE_GAP, LANE = 24.0, 60.0, 26.0, 20.0
NESTED_LIMIT = 520.0  # inside a module, only a chain longer than this wraps
TITLE = 30.0  # what a module's further columns leave free for its title and its sign
ENTRY, EXIT = "entry", "exit"  # where links come into a module and leave it
BRANCH = 0.05  # how much a node cares for a link that only passes by
FIXED = 1e6  # the spine does not move
SWEEPS = 12


@dataclass(frozen=True)
class Extent:
    """Room that a box takes: to the left and right of its axis, and in height."""

    left: float
    right: float
    height: float


@dataclass(frozen=True)
class Level:
    """The layout of the inside of one module, in its own coordinates: axis at x = 0, top at y = 0.

    Attributes:
        middles: Where the axis of each child crosses the middle of its height.
        routes: For each pair of ends at this level, the bends between them.
        extent: Room that all of it takes.
    """

    middles: dict[str, Point]
    routes: dict[Pair, tuple[Point, ...]]
    extent: Extent


@dataclass(frozen=True)
class _Column:
    middles: dict[str, Point]  # of every node and bend in it
    gutter: float  # where a link that wraps into this column climbs
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class _Sheet:
    """What the placing of one level works on.

    Attributes:
        rows: Nodes and bends in rows.
        extents: Room of every node and bend.
        spans: For each tall node, the bends below it whose rows it reaches into.
        heights: Of the rows.
    """

    rows: Rows
    extents: dict[str, Extent]
    spans: dict[str, tuple[str, ...]]
    heights: list[float]


def lay_out(nodes: Sequence[str], pairs: Sequence[Pair], extents: Mapping[str, Extent], *, is_top: bool) -> Level:
    """The layout of one level.

    Args:
        nodes: Names in execution order, `ENTRY` first and `EXIT` last where links use them.
        pairs: Links between them.
        extents: Room that each child takes.
        is_top: Whether this is the model itself, which fills the screen; modules in it stay columns if they can.

    Returns:
        Places of all children and bends of all links.
    """
    sheet = _sheet(rank(nodes, pairs), extents)
    steps = [height + ROW_GAP for height in sheet.heights]
    width = max((sum(_width(sheet, name) for name in row) for row in sheet.rows.rows), default=0.0)
    may_wrap = is_top or sum(steps) > NESTED_LIMIT
    spans = wrap(sheet.rows, steps, width + COLUMN_GAP, PANE if is_top else PORTRAIT) if may_wrap else [(0, len(steps))]
    return _assemble(sheet, spans, _axes(nodes, sheet))


def spread(wanted: Sequence[float], extents: Sequence[Extent], weights: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (weighted least squares) that keep the order and do not overlap.

    Args:
        wanted: Where each item would like its axis to be, left to right.
        extents: Room that each takes.
        weights: How much each minds being elsewhere.

    Returns:
        Places, left to right.
    """
    offsets = [0.0]
    for before, after in pairwise(extents):
        offsets.append(offsets[-1] + before.right + NODE_GAP + after.left)
    blocks: list[tuple[float, float, int]] = []  # (mean, weight, how many): pool adjacent violators
    for want, offset, weight in zip(wanted, offsets, weights, strict=True):
        mean, total, count = want - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, other_total, other_count = blocks.pop()
            mean = (mean * total + other * other_total) / (total + other_total)
            total, count = total + other_total, count + other_count
        blocks.append((mean, total, count))
    places = [mean for mean, _, count in blocks for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]


def moved(points: Iterable[Point], by: Point) -> tuple[Point, ...]:
    """The points, shifted."""
    return tuple((x + by[0], y + by[1]) for x, y in points)


def _width(sheet: _Sheet, name: str) -> float:
    return sheet.extents[name].left + sheet.extents[name].right


def _sheet(rows: Rows, extents: Mapping[str, Extent]) -> _Sheet:
    lane, point = Extent(LANE / 2, LANE / 2, 0.0), Extent(0.0, 0.0, 0.0)
    known = {name: extents.get(name, lane if is_bend(name) else point) for row in rows.rows for name in row}
    spans = _spans(rows, known)
    for node, bends in spans.items():
        known |= {bend: Extent(known[node].left, known[node].right, 0.0) for bend in bends}
    heights = [max(0.0 if name in spans else known[name].height for name in row) for row in rows.rows]
    for index, row in enumerate(rows.rows):
        for name in set(row) & set(spans):
            reach = heights[index : index + len(spans[name]) + 1]
            missing = known[name].height - sum(reach) - ROW_GAP * (len(reach) - 1)
            heights[index] += max(missing, 0.0)
    return _Sheet(rows, known, spans, heights)


def _spans(rows: Rows, extents: dict[str, Extent]) -> dict[str, tuple[str, ...]]:
    """Tall nodes whose only way on is long: they reach down beside it, instead of stretching their row."""
    onward: dict[str, list[tuple[str, ...]]] = {}
    for (source, _), chain in rows.chains.items():
        onward.setdefault(source, []).append(chain)
    spans: dict[str, tuple[str, ...]] = {}
    for index, row in enumerate(rows.rows):
        for name in row:
            chain = onward.get(name, [()])[0] if len(onward.get(name, ())) == 1 else ()
            usual = min((extents[other].height for other in row if other != name and not is_bend(other)), default=0.0)
            count, reached = 0, usual
            while count < len(chain) and usual and reached < extents[name].height:
                count += 1
                reached += ROW_GAP + max(extents[other].height for other in rows.rows[index + count])
            if count:
                spans[name] = chain[:count]
    return spans


def _axes(nodes: Sequence[str], sheet: _Sheet) -> dict[str, float]:
    """Horizontal place of every node and bend: the spine at 0, the others after a few sweeps down and up."""
    axes = {name: 0.0 for row in sheet.rows.rows for name in row}
    links = _spine(nodes, sheet.rows)
    spine = {name for pair in links for name in (*pair, *sheet.rows.chains[pair])}
    linked = _linked(sheet)
    for sweep in range(SWEEPS):
        for row in sheet.rows.rows if sweep % 2 == 0 else reversed(sheet.rows.rows):
            wanted = [0.0 if name in spine else _wanted(name, linked if sweep else {}, axes) for name in row]
            weights = [FIXED if name in spine else 1.0 for name in row]
            axes |= dict(zip(row, spread(wanted, [sheet.extents[name] for name in row], weights), strict=True))
    return axes


def _spine(nodes: Sequence[str], rows: Rows) -> set[Pair]:
    """The links of the longest path: it is drawn straight, and the others hang beside it."""
    length = dict.fromkeys(nodes, 0)
    before: dict[str, str] = {}
    into: dict[str, list[str]] = {}
    for source, target in rows.chains:
        into.setdefault(target, []).append(source)
    for name in nodes:
        for source in into.get(name, ()):
            if length[source] + 1 > length[name]:
                length[name], before[name] = length[source] + 1, source
    spine: set[Pair] = set()
    name = max(nodes, key=lambda each: length[each], default="")
    while name in before:
        spine.add((before[name], name))
        name = before[name]
    return spine


def _linked(sheet: _Sheet) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for (source, target), chain in sheet.rows.chains.items():
        inside = {source, *sheet.spans.get(source, ())}
        for a, b in pairwise((source, *chain, target)):
            weight = BRANCH if is_bend(a) != is_bend(b) and not {a, b} <= inside else 1.0
            found.setdefault(a, []).append((b, weight))
            found.setdefault(b, []).append((a, weight))
    return found


def _wanted(name: str, linked: dict[str, list[tuple[str, float]]], axes: dict[str, float]) -> float:
    total = sum(weight for _, weight in linked.get(name, ()))
    return sum(axes[other] * weight for other, weight in linked[name]) / total if total else axes[name]


def _assemble(sheet: _Sheet, spans: list[Span], axes: dict[str, float]) -> Level:
    columns: list[_Column] = []
    for span in spans:
        after = columns[-1].right if columns else None
        columns.append(
            _column(sheet, span, axes, after=after, top=TITLE if columns and ENTRY in sheet.extents else 0.0)
        )
    middles = {name: point for column in columns for name, point in column.middles.items()}
    first = sheet.rows.rows[0][0] if sheet.rows.rows else ""
    axis = middles.get(ENTRY, middles.get(first, (0.0, 0.0)))[0]
    right = max((column.right for column in columns), default=0.0)
    bottom = max((column.bottom for column in columns), default=0.0)
    if EXIT in middles and len(columns) > 1:  # leave below all columns, where a module without columns would
        bottom = max(bottom, middles[EXIT][1]) + ROW_GAP
        middles[EXIT] = (axis, bottom)
    return Level(
        middles={name: (x - axis, y) for name, (x, y) in middles.items() if not is_bend(name)},
        routes={pair: moved(bends, (-axis, 0.0)) for pair, bends in _routes(sheet, columns, middles).items()},
        extent=Extent(axis, right - axis, bottom),
    )


def _column(sheet: _Sheet, span: Span, axes: dict[str, float], *, after: float | None, top: float) -> _Column:
    rows, heights = sheet.rows.rows[slice(*span)], sheet.heights[slice(*span)]
    names = [name for row in rows for name in row]
    left = min((axes[name] - sheet.extents[name].left for name in names), default=0.0)
    right = max((axes[name] + sheet.extents[name].right for name in names), default=0.0)
    shift = -left if after is None else after + COLUMN_GAP - left
    middles: dict[str, Point] = {}
    y = top
    for row, height in zip(rows, heights, strict=True):
        middles |= {name: (axes[name] + shift, y + height / 2) for name in row}
        tall = {name: (axes[name] + shift, y + sheet.extents[name].height / 2) for name in row if name in sheet.spans}
        middles |= tall
        y += height + ROW_GAP
    return _Column(middles, left + shift - COLUMN_GAP / 2, top, right + shift, max(y - ROW_GAP, 0.0))


def _routes(sheet: _Sheet, columns: list[_Column], middles: dict[str, Point]) -> dict[Pair, tuple[Point, ...]]:
    column_of = {name: column for column in columns for name in column.middles}
    tall = {name: height for row, height in zip(sheet.rows.rows, sheet.heights, strict=True) for name in row}
    routes: dict[Pair, tuple[Point, ...]] = {}
    for (source, target), chain in sheet.rows.chains.items():
        old, new = column_of[source], column_of[target]
        below, above = old.bottom + ROW_GAP / 2, new.top - ROW_GAP / 2
        start, end = middles[source][0], middles[target][0]
        wrapped = ((start, below), (new.gutter, below), (new.gutter, above), (end, above))
        hidden = sheet.spans.get(source, ())
        inside = _lane([(middles[name], tall[name]) for name in chain if name not in hidden])
        routes[source, target] = inside if old is new else wrapped
        if target == EXIT and len(columns) > 1:
            level = middles[EXIT][1] - ROW_GAP / 2
            routes[source, target] = (*inside, (start, level), (middles[EXIT][0], level))
    return routes


def _lane(bends: Sequence[tuple[Point, float]]) -> tuple[Point, ...]:
    """A link beside the rows that it passes: upright along each row, aslant only in the gaps between them."""
    points: list[Point] = []
    for (x, y), height in bends:
        top, bottom = (x, y - height / 2), (x, y + height / 2)
        if len(points) > 1 and abs(points[-1][0] - x) < 1:
            points[-1] = bottom
        else:
            points += [top, bottom]
    return tuple(points)
