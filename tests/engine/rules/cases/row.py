"""One line of the tables of cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tests.engine.rules.oracle import Operand


@dataclass(frozen=True)
class Row:
    """A call whose ops have rules, and what these must say.

    Attributes:
        name: What is called.
        function: The call, on operands a, b, c... and then on inputs.
        operands: Shapes of parameters, or integer tensors for buffers.
        says: Literal expectation, in the words of `wording.statements`.
        live: Operand dimensions that can be pruned; ``?`` marks partly frozen ones.
        given: Model inputs.
    """

    name: str
    function: Callable[..., Any]
    operands: tuple[Operand, ...]
    says: str
    live: str
    given: tuple[Tensor, ...] = ()
