from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from explorer.app.columns import cut_rows, wrap
from explorer.app.level import Extent, spread
from explorer.app.positions import Frame, place
from explorer.app.ranking import rank
from explorer.app.scene import build_scene
from explorer.app.unfolding import most_open
from explorer.app.workspace import Subject
from tests.app.hand_made import ALL_OPEN, OUTLINE

NARROW = Extent(10, 10, 20)


def overlap(a: Frame, b: Frame) -> bool:
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom


def test_items_keep_their_order_and_distance_and_stay_near_where_they_want_to_be() -> None:
    assert spread([0.0, 0.0], [NARROW, NARROW], [1, 1]) == [-23.0, 23.0]
    assert spread([0.0, 100.0], [NARROW, NARROW], [1, 1]) == [0.0, 100.0]


def test_a_heavy_item_does_not_move() -> None:
    held, pushed = spread([0.0, 0.0], [NARROW, NARROW], [1e6, 1])
    assert held == pytest.approx(0, abs=1e-3)
    assert pushed == pytest.approx(46, abs=1e-3)


def test_a_chain_stands_straight_and_runs_downwards() -> None:
    frames = place(build_scene(OUTLINE, ALL_OPEN)).frames
    chain = [frames[f"layer:stage.0.{name}"] for name in ("conv1", "conv2", "add")]
    assert [frame.centre[0] for frame in chain] == pytest.approx([chain[0].centre[0]] * 3, abs=0.01)
    assert chain[0].bottom < chain[1].top < chain[1].bottom < chain[2].top


def test_a_shortcut_runs_beside_what_it_skips() -> None:
    layout = place(build_scene(OUTLINE, ALL_OPEN))
    skipped = layout.frames["layer:stage.0.conv1"]
    beside = [x for x, y in layout.routes["layer:stem", "layer:stage.0.add"] if skipped.top <= y <= skipped.bottom]
    assert beside
    assert min(beside) > skipped.right


@pytest.mark.parametrize("limit", [40, 100, 300])
def test_nothing_overlaps_and_children_lie_in_their_module(subject: Subject, limit: int) -> None:
    scene = build_scene(subject.outline, most_open(subject.outline, limit))
    frames = place(scene).frames
    for parent in {box.parent for box in scene.boxes}:
        children = scene.children(parent)
        assert not [(a.id, b.id) for a, b in combinations(children, 2) if overlap(frames[a.id], frames[b.id])]
        for child in children if parent else ():
            inner, outer = frames[child.id], frames[parent]
            assert outer.left < inner.left < inner.right < outer.right
            assert outer.top < inner.top < inner.bottom < outer.bottom


def test_a_long_chain_wraps_into_columns_where_one_link_passes() -> None:
    names = [f"n{index}" for index in range(12)]
    rows = rank(names, list(pairwise(names)))
    assert cut_rows(rows) == list(range(1, 12))
    assert wrap(rows, [100.0] * 12, 150.0, aspect=1.0) == [(0, 4), (4, 8), (8, 12)]
