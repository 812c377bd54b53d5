"""Functions of a matrix as a whole, such as its inverse: rows and columns stay, since without one all others change."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import inert_dim
from explorer.engine.rules.table import Bound, Result, rule

WHOLE = "the code computes a function of the whole matrix, such as its inverse"


@rule(
    "aten.linalg_inv_ex",
    "aten.linalg_matrix_exp",
    "aten._linalg_det",
    "aten._linalg_slogdet",
    "aten._linalg_svd",
    "aten._linalg_eigh",
    "aten.linalg_cholesky_ex",
    "aten.linalg_qr",
    "aten.linalg_lu_factor_ex",
)
def function_of_matrix(op: Bound, couple: Coupler) -> Result:
    """Matrices (*batch, n, m): what comes out of each has the same batch."""
    x = op.tensor(0)
    couple.freeze_all(x.dims[-2:], WHOLE)
    batch = x.dims[:-2]
    return tuple((*batch, *(inert_dim(size) for size in shape[len(batch) :])) for shape in op.shapes)


@rule("aten._linalg_solve_ex", "aten.linalg_solve_triangular")
def solve(op: Bound, couple: Coupler) -> Result:
    """Matrices and right-hand sides."""
    for operand in op.operands():
        couple.freeze_all(operand.dims, WHOLE)
    return tuple(tuple(inert_dim(size) for size in shape) for shape in op.shapes)


@rule("aten._linalg_check_errors")
def check_errors(op: Bound, couple: Coupler) -> Result:
    """Deliberately inert: looks at error codes and makes nothing."""
    return ()
