"""Times the engine against one plain forward of the same model, in alternating runs: `python -m benchmarks.engine`.

The forward is the floor of a real run. Machines differ and are shared: trust the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

from explorer.engine.graph import DependencyGraph
from explorer.engine.trace import call_model
from explorer.models import open_model
from explorer.models.tracing import trace_opened

MODELS = ("resnet18", "resnet50", "densenet121", "mobilenet_v3_large", "convnext_tiny", "vit_b_16")
COLUMNS = ("forward s", "trace to groups s", "ratio", "replan and cost ms", "apply s", "groups")


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of medians, one model per row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("models", nargs="*", default=MODELS, help="torchvision names")
    parser.add_argument("--repeats", type=int, default=5, help="runs per figure; the median is shown")
    options = parser.parse_args(argv)
    sys.stdout.write("| model | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1) + "\n")
    for name in options.models:
        figures = " | ".join(measure(name, options.repeats))
        sys.stdout.write(f"| {name} | {figures} |\n")
        sys.stdout.flush()
        gc.collect()
    return 0


def measure(name: str, repeats: int) -> list[str]:
    """The figures of one model, in the order of `COLUMNS`."""
    opened = open_model(f"torchvision:{name}")
    graph = trace_opened(opened)
    with torch.no_grad():
        call_model(opened.model, opened.example_inputs)
    forwards, traces = [], []
    for _ in range(repeats):  # alternating, so that both meet the same neighbours
        with torch.no_grad():
            forwards.append(seconds(lambda: call_model(opened.model, opened.example_inputs)))
        traces.append(seconds(lambda: trace_opened(opened)))
    replans = [seconds(partial(replan, graph, number)) for number in range(repeats)]
    applies = [seconds(graph.plan(0.5).apply) for _ in range(repeats)]
    forward, traced = statistics.median(forwards), statistics.median(traces)
    times = [f"{forward:.3f}", f"{traced:.3f}", f"{traced / forward:.2f}", f"{1000 * statistics.median(replans):.1f}"]
    return [*times, f"{statistics.median(applies):.3f}", str(len(graph.groups))]


def replan(graph: DependencyGraph, number: int) -> int:
    """The cost of a plan that was not made before."""
    return graph.plan(0.3 + number / 100).cost.after.macs


def seconds(run: Callable[[], object]) -> float:
    """Wall-clock time of one run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
