"""The paper's experiments on the command line."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from explorer.__main__ import main
from explorer.commands import reproduce
from explorer.reproduction import EXPERIMENTS, experiments, read_records
from explorer.reproduction.experiments import Network
from sample_models.resnet20 import ResNet, noise_image
from tests.reproduction.tiny import TINY
from tests.training.data.fake_cifar import write_cifar


@pytest.fixture(autouse=True)
def _one_thread(_same_start: None) -> None:
    torch.set_num_threads(1)


def test_a_quick_run_writes_a_page_and_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["reproduce", "lstm", "--quick", "--out", str(tmp_path)]
    assert main(command) == 0
    shown = capsys.readouterr()
    assert f"written to {tmp_path}" in shown.out
    assert "run 2/2  lstm group-norm 4x seed 0: fine-tuning" in shown.err
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "2 of 31 runs are done." in page
    assert "The data is scikit-learn's handwritten digits, 8 x 8 pixels; the paper's is CIFAR and ImageNet." in page
    assert "| LSTM | digits-sequence | group norm | 3.98 | 26 % |" in page
    assert "python -m explorer reproduce --quick" in page
    assert main(command) == 0
    assert capsys.readouterr().err == ""


def test_cifar_10_is_read_trained_on_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path / "cifar")
    small = replace(
        EXPERIMENTS["cifar10"]["resnet56"],
        network=Network(partial(ResNet, 1, in_channels=3), partial(noise_image, 3, 32)),
        methods=("l1-group", "sparse-group"),
        speed_ups=(2.11,),
    )
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"cifar10": {"resnet56": small}})
    out = tmp_path / "out"
    assert main(["reproduce", "--data", f"cifar10:{tmp_path / 'cifar'}", "--quick", "--out", str(out)]) == 0
    assert [record.method for record in read_records(out)] == ["base", "l1-group", "sparse-group"]
    page = (out / "README.md").read_text(encoding="utf-8")
    assert "The data is CIFAR-10" in page
    assert "python -m explorer reproduce --data cifar10:DIR --quick" in page
    assert "digits" not in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet65"], "Did you mean resnet56"),
        (["--data", "cifar10:{folder}/absent"], "There is no folder '{folder}/absent' with CIFAR-10"),
        (["--data", "cifar10"], "'cifar10' is not how this data is named. Write cifar10:DIR"),
        (["--out", "{folder}/file"], "could not be written"),
    ],
)
def test_what_goes_wrong_is_said(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    given = [argument.format(folder=tmp_path) for argument in arguments]
    assert main(["reproduce", "--out", str(tmp_path / "out"), *given]) == 2
    assert message.format(folder=tmp_path) in capsys.readouterr().err


def test_ctrl_c_says_that_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments, "EXPERIMENTS", {"digits": {"tiny": TINY}})
    monkeypatch.setattr(reproduce.Bar, "show", interrupted)
    assert main(["reproduce", "--out", str(tmp_path)]) == 130
    assert "stopped; the same command goes on from here" in capsys.readouterr().err


def test_a_trial_does_not_touch_the_results_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"digits": {"tiny": replace(TINY, methods=())}})
    assert main(["reproduce", "--quick"]) == 0
    assert main(["reproduce"]) == 0
    found = sorted(path.relative_to(tmp_path / reproduce.OUT) for path in tmp_path.rglob("results.jsonl"))
    assert found == [Path("quick/results.jsonl"), Path("results.jsonl")]
