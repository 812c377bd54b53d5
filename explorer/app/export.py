"""What files are called that somebody takes away."""

from __future__ import annotations

import re


def name_of(title: str, *, is_pruned: bool, is_recovered: bool) -> str:
    """What the folder in a zip is called: ``resnet-20-pruned-recovered``.

    Args:
        title: Of the model.
        is_pruned: Whether anything is removed of it.
        is_recovered: Whether it was trained after that.
    """
    return slug(title) + "-pruned" * is_pruned + "-recovered" * is_recovered


def slug(title: str) -> str:
    """A title as a file name: ``ResNet-20 (digits)`` gives ``resnet-20-digits``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "model"
