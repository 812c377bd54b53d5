"""The address that opens the explorer on what a step or a term shows."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from explorer.exploration import Recipe

RAW = -15
"""Deflate without a header, as browsers write and read it (assets/explorer_history.js)."""


def live_address(recipe: Recipe) -> str:
    """Where the explorer shows a recipe, as its own share button writes it.

    Args:
        recipe: Of a model with a name.
    """
    usual = Recipe(recipe.source).to_json()
    said = recipe.to_json()
    parts = {name: part for name, part in said.items() if name in ("format", "view") or part != usual[name]}
    return f"/#m={recipe.source}&s={_packed(parts)}"


def _packed(parts: dict[str, Any]) -> str:
    squeeze = zlib.compressobj(wbits=RAW)
    raw = squeeze.compress(json.dumps(parts, separators=(",", ":")).encode()) + squeeze.flush()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
