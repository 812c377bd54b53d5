from __future__ import annotations

import pytest

from benchmarks.engine import COLUMNS, main


def test_a_row_has_a_figure_for_each_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeezenet1_1", "--repeats", "1"]) == 0
    header, _, row = capsys.readouterr().out.splitlines()
    assert header.count("|") == row.count("|") == len(COLUMNS) + 2
    name, *figures = (cell.strip() for cell in row.strip("| ").split("|"))
    assert name == "squeezenet1_1"
    assert all(float(figure) > 0 for figure in figures)
