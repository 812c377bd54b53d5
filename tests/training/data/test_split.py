"""Parts that share nothing, and batches that a model takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from explorer.engine.errors import DataError
from explorer.training.data import Split, hold_out, three_parts


def numbered(count: int = 50, num_classes: int = 5) -> Split:
    """Each sample is its own number, and its class the last digit of it."""
    numbers = torch.arange(count)
    return Split(numbers.float(), numbers % num_classes, num_classes)


def numbers(split: Split) -> list[int]:
    return [int(number) for inputs, _ in split.batches(7) for number in inputs]


def read_when_asked(split: Split) -> Split:
    return replace(split, inputs=TensorDataset(split.inputs, split.labels))


@pytest.mark.parametrize("stored", [numbered(10), read_when_asked(numbered(10))], ids=["in memory", "dataset"])
class TestBatches:
    def test_cover_a_split_in_order(self, stored: Split) -> None:
        batches = list(stored.batches(4))
        assert [inputs.tolist() for inputs, _ in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        assert torch.cat([labels for _, labels in batches]).tolist() == [0, 1, 2, 3, 4] * 2

    def test_of_a_seed_cover_a_split_in_an_order_of_its_own(self, stored: Split) -> None:
        first, same, other = (list(stored.batches(4, seed=seed)) for seed in (1, 1, 2))
        found = torch.cat([inputs for inputs, _ in first])
        assert sorted(found.tolist()) == list(range(10))
        assert torch.equal(found % 5, torch.cat([labels for _, labels in first]))
        assert torch.equal(found, torch.cat([inputs for inputs, _ in same]))
        assert not torch.equal(found, torch.cat([inputs for inputs, _ in other]))

    def test_are_in_the_form_that_the_model_takes(self, stored: Split) -> None:
        doubled = replace(stored, form=lambda inputs: (inputs, 2 * inputs))
        inputs, _ = next(doubled.batches(3))
        assert inputs[1].tolist() == [0, 2, 4]

    def test_are_augmented_for_training_only_and_before_they_are_formed(self, stored: Split) -> None:
        def moved(inputs: Tensor, generator: torch.Generator) -> Tensor:
            return inputs + 100 + torch.rand((), generator=generator)

        split = replace(stored, augment=moved, form=torch.neg)
        assert next(split.batches(3))[0].tolist() == [0, -1, -2]
        first, same = (torch.cat([inputs for inputs, _ in split.batches(4, seed=3)]) for _ in range(2))
        assert first.max() < -99
        assert torch.equal(first, same)

    def test_of_samples_that_are_one_input_are_measured_at_once(self, stored: Split) -> None:
        joint = replace(stored, is_joint=True)
        assert [len(labels) for _, labels in joint.batches(4)] == [10]
        assert [len(labels) for _, labels in joint.batches(4, seed=0)] == [4, 4, 2]

    def test_take_keeps_the_order_of_the_rows(self, stored: Split) -> None:
        assert numbers(stored.take(torch.tensor([7, 2]))) == [7, 2]
        assert stored.take(torch.tensor([7, 2])).labels.tolist() == [2, 2]


def test_training_never_sees_a_batch_of_one() -> None:
    assert [len(labels) for _, labels in numbered(9).batches(4, seed=0)] == [4, 5]
    assert [len(labels) for _, labels in numbered(9).batches(4)] == [4, 4, 1]
    assert [len(labels) for _, labels in numbered(1).batches(4, seed=0)] == [1]


def test_samples_of_several_tensors_come_as_positional_inputs() -> None:
    pairs = [((torch.tensor([number]), torch.tensor([-number])), number) for number in range(4)]
    split = Split(pairs, torch.arange(4), 4)
    (first, second), labels = next(split.batches(3))
    assert first.tolist() == [[0], [1], [2]]
    assert second.tolist() == [[0], [-1], [-2]]
    assert labels.tolist() == [0, 1, 2]


def test_hold_out_takes_the_same_share_of_every_class() -> None:
    kept, held = hold_out(numbered(), 0.2, seed=3)
    assert torch.bincount(held.labels).tolist() == [2] * 5
    assert sorted(numbers(kept) + numbers(held)) == list(range(50))
    assert numbers(hold_out(numbered(), 0.2, seed=3)[1]) == numbers(held)
    assert numbers(hold_out(numbered(), 0.2, seed=4)[1]) != numbers(held)


def test_hold_out_takes_the_share_asked_for_of_classes_too_small_to_part() -> None:
    kept, held = hold_out(numbered(30, 10), 0.1, seed=0)
    assert (len(kept), len(held)) == (27, 3)
    assert torch.bincount(held.labels).max() == 1


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_hold_out_refuses_an_empty_part(fraction: float) -> None:
    with pytest.raises(DataError, match=f"Holding out {fraction:g} of 50 samples leaves"):
        hold_out(numbered(), fraction, seed=0)


def test_a_train_part_alone_is_parted_in_three() -> None:
    parting, train, validation, test = three_parts({"train": numbered()})
    assert (len(train), len(validation), len(test)) == (32, 8, 10)
    assert sorted(numbers(train) + numbers(validation) + numbers(test)) == list(range(50))
    assert parting == "stratified 64/16/20, seed 0"


@pytest.mark.parametrize("other", ["validation", "test"])
def test_a_single_other_part_is_the_test_part(other: str) -> None:
    parting, train, validation, test = three_parts({"train": numbered(), other: numbered(10)})
    assert numbers(test) == list(range(10))
    assert (len(train), len(validation)) == (45, 5)
    assert parting.startswith("test as given")


def test_parts_that_are_apart_stay_so() -> None:
    given = {"train": numbered(), "validation": numbered(10), "test": numbered(20)}
    parting, *parts = three_parts(given)
    assert [len(split) for split in parts] == [50, 10, 20]
    assert parting == "all three as given"


def test_only_the_train_part_is_augmented() -> None:
    _, *parts = three_parts({"train": replace(numbered(), augment=lambda inputs, _: inputs)})
    assert [split.augment is not None for split in parts] == [True, False, False]


def test_data_without_a_train_part_is_refused() -> None:
    with pytest.raises(DataError, match="needs a train part; what was given is test"):
        three_parts({"test": numbered()})
