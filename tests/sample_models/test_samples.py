"""What every sample model must be: ordinary, small, trained as its card says, and built the same each time."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import sample_models
from explorer.engine.trace import plain_kernels
from explorer.training import evaluate, open_data
from sample_models import SAMPLES, SampleModel

MEGABYTE = 10**6
GOALS = {"gat": 0.95, "lstm": 0.95}

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
    assert imported <= {"__future__", "math", "torch", "sample_models"}


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
    measured = evaluate(sample.load(), open_data(sample.data).test)
    assert measured.total == card["test_total"]
    # another processor rounds differently, which may turn one undecided image
    assert abs(measured.correct - card["test_correct"]) <= 1
    assert card["test_accuracy"] == card["test_correct"] / card["test_total"]
    assert measured.accuracy > GOALS.get(sample.name, 0.97)


def counted_macs(sample: SampleModel) -> int:
    """Half of the FLOPs that PyTorch's own counter sees."""
    with torch.no_grad(), plain_kernels(), FlopCounterMode(display=False) as counter:
        sample.load()(*sample.example_inputs())
    return counter.get_total_flops() // 2


@each_sample
def test_card_agrees_with_the_model(sample: SampleModel):
    card = sample.card()
    assert card["name"] == sample.name
    assert card["coupling"] == sample.coupling
    assert card["data"] == sample.data
    assert card["parameters"] == sum(parameter.numel() for parameter in sample.build().parameters())
    assert card["macs"] == counted_macs(sample)
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
    assert sample.load()(*first).shape[1] == 10


@each_sample
def test_example_inputs_have_the_form_of_the_data(sample: SampleModel):
    inputs, _ = next(open_data(sample.data).test.batches(1))
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    for example, tensor in zip(sample.example_inputs(), given, strict=True):
        assert example.dtype == tensor.dtype
        assert example.dim() == tensor.dim()
    if not open_data(sample.data).test.is_joint:  # a graph has as many nodes and edges as it has
        assert sample.example_inputs()[0].shape == given[0].shape


@each_sample
def test_is_plain_of_pruning(sample: SampleModel):
    text = Path(inspect.getfile(sample.build)).read_text(encoding="utf-8").lower()
    assert "prun" not in text


@each_sample
def test_load_gives_an_independent_model_in_eval_mode(sample: SampleModel):
    model, other = sample.load(), sample.load()
    assert not any(module.training for module in model.modules())
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())
