"""Charts as SVG text that any page shows, without a browser to draw them: dots per category, and histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from explorer.drawing import add, picture

INK, QUIET, RULE, PAPER = "#1b1f24", "#57606a", "#d8dee4", "#ffffff"
HUES = ("#d55e00", "#56b4e9", "#0072b2")  # Okabe and Ito's: told apart with any colour vision
FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
MARGIN, ROW, TITLE, AXIS, LEGEND = 24.0, 26.0, 30.0, 40.0, 30.0
LETTER = 6.4  # width of a letter at 12 px, about
SHAPES = (
    ((-4, -4), (4, -4), (4, 4), (-4, 4)),
    ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
    ((0, -5), (5, 4), (-5, 4)),
)
"""Corners of the marks, in the order of `HUES`: colour alone tells nothing."""


@dataclass(frozen=True)
class DotChart:
    """Values of several series for each row, one dot per seed.

    Attributes:
        title: Above the chart.
        rows: Names, from top to bottom.
        series: For each series, for each row its values; a row may have none.
        axis: What the values are.
        limits: Least and largest value shown.
        ticks: Values with a line and a number.
        mark: A value to compare with, and what it is.
    """

    title: str
    rows: Sequence[str]
    series: Mapping[str, Sequence[Sequence[float]]]
    axis: str
    limits: tuple[float, float]
    ticks: Sequence[float]
    mark: tuple[float, str] | None = None


@dataclass(frozen=True)
class Histograms:
    """Counts over the same bins, one series over the other.

    Attributes:
        title: Above the chart.
        series: Counts of each series by its name, from the first bin to the last.
        step: Width of a bin.
        axis: What is counted, and by what.
    """

    title: str
    series: Mapping[str, Sequence[int]]
    step: float
    axis: str


def dot_charts(charts: Sequence[DotChart], width: float = 860) -> str:
    """Charts of dots below one another, with one legend.

    Args:
        charts: They share their series.
        width: Of the picture, in pixels.
    """
    heights = [TITLE + ROW * len(chart.rows) + AXIS for chart in charts]
    root = picture((0.0, 0.0, width, LEGEND + sum(heights) + MARGIN), font=FONT, paper=PAPER)
    _legend(root, list(charts[0].series), y=MARGIN)
    top = LEGEND
    for chart, height in zip(charts, heights, strict=True):
        _dots(root, chart, top, width)
        top += height
    return _text_of(root)


def histograms(charts: Sequence[Histograms], width: float = 860, height: float = 230) -> str:
    """Histograms below one another, with one legend.

    Args:
        charts: They share their series.
        width: Of the picture, in pixels.
        height: Of each histogram.
    """
    root = picture((0.0, 0.0, width, LEGEND + (height + TITLE + AXIS) * len(charts) + MARGIN), font=FONT, paper=PAPER)
    _legend(root, list(charts[0].series), y=MARGIN)
    for row, chart in enumerate(charts):
        _bars(root, chart, LEGEND + row * (height + TITLE + AXIS), (width, height))
    return _text_of(root)


def _dots(root: ET.Element, chart: DotChart, top: float, width: float) -> None:
    left = MARGIN + LETTER * max(map(len, chart.rows)) + 12
    low, high = chart.limits
    bottom = top + TITLE + ROW * len(chart.rows)

    def x(value: float) -> float:
        return left + (width - MARGIN - left) * (min(max(value, low), high) - low) / (high - low)

    _write(root, chart.title, (MARGIN, top + 18), font_weight=600)
    for tick in chart.ticks:
        _line(root, (x(tick), top + TITLE), (x(tick), bottom), stroke=RULE)
        _write(root, f"{tick:g}", (x(tick), bottom + 16), fill=QUIET, text_anchor="middle")
    _write(root, chart.axis, ((left + width - MARGIN) / 2, bottom + 32), fill=QUIET, text_anchor="middle")
    if chart.mark:
        value, name = chart.mark
        _line(root, (x(value), top + TITLE), (x(value), bottom), stroke=INK, stroke_dasharray="4 3")
        _write(root, name, (x(value) - 4, top + TITLE - 4), fill=QUIET, text_anchor="end")
    for row, name in enumerate(chart.rows):
        y = top + TITLE + ROW * (row + 0.5)
        _write(root, name, (left - 12, y + 4), text_anchor="end")
        _line(root, (left, y), (width - MARGIN, y), stroke=RULE)
        for slot, values in enumerate(chart.series.values()):
            for value in values[row]:
                _dot(root, slot, (x(value), y))


def _bars(root: ET.Element, chart: Histograms, top: float, size: tuple[float, float]) -> None:
    width, height = size
    left, base = MARGIN + 36, top + TITLE + height
    count = max(len(counts) for counts in chart.series.values())
    highest = max(1, *(max(counts) for counts in chart.series.values()))
    bar = (width - MARGIN - left) / count
    _write(root, chart.title, (MARGIN, top + 18), font_weight=600)
    for tick in _round_ticks(highest):
        y = base - height * tick / highest
        _line(root, (left, y), (width - MARGIN, y), stroke=RULE)
        _write(root, f"{tick:g}", (left - 8, y + 4), fill=QUIET, text_anchor="end")
    for slot, counts in enumerate(chart.series.values()):
        corners = [(left, base)]
        for at, number in enumerate(counts):
            y = base - height * number / highest
            corners += [(left + bar * at, y), (left + bar * (at + 1), y)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*corners, (left + bar * len(counts), base)])
        add(root, "polygon", points=points, fill=HUES[slot], fill_opacity=0.3, stroke=HUES[slot], stroke_width=1.5)
    for at in range(0, count + 1, max(1, round(0.5 / chart.step))):
        more = "+" if at == count else ""
        _write(root, f"{at * chart.step:g}{more}", (left + bar * at, base + 16), fill=QUIET, text_anchor="middle")
    _write(root, chart.axis, ((left + width - MARGIN) / 2, base + 32), fill=QUIET, text_anchor="middle")


def _round_ticks(highest: float, wanted: int = 4) -> list[float]:
    """Round numbers from 0 to at most `highest`.

    Example:
        >>> _round_ticks(430)
        [0, 100, 200, 300, 400]
    """
    power = 10 ** (len(str(max(1, int(highest / wanted)))) - 1)
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * wanted >= highest * 0.9)
    return [step * number for number in range(int(highest / step) + 1)]


def _legend(root: ET.Element, names: Sequence[str], y: float) -> None:
    x = MARGIN
    for slot, name in enumerate(names):
        _dot(root, slot, (x + 5, y - 4))
        _write(root, name, (x + 16, y))
        x += 36 + LETTER * len(name)


def _dot(root: ET.Element, slot: int, at: tuple[float, float]) -> None:
    """A mark that tells its series by colour and by shape."""
    x, y = at
    style = {"fill": HUES[slot], "fill_opacity": 0.75, "stroke": PAPER, "stroke_width": 1}
    points = " ".join(f"{x + dx:g},{y + dy:g}" for dx, dy in SHAPES[slot])
    add(root, "polygon", points=points, **style)


def _line(root: ET.Element, start: tuple[float, float], end: tuple[float, float], **style: object) -> None:
    add(root, "line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **style)


def _write(root: ET.Element, text: str, at: tuple[float, float], **style: object) -> None:
    add(root, "text", x=at[0], y=at[1], **{"fill": INK, "font_size": 12, **style}).text = text


def _text_of(root: ET.Element) -> str:
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
