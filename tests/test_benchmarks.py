from __future__ import annotations

import pytest
import torch

import explorer
from benchmarks import decoder
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
