"""The digits, that their parts stay what they are, and the forms that they come in."""

from __future__ import annotations

import hashlib

import pytest
import torch

from explorer.training.data import Split, digits, open_data
from explorer.training.data.digits import as_graph, as_points, as_sequence

WORDS = ("digits", "digits-sequence", "digits-points", "digits-graph")


def image_bytes(split: Split) -> set[bytes]:
    return {image.numpy().tobytes() for image in split.inputs}


def test_come_as_images_and_class_indices() -> None:
    data = digits()
    for split, count in ((data.train, 1150), (data.validation, 288), (data.test, 359)):
        assert split.inputs.shape == (count, 1, 8, 8)
        assert split.inputs.dtype == torch.float32
        assert split.labels.dtype == torch.int64
        assert split.labels.shape == (count,)
        assert torch.bincount(split.labels).min() >= 0.09 * count  # every class has its share


def test_no_image_is_in_two_parts() -> None:
    data = digits()
    train, validation, test = (image_bytes(split) for split in (data.train, data.validation, data.test))
    assert len(train | validation | test) == 1797
    assert len(train) + len(validation) + len(test) == 1797


def test_test_part_is_the_one_that_the_cards_were_measured_on() -> None:
    labels = bytes(digits().test.labels.tolist())
    assert hashlib.sha256(labels).hexdigest()[:16] == "c301730f99cd89ae"


def test_pixels_are_standardised_by_the_train_part_alone() -> None:
    data = digits()
    assert data.train.inputs.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.train.inputs.std().item() == pytest.approx(1, abs=1e-5)
    assert data.test.inputs.mean().item() != pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("word", WORDS)
def test_each_form_holds_the_same_images_in_the_same_parts(word: str) -> None:
    data = open_data(word)
    assert data.word == word
    for name in ("train", "validation", "test"):
        assert torch.equal(getattr(data, name).inputs, getattr(digits(), name).inputs)
        assert torch.equal(getattr(data, name).labels, getattr(digits(), name).labels)


@pytest.mark.parametrize("word", WORDS)
def test_training_sees_variants_and_measuring_the_images_themselves(word: str) -> None:
    data = open_data(word)
    assert data.train.augment is not None
    assert data.validation.augment is None
    assert data.test.augment is None


def test_a_sequence_is_the_rows_from_top_to_bottom() -> None:
    image = torch.arange(64.0).view(1, 1, 8, 8)
    assert as_sequence(image)[0, 1].tolist() == list(range(8, 16))


def test_points_are_the_brightest_pixels_where_they_are() -> None:
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 0, 7], image[0, 0, 7, 3] = 2.0, 1.0
    points = as_points(image)
    assert points.shape[1] == 3
    assert points[0, :, 0].tolist() == [1.0, -1.0, 0.5]  # right, top, brightest
    assert points[0, :, 1].tolist() == pytest.approx([-1 + 2 * 3 / 7, 1.0, 0.25])
    assert points[0, 2, 2:].abs().max() == 0


def test_a_graph_joins_each_image_to_itself_and_its_nearest() -> None:
    values = torch.tensor([0.0, 1.0, 2.0] + [100.0 + step for step in range(9)])
    images = values.view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    nodes, edges = as_graph(images)
    assert nodes.shape == (12, 64)
    assert edges.shape == (2, 12 * 9)
    into_last = set(edges[0, edges[1] == 11].tolist())
    assert into_last == set(range(3, 12))


def test_a_small_graph_is_complete() -> None:
    _, edges = as_graph(torch.randn(4, 1, 8, 8))
    assert sorted(map(tuple, edges.T.tolist())) == [(a, b) for a in range(4) for b in range(4)]


def test_the_graph_of_a_part_has_edges_among_its_own_images_only() -> None:
    test = open_data("digits-graph").test
    ((nodes, edges), labels), *rest = test.batches(64)
    assert not rest
    assert len(nodes) == len(labels) == 359
    assert edges.max() == 358
    is_same = labels[edges[0]] == labels[edges[1]]
    assert is_same.float().mean() > 0.9  # near images are mostly of the same class
