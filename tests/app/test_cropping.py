"""The part of a graph that a small picture shows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from explorer.app.cropping import EDGE, MARGIN, NEAR, crop
from explorer.app.positions import Frame, Layout

NAMES = ("a", "b", "c", "d")
CHAIN = Layout(
    {name: Frame(0, 100 * number, 100, 100 * number + 50) for number, name in enumerate(NAMES)},
    dict.fromkeys((("a", "b"), ("b", "c"), ("c", "d")), ()),
)
FAR = Layout({**CHAIN.frames, "e": Frame(200, 100, 300, 150)}, CHAIN.routes)


def elements(layout: Layout) -> list[dict[str, Any]]:
    boxes = [{"data": {"id": name, "kind": "layer"}} for name in layout.frames]
    return boxes + [{"data": {"id": f"{a}>{b}", "source": a, "target": b}} for a, b in layout.routes]


def test_what_fits_is_shown_as_a_whole() -> None:
    window = crop(CHAIN, elements(CHAIN), [], (1000, 1000))
    assert window.is_whole
    assert window.frame == Frame(-MARGIN, -MARGIN, 100 + MARGIN, 350 + MARGIN)
    assert crop(CHAIN, elements(CHAIN), ["d"], None) == window


def test_a_part_is_around_what_is_wanted_and_as_large_as_there_is_room() -> None:
    window = crop(CHAIN, elements(CHAIN), ["c"], (200, 200))
    assert not window.is_whole
    assert window.frame == Frame(-EDGE, 100 - EDGE, 100 + EDGE, 250 + EDGE), "b and c; a and d have no room"
    assert window.inside == {"b", "c", "a>b", "b>c", "c>d"}


def test_of_what_is_wanted_the_first_is_in_it_and_more_as_far_as_they_fit() -> None:
    window = crop(CHAIN, elements(CHAIN), ["d", "c", "a"], (200, 180))
    assert window.inside >= {"c", "d"}
    assert "a" not in window.inside


def test_what_is_near_but_not_linked_makes_no_picture_wider() -> None:
    window = crop(FAR, elements(FAR), ["b"], (400, 200))
    assert "e" not in window.inside
    assert window.frame.right == 100 + EDGE


def test_a_part_is_at_least_as_wide_as_its_legend() -> None:
    window = crop(FAR, elements(FAR), ["b"], (400, 200), least=300)
    assert window.box[2] == 300
    assert "e" in window.inside, "what comes into sight is drawn"


def test_without_wishes_the_beginning_is_shown() -> None:
    assert "a" in crop(CHAIN, elements(CHAIN), [], (200, 100)).inside


def test_what_must_be_seen_is_all_in_it_though_it_takes_more_than_the_room() -> None:
    window = crop(CHAIN, elements(CHAIN), ["d"], (200, 100), must=("a", "c", "x"))
    assert window.frame == Frame(-EDGE, -EDGE, 100 + EDGE, 250 + EDGE)
    assert {"a", "b", "c"} <= window.inside
    assert "d" not in window.inside, "what is only wanted has no room left"


def test_around_what_must_be_seen_is_little_of_what_it_is_linked_to() -> None:
    names = [str(number) for number in range(12)]
    frames = {name: Frame(0, 100 * number, 100, 100 * number + 50) for number, name in enumerate(names)}
    chain = Layout(frames, dict.fromkeys(pairwise(names), ()))
    near, wide = (crop(chain, elements(chain), ["5"], (640, 600), must=must) for must in (("5",), ()))
    assert near.box[3] <= NEAR[1] < wide.box[3] <= 600
    assert {"4", "5"} <= near.inside or {"5", "6"} <= near.inside
