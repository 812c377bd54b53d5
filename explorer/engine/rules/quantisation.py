"""Fake quantisation: elements are rounded one by one, with a scale for the whole tensor or for each channel."""

from __future__ import annotations

from explorer.engine.coupler import Coupler
from explorer.engine.rules.table import Bound, Result, axis, rule


@rule(
    "aten.fake_quantize_per_tensor_affine_cachemask",
    "aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
    "aten._fake_quantize_learnable_per_tensor_affine",
)
def per_tensor(op: Bound, couple: Coupler) -> Result:
    """Any input, one scale and one zero point: the rounded input, and which elements were not clipped."""
    x = op.tensor(0)
    couple.touch(*x.dims)
    return tuple(x.dims for _ in op.shapes)


@rule(
    "aten.fake_quantize_per_channel_affine_cachemask",
    "aten._fake_quantize_learnable_per_channel_affine",
)
def per_channel(op: Bound, couple: Coupler) -> Result:
    """Scale and zero point (C,) of one axis."""
    return _along(op, int(op.arg(3, "axis")), couple)


@rule("aten._fused_moving_avg_obs_fq_helper")
def observed(op: Bound, couple: Coupler) -> Result:
    """The same, with the least and the greatest element of each channel seen so far (C,), which this writes."""
    if not op.arg(11, "per_row_fake_quant", False):
        return per_tensor(op, couple)
    return _along(op, int(op.arg(10, "ch_axis")), couple)


def _along(op: Bound, number: int, couple: Coupler) -> Result:
    """Every operand of one dimension of the size of an axis belongs to it."""
    x, *others = op.operands()
    place = axis(number, len(x.dims))
    couple.touch(*x.dims)
    for operand in others:
        if operand.shape == (x.shape[place],):
            couple.unify(x.dims[place], operand.dims[0])
    return tuple(x.dims for _ in op.shapes)
