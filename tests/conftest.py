"""What every test starts from: the same random state, one thread, since several tests run at a time, and no cache."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

# of the processes that tests start, too: several threads each on few cores spend their time on waiting for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("same examples everywhere", derandomize=True, deadline=None)
settings.load_profile("same examples everywhere")


@pytest.fixture(autouse=True)
def _same_start() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("EXPLORER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
