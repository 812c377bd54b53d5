"""Training a pruned model until it is as good as it was, and BatchNorm statistics without training."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from explorer.engine.batches import Batches, as_call, batches_of, on_device
from explorer.engine.errors import TrainingError
from explorer.engine.trace import mode_of
from explorer.training.checkpoint import Checkpoint
from explorer.training.feeding import Data, parts_of
from explorer.training.loop import Loss, Run, Training, Watch, fit
from explorer.training.settings import settings_of


def finetune(
    model: nn.Module,
    data: Data,
    *,
    validation: Batches | None = None,
    loss: Loss | None = None,
    checkpoint: str | Path | Checkpoint | None = None,
    watch: Watch | None = None,
    **settings: Any,
) -> Training:
    """A trained copy of `model`; the model itself is untouched, whatever happens.

    The same arguments give the same weights on the same machine and number of threads, also where the run was killed
    and goes on from its checkpoint. Under ``torchrun`` every process takes its share of the batches.

    Args:
        model: A classifier, or any model with a `loss` of your own.
        data: A `Dataset` (its train part; its validation part chooses the epoch, its test part is never read), a
            `Split`, or batches of inputs and labels such as a `DataLoader`.
        validation: What to measure on after each epoch, where `data` is no `Dataset` or another part is wanted.
        loss: From outputs and labels to a scalar; cross-entropy by default.
        checkpoint: File that holds the state after each epoch, or a `Checkpoint` that lies elsewhere; where there is
            one, training goes on from it.
        watch: Called with a `Progress` after every step; a true result ends training, and what there is is kept.
        settings: Fields of `TrainingSettings`, such as ``epochs=5, learning_rate=0.01``.

    Returns:
        The model, with the weights of the epoch that was best on the validation data, else of the last one, and the
        history.

    Raises:
        TrainingError: A setting, data or checkpoint that cannot be used, or a loss that is not finite.
        EvaluationError: The model's outputs do not fit the labels.
        SaveError: The checkpoint cannot be written; the one before it is whole.

    Example:
        >>> import explorer
        >>> pruned = explorer.trace("sample:resnet20").plan(0.5).apply()
        >>> tuned = explorer.finetune(pruned.model, explorer.training.digits(), epochs=1)
        >>> len(tuned.history)
        1
    """
    train, measured = parts_of(data, validation)
    run = Run(
        train=train,
        validation=measured,
        loss=loss,
        checkpoint=Checkpoint.at(checkpoint),
        watch=watch,
    )
    return fit(model, run, settings_of(settings))


def recalibrate(model: nn.Module, data: Data, *, batch_size: int = 256, max_batches: int | None = None) -> nn.Module:
    """A copy of `model` whose BatchNorm layers know the mean and variance of their inputs on `data`.

    Pruning changes what a BatchNorm sees; taking its statistics anew needs no labels and no gradient, and often gives
    back much of the accuracy before any training.

    Args:
        model: A model with BatchNorm layers; without any, the copy is as it is.
        data: As for `finetune`; labels are not read.
        batch_size: Samples per forward of a `Split`.
        max_batches: Batches after which to stop; None reads all.

    Raises:
        TrainingError: There is no data, or the model does not run on it.

    Source: Li et al., EagleEye: Fast Sub-net Evaluation for Efficient Neural Network Pruning, ECCV 2020, section 3.3.
    """
    copy = deepcopy(model)
    norms = [module for module in copy.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    with mode_of(copy, is_training=False):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
            norm.train()
        _run_through(copy, parts_of(data, None)[0], batch_size, max_batches)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copy


def _run_through(model: nn.Module, data: Batches, batch_size: int, max_batches: int | None) -> None:
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    seen = 0
    with torch.no_grad():
        for inputs, _ in batches_of(data, batch_size):
            args, kwargs = as_call(on_device(inputs, device))
            try:
                model(*args, **kwargs)
            except (RuntimeError, ValueError, TypeError) as error:
                raise TrainingError(f"The model did not run on a batch of the data: {error}") from error
            seen += 1
            if seen == max_batches:
                return
    if not seen:
        raise TrainingError("Statistics were asked for, but the data holds no batches. Give at least one.")
