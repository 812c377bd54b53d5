"""Training a sample model: reproducible, and the test split stays untouched until the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from explorer.training import Split, digits, evaluate
from sample_models import SAMPLES, train

ONE_EPOCH = replace(train.RECIPE, epochs=1)
STILL = replace(train.RECIPE, max_shift=0.0, max_rotation=0.0, max_zoom=0.0, noise=0.0)

each_name = pytest.mark.parametrize("name", SAMPLES)


@each_name
def test_retraining_gives_the_same_weights(name: str):
    torch.manual_seed(1)
    first = train.train(SAMPLES[name], digits().train, ONE_EPOCH).state_dict()
    torch.manual_seed(2)
    second = train.train(SAMPLES[name], digits().train, ONE_EPOCH).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@each_name
def test_a_few_epochs_learn(name: str):
    torch.manual_seed(train.RECIPE.seed)
    untrained = evaluate(SAMPLES[name].build(), digits().test)
    trained = evaluate(train.train(SAMPLES[name], digits().train, replace(ONE_EPOCH, epochs=3)), digits().test)
    assert trained.accuracy > untrained.accuracy + 0.3


def test_training_leaves_random_state_and_threads_alone():
    random_state, threads = torch.get_rng_state(), torch.get_num_threads()
    train.train(SAMPLES["vgg"], digits().train, ONE_EPOCH)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.get_num_threads() == threads


def test_augmentation_without_amounts_changes_nothing():
    images = digits().train.images[:20]
    assert torch.allclose(train.augment(images, STILL), images, atol=1e-5)


def test_augmentation_moves_each_image_on_its_own():
    image = digits().train.images[:1].expand(2, -1, -1, -1)
    first, second = train.augment(image, replace(STILL, max_shift=1.0))
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, image[0])


def test_command_writes_weights_and_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    train.main(["vgg", "--epochs", "1", "--seed", "5", "--out", str(tmp_path)])
    model = SAMPLES["vgg"].build()
    model.load_state_dict(load_file(tmp_path / "vgg.safetensors"))
    measured = evaluate(model, digits().test)
    card = json.loads((tmp_path / "vgg.json").read_text(encoding="utf-8"))
    assert card["test_accuracy"] == measured.accuracy
    assert (card["recipe"]["epochs"], card["recipe"]["seed"]) == (1, 5)
    assert capsys.readouterr().out == (
        f"vgg: test accuracy {measured.accuracy:.4f} ({measured.correct}/{measured.total})\n"
    )


def test_validation_never_sees_the_test_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    data = digits()
    unreadable = Split(torch.full_like(data.test.images, torch.nan), data.test.labels, data.test.num_classes)
    monkeypatch.setattr(train, "digits", lambda: replace(data, test=unreadable))
    train.main(["vgg", "--epochs", "1", "--validate", "--out", str(tmp_path)])
    assert "vgg: validation accuracy" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_progress_is_drawn_on_a_terminal_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    train.train(SAMPLES["vgg"], digits().test, ONE_EPOCH)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    train.train(SAMPLES["vgg"], digits().test, replace(ONE_EPOCH, epochs=2))
    half, whole = capsys.readouterr().err.split("\r")[1:]
    assert half.startswith("[" + "#" * 15 + "-" * 15 + "] epoch 1/2  loss ")
    assert whole.startswith("[" + "#" * 30 + "] epoch 2/2  loss ")
    assert whole.endswith("\n")


def test_command_refuses_an_unknown_name(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        train.main(["resnet21"])
    assert "invalid choice: 'resnet21'" in capsys.readouterr().err
