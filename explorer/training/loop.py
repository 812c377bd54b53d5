"""The training loop: epochs over batches, with checkpoints, early stopping and several processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from explorer.engine.batches import Batch, Batches
from explorer.engine.errors import TrainingError
from explorer.engine.randomness import own_random_state
from explorer.engine.trace import mode_of
from explorer.training import processes
from explorer.training.checkpoint import Checkpoint, State, weights_digest
from explorer.training.data import Split
from explorer.training.evaluate import NotFiniteError, check_logits, evaluate
from explorer.training.feeding import batches_per_epoch, scores_of, training_batches
from explorer.training.settings import OPTIMIZERS, SCHEDULES, TrainingSettings

Loss = Callable[[Any, Tensor], Tensor]


@dataclass(frozen=True)
class Epoch:
    """One pass over the data.

    Attributes:
        number: From 1.
        loss: Mean loss of its batches, regulariser not included.
        accuracy: On the validation part, 0-1; None without one.
        learning_rate: Of its last step.
        seconds: Wall-clock time, measuring included.
    """

    number: int
    loss: float
    accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Progress:
    """How far a training is; sent after every step.

    Attributes:
        epoch: The epoch that runs, from 1.
        epochs: How many there are.
        step: Steps done in it.
        steps: About how many it has; None where the data does not say.
        loss: Of the last batch.
        history: Epochs that are done.
    """

    epoch: int
    epochs: int
    step: int
    steps: int | None
    loss: float
    history: tuple[Epoch, ...]

    @property
    def fraction(self) -> float:
        """How much of the training is done, 0-1."""
        within = min(1.0, self.step / self.steps) if self.steps else 0.0
        return (self.epoch - 1 + within) / self.epochs


@dataclass(frozen=True, eq=False)
class Training:
    """What came out.

    Attributes:
        model: The trained model, in the mode and on the device of the one that was given, which is untouched.
        history: Every finished epoch, in order.
        best_epoch: Number of the epoch whose weights the model has; 0 where none was finished.
        stopped: Empty where all epochs ran, ``early`` or ``cancelled``.
    """

    model: nn.Module = field(repr=False)
    history: tuple[Epoch, ...]
    best_epoch: int
    stopped: str = ""


Watch = Callable[[Progress], object]
"""Told how far a training is; a true result ends it, and what there is then is the result."""


class Regulariser(Protocol):
    """What sparse training adds to the gradient of the loss."""

    def begin_epoch(self, model: nn.Module) -> None:
        """Called before each epoch."""

    def add_gradients(self, model: nn.Module) -> None:
        """Called between backward and the optimizer's step."""


@dataclass(frozen=True)
class Run:
    """What one training is made of, apart from the model and the settings.

    Attributes:
        train: What to learn from.
        validation: What to measure on after each epoch, or nothing.
        loss: From outputs and labels to a scalar; None is cross-entropy.
        regulariser: For sparse training.
        checkpoint: Holds the state after each epoch.
        watch: Called after every step, by the first process; a true result ends the training.
    """

    train: Batches
    validation: Batches | None = None
    loss: Loss | None = None
    regulariser: Regulariser | None = None
    checkpoint: Checkpoint | None = None
    watch: Watch | None = None


def fit(model: nn.Module, run: Run, settings: TrainingSettings) -> Training:
    """A trained copy of a model.

    Args:
        model: Any model whose outputs the loss takes; it is untouched.
        run: Data, checkpoint and callbacks.
        settings: How to train.

    Raises:
        TrainingError: No data, nothing to train, a loss that is not finite, or a checkpoint of another run.
        EvaluationError: The outputs do not fit the labels.
        SaveError: The checkpoint cannot be written.
    """
    if settings.patience is not None and run.validation is None:
        raise TrainingError("patience stops when validation accuracy stalls, so it needs validation data. Give some.")
    with _training_copy(model, settings) as copy:
        return _Trainer(copy, run, settings, _identity(model, run, settings)).train()


def _identity(model: nn.Module, run: Run, settings: TrainingSettings) -> State:
    """What tells one training from another; where it runs may change when it goes on."""
    if run.checkpoint is None:
        return {}
    how = asdict(replace(settings, device=None, mixed_precision=None))
    return how | {"model": weights_digest(model), "regulariser": str(run.regulariser)}


