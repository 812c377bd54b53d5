"""From a recipe to a zip that somebody can take away."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from explorer.engine.errors import PlanError
from explorer.engine.save import loading_arguments, save
from explorer.exploration import Exploration
from explorer.exports.packing import zip_folder


@dataclass(frozen=True)
class Exported:
    """A zip and what was proven of it.

    Attributes:
        name: File name of the zip.
        content: The zip.
        proof: The result of the proof, in words.
        is_proven: Whether it holds and could have failed.
        is_wrong: Whether the comparison failed.
        snippet: The lines that load the zip's folder.
    """

    name: str
    content: bytes
    proof: str
    is_proven: bool
    is_wrong: bool
    snippet: str


def export_zip(exploration: Exploration, weights: Mapping[str, Tensor] | None = None) -> Exported:
    """Applies the recipe, proves the result and packs it.

    Args:
        exploration: The model and its recipe.
        weights: What the pruned model was trained to, by the names in its state; its own by default. The proof is of
            the pruned model before that.

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
    if weights is not None:
        pruned.model.load_state_dict(dict(weights))
        name += "-recovered"
    with tempfile.TemporaryDirectory(prefix="explorer-export-") as folder:
        save(pruned, Path(folder) / name)
        packed = io.BytesIO()
        zip_folder(Path(folder), packed)
    snippet = loading_snippet(name, exploration.graph.source, pruned.way)
    return Exported(f"{name}.zip", packed.getvalue(), str(proof), proof.ok and proof.is_proof, not proof.ok, snippet)


def slug(title: str) -> str:
    """A title as a file name: ``ResNet-20 (digits)`` gives ``resnet-20-digits``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "model"


def loading_snippet(folder: str, source: str, way: str) -> str:
    """The lines that load an exported model, as the zip's own README has them.

    Args:
        folder: Where it was unpacked.
        source: What the original came from; only a name can be built again from the recipe.
        way: ``live``, or ``program`` for a model that replays its recorded calls.
    """
    arguments = [f'"{folder}"']
    arguments += loading_arguments(source, way)
    joined = ", ".join(arguments)
    call = joined if len(arguments) == 1 else "\n    " + joined.replace(", ", ",\n    ") + ",\n"
    return f"import explorer\n\nmodel = explorer.load({call})"
