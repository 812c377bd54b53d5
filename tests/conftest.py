"""What every test starts from: the same random state, and one thread, since several tests run at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

settings.register_profile("same examples everywhere", derandomize=True, deadline=None)
settings.load_profile("same examples everywhere")


@pytest.fixture(autouse=True)
def _same_start() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
