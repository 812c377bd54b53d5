"""Writing a pruned model to a folder, and reading it back without unpickling anything.

A folder holds ``model.safetensors`` (the pruned weights under their original names), ``recipe.json`` (what was done, as
plain data) and ``README.md`` (how to load it).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save_file
from torch import Tensor, nn

from explorer.engine import __version__
from explorer.engine.errors import ApplyError, PlanError, SaveError
from explorer.engine.graph import trace
from explorer.engine.surgery import AttentionChange, AttributeChange, Surgery, perform
from explorer.engine.trace import ExampleInputs
from explorer.engine.writing import new_folder

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned
    from explorer.engine.plan import Plan

WEIGHTS_FILE = "model.safetensors"
RECIPE_FILE = "recipe.json"
README_FILE = "README.md"
FORMAT = "explorer-recipe"
VERSION = 1

Recipe = dict[str, Any]


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


def recipe_of(plan: Plan, surgery: Surgery) -> Recipe:
    """What a plan does, as data that JSON can hold.

    Args:
        plan: The plan.
        surgery: Its surgery.

    Returns:
        Source, ratios, kept channels and indices, attributes, versions and fingerprints.
    """
    graph = plan.graph
    kept = [{"name": name, "dim": dim, "indices": list(indices)} for (name, dim), indices in surgery.kept.items()]
    return {
        "format": FORMAT,
        "version": VERSION,
        "source": graph.source if is_by_name(graph.source) else "",  # code is never named, so never run
        "title": graph.title,
        "fingerprint": graph.fingerprint,
        "architecture": architecture_of(graph.model),
        "options": plan.options.record(),
        "ratios": dict(plan.ratios),
        "channels": {name: list(channels) for name, channels in plan.channels.items()},
        "kept": kept,
        "attributes": [asdict(change) for change in surgery.attributes],
        "attention": [asdict(change) for change in surgery.attention],
        "index_buffers": {name: list(numbers) for name, numbers in surgery.index_buffers.items()},
        "cost": {"before": asdict(plan.cost.before), "after": asdict(plan.cost.after)},
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    """Of what takes part in building the model again, where it is installed."""
    found = {"explorer": __version__, "torch": torch.__version__}
    with contextlib.suppress(PackageNotFoundError):
        found["torchvision"] = version("torchvision")
    return found


def read_recipe(folder: str | Path) -> Recipe:
    """The recipe of a saved folder.

    Raises:
        SaveError: There is none, or it is not one that this version can read.
    """
    path = Path(folder) / RECIPE_FILE
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SaveError(f"{folder} holds no {RECIPE_FILE}. Give the folder that explorer.save wrote.") from error
    except (OSError, ValueError) as error:
        raise SaveError(f"{path} cannot be read: {error}. Save the model again.") from error
    if not isinstance(recipe, dict) or recipe.get("format") != FORMAT:
        raise SaveError(f"{path} is not a recipe of the explorer. Give the folder that explorer.save wrote.")
    if recipe.get("version") != VERSION:
        raise SaveError(
            f"{path} has version {recipe.get('version')!r}; this explorer reads version {VERSION}. Use the explorer "
            "that wrote it, or save again."
        )
    return recipe


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
    if recipe.get("architecture") != architecture_of(model):
        raise SaveError(
            f"{folder} was made from {recipe.get('title')!r}; the parameters of this {type(model).__name__} have other "
            "names or shapes. Build the model with the same arguments as the original."
        )
    try:
        pruned = _replayed(folder, recipe, model, example_inputs) if _is_program(recipe) else _performed(recipe, model)
    except (ApplyError, PlanError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise SaveError(f"The recipe in {folder} does not fit the model: {error}. Save the model again.") from error
    _load_weights(pruned, Path(folder) / WEIGHTS_FILE, recipe)
    return pruned.eval()


def _is_program(recipe: Recipe) -> bool:
    return recipe.get("way") == "program"


def _performed(recipe: Recipe, model: nn.Module) -> nn.Module:
    return perform(model, _surgery_of(recipe))


def _replayed(folder: str | Path, recipe: Recipe, model: nn.Module, example_inputs: ExampleInputs | None) -> nn.Module:
    """The replaying module, recorded again on the original."""
    if example_inputs is None:
        raise SaveError(
            f"The model in {folder} replays recorded calls, since the original's code holds sizes as literals. Pass "
            "example_inputs that the original runs on."
        )
    return trace(model, example_inputs).plan(keep=recipe["channels"], break_ties=True).apply().model


def architecture_of(model: nn.Module) -> str:
    """16 hexadecimal digits that stand for the names and shapes of all parameters and buffers."""
    states = [*model.named_parameters(), *model.named_buffers()]
    text = ";".join(f"{name}{tuple(tensor.shape)}" for name, tensor in states)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
        raise SaveError(f"The weights could not be written: {error}.") from error
    weights.chmod(0o644)  # safetensors lets the owner alone read it
    recipe = recipe_of(pruned.plan, pruned.surgery) | {"way": pruned.way}
    recipe["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (folder / RECIPE_FILE).write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    (folder / README_FILE).write_text(_readme(pruned), encoding="utf-8")


def distinct_states(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers; a tensor with several names comes once."""
    names: dict[int, str] = {}
    known = {name: state for name, state in model.state_dict(keep_vars=True).items() if isinstance(state, Tensor)}
    for name, tensor in known.items():
        names.setdefault(id(tensor), name)
    return {name: known[name] for name in names.values()}


