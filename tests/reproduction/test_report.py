"""The page says what was measured, to the last digit, and the figures are pictures of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from explorer.reproduction import write_report
from explorer.reproduction.charts import HUES, _round_ticks
from explorer.reproduction.report import accuracy_figure, page, sparsity_figure
from tests.reproduction.hand_made import FAMILY, STUDY, measured

SVG = "{http://www.w3.org/2000/svg}"


def test_means_spreads_and_differences_are_those_of_the_records() -> None:
    lines = page([STUDY, FAMILY], [*measured()]).splitlines()
    assert "8 of 55 runs are done." in lines
    assert "| base | 1.00 | 100 % | 99.0 ± 0.0 |  | 98.0 ± 0.0 | -1.0 | 2 |" in lines
    row = "| sparse training with full grouping | 2.50 | 30 % | 65.0 ± 35.4 | 65.0 ± 35.4 | 99.8 ± 0.4 | +0.8 | 2 |"
    assert row in lines
    family = "| VGG with BatchNorm | digits | group norm | 2.50 | 30 % | 25.0 | 25.0 | 75.0 | 99.0 | 1 |"
    assert family in lines
    assert "| ResNet-56 | CIFAR-10 | with sparse training | 93.53 | 93.64 | 2.57 |" in lines
    assert "Seeds 0, 1. 240 minutes on a clock, with torch 2.0." in lines


def test_claims_are_counted_whether_they_hold_or_not() -> None:
    lines = page([STUDY], [*measured()]).splitlines()
    claims = [line for line in lines if " of 2 | " in line]
    assert claims == [
        "| right after pruning, sparse training with full grouping is better than sparse training on convolutions only "
        "| 1 of 2 | +15.0 |",
        "| after fine-tuning, sparse training with full grouping loses nothing at 2.57x | 2 of 2 | +0.8 |",
    ]
    compared = "| sparse training with full grouping | 2.57 | sparse training on convolutions only |"
    assert f"{compared} +15.0 (1 of 2) | +15.0 (1 of 2) |" in lines


def test_what_was_not_begun_is_left_out(tmp_path: Path) -> None:
    family = [each for each in measured() if each.experiment == "vgg"]
    write_report(tmp_path, [STUDY, FAMILY], family)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "2 of 55 runs are done" in text
    assert "ResNet-56" not in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md"]  # nothing to draw
    write_report(tmp_path / "none", [STUDY], [])
    assert not (tmp_path / "none").exists()


def test_every_seed_is_a_dot_at_its_accuracy() -> None:
    root = ET.fromstring(accuracy_figure([STUDY], [*measured()]))
    dots = [shape for shape in root.iter(f"{SVG}polygon") if shape.get("fill") == HUES[0]]
    assert len(dots) == 4 + 1  # two seeds of two methods, and that of the legend

    def across(accuracy: float) -> float:
        ticks = {text.text: float(text.get("x", "")) for text in root.iter(f"{SVG}text") if text.text in ("0", "100")}
        return ticks["0"] + (ticks["100"] - ticks["0"]) * accuracy

    lefts = sorted(float(str(dot.get("points")).split(",")[0]) for dot in dots)
    assert [left + 4 for left in lefts[-4:]] == pytest.approx([across(value) for value in (0.4, 0.5, 0.5, 0.9)], abs=1)


def test_histograms_add_up_the_seeds_and_count_each_training_once() -> None:
    runs = [*measured()]
    again = [replace(each, speed_up=2.11) for each in runs if each.method == "sparse-group"]
    assert sparsity_figure([*runs, *again]) == sparsity_figure(runs)
    root = ET.fromstring(sparsity_figure(runs))
    titles = [text.text for text in root.iter(f"{SVG}text") if text.get("font-weight")]
    assert titles == [
        "Sparse training on convolutions only: 2 seeds",
        "Sparse training with full grouping: 2 seeds",
    ]
    assert sparsity_figure([each for each in runs if not each.norms]) == ""


@pytest.mark.parametrize(
    ("highest", "ticks"), [(1, [0, 1]), (9, [0, 5]), (430, [0, 100, 200, 300, 400]), (1000, [0, 500, 1000])]
)
def test_ticks_are_round(highest: float, ticks: list[float]) -> None:
    assert _round_ticks(highest) == ticks
