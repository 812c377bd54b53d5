"""`export`, `apply` and `report` on the command line: what a recipe says, carried out and taken elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.commands import ranking
from explorer.commands.text import Bar, say
from explorer.engine.errors import ModelSourceError, VerifyError

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned
    from explorer.engine.plan import Plan

COMMANDS = ("export", "apply", "report")
RECIPES = """\
RECIPE is one of
  half/                           a folder that `prune`, `finetune` or explorer.save wrote: the model with its weights
  recipe.json                     a recipe alone, of such a folder or of the app, for the weights of its source
"""
AddCommand = Callable[[str, str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]
WriteReport = Callable[["Pruned", Path, str], None]


def add_commands(add: AddCommand, write_report: WriteReport) -> None:
    """Adds the commands.

    Args:
        add: Makes a command from its name, purpose and function.
        write_report: Writes the report of a pruned model to a file, with what its proof found.
    """
    export = add("export", "write a pruned model in formats that load elsewhere, each checked", _export)
    _add_recipe(export)
    names = "folder, state_dict, pt2, onnx or program"
    export.add_argument(
        "--format", type=_names, default=("folder",), metavar="F,F", help=f"{names}, or several with commas (folder)"
    )
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    apply = add("apply", "prune other weights of the same architecture as a recipe says, prove and save them", _apply)
    _add_recipe(apply)
    apply.add_argument("--rerank", action="store_true", help="keep as many channels, but the best of these weights")
    apply.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    report = add(
        "report",
        "write one HTML page about a recipe: graph, tables, charts and proof",
        lambda options: _report(options, write_report),
    )
    _add_recipe(report)
    report.add_argument("--out", type=Path, metavar="FILE", help="file to write to (report.html)")


def _add_recipe(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", type=Path, metavar="RECIPE", help="a saved folder, or a recipe as a file")
    command.add_argument("--source", metavar="SOURCE", help="the original, where the recipe does not name it")
    command.add_argument("--weights", type=Path, metavar="FILE", help="weights of the original's size to prune instead")
    command.add_argument("--trust-source", action="store_true", help="run the code that the recipe names as its source")
    ranking.add_gradients(command)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _export(options: argparse.Namespace) -> None:
    from explorer.engine.writing import check_free
    from explorer.exports import check_formats, export

    check_free(options.out)
    steps = 2 + 2 * len(check_formats(options.format))
    with Bar() as bar:
        bar.show(0, "opening", is_milestone=True)
        pruned = _pruned(options)
        done = 1

        def watch(stage: str, name: str) -> None:
            nonlocal done
            done += 1
            bar.show(done / steps, f"{stage} {name}", is_milestone=True)

        made = export(pruned, options.out, options.format, watch=watch)
    say([f"{name} ({made.sizes[name]:,} bytes): {check}" for name, check in made.checks.items()])
    say([f"written to {options.out}"])


def _apply(options: argparse.Namespace) -> None:
    from explorer.engine.save import save
    from explorer.engine.writing import check_free

    check_free(options.out)
    with Bar() as bar:
        bar.show(0, "opening", is_milestone=True)
        pruned = _plan(options, rerank=options.rerank).apply()
        bar.show(0.5, "verifying", is_milestone=True)
        proof = _proven(pruned)
        bar.show(0.9, "saving", is_milestone=True)
        save(pruned, options.out)
    say([f"proof: {proof}", f"saved in {options.out}"])


def _report(options: argparse.Namespace, write_report: WriteReport) -> None:
    target = options.out or Path("report.html")
    with Bar() as bar:
        bar.show(0, "opening", is_milestone=True)
        pruned = _plan(options).apply()
        bar.show(0.5, "verifying", is_milestone=True)
        proof = _proven(pruned)
        bar.show(0.9, "writing", is_milestone=True)
        write_report(pruned, target, proof)
    say([f"written to {target}"])


def _proven(pruned: Pruned) -> str:
    proof = pruned.verify()
    if not proof.ok:
        raise VerifyError(f"The pruned model is {proof}. Nothing was saved; please report the model.")
    return str(proof)


def _pruned(options: argparse.Namespace) -> Pruned:
    """The pruned model of a recipe, with the weights of its folder where it is one."""
    from explorer.engine.save import WEIGHTS_FILE, rebuild

    pruned = _plan(options).apply()
    if options.weights is not None or not (options.recipe / WEIGHTS_FILE).exists():
        return pruned
    graph = pruned.plan.graph
    return replace(pruned, model=rebuild(options.recipe, graph.model, graph.example_inputs))


def _plan(options: argparse.Namespace, *, rerank: bool = False) -> Plan:
    from explorer.exploration import plan_of, recipe_data
    from explorer.models import open_model
    from explorer.models.source import FileSource, parse_source
    from explorer.models.tracing import trace_opened

    recipe = recipe_data(options.recipe)
    source = options.source or _named_source(recipe, options.recipe)
    trusted = options.trust_source or options.source is not None
    if not trusted and isinstance(parse_source(source), FileSource):
        raise ModelSourceError(
            f"{options.recipe} was made from {source!r}, which is code. If you know what the file does, --trust-source "
            "runs it; or name another source of the same architecture with --source."
        )
    opened = open_model(source, weights=options.weights, trust_code=trusted)
    graph = trace_opened(opened)
    return plan_of(graph, recipe, rerank=rerank, gradients=ranking.gradient_source(options, graph))


def _named_source(recipe: Mapping[str, Any], place: Path) -> str:
    source = recipe.get("source")
    if not isinstance(source, str) or not source or source.startswith("session:"):
        raise ModelSourceError(
            f"{place} does not name the model that it was made from. Name it: --source path/to/file.py:factory"
        )
    return source
