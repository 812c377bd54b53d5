"""Depth: in each stage nine additions in a row tie the outputs of ten convolutions, which is one group.

ResNet-56, the model of the paper's CIFAR experiments: the blocks of `resnet20.py`, nine in each stage.
"""

from __future__ import annotations

from torch import Tensor

from sample_models import resnet20


def build() -> resnet20.ResNet:
    """The model with freshly initialised weights."""
    return resnet20.ResNet(num_blocks=9)


def example_inputs() -> tuple[Tensor]:
    """One image of standard normal noise, always the same, shape (1, 1, 8, 8)."""
    return resnet20.example_inputs()
