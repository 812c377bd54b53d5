"""A recipe carried out and written in one format, checked, as a zip."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from explorer.engine.errors import PlanError, SaveError, VerifyError
from explorer.exploration import Exploration
from explorer.exports import export
from explorer.exports.packing import zip_folder
from explorer.jobs.progress import Progress

_APPLIED, _PROVEN = 0.1, 0.3
_STAGES = {"writing": _PROVEN, "checking": 0.6}
"""How much is done when each stage begins; they differ from model to model, so this is a guess."""


def make_format(exploration: Exploration, form: str, target: Path, name: str, progress: Progress) -> dict[str, Any]:
    """Prunes, proves, exports and checks, then packs.

    Args:
        exploration: The model and its recipe.
        form: A name of `FORMATS`.
        target: The zip to write.
        name: What the folder in the zip is called.
        progress: Told how much is done.

    Returns:
        ``form``, ``bytes`` of the zip, ``check`` and ``proof`` in words, ``snippet`` that loads what is in the folder.

    Raises:
        ExplorerError: Nothing is pruned, the proof fails, the format cannot hold the model, or the disk refuses.
    """
    if not exploration.is_pruning():
        raise PlanError("Nothing is pruned yet. Set a ratio in the grid of groups, then export.")
    pruned = exploration.plan().apply()
    progress.tell(_APPLIED)
    proof = pruned.verify()
    if not proof.ok:
        raise VerifyError(f"The pruned model is {proof}. It is not handed out; please report the model.")
    progress.tell(_PROVEN)
    try:
        with tempfile.TemporaryDirectory(prefix="explorer-export-") as place:
            made = export(pruned, Path(place) / name, [form], watch=lambda stage, _: progress.tell(_STAGES[stage]))
            zip_folder(Path(place), target)
        size = target.stat().st_size
    except OSError as error:
        raise SaveError(f"The export could not be written: {error}. Make room on the disk of the server.") from error
    return {
        "form": form,
        "bytes": size,
        "check": str(made.checks[form]),
        "proof": str(proof),
        "snippet": made.snippets[form],
    }
