from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

import explorer
from explorer.engine.errors import ModelSourceError, TraceError
from explorer.models import open_model
from explorer.models.advice import advice, near_names

NET = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(288, 4))


class Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Any, y: Any) -> Any:
        return self.layer(x if x > 0 else y)


class Huge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.layer(torch.zeros(10**15, 4))


class Silent(Huge):
    def forward(self, x: Any) -> Any:
        self.layer(x)


@pytest.mark.parametrize(
    ("model", "inputs", "hint"),
    [
        (NET, torch.zeros(1, 1, 8, 8), "takes 3 channels and the example input has 1. .*--input 1,3,"),
        (NET, torch.zeros(1, 3, 9, 9), "takes 288 features and got 392"),
        (NET, torch.zeros(3), "the size that the model was built for"),
        (NET, torch.zeros(1, 3, 2, 2), "the size that the model was built for"),
        (nn.LayerNorm(5), torch.zeros(1, 4), "the size that the model was built for"),
        (NET, torch.zeros(1, 3, 8, 8).long(), "float32 for a float model"),
        (nn.Embedding(10, 4), torch.zeros(1, 3), "whole numbers for an embedding"),
        (nn.Embedding(10, 4), torch.full((1, 3), 99), "token ids below its vocabulary"),
        (Sum(), torch.zeros(1, 4), "every input that forward takes"),
        (Sum(), {"x": torch.zeros(1, 4), "z": torch.zeros(1, 4)}, "every input that forward takes"),
        (Sum(), (torch.zeros(2, 4), torch.zeros(2, 4)), "decides by the numbers.*real data"),
        (Huge(), torch.zeros(1, 4), "a smaller example input"),
        (Silent(), torch.zeros(1, 4), "returns the tensors alone"),
    ],
)
def test_what_to_try_follows_from_what_went_wrong(model: nn.Module, inputs: Any, hint: str) -> None:
    with pytest.raises(TraceError) as failed:
        explorer.trace(model, inputs)
    first, *more = advice(failed.value)
    assert re.search(hint, first)
    assert all("without the explorer" in each for each in more)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("nowhere.py:build", "from the folder in which the explorer runs"),
        ("{file}:build", "python -m pip install no_such_package"),
        ("sample:resnet21", ""),
    ],
)
def test_a_source_that_fails_says_what_to_try(source: str, hint: str, tmp_path: Any) -> None:
    (tmp_path / "net.py").write_text("import no_such_package\n")
    with pytest.raises(ModelSourceError) as failed:
        open_model(source.format(file=tmp_path / "net.py"), trust_code=True)
    assert hint in " ".join(advice(failed.value))
    assert bool(hint) == bool(advice(failed.value))  # where the message says it all, nothing is added


def test_near_names_come_nearest_first() -> None:
    known = ("torchvision:resnet50", "torchvision:resnet152", "sample:vgg")
    assert near_names("torchvision:resnt50", known)[0] == "torchvision:resnet50"
    assert near_names("file.py:build", known) == ()
