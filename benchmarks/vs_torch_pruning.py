"""Times analysis and pruning against Torch-Pruning, in alternating runs: `python -m benchmarks.vs_torch_pruning`.

Each model has a process of its own with a limit on memory and time, since the peer exhausts either on some. Machines
differ and are shared: trust the ratios, not the seconds. Where neighbours take most of the machine, `--cpu` counts the
time of the processor instead, on one thread.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import signal
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from explorer.engine.graph import DependencyGraph
from explorer.engine.trace import call_model
from explorer.models import open_model
from explorer.models.opening import OpenedModel
from explorer.models.tracing import trace_opened

MODELS = ("resnet50", "vgg19", "densenet201", "vit_b_16", "convnext_base", "regnet_y_16gf", "efficientnet_v2_l",
          "mobilenet_v3_large", "swin_t", "maxvit_t")  # fmt: skip
COLUMNS = ("model", "forward s", "analysis s", "peer s", "ratio", "pruning s", "peer s", "ratio", "new cost ms")
MEMORY = 16 * 2**30
PEER_LIMIT_S = 120
Timed = float | str
"""Seconds, or why there are none."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of medians, one model per row, and the medians of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("models", nargs="*", default=MODELS, help="torchvision names")
    parser.add_argument("--repeats", type=int, default=5, help="alternating runs per figure; the median is shown")
    parser.add_argument("--cpu", action="store_true", help="time of the processor on one thread, not of the clock")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.one:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        watch = PROCESSOR if options.cpu else CLOCK
        sys.stdout.write(json.dumps(measure(options.models[0], options.repeats, watch)))
        return 0
    sys.stdout.write("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS) + "\n")
    rows = [run_alone(name, options.repeats, is_cpu=options.cpu) for name in options.models]
    for ours, peer, what in (("analysis", "peer_analysis", "analysis"), ("pruning", "peer_pruning", "pruning")):
        ratios = [
            row[ours] / row[peer] for row in rows if isinstance(row[ours], float) and isinstance(row[peer], float)
        ]
        if ratios:
            sys.stdout.write(f"\nmedian ratio of {what}: {statistics.median(ratios):.2f}, highest {max(ratios):.2f}\n")
    return 0


def run_alone(name: str, repeats: int, *, is_cpu: bool) -> dict[str, Any]:
    """The figures of one model from a process of its own; its row is printed."""
    command = [sys.executable, "-m", "benchmarks.vs_torch_pruning", name, "--one", "--repeats", str(repeats)]
    command += ["--cpu"] if is_cpu else []
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
        row: dict[str, Any] = dict.fromkeys(
            ("forward", "analysis", "peer_analysis", "pruning", "peer_pruning", "cost"), last
        )
    else:
        row = json.loads(done.stdout)
    cells = (name, *map(_shown, (row["forward"], row["analysis"], row["peer_analysis"])),
             _ratio(row["analysis"], row["peer_analysis"]), *map(_shown, (row["pruning"], row["peer_pruning"])),
             _ratio(row["pruning"], row["peer_pruning"]), _shown(row["cost"], 1000, 1))  # fmt: skip
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()
    return row


def _shown(found: Timed, factor: float = 1, places: int = 3) -> str:
    return found if isinstance(found, str) else f"{found * factor:.{places}f}"


def _ratio(ours: Timed, peer: Timed) -> str:
    return "" if isinstance(ours, str) or isinstance(peer, str) else f"{ours / peer:.2f}"


@dataclass(frozen=True)
class Watch:
    """A way to count seconds.

    Attributes:
        now: What shows them.
        timer: The timer of the system that counts the same seconds.
        ends: The signal that it sends when time is up.
    """

    now: Callable[[], float]
    timer: int
    ends: signal.Signals


CLOCK = Watch(time.perf_counter, signal.ITIMER_REAL, signal.SIGALRM)
PROCESSOR = Watch(time.process_time, signal.ITIMER_PROF, signal.SIGPROF)


def measure(name: str, repeats: int, watch: Watch) -> dict[str, Timed]:
    """Median seconds of a forward, of both analyses, of both prunings, and of the cost of a new plan."""
    if watch is PROCESSOR:
        torch.set_num_threads(1)  # threads that wait for one another would count as work
    opened = open_model(f"torchvision:{name}")
    runs: dict[str, Callable[[], Callable[[], object]]] = {
        "forward": lambda: lambda: _forward(opened),
        "analysis": lambda: lambda: trace_opened(opened),
        "peer_analysis": lambda: lambda: _peer_analysis(opened),
        "pruning": lambda: _pruning(opened),
        "peer_pruning": lambda: _peer_pruning(opened),
        "cost": lambda: _new_cost(trace_opened(opened)),
    }
    found: dict[str, list[float]] = {what: [] for what in runs}
    failed: dict[str, str] = {}
    for _ in range(repeats + 1):  # alternating, so that all meet the same neighbours; the first is thrown away
        for what, prepare in runs.items():
            if what not in failed:
                try:
                    found[what].append(_seconds(prepare(), watch))
                except Exception as error:  # noqa: BLE001  # whatever the peer raises is its result
                    failed[what] = _why(error)
    return {what: failed.get(what) or statistics.median(times[1:]) for what, times in found.items()}


def _why(error: Exception) -> str:
    """Why there is no figure, in words."""
    if isinstance(error, TimeoutError):
        return str(error)
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return f"runs out of {MEMORY // 2**30} GiB"
    return f"fails: {type(error).__name__}"


def _seconds(run: Callable[[], object], watch: Watch) -> float:
    signal.signal(watch.ends, _too_long)
    signal.setitimer(watch.timer, PEER_LIMIT_S)
    gc.collect()  # nobody pays for what another run left behind
    started = watch.now()
    try:
        run()
        return watch.now() - started
    finally:
        signal.setitimer(watch.timer, 0)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"longer than {PEER_LIMIT_S} s")


def _forward(opened: OpenedModel) -> None:
    with torch.no_grad():
        call_model(opened.model, opened.example_inputs)


def _pruning(opened: OpenedModel) -> Callable[[], object]:
    graph = trace_opened(opened)
    return lambda: graph.plan(0.5, importance="l2").apply()


def _new_cost(graph: DependencyGraph) -> Callable[[], object]:
    assert graph.plan(0.5).cost.after.macs  # the tables are built once
    return lambda: graph.plan(0.3).cost.after.macs


def _peer_analysis(opened: OpenedModel) -> object:
    peer = _peer()
    graph = peer.DependencyGraph().build_dependency(opened.model, example_inputs=_first(opened))
    return list(graph.get_all_groups())


def _peer_pruning(opened: OpenedModel) -> Callable[[], object]:
    """One step as its README says: classifier left alone, heads of attention named."""
    peer, model = _peer(), deepcopy(opened.model)
    heads = {module: module.num_heads for module in model.modules() if isinstance(module, nn.MultiheadAttention)}
    pruner = peer.pruner.MagnitudePruner(
        model,
        _first(opened),
        importance=peer.importance.MagnitudeImportance(p=2),
        pruning_ratio=0.5,
        num_heads=heads,
        ignored_layers=[m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == 1000],
    )
    return lambda: pruner.step()


def _first(opened: OpenedModel) -> Any:
    assert isinstance(opened.example_inputs, tuple)
    return opened.example_inputs[0]


def _peer() -> Any:
    warnings.simplefilter("ignore")
    import torch_pruning  # only this comparison needs it

    return torch_pruning


if __name__ == "__main__":
    sys.exit(main())
