"""Numbers on the command line, refused in words where they are none."""

from __future__ import annotations

import argparse
import math


def whole(text: str) -> int:
    """A whole number.

    Raises:
        argparse.ArgumentTypeError: The text is none.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number; write one, as in 8") from None


def count(text: str) -> int:
    """A whole number of at least 1.

    Raises:
        argparse.ArgumentTypeError: The text is none.
    """
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is too few; write a whole number of at least 1")
    return number


def number(text: str) -> float:
    """A number.

    Raises:
        argparse.ArgumentTypeError: The text is none, or infinite.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise argparse.ArgumentTypeError(f"'{text}' is no number; write one with a point, as in 0.5")
    return found
