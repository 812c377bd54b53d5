"""An experiment that runs in a second: a net of two convolutions on the digits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.reproduction import Experiment
from explorer.reproduction.experiments import Network
from explorer.training import TrainingSettings

SETTINGS = TrainingSettings(epochs=3, learning_rate=0.1, keep_best=False)


def build() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def example_inputs() -> tuple[Tensor]:
    return (torch.zeros(1, 1, 8, 8),)


TINY = Experiment(
    "tiny",
    "Two convolutions",
    Network(build, example_inputs),
    "digits",
    SETTINGS,
    methods=("random", "sparse-group"),
    base=SETTINGS,
    sparse=SETTINGS,
    strength=1e-2,
    is_base_tuned=True,
    seeds=(0, 1),
    samples=400,
)
