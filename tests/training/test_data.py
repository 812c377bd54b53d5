"""The digits, and that their split stays what it is."""

from __future__ import annotations

import hashlib

import pytest
import torch

from explorer.engine.errors import EvaluationError
from explorer.training import Split, digits, hold_out


def image_bytes(split: Split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.images}


def test_digits_come_as_images_and_class_indices():
    data = digits()
    for split, count in ((data.train, 1438), (data.test, 359)):
        assert split.images.shape == (count, 1, 8, 8)
        assert split.images.dtype == torch.float32
        assert split.labels.shape == (count,)
        assert split.labels.dtype == torch.int64
        assert set(split.labels.tolist()) == set(range(split.num_classes)) == set(range(10))


def test_no_test_image_was_trained_on():
    data = digits()
    assert len(image_bytes(data.train) | image_bytes(data.test)) == 1797
    assert not image_bytes(data.train) & image_bytes(data.test)


def test_test_split_is_the_one_that_the_cards_were_measured_on():
    labels = bytes(digits().test.labels.tolist())
    assert hashlib.sha256(labels).hexdigest()[:16] == "ea2afc77d61e1781"


def test_pixels_are_standardised_by_the_train_part_alone():
    data = digits()
    assert data.train.images.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.train.images.std().item() == pytest.approx(1, abs=1e-5)
    restored = data.test.images * data.std + data.mean
    assert restored.min().item() == pytest.approx(0, abs=1e-6)
    assert restored.max().item() == pytest.approx(1, abs=1e-6)


def test_batches_cover_a_split_in_order():
    split = digits().test
    batches = list(split.batches(100))
    assert [len(labels) for _, labels in batches] == [100, 100, 100, 59]
    assert torch.equal(torch.cat([images for images, _ in batches]), split.images)
    assert torch.equal(torch.cat([labels for _, labels in batches]), split.labels)


def test_hold_out_parts_a_split_without_loss_or_overlap():
    train = digits().train
    kept, held = hold_out(train, 0.25, seed=3)
    assert (len(kept), len(held)) == (1438 - 360, 360)
    assert image_bytes(kept) | image_bytes(held) == image_bytes(train)
    assert not image_bytes(kept) & image_bytes(held)
    again, _ = hold_out(train, 0.25, seed=3)
    assert torch.equal(again.images, kept.images)
    other, _ = hold_out(train, 0.25, seed=4)
    assert not torch.equal(other.images, kept.images)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_hold_out_refuses_an_empty_part(fraction: float):
    with pytest.raises(EvaluationError, match=f"Holding out {fraction:g} of 359 images leaves"):
        hold_out(digits().test, fraction, seed=0)
