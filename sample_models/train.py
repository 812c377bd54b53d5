"""Trains a sample model on its data and writes its weights and their card: `python -m sample_models.train NAME`.

The schedule is fixed: no early stopping, no choice between checkpoints, and the test part is looked at once, after the
last epoch. `--validate` is for choosing a schedule: it reports the accuracy on the validation part, never touches the
test part, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sklearn
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from explorer.engine.graph import trace
from explorer.engine.trace import call_model
from explorer.training import Dataset, Evaluation, Split, evaluate, open_data
from sample_models import SAMPLES, WEIGHTS_FOLDER, SampleModel

BAR = "[{bar:30}] {desc} {n}/{total}{postfix}, {remaining} left"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a sample model is trained: one cycle of the learning rate, on samples that the data augments.

    Attributes:
        epochs: Passes over the train part.
        batch_size: Samples per step.
        optimizer: One of `OPTIMIZERS`.
        max_learning_rate: Peak of the one-cycle schedule.
        weight_decay: L2 penalty of SGD, decoupled decay of AdamW.
        label_smoothing: Share of the target that is spread over all classes.
        max_norm: Longest gradient; a longer one is scaled down.
        seed: Seed of weights, dropout, order and augmentation.
    """

    epochs: int = 60
    batch_size: int = 64
    optimizer: str = "sgd"
    max_learning_rate: float = 0.1
    weight_decay: float = 5e-4
    label_smoothing: float = 0.05
    max_norm: float = 5.0
    seed: int = 0


RECIPE = Recipe()
ADAMW = replace(RECIPE, optimizer="adamw", max_learning_rate=3e-3, weight_decay=0.05)
RECIPES: dict[str, Recipe] = dict.fromkeys(SAMPLES, RECIPE) | {
    "vit": replace(ADAMW, epochs=150),
    "lstm": replace(ADAMW, epochs=150),
    "gat": replace(ADAMW, epochs=300, batch_size=288, max_learning_rate=1e-2, weight_decay=5e-3),
}
"""How each sample model is trained. Chosen on the validation part."""

OPTIMIZERS = {"sgd": "SGD with Nesterov momentum 0.9", "adamw": "AdamW"}


def train(sample: SampleModel, split: Split, recipe: Recipe = RECIPE) -> nn.Module:
    """The sample model, trained on `split` and in eval mode.

    The same arguments give the same weights on the same machine and version of PyTorch: the run is seeded, on the CPU,
    in one thread (the order of sums depends on their number), and leaves the caller's random state alone.
    """
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = sample.build()
        _fit(model, split, recipe)
    return model.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _fit(model: nn.Module, split: Split, recipe: Recipe) -> None:
    """Trains `model` in place."""
    steps = math.ceil(len(split) / recipe.batch_size)
    optimizer = _optimizer(model, recipe)
    schedule = OneCycleLR(optimizer, recipe.max_learning_rate, total_steps=recipe.epochs * steps, cycle_momentum=False)
    model.train()
    shown = tqdm(range(recipe.epochs), "epochs", disable=None, bar_format=BAR)  # on a terminal only
    for epoch in shown:
        loss = torch.zeros(())
        for inputs, labels in split.batches(recipe.batch_size, seed=1000 * recipe.seed + epoch):
            loss = F.cross_entropy(call_model(model, inputs), labels, label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), recipe.max_norm)
            optimizer.step()
            schedule.step()
        shown.set_postfix_str(f"loss {loss.item():.4f}", refresh=False)


def _optimizer(model: nn.Module, recipe: Recipe) -> Optimizer:
    rate, decay = recipe.max_learning_rate, recipe.weight_decay
    if recipe.optimizer == "adamw":
        return AdamW(model.parameters(), lr=rate, weight_decay=decay)
    return SGD(model.parameters(), lr=rate, weight_decay=decay, momentum=0.9, nesterov=True)


def card(sample: SampleModel, model: nn.Module, data: Dataset, measured: dict[str, Evaluation]) -> dict[str, Any]:
    """What is to be known about a trained model, ready for JSON.

    Args:
        sample: The sample model.
        model: The sample model, trained.
        data: Its data.
        measured: What was measured on the `validation` and the `test` part.
    """
    inputs = sample.example_inputs()
    validation, test = measured["validation"], measured["test"]
    return {
        "name": sample.name,
        "coupling": sample.coupling,
        "data": sample.data,
        "samples": f"{data.title}: {len(data.train)} train, {len(data.validation)} validation, {len(data.test)} test",
        "split": f"{data.parting}; the test part is used once, to measure this accuracy",
        "test_accuracy": test.accuracy,
        "test_correct": test.correct,
        "test_total": test.total,
        "validation_accuracy": validation.accuracy,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "macs": trace(model, inputs).plan({}).cost.before.macs,
        "macs_of_inputs": [list(tensor.shape) for tensor in inputs],
    }


def write(sample: SampleModel, recipe: Recipe, folder: Path) -> Evaluation:
    """Trains on the train part, measures on the test part, writes weights and card into `folder`."""
    data = open_data(sample.data)
    started = time.perf_counter()
    model = train(sample, data.train, recipe)
    seconds = time.perf_counter() - started
    measured = {"validation": evaluate(model, data.validation), "test": evaluate(model, data.test)}
    content = card(sample, model, data, measured) | {
        "training_seconds": round(seconds),
        "optimizer": f"{OPTIMIZERS[recipe.optimizer]}, one-cycle learning rate, one thread",
        "recipe": asdict(recipe),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "reproduce": f"python -m sample_models.train {sample.name}",
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / sample.weights_file.name)
    (folder / sample.card_file.name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return measured["test"]


def validate(sample: SampleModel, recipe: Recipe) -> Evaluation:
    """The accuracy on the validation part after training on the train part."""
    data = open_data(sample.data)
    return evaluate(train(sample, data.train, recipe), data.validation)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_models.train", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(SAMPLES)}; default: all of them")
    parser.add_argument("--epochs", type=int, help="default: as the sample's recipe says")
    parser.add_argument("--seed", type=int, default=RECIPE.seed, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FOLDER, help="folder to write to, default: %(default)s")
    parser.add_argument("--validate", action="store_true", help="report validation accuracy, write nothing")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in SAMPLES]:
        parser.error(f"there is no sample model '{unknown[0]}'; there are {', '.join(SAMPLES)}")
    for name in options.names or SAMPLES:
        recipe = replace(RECIPES[name], seed=options.seed, epochs=options.epochs or RECIPES[name].epochs)
        measured = validate(SAMPLES[name], recipe) if options.validate else write(SAMPLES[name], recipe, options.out)
        part = "validation" if options.validate else "test"
        sys.stdout.write(f"{name}: {part} accuracy {measured.accuracy:.4f} ({measured.correct}/{measured.total})\n")


if __name__ == "__main__":
    main()
