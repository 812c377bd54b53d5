"""Names where there is little room."""

from __future__ import annotations

import pytest
from dash import html

from explorer.app.parts import breakable, split_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("blocks.0.attention.qkv.weight", ["blocks.0.attention.", "qkv.weight"]),
        ("a.b.c", ["a.", "b.c"]),
        ("fc.weight", ["fc.weight"]),
        ("weight", ["weight"]),
    ],
)
def test_the_part_that_tells_a_name_from_its_neighbours_stays_whole(name: str, parts: list[str]) -> None:
    split = split_name(name, 2)
    assert [getattr(part, "children", part) for part in ([split] if isinstance(split, str) else split)] == parts


@pytest.mark.parametrize(
    ("name", "pieces"), [("layer1.0:head_dim", ["layer1.", "0:", "head_", "dim"]), ("fc", ["fc"]), ("", [""])]
)
def test_a_title_breaks_after_its_signs(name: str, pieces: list[str]) -> None:
    parts = breakable(name)
    assert parts[::2] == pieces
    assert all(isinstance(part, html.Wbr) for part in parts[1::2])
