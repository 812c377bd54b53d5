"""What commands print: tables on stdout, a bar on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tqdm import tqdm


def sentence(text: str) -> str:
    """Text as a sentence: with a capital, and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def say(lines: Sequence[str]) -> None:
    """Writes lines to stdout."""
    sys.stdout.write("\n".join([*lines, ""]))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, numbers to the right.

    Args:
        head: Titles.
        rows: Cells.
    """
    if not rows:
        return []
    widths = [max(len(str(cell)) for cell in column) for column in zip(head, *rows, strict=True)]
    is_number = [all(str(cell)[:1].isdigit() for cell in column) for column in zip(*rows, strict=True)]
    cells = [
        [
            str(cell).rjust(width) if right else str(cell).ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        ]
        for row in (head, *rows)
    ]
    return ["  ".join(["", *row]).rstrip() for row in cells]


class Bar:
    """A bar on stderr with the time that is left: drawn over itself on a terminal, a line per milestone elsewhere."""

    def __init__(self) -> None:
        self._drawn = tqdm(total=1.0, disable=None, bar_format="[{bar:24}] {desc}  {remaining} left")

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *failure: object) -> None:
        self._drawn.close()

    def start_at(self, fraction: float) -> None:
        """Counts time from now on: what an earlier call did says nothing of how long the rest takes.

        Args:
            fraction: What is done already, 0-1.
        """
        self._drawn.initial = self._drawn.n = fraction
        self._drawn.unpause()

    def show(self, fraction: float, text: str, *, is_milestone: bool = False) -> None:
        """Shows how much is done.

        Args:
            fraction: 0-1.
            text: What was reached.
            is_milestone: Whether to say it where the bar is no terminal, too.
        """
        if not self._drawn.disable:
            self._drawn.set_description_str(text, refresh=is_milestone)
            self._drawn.update(fraction - self._drawn.n)
        elif is_milestone:
            sys.stderr.write(f"{100 * fraction:3.0f} %  {text}\n")
            sys.stderr.flush()
