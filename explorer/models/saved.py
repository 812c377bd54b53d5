"""What `explorer.save` wrote, back as a model: the pruned one, or the original's size with zeros."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from explorer.engine.errors import SaveError
from explorer.engine.expand import expanded
from explorer.engine.recipe import Recipe, check_architecture, checked_recipe, read_recipe, surgery_of
from explorer.engine.save import rebuild
from explorer.engine.trace import ExampleInputs
from explorer.models.opening import OpenedModel, open_model
from explorer.models.source import FileSource, parse_source


def load(
    folder: str | Path,
    model: nn.Module | None = None,
    example_inputs: ExampleInputs | None = None,
    *,
    trust_source: bool = False,
) -> nn.Module:
    """The pruned model of a saved folder; nothing is unpickled.

    Args:
        folder: What `explorer.save` wrote.
        model: A model of the original architecture, with any weights, for sources that are not a name; it is untouched.
        example_inputs: What such a model runs on; needed only where the pruned model replays recorded calls.
        trust_source: Whether a source that is code (``path/to/file.py:factory``) may be run to build the original.

    Returns:
        A new module in eval mode, its weights bit-identical to the saved ones.

    Raises:
        SaveError: The folder is damaged, names code instead of a model, or does not fit the model given.
        ModelSourceError: The named source cannot be opened.
    """
    if model is not None:
        return rebuild(folder, model, example_inputs)
    opened = open_original(read_recipe(folder), str(folder), trust_source=trust_source)
    return rebuild(folder, opened.model, opened.example_inputs)


def expand(pruned: nn.Module, recipe: Recipe | str | Path, model: nn.Module | None = None) -> nn.Module:
    """A model of the original's size that holds a pruned model's weights, and zeros where channels were removed.

    It gives the pruned model's outputs, except where the forward reduces over an axis that lost channels: a LayerNorm,
    softmax or mean counts the zeros too.

    Args:
        pruned: The pruned model, as it is or trained since.
        recipe: Its recipe: `Pruned.recipe`, or the folder or ``recipe.json`` that `explorer.save` wrote.
        model: A model of the original architecture, for sources that are not a name; it is untouched.

    Returns:
        A new module of the original's classes. Buffers of removed channels are those of the original.

    Raises:
        SaveError: The recipe cannot be read, names code instead of a model, or was made for another architecture.
        ApplyError: The pruned model was not made by this recipe.
    """
    known = recipe_at(recipe)
    original = _original_to_expand(known) if model is None else model
    check_architecture(known, original, "The recipe")
    return expanded(original, pruned, surgery_of(known))


def _original_to_expand(recipe: Recipe) -> nn.Module:
    source = recipe["source"]
    if source and not isinstance(parse_source(source), FileSource):
        return open_original(recipe, "The recipe", trust_source=False).model
    named = f"names {source!r}, which is code" if source else "was made from a model in memory"
    raise SaveError(
        f"The recipe {named}, so the explorer cannot build the original by name. Build it yourself and pass it: "
        "explorer.expand(pruned, recipe, model=your_model)."
    )


def recipe_at(recipe: Recipe | str | Path) -> Recipe:
    """A recipe as data, or in a folder or file, checked.

    Raises:
        SaveError: It cannot be read, or is none.
    """
    return read_recipe(recipe) if isinstance(recipe, (str, Path)) else checked_recipe(recipe)


def open_original(recipe: Recipe, said: str, *, trust_source: bool) -> OpenedModel:
    """The original that a recipe was made from, with the weights that its source has without a download.

    Args:
        recipe: The recipe.
        said: What to call it in errors.
        trust_source: Whether a source that is code may be run.

    Raises:
        SaveError: The original was in memory, or its source is code that is not trusted.
        ModelSourceError: The source cannot be opened.
    """
    source = recipe["source"]
    if not source:
        raise SaveError(
            f"{said} was made from a model in memory, so the explorer cannot build the original by name. Build it "
            "yourself and pass it: explorer.load(folder, model=your_model)."
        )
    if isinstance(parse_source(source), FileSource):
        if not trust_source:
            raise SaveError(
                f"{said} names {source!r}, which is code, so the explorer cannot build the original by name. Build it "
                "yourself and pass it: explorer.load(folder, model=your_model). If you know what the file does: "
                "explorer.load(folder, trust_source=True) runs it."
            )
        return open_model(source, trust_code=True)
    return open_model(source.partition("@")[0])
