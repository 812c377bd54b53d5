"""An op has a rule, is deliberately inert, or has no rule: the three states are never confused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.couple import Coupling, couple
from explorer.engine.coupler import Coupler
from explorer.engine.factors import inert_dim
from explorer.engine.rules import Bound, Operand, Result, find_rule, register_rule, table
from explorer.engine.rules.table import inert_result
from explorer.engine.trace import record
from tests.engine.rules.oracle import check_execution, live_dims, trace_case

torch.library.define("explorer_tests::double", "(Tensor x) -> Tensor")
torch.library.define("explorer_tests::turn", "(Tensor x) -> Tensor")


@torch.library.impl("explorer_tests::double", "CompositeExplicitAutograd")
def _double(x: Tensor) -> Tensor:
    return x * 2


@torch.library.impl("explorer_tests::turn", "CompositeExplicitAutograd")
def _turn(x: Tensor) -> Tensor:
    return x.flip(1)


@pytest.fixture(autouse=True)
def _same_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(table, "_RULES", dict(table._RULES))
    yield


class Net(nn.Module):
    """Two linears with an op between."""

    def __init__(self, op: Any) -> None:
        super().__init__()
        self.first, self.last, self.op = nn.Linear(3, 4), nn.Linear(4, 2), op

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.op(self.first(x)))


def _coupling(op: Any) -> Coupling:
    return couple([record(Net(op), torch.ones(5, 3))])


def _reason(coupling: Coupling, name: str, dim: int) -> str:
    solution = coupling.solution
    label = int(solution.labels[coupling.states[name].dims[dim][0][0]])
    return solution.reason(label)[0] if solution.frozen[label] else "live"


def test_an_op_without_a_rule_freezes_and_names_itself_and_its_place() -> None:
    coupling = _coupling(torch.ops.explorer_tests.double)
    assert [(found.op, found.module) for found in coupling.unsupported] == [("explorer_tests.double.default", "")]
    assert _reason(coupling, "first.weight", 0) == "the explorer has no rule for explorer_tests.double.default"


def test_the_reason_names_the_module() -> None:
    coupling = couple([record(nn.Sequential(Net(torch.ops.explorer_tests.double)), torch.ones(5, 3))])
    assert _reason(coupling, "0.first.weight", 0).endswith("explorer_tests.double.default in 0")
    assert coupling.unsupported[0].module == "0"


@pytest.mark.parametrize(
    "op", ["explorer_tests.double", "explorer_tests.double.default", torch.ops.explorer_tests.double.default]
)
def test_a_registered_rule_makes_it_live(op: Any) -> None:
    @register_rule(op)
    def double(op: Bound, couple: Coupler) -> Result:
        return (op.tensor(0).dims,)

    coupling = _coupling(torch.ops.explorer_tests.double)
    assert not coupling.unsupported
    assert _reason(coupling, "first.weight", 0) == "live"
    assert _reason(coupling, "last.weight", 1) == "live"


def test_an_op_packet_registers_all_its_overloads() -> None:
    register_rule(torch.ops.explorer_tests.double)(lambda op, couple: (op.tensor(0).dims,))
    assert not _coupling(torch.ops.explorer_tests.double).unsupported


def test_an_inert_op_neither_freezes_what_it_reads_nor_carries_it() -> None:
    case = trace_case(lambda a: a * a.sum().item() + (1 if torch.equal(a, a) else 0), (3,))
    assert live_dims(case) == "a0"
    assert not case.coupling.unsupported


def test_a_pointwise_op_without_an_entry_has_the_pointwise_rule() -> None:
    assert find_rule("aten.erfinv.default", "aten.erfinv", is_pointwise=True) is find_rule(
        "aten.add.Tensor", "aten.add", is_pointwise=True
    )
    assert find_rule("aten.erfinv.default", "aten.erfinv", is_pointwise=False) is None


def test_two_rules_of_the_engine_for_one_op_are_a_mistake() -> None:
    with pytest.raises(AssertionError, match=r"two rules for aten\.cat"):
        table.rule("aten.cat")(lambda op, couple: ())


def test_a_rule_whose_result_has_another_shape_is_caught() -> None:
    register_rule("explorer_tests.double")(lambda op, couple: (op.tensor(0).dims[:1],))
    with pytest.raises(AssertionError, match=r"explorer_tests\.double\.default gives \(5,\) for .* \(5, 4\)"):
        _coupling(torch.ops.explorer_tests.double)


def test_the_oracle_catches_a_rule_that_moves_channels() -> None:
    register_rule("explorer_tests.turn")(lambda op, couple: (op.tensor(0).dims,))
    with pytest.raises(AssertionError, match=r"explorer_tests\.turn"):
        check_execution(trace_case(torch.ops.explorer_tests.turn, (3, 4)))


def test_the_oracle_catches_a_rule_that_forgets_a_coupling() -> None:
    register_rule("aten.mm")(lambda op, couple: ((op.tensor(0).dims[0], op.tensor(1).dims[1]),))
    with pytest.raises((AssertionError, RuntimeError)):
        check_execution(trace_case(torch.mm, (3, 4), (4, 2)))


def test_a_grouped_product_with_a_bias_is_left_alone() -> None:
    couple = Coupler()
    a, b, bias = [
        Operand(tuple(couple.new_dim(size) for size in shape), shape) for shape in ((8, 4), (2, 4, 3), (2, 3))
    ]
    ends = Operand((inert_dim(2),), (2,))
    rule = find_rule("aten._grouped_mm.default", "aten._grouped_mm", is_pointwise=False)
    assert rule is not None
    assert rule(Bound("aten._grouped_mm.default", (a, b, ends, bias), {}, ((8, 3),)), couple) == inert_result(
        Bound("", (), {}, ((8, 3),))
    )
    frozen = {id(freeze.atoms) for freeze in couple.frozen}
    assert frozen == {id(factor) for operand in (a, b, bias) for dim in operand.dims for factor in dim}
