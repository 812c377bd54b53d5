"""Training a sample model: reproducible, and the test split stays untouched until the end."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from explorer.training import Split, digits, evaluate, open_data
from sample_models import SAMPLES, train

ONE_EPOCH = replace(train.RECIPE, epochs=1)


def some(word: str, count: int = 64) -> Split:
    """The first samples of the train part."""
    return open_data(word).train.take(torch.arange(count))


@pytest.mark.parametrize("name", SAMPLES)
def test_retraining_gives_the_same_weights(name: str):
    recipe, data = replace(train.RECIPES[name], epochs=1), some(SAMPLES[name].data)
    torch.manual_seed(1)
    first = train.train(SAMPLES[name], data, recipe).state_dict()
    torch.manual_seed(2)
    second = train.train(SAMPLES[name], data, recipe).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", ["vgg", "lstm", "dgcnn", "gat"])  # one of each form of the data
def test_a_few_epochs_learn(name: str):
    data, sample = open_data(SAMPLES[name].data), SAMPLES[name]
    torch.manual_seed(0)
    untrained = evaluate(sample.build(), data.validation)
    recipe = replace(train.RECIPES[name], epochs=6)
    trained = evaluate(train.train(sample, some(sample.data, 512), recipe), data.validation)
    assert trained.accuracy > untrained.accuracy + 0.2


def test_training_leaves_random_state_and_threads_alone():
    random_state, threads = torch.get_rng_state(), torch.get_num_threads()
    train.train(SAMPLES["vgg"], some("digits"), ONE_EPOCH)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.get_num_threads() == threads


def test_each_card_tells_the_recipe_that_the_command_would_follow():
    for name, sample in SAMPLES.items():
        assert sample.card()["recipe"] == asdict(train.RECIPES[name])


def test_command_writes_weights_and_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    train.main(["vgg", "--epochs", "1", "--seed", "5", "--out", str(tmp_path)])
    model = SAMPLES["vgg"].build()
    model.load_state_dict(load_file(tmp_path / "vgg.safetensors"))
    measured = evaluate(model, digits().test)
    card = json.loads((tmp_path / "vgg.json").read_text(encoding="utf-8"))
    assert card["test_accuracy"] == measured.accuracy
    assert card["validation_accuracy"] == evaluate(model.eval(), digits().validation).accuracy
    assert (card["recipe"]["epochs"], card["recipe"]["seed"]) == (1, 5)
    assert card["samples"] == "scikit-learn digits: 1150 train, 288 validation, 359 test"
    assert capsys.readouterr().out == (
        f"vgg: test accuracy {measured.accuracy:.4f} ({measured.correct}/{measured.total})\n"
    )


def test_validation_never_sees_the_test_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    data = digits()
    unreadable = replace(data.test, inputs=torch.full_like(data.test.inputs, torch.nan))
    monkeypatch.setattr(train, "open_data", lambda _: replace(data, test=unreadable))
    train.main(["vgg", "--epochs", "1", "--validate", "--out", str(tmp_path)])
    assert "vgg: validation accuracy" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_progress_is_drawn_on_a_terminal_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    train.train(SAMPLES["vgg"], some("digits"), ONE_EPOCH)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    train.train(SAMPLES["vgg"], some("digits"), replace(ONE_EPOCH, epochs=2))
    written = capsys.readouterr().err
    assert written.count("\n") == 1  # it is drawn over itself
    last = written.rstrip("\n").split("\r")[-1]
    assert last.startswith(f"[{'█' * 30}] epochs 2/2, loss ")


def test_command_refuses_an_unknown_name(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        train.main(["resnet21"])
    assert "there is no sample model 'resnet21'" in capsys.readouterr().err
