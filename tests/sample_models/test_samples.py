"""What every sample model must be: ordinary, small, trained as its card says, and built the same each time."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
import torch

import sample_models
from explorer.training import digits, evaluate
from sample_models import SAMPLES, SampleModel

MEGABYTE = 10**6

each_sample = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


def test_every_model_file_is_registered():
    folder = Path(sample_models.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "train"}
    assert files == set(SAMPLES)
    assert {path.stem for path in (folder / "weights").iterdir()} == set(SAMPLES)


@each_sample
def test_is_ordinary_pytorch(sample: SampleModel):
    tree = ast.parse(Path(inspect.getfile(sample.build)).read_text(encoding="utf-8"))
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {"__future__", "math", "torch"}


@each_sample
def test_first_line_names_the_coupling(sample: SampleModel):
    name, colon, sentence = sample.coupling.partition(": ")
    assert name.isalpha()
    assert colon
    assert sentence.endswith(".")
    assert len(sentence.split()) >= 8


@each_sample
def test_weights_are_small(sample: SampleModel):
    assert sample.weights_file.stat().st_size < 4 * MEGABYTE


@each_sample
def test_accuracy_is_what_the_card_says(sample: SampleModel):
    card = sample.card()
    measured = evaluate(sample.load(), digits().test)
    assert measured.total == card["test_total"]
    # another processor rounds differently, which may turn one undecided image
    assert abs(measured.correct - card["test_correct"]) <= 1
    assert card["test_accuracy"] == card["test_correct"] / card["test_total"]
    assert measured.accuracy > 0.975


@each_sample
def test_card_agrees_with_the_model(sample: SampleModel):
    card = sample.card()
    assert card["name"] == sample.name
    assert card["coupling"] == sample.coupling
    assert card["parameters"] == sum(parameter.numel() for parameter in sample.build().parameters())
    assert card["reproduce"] == f"python -m sample_models.train {sample.name}"


@each_sample
def test_build_depends_on_the_seed_alone(sample: SampleModel):
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(sample.build().state_dict())
    first, same, other = states
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@each_sample
def test_example_inputs_run_and_are_always_the_same(sample: SampleModel):
    first, second = sample.example_inputs(), sample.example_inputs()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert sample.load()(*first).shape == (1, 10)


@each_sample
def test_load_gives_an_independent_model_in_eval_mode(sample: SampleModel):
    model, other = sample.load(), sample.load()
    assert not any(module.training for module in model.modules())
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())
