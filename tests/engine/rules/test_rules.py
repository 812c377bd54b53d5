"""Each rule says what it should, and running the op on smaller operands gives what the rule predicts."""

from __future__ import annotations

from functools import cache

import pytest

from explorer.engine.rules import table
from tests.engine.rules.cases import elements, indexing, joining, layers, reshaping, windows
from tests.engine.rules.oracle import Case, check_execution, live_dims, trace_case
from tests.engine.rules.wording import statements

pytestmark = pytest.mark.filterwarnings("ignore:index_reduce:UserWarning")

ROWS = [row for module in (joining, reshaping, indexing, layers, windows, elements) for row in module.CASES]
NAMES = [row.name for row in ROWS]

WITHOUT_CASE = {
    "pointwise": "the rule of every op that PyTorch tags so; reached by add, mul, where and the like",
    "aten._sparse_addmm": "reads a sparse tensor, which cannot be cut here; see tests/patterns/test_graph_nets.py",
    "aten.cudnn_batch_norm": "CUDA only",
    "aten.miopen_batch_norm": "ROCm only",
}


@cache
def _trace(place: int) -> Case:
    row = ROWS[place]
    return trace_case(row.function, *row.operands, given=row.given)


@pytest.mark.parametrize("place", range(len(ROWS)), ids=NAMES)
def test_rule_says(place: int) -> None:
    case, row = _trace(place), ROWS[place]
    assert not case.coupling.unsupported
    assert statements(case) == row.says


@pytest.mark.parametrize("place", range(len(ROWS)), ids=NAMES)
def test_execution_agrees(place: int) -> None:
    case, row = _trace(place), ROWS[place]
    assert live_dims(case) == row.live
    tried = check_execution(case)
    assert tried or not row.live


def test_names_of_rows_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_every_registered_rule_runs_in_some_row() -> None:
    ran = [op for place in range(len(ROWS)) for op in _trace(place).ops]
    reached = {op.name for op in ran} | {op.base_name for op in ran}
    assert set(table.registered()) - reached == set(WITHOUT_CASE)
