"""Prunes every float model that torchvision registers and proves each: `python -m benchmarks.zoo [NAME ...]`.

Each model runs in a process of its own, one at a time, so that the largest fit into memory and a crash is a row.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
import torchvision
from torch import Tensor, nn

from explorer.engine.apply import Pruned
from explorer.engine.cost import Cost
from explorer.engine.errors import ExplorerError
from explorer.engine.graph import DependencyGraph
from explorer.engine.groups import Frozen
from explorer.engine.trees import flatten_tensors
from explorer.models import open_model
from explorer.models.from_torchvision import example_inputs, names, task
from explorer.models.tracing import trace_opened

REPORT = Path(__file__).with_name("zoo.md")
LIMIT_S = 3600
T = TypeVar("T")


def float_models() -> tuple[str, ...]:
    """Every registered name but the quantized ones."""
    return tuple(name for name in names() if not name.startswith("quantized_"))