def _load_weights(model: nn.Module, path: Path, recipe: Recipe) -> None:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != recipe.get("weights_sha256"):
            raise SaveError(f"{path} is not the file that the recipe was written with. Save the model again.")
        states = load_bytes(content)
    except (OSError, SafetensorError) as error:
        raise SaveError(f"{path} cannot be read: {error}. Save the model again.") from error
    expected = distinct_states(model)
    if _shapes(expected) != _shapes(states):
        wrong = [
            name for name in expected.keys() | states.keys() if _shapes(expected).get(name) != _shapes(states).get(name)
        ]
        raise SaveError(f"{path} does not fit the recipe at {', '.join(sorted(wrong)[:5])}. Save the model again.")
    for name, tensor in expected.items():
        # Not `load_state_dict`, which would convert to the precision of the model given.
        tensor.data = states[name].to(tensor.device)


def _shapes(states: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in states.items()}


def _surgery_of(recipe: Recipe) -> Surgery:
    kept = {(entry["name"], int(entry["dim"])): tuple(entry["indices"]) for entry in recipe["kept"]}
    attributes = tuple(
        AttributeChange(**{**entry, "before": _plain(entry["before"]), "after": _plain(entry["after"])})
        for entry in recipe["attributes"]
    )
    attention = tuple(AttentionChange(**entry) for entry in recipe["attention"])
    index_buffers = {name: tuple(numbers) for name, numbers in recipe["index_buffers"].items()}
    return Surgery(kept, attributes, attention, index_buffers)


def _plain(value: object) -> int | tuple[int, ...]:
    """A number or several, as an attribute holds them.

    Raises:
        TypeError: It is neither: nothing else is ever set.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, list) and all(isinstance(number, int) for number in value):
        return tuple(value)
    raise TypeError(f"an attribute would become {value!r}")


def _readme(pruned: Pruned) -> str:
    graph, cost = pruned.plan.graph, pruned.plan.cost
    argument = "" if is_by_name(graph.source) else ", model=build_the_original_model()"
    if argument and pruned.way == "program":
        argument += ", example_inputs=inputs_that_it_runs_on()"
    return "\n".join([
        f"# {graph.title}, pruned",
        "",
        f"Parameters {cost.before.params:,} -> {cost.after.params:,}; multiply-adds {cost.before.macs:,} -> "
        f"{cost.after.macs:,} for one traced input. Made by the explorer; nothing here is pickled.",
        "",
        "```python",
        "import explorer",
        "",
        f'model = explorer.load("path/to/this/folder"{argument})  # a torch.nn.Module in eval mode',
        "```",
        "",
        f"`{WEIGHTS_FILE}` holds the pruned weights under their original names, `{RECIPE_FILE}` what was removed.",
        "",
    ])  # fmt: skip


def is_by_name(source: str) -> bool:
    """Whether a source is a name that stands for a model, and no code."""
    return source.startswith(("sample:", "torchvision:"))
