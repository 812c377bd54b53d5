"""Opening a file adds to the import path and to the modules; each test puts both back."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _import_state() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in [
        name for name in sys.modules if name not in modules and name.startswith(("explorer_source_", "neighbour_"))
    ]:
        del sys.modules[name]
