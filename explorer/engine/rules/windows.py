"""Sliding windows, sampling at positions and regions of images: channels pass, space and what says where stay."""

from __future__ import annotations

from math import prod

from explorer.engine.coupler import Coupler
from explorer.engine.factors import inert_dim
from explorer.engine.rules.convolution import convolve_channels
from explorer.engine.rules.table import Bound, Result, axis, inert_result, rule

WINDOW = "windows slide along this axis"
SAMPLED = "the code reads this axis at computed positions"
WHERE = "these numbers say where to read, not what"


@rule("aten.unfold")
def unfold(op: Bound, couple: Coupler) -> Result:
    """Windows of one axis: its size becomes their number, and a new last axis runs inside each."""
    x = op.tensor(0)
    if not x.dims:
        return inert_result(op)
    place = axis(int(op.arg(1, "dimension")), len(x.dims))
    couple.freeze(x.dims[place], WINDOW)
    shape = op.shapes[0]
    return ((*x.dims[:place], inert_dim(shape[place]), *x.dims[place + 1 :], inert_dim(shape[-1])),)


@rule("aten.im2col")
def im2col(op: Bound, couple: Coupler) -> Result:
    """Input (*, C, H, W): result (*, C * kernel elements, windows)."""
    x, kernel = op.tensor(0), prod(op.arg(1, "kernel_size"))
    couple.freeze_all(x.dims[-2:], WINDOW)
    return ((*x.dims[:-3], (*x.dims[-3], *inert_dim(kernel)), inert_dim(op.shapes[0][-1])),)


@rule("aten.col2im")
def col2im(op: Bound, couple: Coupler) -> Result:
    """Input (*, C * kernel elements, windows): result (*, C, H, W)."""
    x, kernel = op.tensor(0), prod(op.arg(2, "kernel_size"))
    channels, elements = couple.regroup(x.dims[-2:-1], (op.shapes[0][-3], kernel))
    couple.freeze_all((elements, x.dims[-1]), WINDOW)
    return ((*x.dims[:-2], channels, *(inert_dim(size) for size in op.shapes[0][-2:])),)


@rule("aten.grid_sampler_2d", "aten.grid_sampler_3d")
def grid_sampler(op: Bound, couple: Coupler) -> Result:
    """Input (B, C, *space), grid (B, *space, 2 or 3): result (B, C, *space of the grid)."""
    x, grid = op.tensor(0), op.tensor(1)
    couple.freeze_all(x.dims[2:], SAMPLED)
    couple.freeze(grid.dims[-1], WHERE)
    couple.unify(x.dims[0], grid.dims[0])
    return ((*x.dims[:2], *grid.dims[1:-1]),)


@rule("aten.affine_grid_generator")
def affine_grid(op: Bound, couple: Coupler) -> Result:
    """Matrices (B, 2, 3): positions (B, *space, 2)."""
    theta = op.tensor(0)
    couple.freeze_all(theta.dims[1:], WHERE)
    return ((theta.dims[0], *(inert_dim(size) for size in op.shapes[0][1:])),)


@rule("torchvision.roi_align", "torchvision.roi_pool")
def region(op: Bound, couple: Coupler) -> Result:
    """Input (B, C, H, W), regions (K, 5): result (K, C, height, width)."""
    x, regions = op.tensor(0), op.tensor(1)
    couple.freeze_all((x.dims[0], *x.dims[2:]), SAMPLED)
    couple.freeze(regions.dims[1], WHERE)
    space = op.shapes[0][2:]
    return tuple((regions.dims[0], x.dims[1], *(inert_dim(size) for size in space)) for _ in op.shapes)


@rule("torchvision.nms")
def nms(op: Bound, couple: Coupler) -> Result:
    """Boxes (n, 4) and scores (n,): the numbers of the boxes that stay."""
    for operand in op.operands():
        couple.freeze_all(operand.dims, "boxes are picked by their scores")
    return inert_result(op)


@rule("torchvision.deform_conv2d")
def deform_conv(op: Bound, couple: Coupler) -> Result:
    """A convolution (input, weight, offset, mask, bias) that reads at offsets; groups make products."""
    x, weight, offset, mask, bias = (op.tensor(place) for place in range(5))
    for positions in (offset, mask):
        couple.freeze_all(positions.dims[1:], WHERE)
    couple.freeze_all((*weight.dims[2:], *x.dims[2:]), SAMPLED)
    if int(op.arg(12, "offset_groups")) > 1:
        couple.freeze(x.dims[1], "groups of these channels are read at different offsets")
    couple.unify(x.dims[0], offset.dims[0])
    out = convolve_channels(x.dims[1], weight, int(op.arg(11, "groups")), couple)
    couple.unify(out, bias.dims[0])
    return ((x.dims[0], out, *(inert_dim(size) for size in op.shapes[0][2:])),)
