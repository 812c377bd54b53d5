"""What channels do to the loss, measured once for a model and shared by every recipe of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from explorer.engine.batches import Batch
from explorer.engine.graph import DependencyGraph
from explorer.engine.importance import Gradients, gradients
from explorer.jobs.tensors import TensorStore, packed
from explorer.training.data import Dataset, Split

SAMPLES = 256
"""Training samples that gradients are taken on: an order of channels needs no more, and each costs a backward pass."""
_SEEN = "samples"

Tell = Callable[[float], None]


def measure_gradients(model: nn.Module, data: Split, needs: str, tell: Tell) -> bytes:
    """The gradients that a criterion needs, packed.

    Args:
        model: The model; it is untouched.
        data: Labelled samples to take them on.
        needs: ``gradient`` or ``fisher``, as `Criterion.needs` says.
        tell: Told how much is done, 0-1; what it raises stops the work.

    Returns:
        A safetensors file that `read_gradients` takes.

    Raises:
        EvaluationError: There is no data, the model does not run on it, or its loss is not finite.
    """
    found = gradients(model, _Told(data, tell), fisher=needs == "fisher", max_samples=SAMPLES)
    named = {f"mean:{name}": tensor for name, tensor in found.mean.items()}
    named |= {f"fisher:{name}": tensor for name, tensor in found.fisher.items()}
    return packed({**named, _SEEN: torch.tensor(found.samples)})


def read_gradients(tensors: dict[str, Tensor]) -> Gradients:
    """The gradients that `measure_gradients` packed."""
    parts: dict[str, dict[str, Tensor]] = {"mean": {}, "fisher": {}}
    for name, tensor in tensors.items():
        kind, _, parameter = name.partition(":")
        if parameter:
            parts[kind][parameter] = tensor
    return Gradients(parts["mean"], parts["fisher"], int(tensors[_SEEN]))


@lru_cache(maxsize=2)
def taken_gradients(graph: DependencyGraph, data: Dataset, needs: str, samples: int = SAMPLES) -> Gradients:
    """The gradients that a criterion needs, taken once by a process that does many tasks on the same model.

    Args:
        graph: The model's graph.
        data: What they are taken on: its train part.
        needs: As for `measure_gradients`.
        samples: Most samples.

    Raises:
        EvaluationError: They cannot be taken.
    """
    return gradients(graph.model, data.train, fisher=needs == "fisher", max_samples=samples)


class KnownGradients:
    """The gradients of one model: from memory, from disk, or measured where nobody did yet.

    Args:
        key: Names the model and its weights.
        model: The model.
        data: Labelled samples to take them on.
        store: Where they are kept.
    """

    def __init__(self, key: str, model: nn.Module, data: Split, store: TensorStore) -> None:
        self._key, self._model, self._data, self._store = key, model, data, store
        self._read: dict[str, Gradients] = {}
        self._lock = threading.Lock()

    def key(self, needs: str) -> str:
        """What they are kept under: the same for every recipe."""
        return f"gradients:{self._key}:{needs}"

    def are_known(self, needs: str) -> bool:
        """Whether asking for them measures nothing."""
        return needs in self._read or self._store.has(self.key(needs))

    def measure(self, needs: str, tell: Tell) -> Gradients:
        """The gradients, measured and kept where that was not done yet; who asks meanwhile waits for it.

        Args:
            needs: As for `measure_gradients`.
            tell: As for `measure_gradients`.

        Raises:
            ExplorerError: They cannot be measured or kept.
        """
        with self._lock:
            if not self.are_known(needs):
                self._store.keep(self.key(needs), measure_gradients(self._model, self._data, needs, tell))
            if needs not in self._read:
                self._read[needs] = read_gradients(self._store.read(self.key(needs)))
            return self._read[needs]

    def __call__(self, needs: str) -> Gradients:
        """The gradients, as `measure` gives them."""
        return self.measure(needs, lambda _: None)


@dataclass(frozen=True, eq=False)
class _Told:
    """Data that tells how much of it was read."""

    data: Split
    tell: Tell

    @property
    def is_joint(self) -> bool:
        return self.data.is_joint

    def batches(self, batch_size: int, *, seed: int | None = None) -> Iterator[Batch]:
        wanted, seen = min(SAMPLES, len(self.data)), 0
        for inputs, labels in self.data.batches(batch_size, seed=seed):
            self.tell(min(1.0, seen / wanted))
            yield inputs, labels
            seen += len(labels)
