"""What must be alike on two machines for a job to give the same result on both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import sample_models
from explorer import engine
from explorer.engine.errors import ExplorerError

_NO_PART = {"__main__.py", "app", "assets", "commands"}
"""Of the package: what shows results, and has no part in making them."""


class VersionError(ExplorerError):
    """Two processes that work together run different code."""


@cache
def versions() -> dict[str, str]:
    """Of this process: the explorer with 8 hexadecimal digits of its code and sample weights, and torch."""
    digest = hashlib.sha256()
    for path in _files():
        # text may end its lines otherwise on another system
        digest.update(path.read_text("utf-8").encode() if path.suffix == ".py" else path.read_bytes())
    return {
        "explorer": f"{engine.__version__} ({digest.hexdigest()[:8]})",
        "torch": version("torch").partition("+")[0],  # what it was built for does not matter on the CPU
        "torchvision": version("torchvision").partition("+")[0],
    }


def check_versions(asked: dict[str, str], worker: str) -> None:
    """Nothing, where this process runs what the asking one does.

    Args:
        asked: `versions` of the process that asks.
        worker: What this process is called.

    Raises:
        VersionError: It runs something else.
    """
    own = versions()
    if different := [name for name in own if asked.get(name) != own[name]]:
        runs = ", ".join(f"{name} {own[name]}" for name in different)
        wanted = ", ".join(f"{name} {asked.get(name, 'unknown')}" for name in different)
        raise VersionError(
            f"The worker {worker} runs {runs}; the explorer that asks it runs {wanted}. Their results could differ: "
            "install the same on both and start the worker again."
        )


def _files() -> Iterator[Path]:
    """The files that results depend on, in an order that is the same everywhere."""
    for folder in (Path(str(engine.__file__)).parents[1], Path(str(sample_models.__file__)).parent):
        found = [path for pattern in ("*.py", "*.safetensors") for path in folder.rglob(pattern)]
        yield from sorted(
            (path for path in found if path.relative_to(folder).parts[0] not in _NO_PART),
            key=lambda path: path.relative_to(folder).as_posix(),
        )
