"""`reproduce` on the command line: the paper's experiments, resumable, with a page of what came out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.commands.text import Bar, say, sentence

if TYPE_CHECKING:
    from explorer.reproduction import Experiment, Step

COMMAND = "reproduce"
OUT = Path("benchmarks") / "reproduction"
PURPOSE = "run the paper's experiments again and write a page of tables and figures"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    command = commands.add_parser(name=COMMAND, help=PURPOSE, description=sentence(PURPOSE))
    command.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="resnet56, vgg, ... (all of them)")
    command.add_argument("--data", default="digits", metavar="DATA", help="digits or cifar10:DIR (digits)")
    command.add_argument("--quick", action="store_true", help="one epoch on few samples, to see that it runs")
    command.add_argument(
        "--out", type=Path, metavar="DIR", help=f"folder to write to; what it holds is not run again ({OUT})"
    )
    command.set_defaults(run=_reproduce)


def _reproduce(options: argparse.Namespace) -> None:
    from explorer.reproduction import experiments_for, quick, reproduce, write_report

    def chosen(names: Sequence[str]) -> tuple[Experiment, ...]:
        found = experiments_for(names, options.data)
        return tuple(map(quick, found)) if options.quick else found

    out = options.out or _default_folder(options)
    with Bar() as shown:
        try:
            for records in reproduce(chosen(options.experiments), out, _watch(shown)):
                write_report(out, chosen(()), records)
        except KeyboardInterrupt:
            sys.stderr.write("\nstopped; the same command goes on from here\n")
            raise
    say([f"written to {out}"])


def _default_folder(options: argparse.Namespace) -> Path:
    """Results of other data, and quick ones, lie apart from those that are committed."""
    parts = [part for part, is_so in (("cifar10", options.data != "digits"), ("quick", options.quick)) if is_so]
    return OUT.joinpath("-".join(parts)) if parts else OUT


def _watch(shown: Bar) -> Callable[[Step], None]:
    told: int | None = None

    def watch(step: Step) -> None:
        nonlocal told
        if told is None:
            shown.start_at(step.done / step.total)
        name, method, speed_up, seed = step.case.key
        text = f"run {step.done + 1}/{step.total}  {name} {method} {speed_up:g}x seed {seed}: {step.what}"
        shown.show((step.done + step.fraction) / step.total, text, is_milestone=step.done != told)
        told = step.done

    return watch
