"""Loading a folder that `explorer.save` wrote."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from explorer.engine.errors import SaveError
from explorer.engine.save import read_recipe, rebuild
from explorer.engine.trace import ExampleInputs
from explorer.models.opening import open_model
from explorer.models.source import FileSource, parse_source


def load(folder: str | Path, model: nn.Module | None = None, example_inputs: ExampleInputs | None = None) -> nn.Module:
    """The pruned model of a saved folder; nothing is unpickled.

    Args:
        folder: What `explorer.save` wrote.
        model: A model of the original architecture, with any weights, for sources that are not a name; it is untouched.
        example_inputs: What such a model runs on; needed only where the pruned model replays recorded calls.

    Returns:
        A new module in eval mode, its weights bit-identical to the saved ones.

    Raises:
        SaveError: The folder is damaged, names code instead of a model, or does not fit the model given.
        ModelSourceError: The named source cannot be opened.
    """
    if model is not None:
        return rebuild(folder, model, example_inputs)
    source = str(read_recipe(folder).get("source") or "")
    if not source or isinstance(parse_source(source), FileSource):
        found = f"names {source!r}, which is code" if source else "was made from a model in memory"
        raise SaveError(
            f"{folder} {found}, so the explorer cannot build the original by name. Build it yourself and call "
            "explorer.load(folder, model=your_model)."
        )
    # The weights come from the folder, so pretrained ones need not be fetched again.
    opened = open_model(source.partition("@")[0])
    return rebuild(folder, opened.model, opened.example_inputs)
