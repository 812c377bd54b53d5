"""The rule table: what each ATen op does to the dimensions of its tensors. The files of this folder are the list.

An op is in one of three states, never confused: it has a rule; it is deliberately inert (what it makes carries no
channel, and it says nothing about what it reads); or it has no rule, and then every live factor that touches it is
frozen with a reason that names the op. Adding an op: write a function `(op, couple) -> dims of each result` in the file
of its family, decorate it with `@rule("aten.name")`, add its literal expectation to the tests.
"""

from explorer.engine.rules import (
    convolution,
    creation,
    indexing,
    joining,
    linalg,
    matmul,
    normalisation,
    ordering,
    packing,
    pointwise,
    pooling,
    quantisation,
    reduction,
    reshaping,
    spectral,
    windows,
    writing,
)
from explorer.engine.rules.table import Bound, Operand, Result, Rule, find_rule, register_rule, rule

__all__ = [
    "Bound",
    "Operand",
    "Result",
    "Rule",
    "convolution",
    "creation",
    "find_rule",
    "indexing",
    "joining",
    "linalg",
    "matmul",
    "normalisation",
    "ordering",
    "packing",
    "pointwise",
    "pooling",
    "quantisation",
    "reduction",
    "register_rule",
    "reshaping",
    "rule",
    "spectral",
    "windows",
    "writing",
]
