"""Writing a pruned model to a folder, and reading it back without unpickling anything.

A folder holds ``model.safetensors`` (the pruned weights under their original names), ``recipe.json`` (what was done, as
plain data) and ``README.md`` (how to load it).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save_file
from torch import Tensor, nn

from explorer.engine.errors import ApplyError, PlanError, SaveError
from explorer.engine.graph import trace
from explorer.engine.recipe import (
    RECIPE_FILE,
    Recipe,
    check_architecture,
    inside,
    read_recipe,
    recipe_text,
    surgery_of,
)
from explorer.engine.surgery import perform
from explorer.engine.trace import ExampleInputs
from explorer.engine.writing import new_folder

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned

WEIGHTS_FILE = "model.safetensors"
README_FILE = "README.md"
MAKE_ROOM = "Nothing was left there; make room or choose another folder."
HEADER_BYTES = 2**20
"""Room for the header of a file of weights, besides what each tensor needs."""


def save(pruned: Pruned, folder: str | Path) -> Path:
    """Write a pruned model to a new folder; it appears whole or not at all.

    Args:
        pruned: What `Plan.apply` returned.
        folder: A folder that does not exist yet, or is empty.

    Returns:
        The folder.

    Raises:
        SaveError: The folder holds something, or the disk refuses.
    """
    target = Path(folder)
    with new_folder(target) as unfinished:
        write_model(pruned, unfinished)
    return target


def write_model(pruned: Pruned, folder: Path) -> None:
    """Write weights, recipe and README into an empty folder.

    Raises:
        SaveError: The weights could not be written.
        OSError: The disk refuses.
    """
    weights = folder / WEIGHTS_FILE
    try:
        states = distinct_states(pruned.model)
        save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in states.items()}, str(weights))
    except SafetensorError as error:
        raise SaveError(f"The weights could not be written: {error}. {MAKE_ROOM}") from error
    weights.chmod(0o644)  # safetensors lets the owner alone read it
    recipe = pruned.recipe
    recipe["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (folder / RECIPE_FILE).write_text(recipe_text(recipe), encoding="utf-8")
    (folder / README_FILE).write_text(_readme(pruned), encoding="utf-8")


def rebuild(folder: str | Path, model: nn.Module, example_inputs: ExampleInputs | None = None) -> nn.Module:
    """The pruned model of a saved folder.

    Args:
        folder: What `save` wrote.
        model: A model of the original architecture, with any weights; it is untouched.
        example_inputs: What the original runs on; needed only where the pruned model replays recorded calls.

    Returns:
        A new module in eval mode, its weights bit-identical to the saved ones.

    Raises:
        SaveError: The folder is damaged, or the model is of another architecture.
    """
    recipe = read_recipe(folder)
    check_architecture(recipe, model, str(folder))
    try:
        pruned = _replayed(folder, recipe, model, example_inputs) if _is_program(recipe) else _performed(recipe, model)
    except (ApplyError, PlanError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        said = str(error).rstrip(".")
        raise SaveError(f"The recipe in {folder} does not fit the model: {said}. Save the model again.") from error
    _load_weights(pruned, inside(Path(folder), WEIGHTS_FILE), recipe)
    return pruned.eval()


def _is_program(recipe: Recipe) -> bool:
    return bool(recipe["way"] == "program")


def _performed(recipe: Recipe, model: nn.Module) -> nn.Module:
    return perform(model, surgery_of(recipe))


def _replayed(folder: str | Path, recipe: Recipe, model: nn.Module, example_inputs: ExampleInputs | None) -> nn.Module:
    """The replaying module, recorded again on the original."""
    if example_inputs is None:
        raise SaveError(
            f"The model in {folder} replays recorded calls, since the original's code holds sizes as literals. Pass "
            "example_inputs that the original runs on."
        )
    return trace(model, example_inputs).plan(keep=recipe["channels"], break_ties=True).apply().model


def distinct_states(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers; a tensor with several names comes once."""
    names: dict[int, str] = {}
    known = {name: state for name, state in model.state_dict(keep_vars=True).items() if isinstance(state, Tensor)}
    for name, tensor in known.items():
        names.setdefault(id(tensor), name)
    return {name: known[name] for name in names.values()}


def _load_weights(model: nn.Module, path: Path, recipe: Recipe) -> None:
    expected = distinct_states(model)
    try:
        _check_size(path, expected)
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != recipe.get("weights_sha256"):
            raise SaveError(f"{path} is not the file that the recipe was written with. Save the model again.")
        states = load_bytes(content)
    except (OSError, SafetensorError) as error:
        raise SaveError(f"{path} cannot be read: {error}. Save the model again.") from error
    if _shapes(expected) != _shapes(states):
        wrong = [
            name for name in expected.keys() | states.keys() if _shapes(expected).get(name) != _shapes(states).get(name)
        ]
        raise SaveError(f"{path} does not fit the recipe at {', '.join(sorted(wrong)[:5])}. Save the model again.")
    for name, tensor in expected.items():
        # Not `load_state_dict`, which would convert to the precision of the model given.
        tensor.data = states[name].to(tensor.device)


def _check_size(path: Path, expected: dict[str, Tensor]) -> None:
    """Nothing, where a file is no larger than the tensors that it should hold, at 16 bytes a number and a long name."""
    most = HEADER_BYTES + sum(16 * tensor.numel() + 1024 for tensor in expected.values())
    if (size := path.stat().st_size) > most:
        raise SaveError(
            f"{path} has {size:,} bytes, and the weights of this recipe have {most:,} at most; it was not opened. Save "
            "the model again."
        )


def _shapes(states: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in states.items()}


def _readme(pruned: Pruned) -> str:
    graph, cost = pruned.plan.graph, pruned.plan.cost
    call = ", ".join(['"path/to/this/folder"', *loading_arguments(graph.source, pruned.way)])
    return "\n".join([
        f"# {graph.title}, pruned",
        "",
        f"Parameters {cost.before.params:,} -> {cost.after.params:,}; multiply-adds {cost.before.macs:,} -> "
        f"{cost.after.macs:,} for one traced input. Made by the explorer; nothing here is pickled.",
        "",
        "```python",
        "import explorer",
        "",
        f"model = explorer.load({call})  # a torch.nn.Module in eval mode",
        "```",
        "",
        f"`{WEIGHTS_FILE}` holds the pruned weights under their original names, `{RECIPE_FILE}` what was removed.",
        "",
    ])  # fmt: skip


def loading_arguments(source: str, way: str) -> list[str]:
    """What `explorer.load` has to be given besides the folder.

    Args:
        source: What the original came from; only a name can be built again without more ado.
        way: ``live``, or ``program`` for a model that replays its recorded calls.
    """
    if is_by_name(source):
        return []
    if source:
        return ["trust_source=True"]  # it runs the file that the source names
    inputs = ["example_inputs=inputs_that_it_runs_on()"] if way == "program" else []
    return ["model=build_the_original_model()", *inputs]


def is_by_name(source: str) -> bool:
    """Whether a source is a name that stands for a model, and no code."""
    return source.startswith(("sample:", "torchvision:"))
