"""From a recipe to a zip that somebody can take away."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from explorer.engine.errors import PlanError
from explorer.engine.save import save
from explorer.exploration import Exploration


@dataclass(frozen=True)
class Exported:
    """A zip and what was proven of it.

    Attributes:
        name: File name of the zip.
        content: The zip.
        proof: The result of the proof, in words.
        is_proven: Whether it holds.
    """

    name: str
    content: bytes
    proof: str
    is_proven: bool


def export_zip(exploration: Exploration) -> Exported:
    """Applies the recipe, proves the result and packs it.

    Args:
        exploration: The model and its recipe.

    Returns:
        The zip: one folder with ``model.safetensors``, ``recipe.json`` and ``README.md``.

    Raises:
        ExplorerError: Nothing is pruned yet, or the plan cannot be applied, proven or saved.
    """
    if not exploration.is_pruning():
        raise PlanError("Nothing is pruned yet. Set a ratio in the grid of groups below, then export.")
    pruned = exploration.plan().apply()
    proof = pruned.verify()
    name = f"{slug(exploration.graph.title)}-pruned"
    with tempfile.TemporaryDirectory(prefix="explorer-export-") as folder:
        save(pruned, Path(folder) / name)
        return Exported(f"{name}.zip", _zipped(Path(folder)), str(proof), proof.ok)


def slug(title: str) -> str:
    """A title as a file name: ``ResNet-20 (digits)`` gives ``resnet-20-digits``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "model"


def loading_snippet(folder: str) -> str:
    """The lines that load an exported model."""
    return f'import explorer\n\nmodel = explorer.load("{folder}")'


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()
