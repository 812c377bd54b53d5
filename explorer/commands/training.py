"""`finetune`, `sparsify` and `sensitivity` on the command line; `finetune` and `sparsify` also under torchrun."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.commands import ranking
from explorer.commands.text import Bar, say, table
from explorer.engine.errors import DataError

if TYPE_CHECKING:
    from explorer.engine.apply import Pruned
    from explorer.engine.graph import DependencyGraph
    from explorer.training import Dataset, Progress, Sensitivity, Training
    from explorer.training.sensitivity import Measure

COMMANDS = ("finetune", "sparsify", "sensitivity")
SETTINGS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "optimizer",
    "schedule",
    "weight_decay",
    "patience",
    "seed",
    "device",
)
AddCommand = Callable[[str, str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser]
OpenGraph = Callable[[argparse.Namespace], "DependencyGraph"]


def add_commands(add: AddCommand, traced: OpenGraph) -> None:
    """Adds the commands.

    Args:
        add: Makes a command from its name, purpose and function, with the options that name a model.
        traced: Opens and traces the model that the options name.
    """
    tune = add(
        "finetune", "prune a model or not, train it, save it; under torchrun on all processes", _run(_finetune, traced)
    )
    pruned = tune.add_mutually_exclusive_group()
    pruned.add_argument("--ratio", type=float, default=0.0, help="fraction of each group to remove first (0)")
    pruned.add_argument("--macs", type=float, metavar="F", help="prune until this fraction of multiply-adds remains")
    ranking.add_importance(tune)
    _add_training(tune, epochs=10)
    sparse = add("sparsify", "train a model so that unimportant channels shrink, save it", _run(_sparsify, traced))
    sparse.add_argument("--regulariser", default="group", metavar="NAME", help="group or bn_scale (group)")
    sparse.add_argument("--strength", type=float, default=1e-4, help="weight of the regulariser (0.0001)")
    sparse.add_argument(
        "--scope", default="group", metavar="NAME", help="group, or a part of it: producer, conv (group)"
    )
    _add_training(sparse, epochs=30)
    sweep = add("sensitivity", "measure accuracy with each group pruned alone", _run(_sensitivity, traced))
    ranking.add_data(sweep, "what to measure on")
    ranking.add_importance(sweep)
    sweep.add_argument("--ratios", type=_fractions, metavar="R,R", help="fractions to remove (0.1,0.3,0.5,0.7,0.9)")
    sweep.add_argument("--groups", nargs="+", metavar="NAME", help="groups to measure (all)")
    sweep.add_argument("--out", type=Path, metavar="FILE", help="JSON file to write; a sweep goes on from it")
    add_broker(sweep, "let workers measure, a group each, through this Redis server")


def add_broker(command: argparse.ArgumentParser, purpose: str) -> None:
    """Adds the option that names workers.

    Args:
        command: Where to.
        purpose: What they do.
    """
    command.add_argument(
        "--broker", metavar="URL", help=f"{purpose}: redis://HOST:PORT/DB, or env:NAME for a variable that holds it"
    )


def _add_training(command: argparse.ArgumentParser, *, epochs: int) -> None:
    ranking.add_data(command, "what to learn from")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    command.add_argument("--epochs", type=int, default=epochs, help=f"passes over the train part ({epochs})")
    command.add_argument("--batch-size", type=int, default=64, metavar="N", help="samples per step and process (64)")
    command.add_argument("--learning-rate", type=float, default=0.01, metavar="LR", help="peak of the schedule (0.01)")
    command.add_argument("--optimizer", default="sgd", metavar="NAME", help="sgd, adam or adamw (sgd)")
    command.add_argument("--schedule", default="cosine", metavar="NAME", help="cosine, onecycle, step or constant")
    command.add_argument("--weight-decay", type=float, default=5e-4, metavar="D", help="L2 penalty (0.0005)")
    command.add_argument("--patience", type=int, metavar="N", help="stop after N epochs without a better validation")
    command.add_argument("--seed", type=int, default=0, help="of the order of samples and of dropout (0)")
    command.add_argument("--device", metavar="NAME", help="where to train, as in cuda:0 (a GPU where there is one)")
    command.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="state after each epoch, to go on from (OUT.checkpoint)"
    )


def _fractions(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no list of fractions; write 0.1,0.5") from None


def _run(
    command: Callable[[argparse.Namespace, DependencyGraph, Dataset], None], traced: OpenGraph
) -> Callable[[argparse.Namespace], None]:
    """The command with its model and data, in the process group that torchrun asks for."""

    def run(options: argparse.Namespace) -> None:
        from explorer.training import processes

        with processes.process_group():
            graph = traced(options)
            command(options, graph, _data(options.data, graph.source))

    return run


def _data(word: str | None, source: str) -> Dataset:
    """The data that was asked for, or that the model was made for."""
    from explorer.models import data_of
    from explorer.training.data import open_data, without_data

    known = word or data_of(source)
    if not known:
        raise DataError(without_data("This learns from labelled data", source or "this model"))
    return open_data(known, trust_code=True)


def _finetune(options: argparse.Namespace, graph: DependencyGraph, data: Dataset) -> None:
    from explorer.engine.importance import CRITERIA
    from explorer.training import finetune

    needs = options.importance in CRITERIA and CRITERIA[options.importance].needs
    choices: dict[str, Any] = {"importance": options.importance, "data": data.train if needs else None}
    is_to_target = options.macs is not None
    plan = graph.plan_to(macs=options.macs, **choices) if is_to_target else graph.plan(options.ratio, **choices)
    pruned = plan.apply()
    _train_and_save(options, pruned, data, lambda how: finetune(pruned.model, data, **how))


def _sparsify(options: argparse.Namespace, graph: DependencyGraph, data: Dataset) -> None:
    from explorer.training import sparsify

    def train(how: dict[str, Any]) -> Training:
        chosen = {"regulariser": options.regulariser, "strength": options.strength, "scope": options.scope}
        return sparsify(graph, data, **chosen, **how).training

    _train_and_save(options, graph.plan().apply(), data, train)


def _train_and_save(
    options: argparse.Namespace,
    pruned: Pruned,
    data: Dataset,
    train: Callable[[dict[str, Any]], Training],
) -> None:
    """Trains, saves what there is and says how good it is; the first process alone writes and speaks."""
    from explorer.engine.save import save
    from explorer.engine.writing import check_free
    from explorer.training import evaluate, processes

    checkpoint = options.checkpoint or options.out.with_name(f"{options.out.name}.checkpoint")
    if processes.is_first():
        check_free(options.out)
    with Bar() as shown, _interrupts() as is_interrupted:
        training = train({**_settings(options), "checkpoint": checkpoint, "watch": _watch(shown, is_interrupted)})
        if processes.is_first():
            done = len(training.history)
            shown.show(done / options.epochs, f"{done} of {options.epochs} epochs", is_milestone=True)
    if not processes.is_first():
        return
    save(replace(pruned, model=training.model), options.out)
    before, after = evaluate(pruned.model, data.test), evaluate(training.model, data.test)
    say(_report(training))
    say([f"test accuracy: {before.accuracy:.4f} before training, {after.accuracy:.4f} after"])
    say([f"saved in {options.out}"])
    if training.stopped == "cancelled":
        say([f"cancelled; the same command with another --out and --checkpoint {checkpoint} goes on"])
    else:
        checkpoint.unlink(missing_ok=True)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in SETTINGS}


def _watch(shown: Bar, is_interrupted: Callable[[], bool]) -> Callable[[Progress], bool]:
    told = 0

    def watch(progress: Progress) -> bool:
        nonlocal told
        finished = progress.history[-1] if progress.history else None
        is_milestone = finished is not None and finished.number > told
        told = finished.number if finished else told
        accuracy = f"  validation {finished.accuracy:.4f}" if finished and finished.accuracy is not None else ""
        text = f"epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.4f}{accuracy}"
        shown.show(progress.fraction, text, is_milestone=is_milestone)
        return is_interrupted()

    return watch


def _report(training: Training) -> list[str]:
    rows = [
        (
            str(epoch.number),
            f"{epoch.loss:.4f}",
            "" if epoch.accuracy is None else f"{epoch.accuracy:.4f}",
            f"{epoch.seconds:.1f}",
            "kept" if epoch.number == training.best_epoch else "",
        )
        for epoch in training.history
    ]
    return table(("epoch", "loss", "validation", "seconds", ""), rows)


def _sensitivity(options: argparse.Namespace, graph: DependencyGraph, data: Dataset) -> None:
    from explorer.training import sensitivity
    from explorer.training.sensitivity import RATIOS

    with Bar() as shown, _interrupts() as is_interrupted, _elsewhere(options, graph, data) as measure:

        def watch(found: Sensitivity) -> bool:
            last = (found.joint + found.points)[-1]
            is_milestone = last.ratio == found.ratios[-1]
            said = f"{last.group or 'all groups'} {last.accuracy:.4f}"
            shown.show(found.measured / found.asked, said, is_milestone=is_milestone)
            return is_interrupted()

        found = sensitivity(
            graph,
            data,
            groups=options.groups,
            ratios=options.ratios or RATIOS,
            importance=options.importance,
            checkpoint=options.out,
            watch=watch,
            measure=measure,
        )
    names = {"": "all groups"} if found.joint else {}
    names |= {group: group for group in found.groups}
    rows = [(title, *(_accuracy(found, group, ratio) for ratio in found.ratios)) for group, title in names.items()]
    say([f"validation accuracy: {found.base.accuracy:.4f} with nothing removed", ""])
    say(table(("group", *(f"-{100 * ratio:g} %" for ratio in found.ratios)), rows))
    if not found.is_complete:
        say(["cancelled; the same command goes on" if options.out else "cancelled"])


@contextmanager
def _elsewhere(options: argparse.Namespace, graph: DependencyGraph, data: Dataset) -> Iterator[Measure | None]:
    """What measures a sweep on the workers that the options name; None where this process is to."""
    from explorer.engine.importance.gradients import MOST_SAMPLES
    from explorer.exploration import start
    from explorer.jobs import connect, reason_to_stay

    is_as_named = options.weights is None and options.input is None
    reason = reason_to_stay(graph.source if is_as_named else "", data)
    if options.broker and reason:
        sys.stderr.write(f"measured on this machine: {reason}\n")
    if not options.broker or reason:
        yield None
        return
    workers = connect(options.broker)
    try:
        asked = start(graph)
        ranked = replace(asked, recipe=replace(asked.recipe, importance=options.importance))
        yield workers.curves(ranked, data, samples=MOST_SAMPLES)
    finally:
        workers.close()


def _accuracy(found: Sensitivity, group: str, ratio: float) -> str:
    measured = dict(found.curve(group))
    return f"{measured[ratio]:.4f}" if ratio in measured else ""


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, so that what there is can be kept; a second one ends at once."""
    pressed: list[int] = []

    def press(number: int, frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)
        sys.stderr.write("\nending after this step; press Ctrl-C again to end at once\n")

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
