"""What ranks channels on the command line: criteria that look at data, and what is said where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import explorer
from explorer.__main__ import main, parser
from explorer.commands import ranking
from explorer.engine.importance import CRITERIA
from explorer.engine.importance.gradients import MOST_SAMPLES
from explorer.engine.recipe import read_recipe

TINY = """
import torch
from torch import nn
from torch.utils.data import TensorDataset

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.ones(2, 4)

def data():
    torch.manual_seed(1)
    return TensorDataset(torch.randn(60, 4), torch.randint(0, 3, (60,)))

def wrong():
    return TensorDataset(torch.randn(60, 5), torch.randint(0, 3, (60,)))
"""


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """A file with a model, and data that it runs on."""
    path = tmp_path / "tiny.py"
    path.write_text(TINY)
    return str(path)


def test_the_help_names_every_criterion() -> None:
    named = ranking.CRITERIA.replace("; ", ", ").replace(" or ", ", ").replace(" and ", ", ").split(", ")
    assert {name for name in named if " " not in name} == set(CRITERIA)
    of_prune = parser().parse_args(["prune", "--ratio", "0.5", "--out", "x"])
    assert of_prune.samples == MOST_SAMPLES


@pytest.mark.parametrize("criterion", [name for name, row in CRITERIA.items() if row.needs])
def test_prune_ranks_by_data_of_ones_own(criterion: str, tiny: str, tmp_path: Path) -> None:
    out = tmp_path / "half"
    given = ["prune", f"{tiny}:build", "--ratio", "0.5", "--importance", criterion, "--out", str(out)]
    assert main([*given, "--data", f"{tiny}:data", "--samples", "20"]) == 0
    recipe = read_recipe(out)
    assert recipe["options"]["importance"] == criterion
    assert 20 <= recipe["options"]["gradients"] < 60
    model = explorer.load(out, trust_source=True)
    assert model[0].out_features == 4


def test_a_sample_is_ranked_by_the_data_that_it_was_made_for(tmp_path: Path) -> None:
    given = ["prune", "sample:gat", "--ratio", "0.5", "--importance", "taylor"]
    assert main([*given, "--out", str(tmp_path / "own")]) == 0
    assert main([*given, "--data", "digits-graph", "--out", str(tmp_path / "named")]) == 0
    kept = [read_recipe(tmp_path / name)["channels"] for name in ("own", "named")]
    by_weight = explorer.trace("sample:gat").plan(0.5).channels
    assert kept[0] == kept[1] != {name: list(channels) for name, channels in by_weight.items()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--importance", "taylor"], "'taylor' asks what a channel does to the loss, so it needs labelled data"),
        (["--importance", "hessian"], "Or choose a criterion that needs the weights alone, such as l2 or group_norm"),
        (["--importance", "taylor", "--data", "mnist"], "'mnist' names no data. Write digits"),
        (["--importance", "taylor", "--data", "imagefolder:nowhere"], "nowhere"),
        (["--importance", "taylor", "--data", "{tiny}:none"], "none"),
        (["--importance", "taylor", "--data", "{tiny}:wrong"], "The loss could not be taken on labels"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_written(
    options: list[str], message: str, tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["prune", f"{tiny}:build", "--ratio", "0.5", "--out", str(tmp_path / "half")]
    assert main([*given, *(option.format(tiny=tiny) for option in options)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "half").exists()


@pytest.mark.parametrize("text", ["0", "-3", "few", "1.5"])
def test_what_is_no_number_of_samples_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["prune", "--ratio", "0.5", "--out", "x", f"--samples={text}"])
    assert f"'{text}' is no number of samples; write a whole number, 1 or more" in capsys.readouterr().err


def test_recipes_that_rank_by_data_are_carried_out_on_data(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_app = tmp_path / "recipe.json"
    recipe = {"format": 2, "source": f"{tiny}:build", "ratios": {"0": 0.5}, "importance": "taylor"}
    of_app.write_text(json.dumps(recipe))
    given = ["apply", str(of_app), "--trust-source", "--out", str(tmp_path / "half")]
    assert main(given) == 2
    assert "'taylor' asks what a channel does to the loss" in capsys.readouterr().err
    assert main([*given, "--data", f"{tiny}:data"]) == 0
    again = ["apply", str(tmp_path / "half"), "--trust-source", "--rerank", "--out", str(tmp_path / "again")]
    assert main(again) == 2
    assert "Name some with --data" in capsys.readouterr().err
    assert main([*again, "--data", f"{tiny}:data"]) == 0
    first, second = (read_recipe(tmp_path / name) for name in ("half", "again"))
    assert first["channels"] == second["channels"]
    assert torch.equal(*(explorer.load(tmp_path / name, trust_source=True)[0].weight for name in ("half", "again")))