@contextmanager
def _training_copy(model: nn.Module, settings: TrainingSettings) -> Iterator[nn.Module]:
    """A copy in train mode on the device to train on; it leaves in the mode and on the device of the original."""
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise TrainingError("No parameter of the model requires a gradient, so there is nothing to train.")
    if home.type == "meta":
        raise TrainingError("The model has shapes but no weights (it is on the meta device). Load weights first.")
    copy = deepcopy(model)
    wanted = settings.device or processes.default_device() or home
    try:
        copy.to(wanted)
    except (RuntimeError, NotImplementedError) as error:
        raise TrainingError(
            f"The model cannot train on {wanted}: {error}. Name a device that this machine has, as in cpu or cuda:0."
        ) from error
    with mode_of(copy, is_training=True):
        yield copy
    copy.to(home)
    copy.zero_grad(set_to_none=True)


class _Trainer:
    """The state of one training."""

    def __init__(self, model: nn.Module, run: Run, settings: TrainingSettings, identity: State) -> None:
        self.model, self.run, self.settings, self.identity = model, run, settings, identity
        self.device = next(model.parameters()).device
        self.together = processes.in_step(model)
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer: Optimizer = OPTIMIZERS[settings.optimizer](weights, settings)
        self.precision = _Precision(self.device, settings.mixed_precision)
        self.steps = batches_per_epoch(run.train, settings.batch_size)
        self.random: list[Tensor] = []
        self.history: list[Epoch] = []
        self.best: State | None = None
        self.best_epoch = 0

    def train(self) -> Training:
        self._resume()
        stopped = ""
        while not stopped and len(self.history) < self.settings.epochs:
            if self._is_stalled():
                stopped = "early"
            elif not self._epoch(len(self.history) + 1):
                stopped = "cancelled"
        if self.best is not None:
            self.model.load_state_dict(self.best)
        return Training(self.model, tuple(self.history), self.best_epoch, stopped)

    def _epoch(self, number: int) -> bool:
        """Trains and measures one epoch; false where it was cancelled."""
        began, seed = time.perf_counter(), self.settings.seed * 100_003 + number
        if self.run.regulariser:
            self.run.regulariser.begin_epoch(self.model)
        with self._own_random_state(seed + 7919 * processes.rank()):
            pass  # the steps of an epoch go on from here
        losses = self._steps(number, seed)
        if losses is None:
            return False
        loss = processes.mean_over_processes(sum(losses) / len(losses), self.device)
        accuracy = self._accuracy()
        rate = float(self.optimizer.param_groups[0]["lr"])
        self.history.append(Epoch(number, loss, accuracy, rate, time.perf_counter() - began))
        if self._is_best(accuracy):
            self.best_epoch = number
            is_chosen = accuracy is not None and self.settings.keep_best
            self.best = deepcopy(self.model.state_dict()) if is_chosen else None
        self._save()
        return True

    def _steps(self, number: int, seed: int) -> list[float] | None:
        """The loss of every batch of an epoch; None where it was cancelled."""
        losses: list[float] = []
        batches = training_batches(self.run.train, self.settings.batch_size, seed)
        while True:
            done = min(1.0, len(losses) / self.steps) if self.steps else 0.0
            self._set_rate((number - 1 + done) / self.settings.epochs)
            with self._own_random_state():
                batch = next(batches, None)
                if batch is None:
                    break
                losses.append(self._step(batch, number, len(losses) + 1))
            if self._is_cancelled(number, losses):
                return None
        if not losses:
            raise TrainingError(
                "Training was asked for, but the data holds no batches. Give at least one labelled batch for each "
                "process."
            )
        return losses

    def _random_states(self) -> list[Tensor]:
        is_cuda = self.device.type == "cuda"
        return [torch.get_rng_state(), *([torch.cuda.get_rng_state(self.device)] if is_cuda else [])]

    @contextmanager
    def _own_random_state(self, seed: int | None = None) -> Iterator[None]:
        """What dropout and loaders draw from, which is this training's own; other threads draw between steps.

        Args:
            seed: What it starts from; None goes on from the step before.
        """
        with own_random_state(), torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            if seed is not None:
                torch.manual_seed(seed)
            else:
                torch.set_rng_state(self.random[0])
                for state in self.random[1:]:
                    torch.cuda.set_rng_state(state, self.device)
            yield
            self.random = self._random_states()

    def _is_cancelled(self, number: int, losses: list[float]) -> bool:
        """Shows how far the training is, and asks whether to go on."""
        stops = False
        if self.run.watch and processes.is_first():
            history = tuple(self.history)
            progress = Progress(number, self.settings.epochs, len(losses), self.steps, losses[-1], history)
            stops = bool(self.run.watch(progress))
        return bool(processes.agreed(stops))

    def _step(self, batch: Batch, epoch: int, step: int) -> float:
        """The loss of one batch, after one step of the optimizer."""
        inputs, labels = batch[0], batch[1].to(self.device)
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision.cast():
            loss = self._loss(scores_of(self.together, inputs, self.device), labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise self._diverged(f"The loss is {value} in epoch {epoch}, step {step}")
        self.precision.backward(loss, self.optimizer)
        if self.run.regulariser:
            self.run.regulariser.add_gradients(self.model)
        self.precision.step(self.optimizer)
        return value

    def _loss(self, scores: Any, labels: Tensor) -> Tensor:
        if self.run.loss:
            return self.run.loss(scores, labels)
        if not isinstance(scores, Tensor):
            raise TrainingError(
                f"Cross-entropy needs one tensor of class scores; the model returned {type(scores).__name__}. Give "
                "your own loss."
            )
        check_logits(scores.detach(), labels, self.run.train.num_classes if isinstance(self.run.train, Split) else None)
        return F.cross_entropy(scores, labels, label_smoothing=self.settings.label_smoothing)

    def _accuracy(self) -> float | None:
        """Validation accuracy, measured by the first process for all."""
        if self.run.validation is None:
            return None
        held_out: Any = self.run.validation
        try:
            return processes.agreed(evaluate(self.model, held_out).accuracy if processes.is_first() else 0.0)
        except NotFiniteError as error:
            raise self._diverged(f"After epoch {len(self.history) + 1} the scores hold NaN or infinity") from error

    def _diverged(self, what: str) -> TrainingError:
        """What went wrong, and what to do about it."""
        rate = self.optimizer.param_groups[0]["lr"]
        return TrainingError(
            f"{what}, at learning rate {rate:g}. Lower the learning rate, and check that inputs and labels hold no "
            "NaN. The model that was given is untouched."
        )

    def _set_rate(self, done: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * SCHEDULES[self.settings.schedule](done)

    def _is_best(self, accuracy: float | None) -> bool:
        if accuracy is None or not self.settings.keep_best:
            return True
        return all((epoch.accuracy or 0.0) < accuracy for epoch in self.history[:-1])

    def _is_stalled(self) -> bool:
        patience = self.settings.patience
        if patience is None or not self.history:
            return False
        best = max(self.history, key=lambda epoch: epoch.accuracy or 0.0)
        return self.history[-1].number - best.number >= patience

    def _save(self) -> None:
        if self.run.checkpoint is None or not processes.is_first():
            return
        self.run.checkpoint.write(
            {
                "run": self.identity,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.precision.scaler.state_dict(),
                "history": [asdict(epoch) for epoch in self.history],
                "best": self.best,
                "best_epoch": self.best_epoch,
            },
        )

    def _resume(self) -> None:
        if self.run.checkpoint is None:
            return
        # other machines may not see where it lies
        state = processes.agreed(self.run.checkpoint.read(self.identity) if processes.is_first() else None)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.precision.scaler.load_state_dict(state["scaler"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.best, self.best_epoch = state["best"], state["best_epoch"]


class _Precision:
    """Mixed precision on a GPU, nothing elsewhere."""

    def __init__(self, device: torch.device, is_mixed: bool | None) -> None:
        self._device = device
        self._is_mixed = device.type == "cuda" and is_mixed is not False
        is_brain = self._is_mixed and torch.cuda.is_bf16_supported()
        self._dtype = torch.bfloat16 if is_brain else torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=self._is_mixed and not is_brain)

    def cast(self) -> torch.autocast:
        return torch.autocast(self._device.type, dtype=self._dtype, enabled=self._is_mixed)

    def backward(self, loss: Tensor, optimizer: Optimizer) -> None:
        scaled: Any = self.scaler.scale(loss)
        scaled.backward()
        self.scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> None:
        self.scaler.step(optimizer)
        self.scaler.update()
