"""Training and sensitivity on the command line, alone and under torchrun."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import explorer
from explorer.__main__ import main
from explorer.commands.text import Bar
from explorer.engine.recipe import read_recipe
from explorer.training import digits, evaluate

TINY = """
from torch import nn

def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
"""
ROOT = Path(__file__).parents[2]
QUICK = ["--epochs", "3", "--learning-rate", "0.1"]


@pytest.fixture
def source(tmp_path: Path) -> list[str]:
    """A small model of the user's own."""
    torch.set_num_threads(1)
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return [f"{path}:build", "--input", "2,1,8,8", "--data", "digits"]


def accuracies(text: str) -> tuple[float, float]:
    found = re.search(r"test accuracy: ([\d.]+) before training, ([\d.]+) after", text)
    assert found
    return float(found[1]), float(found[2])


def test_finetune_prunes_trains_saves_and_says_how_good_it_is(
    source: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "half"
    assert main(["finetune", *source, "--macs", "0.5", "--out", str(out), *QUICK]) == 0
    shown = capsys.readouterr()
    before, after = accuracies(shown.out)
    assert after > 0.8 > before
    assert len(re.findall(r"^ +\d  \d\.\d{4} +\d\.\d{4}", shown.out, re.MULTILINE)) == 3
    assert [line.split("%  ")[1][:9] for line in shown.err.splitlines()] == ["epoch 2/3", "epoch 3/3", "3 of 3 ep"]
    assert read_recipe(out)["cost"]["after"]["macs"] < 0.52 * read_recipe(out)["cost"]["before"]["macs"]
    assert not (tmp_path / "half.checkpoint").exists()
    loaded = explorer.load(out, model=_built(tmp_path))
    assert evaluate(loaded, digits().test).accuracy == pytest.approx(after, abs=1e-4)


def _built(folder: Path) -> torch.nn.Module:
    names: dict[str, object] = {}
    exec((folder / "tiny.py").read_text(), names)
    model = names["build"]()  # type: ignore[operator]
    assert isinstance(model, torch.nn.Module)
    return model


def test_ctrl_c_keeps_what_there_is_and_the_run_can_go_on(
    source: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, usual = ["finetune", *source, *QUICK], signal.getsignal(signal.SIGINT)
    assert main([*whole, "--out", str(tmp_path / "whole")]) == 0

    def interrupted(_: Bar, fraction: float, *_rest: object, **_options: object) -> None:
        if 0.5 < fraction < 0.53:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(Bar, "show", interrupted)
        assert main([*whole, "--out", str(tmp_path / "part")]) == 0
    shown = capsys.readouterr()
    assert "ending after this step" in shown.err
    assert "part.checkpoint goes on" in shown.out
    assert read_recipe(tmp_path / "part")
    rest = ["--checkpoint", str(tmp_path / "part.checkpoint"), "--out", str(tmp_path / "rest")]
    assert main([*whole, *rest]) == 0
    expected, found = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "rest"))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert signal.getsignal(signal.SIGINT) is usual


def test_sparsify_trains_and_saves_the_whole_model(
    source: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sparse"
    assert main(["sparsify", *source, "--strength", "0.001", "--out", str(out), *QUICK]) == 0
    assert accuracies(capsys.readouterr().out)[1] > 0.8
    assert read_recipe(out)["cost"]["before"] == read_recipe(out)["cost"]["after"]


def test_sensitivity_prints_a_table_and_goes_on_from_its_file(
    source: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sweep.json"
    command = ["sensitivity", *source, "--out", str(out)]
    assert main([*command, "--ratios", "0.5"]) == 0
    assert re.search(r"group +-50 %\n +1 +0\.\d{4}\n", capsys.readouterr().out)
    assert main([*command, "--ratios", "0.5,0.9", "--importance", "l2"]) == 0
    shown = capsys.readouterr()
    assert re.search(r"group +-50 % +-90 %\n +1 +0\.\d{4} +0\.\d{4}\n", shown.out)
    assert len(shown.err.splitlines()) == 1  # one measurement was left
    assert [point["ratio"] for point in json.loads(out.read_text())["points"]] == [0.5, 0.9]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["finetune", "--out", "x", "--epochs", "0"], "epochs is 0"),
        (["finetune", "--out", "x", "--ratio", "2"], "pruning ratio for all groups is 2.0"),
        (["finetune", "--out", "x", "--macs", "0.0001"], "macs=0.0001 is out of reach"),
        (["finetune", "--out", "x", "--importance", "best"], "importance 'best' is not known"),
        (["finetune", "--out", "x", "--data", "nothing"], "nothing"),
        (["finetune", "--out", "{folder}"], "{folder}"),
        (["sparsify", "--out", "x", "--regulariser", "l0"], "regulariser 'l0' is not known"),
        (["sparsify", "--out", "x", "--scope", "all"], "scope 'all' is not known"),
        (["sensitivity", "--groups", "9"], "There is no group '9'"),
    ],
)
def test_what_goes_wrong_is_said_before_anything_is_written(
    arguments: list[str], message: str, source: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    command, *options = (argument.format(folder=tmp_path) for argument in arguments)
    assert main([command, *source, *options]) == 2
    assert message.format(folder=tmp_path) in capsys.readouterr().err
    assert sorted(path for path in tmp_path.iterdir() if path.name != "__pycache__") == before


def test_a_list_of_fractions_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sensitivity", "--ratios", "half"])
    assert "'half' is no list of fractions" in capsys.readouterr().err


def torchrun(*arguments: str) -> str:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_two_processes_train_one_model_and_the_first_one_writes(source: list[str], tmp_path: Path) -> None:
    out = tmp_path / "half"
    shown = torchrun("-m", "explorer", "finetune", *source, "--ratio", "0.5", "--out", str(out), *QUICK)
    assert accuracies(shown)[1] > 0.8
    assert shown.count("saved in") == 1
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "model.safetensors", "recipe.json"]
    assert not (tmp_path / "half.checkpoint").exists()


TOGETHER = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from explorer.training import finetune, processes
from tests.training.blobs import loader

def train(batch_size):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    return finetune(model, loader(batch_size=batch_size), validation=loader(seed=2), epochs=3, learning_rate=0.1)

torch.set_num_threads(1)
with processes.process_group():
    together = train(8)
    name = f"{sys.argv[1]}/{processes.rank()}.safetensors"
    save_file(together.model.state_dict(), name, {"accuracy": str(together.history[-1].accuracy)})
alive = [thread.read_text() for thread in Path("/proc/self/task").glob("*/comm")]
assert not any("gloo" in name for name in alive), alive  # one that lives on can abort the process at its end
"""


def test_two_processes_give_what_one_does_with_batches_of_twice_the_size(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    names: dict[str, object] = {"__name__": "alone"}
    torchrun(str(script), str(tmp_path))
    exec(TOGETHER.partition("torch.set_num_threads")[0], names)
    alone = names["train"](16)  # type: ignore[operator]
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    for name, expected in alone.model.state_dict().items():
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name], expected, atol=1e-6)


def test_a_model_of_unknown_data_asks_for_its_data(
    source: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sensitivity", *source[:3]]) == 2
    assert "Name some with --data, as in --data imagefolder:DIR" in capsys.readouterr().err


def test_a_sample_learns_from_the_data_that_it_was_made_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["finetune", "sample:gat", "--ratio", "0.5", "--epochs", "5", "--out", str(tmp_path / "gat")]) == 0
    before, after = accuracies(capsys.readouterr().out)
    assert after > before > 0.1
