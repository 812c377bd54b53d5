"""Prunes every float model that torchvision registers and proves each: `python -m benchmarks.zoo [NAME ...]`.

Each model runs in a process of its own, one at a time, so that the largest fit into memory and a crash is a row.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from explorer.engine.apply import Pruned
from explorer.engine.graph import DependencyGraph, graph_of
from explorer.engine.programs import record_all
from explorer.engine.trees import flatten_tensors
from explorer.models import open_model
from explorer.models.from_torchvision import example_inputs, names, task

REPORT = Path(__file__).with_name("zoo.md")
LIMIT_S = 3600
COLUMNS = ("model", "family", "groups", "frozen dims", "unsupported ops", "repairs", "way", "M params", "GMACs",
           "oracle error", "s trace / couple / apply / verify", "peak GiB", "verdict")  # fmt: skip
PAGE = """# The zoo

Every float model that torchvision {torchvision} registers, with random weights away from every neutral start: traced,
halved (`plan(0.5)`), applied and proven. {right} of {all} are right. PyTorch {torch}, two shared cores, no GPU.
`make zoo` writes this page again.

*Right* means: every parameter was reached, every op has a rule, and the original classes run their own code (`live`);
outputs have the original's structure and shapes; parameters and multiply-adds counted on the result are the plan's to
the last unit; the zeroing oracle agrees to 1e-4, in a proof that could have failed; and a training step on a batch of
two gives every parameter a gradient. Detectors are compared with their decisions replayed, at the recorded sizes.

{header}
{rows}

## What stays

Every parameter dimension of more than one index that stays in any of these models does so, wholly or in part, for one
of these reasons:

{reasons}
"""
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One model of the report.

    Attributes:
        model: The name that torchvision registers.
        family: Its task.
        groups: Number of groups.
        frozen: What stays, by reason.
        unsupported: Ops without a rule.
        repairs: Attributes beyond the standard ones that were set.
        way: ``live`` or ``program``.
        params: (before, after).
        macs: (before, after), multiply-adds.
        error: Largest relative error of the zeroing oracle.
        seconds: (trace, couple, apply, verify).
        verdict: "right", or what is wrong.
        peak: Largest resident memory in bytes.
    """

    model: str
    family: str
    groups: int
    frozen: dict[str, int]
    unsupported: int
    repairs: int
    way: str
    params: tuple[int, int]
    macs: tuple[int, int]
    error: float
    seconds: tuple[float, float, float, float]
    verdict: str
    peak: int


def float_models() -> tuple[str, ...]:
    """Every registered name but the quantized ones."""
    return tuple(name for name in names() if not name.startswith("quantized_"))


def scramble(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model with every neutral start moved: statistics, scales, shifts, and whatever begins at zero.

    A proof on fresh weights would be weaker: a BatchNorm that does nothing, a LayerScale of 1e-6 or a head of zeros
    hides what pruning does to it.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            _scramble_norm(module, generator)
        for name, parameter in model.named_parameters():
            if name.endswith("layer_scale"):
                parameter.uniform_(0.5, 1.0, generator=generator)
            if not parameter.any():
                parameter.normal_(0, 0.05, generator=generator)
    return model


def _scramble_norm(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        module.running_mean.normal_(0, 0.1, generator=generator)
        module.running_var.uniform_(0.5, 1.5, generator=generator)
    if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm)):
        module.weight.uniform_(0.5, 1.5, generator=generator)
        module.bias.normal_(0, 0.1, generator=generator)


