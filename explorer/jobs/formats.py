"""A recipe carried out and written in one format, checked, as a zip."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from explorer.engine.apply import Pruned
from explorer.engine.errors import PlanError, SaveError, VerifyError
from explorer.exploration import Exploration
from explorer.exports import export
from explorer.exports.packing import zip_folder
from explorer.jobs.progress import Progress

NOTHING_PRUNED = "Nothing is pruned yet. Set a ratio in the grid of groups first."
_APPLIED, _PROVEN = 0.1, 0.3
_STAGES = {"writing": _PROVEN, "checking": 0.6}
"""How much is done when each stage begins; they differ from model to model, so this is a guess."""


@dataclass(frozen=True)
class Order:
    """What somebody wants to take away.

    Attributes:
        form: A name of `FORMATS`.
        name: What the folder in the zip is called.
        weights: Gives what the pruned model was trained to, by the names in its state; None for its own.
        is_trained: Whether the weights of the model itself were trained here, so that it is wanted unpruned too.
    """

    form: str
    name: str
    weights: Callable[[], Mapping[str, Tensor]] | None = None
    is_trained: bool = False


def make_format(exploration: Exploration, order: Order, target: Path, progress: Progress) -> dict[str, Any]:
    """Prunes, proves, puts trained weights in, exports and checks, then packs.

    Args:
        exploration: The model and its recipe.
        order: What of it is wanted.
        target: The zip to write. What is packed lies next to it meanwhile.
        progress: Told how much is done.

    Returns:
        ``form``, ``bytes`` of the zip and ``unpacked`` ones, ``check`` and ``proof`` in words, ``is_proven``: whether
        the proof could have failed, ``is_trained``: whether that was before the weights were trained, ``snippet`` that
        loads what is in the folder.

    Raises:
        ExplorerError: Nothing is pruned, the proof fails, the weights or the format cannot hold the model, or the disk
            refuses.
    """
    if not exploration.is_pruning() and not order.is_trained:
        raise PlanError(NOTHING_PRUNED)
    pruned = exploration.plan().apply()
    progress.tell(_APPLIED)
    proof = pruned.verify()
    if not proof.ok:
        raise VerifyError(f"The pruned model is {proof}. It is not handed out; please report the model.")
    if order.weights is not None:
        _put_in(pruned.model, order.weights())
    progress.tell(_PROVEN)
    made = _made(pruned, order, target, progress)
    proven = {"proof": str(proof), "is_proven": proof.is_proof, "is_trained": order.weights is not None}
    return {**made, **proven, "form": order.form}


def _made(pruned: Pruned, order: Order, target: Path, progress: Progress) -> dict[str, Any]:
    """The zip is written, and what is told of it."""
    form = order.form
    try:
        with tempfile.TemporaryDirectory(prefix="export-", dir=target.parent) as place:
            folder, packed = Path(place) / "files" / order.name, Path(place) / "packed.zip"
            made = export(pruned, folder, [form], watch=lambda stage, _: progress.tell(_STAGES[stage]))
            zip_folder(folder.parent, packed)
            packed.replace(target)  # whole, or not there
        size = target.stat().st_size
    except OSError as error:
        raise SaveError(f"The export could not be written: {error}. Make room on the disk of the server.") from error
    return {
        "bytes": size,
        "unpacked": made.sizes[form],
        "check": str(made.checks[form]),
        "snippet": made.snippets[form],
    }


def _put_in(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    try:
        model.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise PlanError(f"The trained weights do not fit this plan: {error}. Train the plan again.") from error
