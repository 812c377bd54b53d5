"""Variants differ from image to image, follow from the generator, and stay small."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.training.data import digits
from explorer.training.data.augment import crop_and_flip, jitter


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("augment", [jitter, crop_and_flip])
def test_a_generator_decides_everything(augment: object) -> None:
    images = digits().train.inputs[:8]
    state = torch.get_rng_state()
    first, same, other = (augment(images, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert first.shape == images.shape
    assert torch.equal(torch.get_rng_state(), state)


def test_jitter_moves_each_image_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.training.data.augment.NOISE", 0.0)
    image = digits().train.inputs[:1].expand(2, -1, -1, -1)
    first, second = jitter(image, seeded())
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, image[0])


def test_jitter_without_amounts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for amount in ("MAX_SHIFT", "MAX_ROTATION", "MAX_ZOOM", "NOISE"):
        monkeypatch.setattr(f"explorer.training.data.augment.{amount}", 0.0)
    images = digits().train.inputs[:20]
    assert torch.allclose(jitter(images, seeded()), images, atol=1e-5)


def test_crops_are_windows_of_the_image_or_its_mirror_on_black() -> None:
    image = torch.arange(1, 3 * 16 * 16 + 1, dtype=torch.int16).view(1, 3, 16, 16)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2))[0]
    windows = [padded[:, top : top + 16, left : left + 16] for top in range(5) for left in range(5)]
    found = set()
    for seed in range(60):
        (variant,) = crop_and_flip(image, seeded(seed))
        found |= {index for index, window in enumerate(candidates(windows)) if torch.equal(variant, window)}
    assert len(found) > 25  # of 50 windows, plain and mirrored


def candidates(windows: list[Tensor]) -> list[Tensor]:
    return windows + [window.flip(2) for window in windows]