def examine(name: str) -> Row:
    """Everything that the report says of one model."""
    opened = open_model(f"torchvision:{name}")
    scramble(opened.model)
    programs, trace_s = timed(lambda: record_all(opened.model, opened.example_inputs))
    graph, couple_s = timed(lambda: graph_of(opened.model, opened.example_inputs, programs))
    plan = graph.plan(0.5)
    pruned, apply_s = timed(plan.apply)
    proof, verify_s = timed(pruned.verify)
    faults = [*_faults(graph, pruned), *proof.failures]
    faults += [] if proof.is_proof else ["the proof could not have failed"]
    faults += _training_faults(name, pruned.model, graph.model)  # last: a step changes BatchNorm's statistics
    return Row(
        model=name,
        family=task(name),
        groups=len(graph.groups),
        frozen=frozen_reasons(graph),
        unsupported=len(graph.unsupported_ops()),
        repairs=len(pruned.repairs),
        way=pruned.way,
        params=(plan.cost.before.params, plan.cost.after.params),
        macs=(plan.cost.before.macs, plan.cost.after.macs),
        error=proof.error,
        seconds=(trace_s, couple_s, apply_s, verify_s),
        verdict="; ".join(faults) or "right",
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """What a function returns, and the seconds that it took."""
    started = time.perf_counter()
    made = run()
    return made, time.perf_counter() - started


def frozen_reasons(graph: DependencyGraph) -> dict[str, int]:
    """Number of parameter dimensions of more than one index that stay, wholly or in part, by reason."""
    return dict(Counter(part.reason for part in graph.frozen if part.size > 1))


def _faults(graph: DependencyGraph, pruned: Pruned) -> Iterator[str]:
    for unsupported in graph.unsupported_ops():
        yield f"no rule for {unsupported.op} in {unsupported.module}"
    if graph.not_reached:
        yield f"{len(graph.not_reached)} parameters not reached, such as {graph.not_reached[0]}"
    if pruned.way != "live":
        yield f"needs the program way: {pruned.reason}"


def _training_faults(name: str, model: nn.Module, original: nn.Module) -> Iterator[str]:
    """What goes wrong when the pruned model makes one training step; every parameter must get a gradient."""
    model.train()
    try:
        loss = training_loss(name, model)
        loss.backward()
    except Exception as error:  # noqa: BLE001  # any error of a model's own code is a finding
        yield f"does not train: {type(error).__name__}: {error}"
        return
    finally:
        model.eval()
    trained = {parameter for parameter, found in model.named_parameters() if found.grad is not None}
    expected = {parameter for parameter, found in original.named_parameters() if found.requires_grad}
    if expected - trained:
        yield f"no gradient for {len(expected - trained)} parameters, such as {min(expected - trained)}"
    model.zero_grad(set_to_none=True)


def training_loss(name: str, model: nn.Module) -> Tensor:
    """A loss that reads every output in train mode, on a batch of two."""
    inputs = _two_of_each(example_inputs(name, model, None))
    outputs = model(*inputs, _targets(len(inputs[0]))) if task(name) == "detection" else model(*inputs)
    losses = [output.float().square().mean() for output in flatten_tensors(_as_dict(outputs))]
    return torch.stack(losses).sum()


def _two_of_each(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item * 2 if isinstance(item, list) else torch.cat([item, item.flip(-1)]) for item in inputs)


def _as_dict(outputs: Any) -> Any:
    return outputs._asdict() if hasattr(outputs, "_asdict") else outputs


def _targets(count: int) -> list[dict[str, Tensor]]:
    """One box with a label, a mask and a person's key points in each picture."""
    mask = torch.zeros(1, 320, 320, dtype=torch.uint8)
    mask[:, 40:200, 60:220] = 1
    keypoints = torch.cat([torch.rand(1, 17, 2) * 150 + 50, torch.ones(1, 17, 1)], 2)
    target = {
        "boxes": torch.tensor([[60.0, 40.0, 220.0, 200.0]]),
        "labels": torch.tensor([1]),
        "masks": mask,
        "keypoints": keypoints,
    }
    return [target] * count


def main(argv: Sequence[str] | None = None) -> int:
    """Examine models one after the other, print a line for each, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("models", nargs="*", help="torchvision names; all float models if none is given")
    parser.add_argument("--out", type=Path, help=f"where to write the table; {REPORT.name} if all models are run")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.one:
        sys.stdout.write(json.dumps(asdict(examine(options.models[0]))))
        return 0
    rows = []
    for name in options.models or float_models():
        rows.append(run_alone(name))
        sys.stdout.write(line_of(rows[-1]) + "\n")
        sys.stdout.flush()
    out = options.out or (None if options.models else REPORT)
    if out:
        out.write_text(report(rows), encoding="utf-8")
    return int(any(row["verdict"] != "right" for row in rows))


def run_alone(name: str) -> dict[str, Any]:
    """The row of one model, from a process of its own; a process that died is a row with its last words."""
    command = [sys.executable, "-W", "error", "-m", "benchmarks.zoo", name, "--one"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode == 0:
        row: dict[str, Any] = json.loads(done.stdout)
        return row
    words = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
    return {"model": name, "family": task(name), "verdict": words[-1]}


def line_of(row: dict[str, Any]) -> str:
    """One line of the report's table."""
    if "groups" not in row:
        return f"| {row['model']} | {row['family']} |" + " |" * 10 + f" {row['verdict']} |"
    trace_s, couple_s, apply_s, verify_s = row["seconds"]
    cells = (
        row["model"],
        row["family"],
        row["groups"],
        sum(row["frozen"].values()),
        row["unsupported"],
        row["repairs"],
        row["way"],
        f"{row['params'][0] / 1e6:.2f} → {row['params'][1] / 1e6:.2f}",
        f"{row['macs'][0] / 1e9:.3f} → {row['macs'][1] / 1e9:.3f}",
        f"{row['error']:.0e}",
        f"{trace_s:.2f} / {couple_s:.2f} / {apply_s:.2f} / {verify_s:.2f}",
        f"{row['peak'] / 2**30:.1f}",
        row["verdict"],
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def report(rows: Sequence[dict[str, Any]]) -> str:
    """The whole report as Markdown."""
    reasons = Counter(reason for row in rows for reason in row.get("frozen", {}))
    return PAGE.format(
        torchvision=version("torchvision"),
        torch=torch.__version__,
        right=sum(row["verdict"] == "right" for row in rows),
        all=len(rows),
        header="| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS),
        rows="\n".join(line_of(row) for row in rows),
        reasons="\n".join(f"- {reason} ({count} models)" for reason, count in reasons.most_common()),
    )


if __name__ == "__main__":
    sys.exit(main())
