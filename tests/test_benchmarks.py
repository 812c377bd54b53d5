from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
import torch
from playwright.sync_api import Response

import explorer
from benchmarks import decoder, ui
from benchmarks.engine import COLUMNS, main


def test_a_row_has_a_figure_for_each_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["squeezenet1_1", "--repeats", "1"]) == 0
    header, _, row = capsys.readouterr().out.splitlines()
    assert header.count("|") == row.count("|") == len(COLUMNS) + 2
    name, *figures = (cell.strip() for cell in row.strip("| ").split("|"))
    assert name == "squeezenet1_1"
    assert all(float(figure) > 0 for figure in figures)


def test_a_decoder_without_weights_is_traced_grouped_and_planned() -> None:
    layers, params, *_ = decoder.measure(2, width=64, num_heads=4, hidden=128)
    assert (layers, params) == ("2", "0.00 G -> 0.00 G")
    with torch.device("meta"):
        graph = explorer.trace(decoder.Decoder(2, 64, 4, 128), torch.zeros(1, 8, dtype=torch.int64))
    kinds = [group.kind for group in graph.groups]
    assert [kinds.count(kind) for kind in ("channels", "heads", "head_dim")] == [
        3,
        2,
        2,
    ]  # queries and keys are turned by fixed angles
    assert graph.unsupported_ops() == ()


def test_the_table_of_the_app_says_which_goals_are_met() -> None:
    made = ui.table([ui.Figure("page ready", 2.345, 2.5, "s"), ui.Figure("slider", 123.4, 100, "ms")])
    assert made.splitlines()[2:] == ["| page ready | 2.35 s | 2.5 s | yes |", "| slider | 123 ms | 100 ms | no |"]


def test_the_table_replaces_the_one_before_and_nothing_else() -> None:
    text = f"above\n{ui.BEGIN}\nold\n{ui.END}\nbelow\n"
    once = ui.written(text, "| new |\n")
    assert once == f"above\n{ui.BEGIN}\n| new |\n{ui.END}\nbelow\n"
    assert ui.written(once, "| new |\n") == once
    assert ui.written(ui.RESULTS.read_text(encoding="utf-8"), "") != ""
    with pytest.raises(ValueError, match="no place for this table"):
        ui.written("no markers", "| new |")


@pytest.mark.parametrize(
    ("url", "output", "is_it"),
    [
        ("http://127.0.0.1/_dash-update-component?job=1", "graph.elements", True),
        ("http://127.0.0.1/_dash-update-component", "lists.children", False),
        ("http://127.0.0.1/_dash-layout", "graph.elements", False),
    ],
)
def test_answers_are_told_apart_by_what_they_set(url: str, output: str, is_it: bool) -> None:
    asked = SimpleNamespace(post_data=f'{{"output": "{output}"}}')
    assert ui.is_answer_for(cast(Response, SimpleNamespace(url=url, request=asked)), "graph.elements") is is_it
