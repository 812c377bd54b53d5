from __future__ import annotations

import pytest
import torch

from explorer.engine.errors import DataError, TrainingError
from explorer.engine.graph import trace
from explorer.engine.importance import CRITERIA, SCOPES
from explorer.reproduction import EXPERIMENTS, METHODS, experiments_for, quick
from explorer.reproduction.published import PUBLISHED


def test_every_method_and_experiment_is_made_of_what_there_is() -> None:
    for method in METHODS.values():
        assert method.importance in CRITERIA
        assert method.scope in SCOPES
    for experiment in (each for known in EXPERIMENTS.values() for each in known.values()):
        assert set(experiment.methods) <= set(METHODS)
        assert experiment.sparse or not any(METHODS[method].is_sparse for method in experiment.methods)
        assert experiment.network.trained or experiment.base
        assert not experiment.tuning.keep_best  # no epoch is chosen
    assert set(PUBLISHED) <= set(EXPERIMENTS["digits"])


def test_the_digits_have_every_family_and_the_paper_s_two_speed_ups() -> None:
    known = EXPERIMENTS["digits"]
    assert set(known) == {"resnet56", "vgg", "densenet", "mobilenetv2", "vit", "lstm", "dgcnn", "gat"}
    assert known["resnet56"].speed_ups == EXPERIMENTS["cifar10"]["resnet56"].speed_ups == (2.11, 2.57)
    assert len(known["resnet56"].seeds) == 3
    assert all(2 <= speed_up <= 4 for experiment in known.values() for speed_up in experiment.speed_ups)


def test_cifar10_prunes_a_resnet_56_for_its_images() -> None:
    (experiment,) = experiments_for(data="cifar10:somewhere")
    assert experiment.data == "cifar10:somewhere"
    assert experiment.network.trained is None
    model = experiment.network.build()
    graph = trace(model, experiment.network.example_inputs())
    assert graph.cost.macs == pytest.approx(126e6, rel=0.02)  # 0.127 GMACs with the projections' 1x1 convolutions
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_quick_keeps_everything_but_the_effort() -> None:
    (whole,) = experiments_for(["resnet56"])
    once = quick(whole)
    assert (once.methods, once.speed_ups) == (whole.methods, whole.speed_ups)
    assert once.seeds == (0,)
    assert once.base and once.sparse
    assert once.base.epochs == once.sparse.epochs == once.tuning.epochs == 1


@pytest.mark.parametrize(
    ("names", "data", "error", "message"),
    [
        (["resnet65"], "digits", TrainingError, "'resnet65' on digits. Did you mean resnet56"),
        (["xyz"], "digits", TrainingError, "On digits there are: resnet56, vgg,"),
        (["vgg"], "cifar10:x", TrainingError, "'vgg' on cifar10. It runs on digits. On cifar10 there are: resnet56."),
        ([], "imagefolder:x", DataError, "no experiment on 'imagefolder:x'. The experiments run on digits or cifar10"),
    ],
)
def test_what_there_is_not_is_said(names: list[str], data: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        experiments_for(names, data)
