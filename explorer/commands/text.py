"""What commands print: tables on stdout, a bar on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

_WIDTH = 24
_SECONDS_BETWEEN = 0.1


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


def bar(fraction: float) -> str:
    """A bar of 24 characters.

    Example:
        >>> bar(0.25)
        '██████··················'
    """
    filled = int(_WIDTH * fraction)
    return "█" * filled + "·" * (_WIDTH - filled)


class Bar:
    """A bar on stderr with the time that is left: drawn over itself on a terminal, a line per milestone elsewhere."""

    def __init__(self) -> None:
        self._began = self._drawn = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._is_open = False

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *failure: object) -> None:
        if self._is_open:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def show(self, fraction: float, text: str, *, is_milestone: bool = False) -> None:
        """Shows how much is done.

        Args:
            fraction: 0-1.
            text: What was reached.
            is_milestone: Whether to say it where the bar is no terminal, too.
        """
        now = time.monotonic()
        is_due = is_milestone or (self._is_terminal and now - self._drawn > _SECONDS_BETWEEN)
        if not is_due:
            return
        self._drawn = now
        left = f"  {_clock((now - self._began) * (1 - fraction) / fraction)} left" if 0 < fraction < 1 else ""
        start, end = ("\r\x1b[K", "") if self._is_terminal else ("", "\n")
        sys.stderr.write(f"{start}[{bar(fraction)}] {text}{left}{end}")
        sys.stderr.flush()
        self._is_open = self._is_terminal


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
