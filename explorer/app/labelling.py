"""Where the labels of a plot's points stand, so that they keep clear of each other and of the points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from explorer.app.positions import Frame, text_width

ROOM = (620.0, 170.0)
"""Width and height of the smallest plot, in pixels."""
PLACES = {"top center": (0, -1), "bottom center": (0, 1), "middle right": (1, 0), "middle left": (-1, 0)}
"""Plotly's names for the places at a point, the usual one first, with the direction of each."""
LETTER, LINE, MARKER = 10.0, 12.0, 9.0
"""Size of the letters, height of a label and width of a point, in pixels."""


def label_places(points: Sequence[tuple[float, float]], labels: Sequence[str]) -> list[str]:
    """The place of each label, one of `PLACES`: the first that is free, or the usual one where none is.

    Args:
        points: Of each point, how far right and how far down it is in the plot, 0-1.
        labels: What stands at each.
    """
    at = [(x * ROOM[0], y * ROOM[1]) for x, y in points]
    taken = [_around(point, MARKER, MARKER) for point in at]
    found = []
    for point, label in zip(at, labels, strict=True):
        frames = {place: _label_at(point, label, way) for place, way in PLACES.items()}
        free = (place for place, frame in frames.items() if not _meets(frame, taken))
        found.append(next(free, next(iter(PLACES))))
        taken.append(frames[found[-1]])
    return found


def _label_at(point: tuple[float, float], label: str, way: tuple[int, int]) -> Frame:
    width = text_width(label, LETTER)
    x, y = point[0] + way[0] * (width + MARKER) / 2, point[1] + way[1] * (LINE + MARKER) / 2
    return _around((x, y), width, LINE)


def _around(centre: tuple[float, float], width: float, height: float) -> Frame:
    (x, y) = centre
    return Frame(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _meets(frame: Frame, others: Iterable[Frame]) -> bool:
    return any(
        frame.left < other.right and other.left < frame.right and frame.top < other.bottom and other.top < frame.bottom
        for other in others
    )
