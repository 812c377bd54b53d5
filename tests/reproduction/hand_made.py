"""Records by hand, of one study and one family."""

from __future__ import annotations

from collections.abc import Iterator

from explorer.reproduction import Experiment, Record, experiments_for

(STUDY,) = experiments_for(["resnet56"])
(FAMILY,) = experiments_for(["vgg"])


def record(method: str, seed: int, *, pruned: float, tuned: float | None, experiment: Experiment = STUDY) -> Record:
    is_base, is_sparse = method == "base", method.startswith("sparse")
    return Record(
        experiment=experiment.name,
        method=method,
        speed_up=1.0 if is_base else experiment.speed_ups[-1],
        seed=seed,
        unpruned=0.99,
        pruned=pruned,
        recalibrated=pruned,
        tuned=tuned,
        validation=tuned,
        samples=200,
        macs=(1000, 1000 if is_base else 400),
        params=(100, 100 if is_base else 30),
        norms=((0, 3, 5), (4, 0, 4)) if is_sparse else None,
        seconds=1800.0,
        settings={},
        versions={"torch": "2.0"},
        finished="2026-01-01T00:00:00+00:00",
    )


def measured() -> Iterator[Record]:
    for seed in (0, 1):
        yield record("base", seed, pruned=0.99, tuned=0.98)
        yield record("sparse-conv", seed, pruned=0.5, tuned=0.97)
        yield record("sparse-group", seed, pruned=0.9 - 0.5 * seed, tuned=0.995 + 0.005 * seed)
    yield record("base", 0, pruned=1.0, tuned=None, experiment=FAMILY)
    yield record("group-norm", 0, pruned=0.25, tuned=0.75, experiment=FAMILY)
