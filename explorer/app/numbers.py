"""Numbers as people read them."""

from __future__ import annotations

import math

MINUS, TIMES, NOTHING = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
TO = NOTHING  # between the first and the last
SMALL_CHANGE = 0.0095  # below this, whole percents would hide it

_COUNTS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def count(number: int) -> str:
    """Three digits and a unit: ``272474`` gives ``272 k``."""
    return _scaled(number, _COUNTS) or str(number)


def size(number: int) -> str:
    """Bytes with a binary unit: ``1089896`` gives ``1.04 MiB``."""
    return _scaled(number, _BYTES) or f"{number} B"


def percent(fraction: float, digits: int = 1) -> str:
    """``0.978`` gives ``97.8 %``."""
    return f"{100 * fraction:.{digits}f} %"


def change(before: int, after: int) -> str:
    """How much less or more, in percent with a sign; an en dash where nothing changes."""
    if not before or before == after:
        return NOTHING
    fraction = (after - before) / before
    digits = 0 if abs(fraction) >= SMALL_CHANGE else 2
    return f"{MINUS if fraction < 0 else '+'}{100 * abs(fraction):.{digits}f} %"


def power(number: float) -> str:
    """One digit and a power of ten: ``7.3e-07`` gives ``7e-7``."""
    digit, _, exponent = f"{number:.0e}".partition("e")
    return f"{digit}e{int(exponent)}" if number else "0"


def counted(number: int, noun: str) -> str:
    """``1 layer``, ``6 layers``."""
    return f"{number} {noun}" + "s" * (number != 1)


def shape(sizes: tuple[int, ...]) -> str:
    """``(16, 3, 3)`` as ``16 x 3 x 3``, with the sign for times."""
    return f" {TIMES} ".join(str(item) for item in sizes) if sizes else "scalar"


def _scaled(number: int, units: tuple[tuple[float, str], ...]) -> str:
    for factor, unit in units:
        if number >= factor:
            value = number / factor
            digits = max(0, 2 - int(math.log10(value)))
            return f"{value:.{digits}f} {unit}"
    return ""
