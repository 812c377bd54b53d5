"""Exported programs are traced, pruned and proven like the modules that they were made from."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.nn import functional as F

import explorer
from explorer.engine.errors import TraceError

BATCH = {0: Dim("batch", min=1, max=64)}


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 16)
        self.qkv = nn.Linear(16, 48)
        self.project = nn.Linear(16, 16)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        x = self.embed(x)
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c)
        x = self.head(self.drop(x + self.project(y)))
        return x if scale is None else x * scale


def exported(*, is_dynamic: bool = True) -> ExportedProgram:
    shapes = {"x": BATCH} if is_dynamic else None
    return torch.export.export(Attends().eval(), (torch.randn(2, 5, 6),), dynamic_shapes=shapes)


def groups(graph: explorer.DependencyGraph) -> list[tuple[str, str, int, list[tuple[str, int]]]]:
    return [(g.name, g.kind, g.size, [(m.parameter, m.dim) for m in g.members]) for g in graph.groups]


def test_the_groups_are_those_of_the_module() -> None:
    module = explorer.trace(Attends().eval(), torch.randn(2, 5, 6))
    assert groups(explorer.trace(exported())) == groups(module)


@pytest.mark.parametrize("is_dynamic", [False, True])
def test_half_goes_and_the_result_is_right(is_dynamic: bool) -> None:
    pruned = explorer.trace(exported(is_dynamic=is_dynamic)).plan(0.5).apply()
    proof = pruned.verify()
    assert proof.ok
    assert proof.is_proof
    assert pruned.way == "program"
    assert pruned.model.get_parameter("qkv.weight").shape == (24, 8)


def test_a_free_batch_size_stays_free() -> None:
    pruned = explorer.trace(exported()).plan(0.5).apply()
    assert pruned.model(torch.randn(7, 5, 6)).shape == (7, 5, 3)


def test_keyword_inputs_of_the_export_are_used() -> None:
    program = torch.export.export(Attends().eval(), (torch.randn(2, 5, 6),), {"scale": torch.tensor(2.0)})
    assert explorer.trace(program).plan(0.5).apply().verify().ok


def test_a_convolution_runs_its_own_graph() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3)).eval()
    pruned = explorer.trace(torch.export.export(model, (torch.randn(2, 3, 8, 8),))).plan(0.5).apply()
    assert pruned.verify().ok
    assert pruned.way == "live"


def test_what_was_saved_loads_again(tmp_path: Path) -> None:
    graph = explorer.trace(exported())
    pruned = graph.plan(0.5).apply()
    x = torch.randn(3, 5, 6)
    folder = explorer.save(pruned, tmp_path / "pruned")
    loaded = explorer.load(folder, model=graph.model, example_inputs=graph.example_inputs)
    assert torch.equal(loaded(x), pruned.model(x))


def test_a_program_without_example_inputs_says_so() -> None:
    program = copy(exported())
    program._example_inputs = None
    with pytest.raises(TraceError, match="holds no example inputs"):
        explorer.trace(program)
    assert explorer.trace(program, torch.randn(2, 5, 6)).groups
