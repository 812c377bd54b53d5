"""Trains a sample model on the digits and writes its weights and their card: `python -m sample_models.train NAME`.

The schedule is fixed: no early stopping, no choice between checkpoints, and the test split is looked at once, after the
last epoch. `--validate` is for choosing a schedule: it holds a fifth of the train split out, reports the accuracy
there, never touches the test split, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sklearn
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from explorer.training import Dataset, Evaluation, Split, digits, evaluate, hold_out
from sample_models import SAMPLES, WEIGHTS_FOLDER, SampleModel


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a sample model is trained.

    Attributes:
        epochs: Passes over the train split.
        batch_size: Images per step.
        max_learning_rate: Peak of the one-cycle schedule.
        momentum: Nesterov momentum of SGD.
        weight_decay: L2 penalty of SGD.
        label_smoothing: Share of the target that is spread over all classes.
        max_shift: Largest random shift, in pixels.
        max_rotation: Largest random rotation, in degrees.
        max_zoom: Largest random change of scale, as a fraction.
        noise: Standard deviation of the noise added to the standardised pixels.
        seed: Seed of weights, order and augmentation.
    """

    epochs: int = 100
    batch_size: int = 64
    max_learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.05
    max_shift: float = 0.8
    max_rotation: float = 12.0
    max_zoom: float = 0.1
    noise: float = 0.1
    seed: int = 0


RECIPE = Recipe()


def train(sample: SampleModel, split: Split, recipe: Recipe = RECIPE) -> nn.Module:
    """The sample model, trained on `split` and in eval mode.

    The same arguments give the same weights on the same machine and version of PyTorch: the run is seeded, on the CPU,
    in one thread (the order of sums depends on their number), and leaves the caller's random state alone.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            model = sample.build()
            _fit(model, split, recipe)
    finally:
        torch.set_num_threads(threads)
    return model.eval()


def _fit(model: nn.Module, split: Split, recipe: Recipe) -> None:
    """Trains `model` in place."""
    steps = math.ceil(len(split) / recipe.batch_size)
    optimizer = SGD(
        model.parameters(),
        lr=recipe.max_learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=True,
    )
    schedule = OneCycleLR(optimizer, recipe.max_learning_rate, total_steps=recipe.epochs * steps, cycle_momentum=False)
    model.train()
    for epoch in range(recipe.epochs):
        loss = torch.zeros(())
        for rows in torch.randperm(len(split)).split(recipe.batch_size):
            scores = model(augment(split.images[rows], recipe))
            loss = F.cross_entropy(scores, split.labels[rows], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        _show_progress(epoch + 1, recipe.epochs, loss.item())


def augment(images: Tensor, recipe: Recipe = RECIPE) -> Tensor:
    """Each image shifted, rotated and scaled by its own random amounts, with noise, shape (N, C, H, W)."""
    count, _, height, width = images.shape

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count) * 2 - 1) * limit

    angle = uniform(math.radians(recipe.max_rotation))
    scale = 1 + uniform(recipe.max_zoom)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    # affine_grid's coordinates run from -1 to 1: one pixel is 2 / size
    shift_x, shift_y = uniform(2 * recipe.max_shift / width), uniform(2 * recipe.max_shift / height)
    rows = torch.stack([cos, -sin, shift_x, sin, cos, shift_y], dim=1).view(count, 2, 3)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return moved + recipe.noise * torch.randn_like(moved)


def card(sample: SampleModel, model: nn.Module, data: Dataset, measured: Evaluation, recipe: Recipe) -> dict[str, Any]:
    """What is to be known about trained weights, ready for JSON."""
    return {
        "name": sample.name,
        "coupling": sample.coupling,
        "data": f"{data.name} ({len(data.train)} train, {len(data.test)} test images)",
        "split": f"random 80/20, seed {data.split_seed}; the test split is used once, to measure this accuracy",
        "test_accuracy": measured.accuracy,
        "test_correct": measured.correct,
        "test_total": measured.total,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "optimizer": "SGD with Nesterov momentum, one-cycle learning rate",
        "recipe": asdict(recipe),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "reproduce": f"python -m sample_models.train {sample.name}",
    }


def write(sample: SampleModel, recipe: Recipe, folder: Path) -> Evaluation:
    """Trains on the whole train split, measures on the test split, writes weights and card into `folder`."""
    data = digits()
    model = train(sample, data.train, recipe)
    measured = evaluate(model, data.test)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / sample.weights_file.name)
    text = json.dumps(card(sample, model, data, measured, recipe), indent=2)
    (folder / sample.card_file.name).write_text(text + "\n", encoding="utf-8")
    return measured


def validate(sample: SampleModel, recipe: Recipe) -> Evaluation:
    """The accuracy on a fifth of the train split after training on the rest of it."""
    kept, held_out = hold_out(digits().train, 0.2, seed=recipe.seed)
    return evaluate(train(sample, kept, recipe), held_out)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_models.train", description=__doc__)
    parser.add_argument("name", choices=sorted(SAMPLES), help="the sample model to train")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=RECIPE.seed, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FOLDER, help="folder to write to, default: %(default)s")
    parser.add_argument("--validate", action="store_true", help="report validation accuracy, write nothing")
    options = parser.parse_args(arguments)
    recipe = Recipe(epochs=options.epochs, seed=options.seed)
    sample = SAMPLES[options.name]
    measured = validate(sample, recipe) if options.validate else write(sample, recipe, options.out)
    part = "validation" if options.validate else "test"
    sys.stdout.write(f"{sample.name}: {part} accuracy {measured.accuracy:.4f} ({measured.correct}/{measured.total})\n")


def _show_progress(epoch: int, epochs: int, loss: float) -> None:
    """Draws a bar on the terminal's error stream; nothing where that is not a terminal."""
    if not sys.stderr.isatty():
        return
    filled = 30 * epoch // epochs
    bar = "#" * filled + "-" * (30 - filled)
    sys.stderr.write(f"\r[{bar}] epoch {epoch}/{epochs}  loss {loss:.4f}" + ("\n" if epoch == epochs else ""))
    sys.stderr.flush()


if __name__ == "__main__":
    main()
