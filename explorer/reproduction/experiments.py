"""What is compared, as data: methods, and one experiment for each network and kind of data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from torch import Tensor, nn

from explorer.engine.errors import DataError, TrainingError, did_you_mean
from explorer.training import TrainingSettings
from sample_models import SAMPLES
from sample_models.resnet20 import ResNet, noise_image

BASE = "base"
QUICK_SAMPLES = 64


@dataclass(frozen=True)
class Method:
    """One way to choose what goes.

    Attributes:
        title: What it is called in the tables.
        importance: A criterion of `CRITERIA`.
        scope: Which coupled slices count; a name of `SCOPES`.
        is_sparse: Whether the network is trained before it is pruned so that the slices of weak channels shrink, those
            that the scope counts.
    """

    title: str
    importance: str
    scope: str = "group"
    is_sparse: bool = False


METHODS: Mapping[str, Method] = {
    "random": Method("random", "random"),
    "l1-producer": Method("L1 without grouping", "l1", scope="producer"),
    "l1-conv": Method("L1 on convolutions only", "l1", scope="conv"),
    "l1-group": Method("L1 with full grouping", "l1"),
    "group-norm": Method("group norm", "group_norm"),
    "sparse-producer": Method("sparse training without grouping", "group_norm", scope="producer", is_sparse=True),
    "sparse-conv": Method("sparse training on convolutions only", "group_norm", scope="conv", is_sparse=True),
    "sparse-group": Method("sparse training with full grouping", "group_norm", is_sparse=True),
}


@dataclass(frozen=True)
class Network:
    """A network that is pruned.

    Attributes:
        build: Makes it with fresh weights.
        example_inputs: Makes the positional inputs of one forward.
        trained: Makes it with weights that are there already; None where there are none.
    """

    build: Callable[[], nn.Module]
    example_inputs: Callable[[], tuple[Tensor, ...]]
    trained: Callable[[], nn.Module] | None = None


@dataclass(frozen=True)
class Experiment:
    """One network on one kind of data, pruned by some methods to some speed-ups.

    Attributes:
        name: What it is asked for by.
        title: The network's name in the tables.
        network: What is pruned.
        data: The word of the data, as `open_data` takes it.
        tuning: How every pruned network is trained, the budget that all methods share; the seed is that of the run.
        speed_ups: Multiply-adds before over after.
        methods: Names of `METHODS`.
        base: How the network is trained where no trained weights are there; None takes the same weights for all seeds.
        sparse: How sparse training runs, for the methods that ask for it.
        strength: Weight of the group regulariser.
        is_base_tuned: Whether the network as it is gets the same training too, as a control.
        seeds: One run each: of weights where `base` is given, of random choices, and of the order of samples.
        samples: How many samples of each part are used; None uses all.
    """

    name: str
    title: str
    network: Network = field(compare=False)
    data: str
    tuning: TrainingSettings
    speed_ups: tuple[float, ...] = (2.0,)
    methods: tuple[str, ...] = ("group-norm",)
    base: TrainingSettings | None = None
    sparse: TrainingSettings | None = None
    strength: float = 0.0
    is_base_tuned: bool = False
    seeds: tuple[int, ...] = (0, 1, 2)
    samples: int | None = None


def _sample(name: str) -> Network:
    sample = SAMPLES[name]
    return Network(sample.build, sample.example_inputs, sample.load)


def _family(name: str, speed_up: float, tuning: TrainingSettings) -> Experiment:
    """A sample model with its trained weights, pruned by the paper's criterion."""
    return Experiment(name, SAMPLES[name].title, _sample(name), SAMPLES[name].data, tuning, speed_ups=(speed_up,))


_SGD = TrainingSettings(epochs=20, learning_rate=0.05, keep_best=False)
_ADAMW = replace(_SGD, optimizer="adamw", learning_rate=1e-3, weight_decay=0.05)
_RESNET56 = Experiment(
    "resnet56",
    SAMPLES["resnet56"].title,
    _sample("resnet56"),
    "digits",
    _SGD,
    speed_ups=(2.11, 2.57),
    methods=tuple(METHODS),
    base=replace(_SGD, epochs=60, learning_rate=0.1, schedule="onecycle", label_smoothing=0.05),
    sparse=replace(_SGD, epochs=30),
    strength=1e-3,
    is_base_tuned=True,
)
_STEPS = TrainingSettings(epochs=100, batch_size=128, learning_rate=0.01, schedule="step", keep_best=False)
_RESNET56_CIFAR = replace(
    _RESNET56,
    network=Network(partial(ResNet, 9, in_channels=3), partial(noise_image, 3, 32)),
    data="cifar10",
    tuning=_STEPS,
    base=replace(_STEPS, epochs=200, learning_rate=0.1),
    sparse=_STEPS,
    strength=2.5e-4,
)

EXPERIMENTS: Mapping[str, Mapping[str, Experiment]] = {
    kind: {experiment.name: experiment for experiment in experiments}
    for kind, experiments in {
        "digits": (
            _RESNET56,
            _family("vgg", 4.0, _SGD),
            _family("lstm", 4.0, replace(_ADAMW, epochs=60)),
            _family("gat", 4.0, replace(_ADAMW, epochs=100, batch_size=288, learning_rate=5e-3, weight_decay=5e-3)),
            _family("vit", 2.0, _ADAMW),
            _family("mobilenetv2", 2.0, _SGD),
            _family("densenet", 2.0, _SGD),
            _family("dgcnn", 4.0, _SGD),
        ),
        "cifar10": (_RESNET56_CIFAR,),
    }.items()
}
"""Every experiment by the kind of its data, then by name, in the order in which they run. Chosen on validation."""


def experiments_for(names: Sequence[str] = (), data: str = "digits") -> tuple[Experiment, ...]:
    """The experiments of some names on some data.

    Args:
        names: All by default.
        data: ``digits`` or ``cifar10:DIR``.

    Raises:
        TrainingError: There is no experiment of a name on this data.
        DataError: There is no experiment on this data.
    """
    kind = data.partition(":")[0]
    if kind not in EXPERIMENTS:
        raise DataError(f"There is no experiment on '{data}'. The experiments run on digits or cifar10:DIR.")
    known = EXPERIMENTS[kind]
    for name in names:
        if name not in known:
            others = [other for other, experiments in EXPERIMENTS.items() if name in experiments]
            elsewhere = f"It runs on {' and '.join(others)}. " if others else did_you_mean(name, known)
            raise TrainingError(
                f"There is no experiment {name!r} on {kind}. {elsewhere}On {kind} there are: {', '.join(known)}."
            )
    chosen = tuple(known[name] for name in dict.fromkeys(names or known))
    is_own_form = kind == "digits"  # each network reads the digits in a form of its own
    return chosen if is_own_form else tuple(replace(experiment, data=data) for experiment in chosen)


def quick(experiment: Experiment) -> Experiment:
    """The same in seconds, to see that it runs: one seed, one epoch, few samples. Its accuracies say nothing."""
    once = {
        name: replace(settings, epochs=1)
        for name in ("tuning", "base", "sparse")
        if (settings := getattr(experiment, name)) is not None
    }
    return replace(experiment, seeds=experiment.seeds[:1], samples=QUICK_SAMPLES, **once)
