"""Data from a function of the user's, in every form that it may return, and what can be wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from explorer.engine.errors import DataError
from explorer.training.data import Dataset, open_data

CODE = """
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

def tensors(count=40, classes=4):
    numbers = torch.arange(count)
    return TensorDataset(numbers.float(), numbers % classes)

class Listed(Dataset):
    classes = ["a", "b", "c", "d", "never seen"]
    def __len__(self):
        return 40
    def __getitem__(self, index):
        return torch.tensor(float(index)), index % 4

class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.zeros(1), 0)])

def joined(pairs):
    return {"x": torch.stack([x for x, _ in pairs])}, torch.tensor([y for _, y in pairs])
"""


@pytest.fixture(autouse=True)
def _import_state() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("explorer_source_data", None)


def opened(folder: Path, returned: str) -> Dataset:
    path = folder / "data.py"
    path.write_text(f"{CODE}\ndef build():\n    return {returned}\n", encoding="utf-8")
    return open_data(f"{path}:build", trust_code=True)


def sizes(data: Dataset) -> tuple[int, int, int]:
    return len(data.train), len(data.validation), len(data.test)


@pytest.mark.parametrize("returned", ["tensors()", "Listed()", "DataLoader(tensors(), batch_size=3)"])
def test_one_dataset_is_parted_in_three(tmp_path: Path, returned: str) -> None:
    data = opened(tmp_path, returned)
    assert sizes(data) == (26, 6, 8)
    inputs, labels = next(data.test.batches(8))
    assert torch.equal(inputs % 4, labels)
    assert data.parting == "stratified 64/16/20, seed 0"


@pytest.mark.parametrize(
    ("returned", "wanted"),
    [
        ("(tensors(), tensors(8))", (36, 4, 8)),
        ("(tensors(), tensors(12), tensors(8))", (40, 12, 8)),
        ("{'train': tensors(), 'test': DataLoader(tensors(8))}", (36, 4, 8)),
        ("(Subset(tensors(), range(20)), Subset(Listed(), [1, 2, 3]))", (18, 2, 3)),
        ("(torch.zeros(40, 2), torch.arange(40) % 4)", (26, 6, 8)),
        ("{'test': tensors(8)}", (0, 0, 8)),
        ("{'validation': tensors(4), 'test': tensors(8)}", (0, 4, 8)),
    ],
)
def test_parts_that_are_apart_stay_so(tmp_path: Path, returned: str, wanted: tuple[int, int, int]) -> None:
    assert sizes(opened(tmp_path, returned)) == wanted


def test_labels_of_a_subset_are_those_of_its_rows(tmp_path: Path) -> None:
    assert opened(tmp_path, "(tensors(), Subset(tensors(), [5, 6, 3]))").test.labels.tolist() == [1, 2, 3]


def test_a_dataset_may_name_more_classes_than_it_shows(tmp_path: Path) -> None:
    assert opened(tmp_path, "(tensors(), Listed())").train.num_classes == 5
    assert opened(tmp_path, "(tensors(), tensors(8, 2))").test.num_classes == 4


def test_a_loader_joins_samples_in_its_own_way(tmp_path: Path) -> None:
    inputs, labels = next(opened(tmp_path, "DataLoader(Listed(), collate_fn=joined)").test.batches(8))
    assert torch.equal(inputs["x"] % 4, labels)


def test_data_of_our_own_form_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "data.py"
    path.write_text("from explorer.training import digits as build\n", encoding="utf-8")
    data = open_data(f"{path}:build", trust_code=True)
    assert sizes(data) == (1150, 288, 359)
    assert data.word == f"{path}:build"


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("7", r"is of type int\. Give a dataset"),
        ("(tensors(),)", r"is of type tuple\. Give a dataset"),
        ("{'best': tensors()}", r"is of type dict\. Give a dataset"),
        ("{'validation': tensors()}", r"is of type dict\. Give a dataset"),
        ("Stream()", "The train part .* is a Stream, whose samples have no number"),
        ("(tensors(), [])", r"The test part .* is empty\. Give at least one sample"),
        ("(tensors(), 7)", "The test part .* is a int, whose samples have no number"),
        ("[1, 2]", r"is of type list\. Give a dataset"),
        ("(torch.zeros(3, 2), torch.zeros(2).long())", "has 3 inputs and 2 labels"),
        ("(tensors(), [1, 2])", "has items of type int. Each must be a pair"),
        ("(tensors(), [(0, 'cat')])", "has labels that are no numbers"),
        ("(tensors(), [(0, 1.5)])", "has labels of shape .* A label is the index of the right class"),
        ("(tensors(), [(0, -1)])", "has labels of shape .* A label is the index of the right class"),
        ("1 / 0", "build' raised ZeroDivisionError"),
        ("tensors(3, 3)", "Holding out 0.2 of 2 samples leaves 2 and 0"),
    ],
)
def test_says_what_is_wrong_with_what_was_returned(tmp_path: Path, returned: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(tmp_path, returned)


def test_a_sample_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"The test part .* raised KeyError for sample 0"):
        opened(tmp_path, "(tensors(), {'a': 1})")


def test_names_a_file_or_function_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file '.*absent\.py'"):
        open_data(f"{tmp_path / 'absent.py'}:build", trust_code=True)
    path = tmp_path / "data.py"
    path.write_text("def build(): ...\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"defines no 'bild'. Did you mean build"):
        open_data(f"{path}:bild", trust_code=True)
