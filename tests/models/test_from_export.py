"""Programs that `torch.export` captured are traced, pruned and proven like the models that they came from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

import explorer
from explorer.engine.errors import TraceError
from explorer.models import open_model
from tests.engine.nets import TOKENS, Transformer, proven, randomised


def captured(model: nn.Module, *args: Tensor, **kwargs: Any) -> ExportedProgram:
    return torch.export.export(model.eval(), args, kwargs, dynamic_shapes=None if kwargs else [{0: Dim.AUTO}])


def test_groups_are_those_of_the_model_and_the_batch_stays_free() -> None:
    opened = open_model("sample:vit")
    images = torch.cat([*opened.example_inputs, *opened.example_inputs])
    graph = explorer.trace(captured(opened.model, images))
    expected = explorer.trace(opened.model, opened.example_inputs)
    assert [(g.name, g.kind, g.size) for g in graph.groups] == [(g.name, g.kind, g.size) for g in expected.groups]
    assert graph.cost.params == expected.cost.params
    pruned = graph.plan(0.5).apply()
    proven(pruned)
    assert pruned.model(torch.cat([images] * 3)).shape == (6, 10)


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # torch.export, of every recurrent layer
def test_a_recurrent_layer() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.lstm, self.head = nn.Linear(4, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(self.embed(x))[0][:, -1])

    model = Net().eval()
    graph = explorer.trace(captured(model, torch.randn(2, 5, 4)))
    assert [group.name for group in graph.groups] == [
        g.name for g in explorer.trace(model, torch.randn(2, 5, 4)).groups
    ]
    proven(graph.plan(0.5).apply())


def test_sizes_are_literals_so_calls_are_replayed_and_say_so() -> None:
    x = torch.randn(TOKENS)
    pruned = explorer.trace(captured(randomised(Transformer()), x)).plan(0.5).apply()
    assert pruned.way == "program"
    assert "layer_norm" in pruned.reason
    proven(pruned)


def test_inputs_by_keyword_and_inputs_that_are_given() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 6), nn.Linear(6, 2)

        def forward(self, x: Tensor, scale: Tensor) -> Tensor:
            return self.b(self.a(x) * scale)

    x, scale = torch.randn(2, 3), torch.ones(2, 1)
    named = captured(Net(), x=x, scale=scale)
    mixed = captured(Net(), x, scale=scale)
    for program in (named, mixed):
        assert [group.size for group in explorer.trace(program).groups] == [6]
    named.example_inputs = None
    with pytest.raises(TraceError, match="carries no example inputs"):
        explorer.trace(named)
    assert [group.size for group in explorer.trace(named, {"x": x, "scale": scale}).groups] == [6]
