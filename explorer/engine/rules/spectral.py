"""Complex numbers as pairs of reals, and Fourier transforms, which mix all indices of an axis by their numbers."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.factors import Dims, inert_dim
from explorer.engine.rules.pointwise import broadcast
from explorer.engine.rules.table import Bound, Result, axes, rule

FOURIER = "a Fourier transform mixes this axis by position"
PAIR = "real and imaginary part"


@rule("aten.view_as_real")
def view_as_real(op: Bound, couple: Coupler) -> Result:
    """A new last axis of real and imaginary part."""
    return ((*op.tensor(0).dims, inert_dim(2)),)


@rule("aten.view_as_complex")
def view_as_complex(op: Bound, couple: Coupler) -> Result:
    """The last axis, of size 2, becomes one complex number."""
    x = op.tensor(0)
    couple.freeze(x.dims[-1], PAIR)
    return (x.dims[:-1],)


@rule("aten.complex", "aten.polar", "aten._conj")
def complex_parts(op: Bound, couple: Coupler) -> Result:
    """Elementwise, though not tagged so."""
    return (broadcast(list(op.operands()), len(op.shapes[0]), couple),)


@rule("aten._fft_c2c", "aten._fft_r2c", "aten._fft_c2r")
def fourier(op: Bound, couple: Coupler) -> Result:
    """The transformed axes stay, the others pass."""
    x = op.tensor(0)
    mixed = axes(op.arg(1, "dim"), len(x.dims))
    couple.freeze_all(tuple(x.dims[place] for place in mixed), FOURIER)
    sizes = op.shapes[0]
    dims: Dims = tuple(inert_dim(sizes[place]) if place in mixed else dim for place, dim in enumerate(x.dims))
    return (dims,)
