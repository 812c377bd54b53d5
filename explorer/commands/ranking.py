"""What ranks channels on the command line: a criterion, and the data that some criteria look at."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from explorer.commands.numbers import count

if TYPE_CHECKING:
    from explorer.engine.graph import DependencyGraph
    from explorer.engine.importance import Gradients
    from explorer.exploration.state import GradientSource

DATA = "digits, cifar10:DIR, imagefolder:DIR or file.py:factory"
CRITERIA = "l2, l1, group_norm, lamp, fpgm, bn_scale or random; taylor and hessian, which need data"


def add_importance(command: argparse.ArgumentParser) -> None:
    """Adds the option that names a criterion.

    Args:
        command: Where to.
    """
    command.add_argument("--importance", default="l2", metavar="NAME", help=f"what ranks channels: {CRITERIA} (l2)")


def add_data(command: argparse.ArgumentParser, purpose: str) -> None:
    """Adds the option that names data.

    Args:
        command: Where to.
        purpose: What the data is for.
    """
    command.add_argument("--data", metavar="DATA", help=f"{purpose}: {DATA} (a sample's own)")


def add_gradients(command: argparse.ArgumentParser) -> None:
    """Adds the options that say what gradients are taken on.

    Args:
        command: Where to.
    """
    add_data(command, "what taylor and hessian look at")
    command.add_argument(
        "--samples", type=count, default=1024, metavar="N", help="training samples that they look at, at most (1024)"
    )


def gradient_source(options: argparse.Namespace, graph: DependencyGraph) -> GradientSource | None:
    """What takes the gradients that a criterion needs, on the data that the options name; None where there is none.

    Args:
        options: With those of `add_gradients`.
        graph: Of the model.
    """
    from explorer.models import data_of

    word = options.data or data_of(graph.source)
    return partial(_gradients, graph, word, options.samples) if word else None


def _gradients(graph: DependencyGraph, word: str, samples: int, needs: str) -> Gradients:
    from explorer.jobs.gradients import taken_gradients
    from explorer.training.data import open_data

    return taken_gradients(graph, open_data(word, trust_code=True), needs, samples)
