"""What is known against a format before anything is made, and that it is true."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import explorer
from explorer.engine.errors import ExportError
from explorer.engine.graph import trace
from explorer.engine.plan import Plan
from explorer.exports import FORMATS, capture_refusal, is_doubtful, refusals
from tests.engine.nets import Run

CAPTURED = ("pt2", "onnx", "program")


@dataclass
class Result:
    scores: Tensor


class Pair(NamedTuple):
    scores: Tensor
    hidden: Tensor


def plan_of(function: Any, *inputs: Any) -> Plan:
    model = Run(function, a=nn.Linear(3, 6), b=nn.Linear(6, 2))
    return trace(model.eval(), inputs or torch.ones(2, 3)).plan(0.5)


def _plain(m: Any, x: Tensor) -> Tensor:
    return m.b(m.a(x).relu())


def _literal(m: Any, x: Tensor) -> Tensor:
    return m.b(m.a(x).view(-1, 3, 2).flatten(1))


def _branching(m: Any, x: Tensor) -> Tensor:
    return m.b(m.a(x)) if x.sum() > 0 else m.b(-m.a(x))


def _picking(m: Any, x: Tensor) -> Tensor:
    x = m.a(x)
    return m.b(x[x.sum(1) > -1e9])


def _in_pair(m: Any, x: Tensor) -> Pair:
    hidden = m.a(x)
    return Pair(m.b(hidden), hidden.sum(1))


def _in_result(m: Any, x: Tensor) -> list[Result]:
    return [Result(m.b(m.a(x)))]


def _told(m: Any, x: Tensor, how: Any) -> Tensor:
    return m.b(m.a(x))


UNBUILT = r"Run\(\) without arguments gives no model"
RESULT = r"returns a Result, which torch\.export does not know"
PAIR = r"returns a Pair, which only a process that imports tests\.exports\.test_refusing could load"
COMPLEX = r"traced with an argument of type complex"


@pytest.mark.parametrize(
    ("function", "inputs", "reasons"),
    [
        (_plain, (), {"state_dict": UNBUILT}),
        (_literal, (), {"state_dict": r"replays recorded calls, .* uses the literal 3 .* Choose pt2, onnx or program"}),
        (_in_pair, (), {"state_dict": UNBUILT, "pt2": PAIR, "program": r"returns a Pair, which generated code cannot"}),
        (_in_result, (), {"state_dict": UNBUILT, **dict.fromkeys(CAPTURED, RESULT)}),
        (_told, (torch.ones(2, 3), 1j), dict.fromkeys(("state_dict", *CAPTURED), COMPLEX)),
    ],
)
def test_what_is_known_against_a_format_is_what_its_export_says(
    function: Any, inputs: tuple[Any, ...], reasons: dict[str, str], tmp_path: Path
) -> None:
    plan = plan_of(function, *inputs)
    found, pruned = refusals(plan), plan.apply()
    assert found.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert re.search(reason, found[name])
        with pytest.raises(ExportError) as refused:
            explorer.export(pruned, tmp_path / "out", [name])
        assert str(refused.value) == f"The format '{name}' cannot hold this model. {found[name]}"
    assert list(tmp_path.iterdir()) == []
    offered = [name for name in ("folder", "pt2", "onnx") if name not in found]
    assert set(explorer.export(pruned, tmp_path / "out", offered).checks) == set(offered)


@pytest.mark.parametrize("function", [_branching, _in_result])
def test_what_torch_export_cannot_follow_is_found_out_by_trying(function: Any, tmp_path: Path) -> None:
    plan = plan_of(function)
    assert is_doubtful(plan.graph, plan.expected_way)
    reason = capture_refusal(plan.graph)
    assert re.match(r"torch\.export cannot follow Run: .* Export the format 'folder' or 'state_dict'", reason)


def test_a_model_that_picks_by_its_numbers_is_tried_and_found_good(tmp_path: Path) -> None:
    plan = plan_of(_picking)
    assert is_doubtful(plan.graph, plan.expected_way)
    assert capture_refusal(plan.graph) == ""
    assert explorer.export(plan.apply(), tmp_path / "out", ["pt2"]).checks["pt2"].error < 1e-5


def test_named_models_and_replayed_calls_need_no_trial() -> None:
    sample = explorer.trace("sample:gat").plan(0.5)
    assert not is_doubtful(sample.graph, sample.expected_way)
    literal = plan_of(_literal)
    assert literal.expected_way.way == "program"
    assert not is_doubtful(literal.graph, literal.expected_way)


def test_a_detector_is_tried_though_it_has_a_name() -> None:
    graph = explorer.trace("torchvision:ssdlite320_mobilenet_v3_large")
    assert is_doubtful(graph, graph.plan(0.5).expected_way)
    assert capture_refusal(graph).startswith("torch.export cannot follow SSD: ")


def test_a_model_without_values_or_without_a_way_is_refused_in_every_format() -> None:
    with torch.device("meta"):
        empty = trace(nn.Sequential(nn.Linear(3, 6), nn.Linear(6, 2)).eval(), torch.ones(2, 3)).plan(
            keep={"0": range(3)}
        )
    assert refusals(empty) == dict.fromkeys(
        FORMATS, "The model is on the meta device and has no values to export. Give it weights."
    )
    model = Run(_literal, a=nn.Linear(3, 6), b=nn.Linear(6, 2)).eval()
    graph = trace(model, lambda m: m(torch.ones(2, 3)))
    plan = graph.plan({"a": 0.5})
    assert plan.expected_way.way == "none"
    assert refusals(plan) == dict.fromkeys(FORMATS, plan.expected_way.reason)
