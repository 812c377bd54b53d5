"""Elementwise ops, reductions, ordering, creation, complex numbers and packing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.engine.rules.cases.row import Row

EDGES = torch.tensor([0.3, 0.6])
NONE, ONE = torch.zeros(1, dtype=torch.int32), torch.ones(1, dtype=torch.int32)


def observe(x: Tensor, low: Tensor, high: Tensor, scale: Tensor, *, is_per_row: bool) -> tuple[Tensor, Tensor]:
    """What quantisation-aware training does with a weight."""
    zero = torch.zeros(scale.shape, dtype=torch.int32)
    states = [state.float() * 1 for state in (low, high, scale)]
    observed = torch.ops.aten._fused_moving_avg_obs_fq_helper(
        x.float(), ONE, ONE, *states, zero, 0.1, -128, 127, 0, is_per_row
    )
    return observed[0], observed[1]


CASES = (
    Row("add", lambda a, b: a + b, ((3, 4), (4,)), "a0 a1 ; a1=b0", "a0 a1 b0"),
    Row("add meets input", lambda a, x: a + x, ((3, 4),), "3 a1 ; a0 frozen", "a1", (torch.ones(3, 1),)),
    Row("add meets two inputs", lambda a, x: a + x, ((3, 4),), "3 4 ; a0 frozen ; a1 frozen", "", (torch.ones(3, 4),)),
    Row("mul by size 1", lambda a, b: a * b, ((3, 4), (3, 1)), "a0 a1 ; a0=b0", "a0 a1 b0"),
    Row(
        "add of sizes that share factors",
        lambda a, b: a.flatten() + b,
        ((2, 3), (6,)),
        "a0*a1 ; b0=p*q ; a0=p ; a1=q",
        "a0 a1 b0",
    ),
    Row(
        "add of sizes that do not",
        lambda a, b: a.flatten() + b.flatten(),
        ((4, 6), (6, 4)),
        "a0*a1 ; a1 frozen ; a0 frozen ; b1 frozen ; b0 frozen",
        "",
    ),
    Row("relu in place", lambda a: (a * 1).relu_(), ((3,),), "a0", "a0"),
    Row("add in place", lambda a, b: (a * 1).add_(b), ((3, 4), (4,)), "a0 a1 ; a1=b0", "a0 a1 b0"),
    Row(
        "where",
        lambda a, b, c: torch.where(a > 0.5, b, c),
        ((3, 1), (4,), (3, 4)),
        "a0 b0 ; a0=c0 ; b0=c1",
        "a0 b0 c0 c1",
    ),
    Row("masked_fill", lambda a, b: a.masked_fill(b > 0.5, 0.0), ((3, 4), (4,)), "a0 a1 ; a1=b0", "a0 a1 b0"),
    Row("lerp", lambda a, b, c: torch.lerp(a, b, c), ((3,), (3,), (3,)), "a0 ; a0=b0 ; a0=c0", "a0 b0 c0"),
    Row("add scalars", lambda a, b: a.sum() + b.sum(), ((3,), (2,)), "scalar", "a0 b0"),
    Row("clone", lambda a: a.t().contiguous(), ((3, 4),), "a1 a0", "a0 a1"),
    Row("detach", lambda a: a.detach(), ((3,),), "a0", "a0"),
    Row("the same bits as another type", lambda a: a.view(torch.int64), ((3, 4),), "a0 a1", "a0 a1"),
    Row("the bits in halves", lambda a: a.view(torch.int32), ((3, 4),), "a0 8 ; a1 frozen", "a0"),
    Row("alias", lambda a: torch.ops.aten.alias(a), ((3,),), "a0", "a0"),
    Row("to another dtype", lambda a: a.float(), ((3,),), "a0", "a0"),
    Row("lift_fresh", lambda a: a + torch.tensor([1.0, 2.0]), ((2,),), "2 ; a0 frozen", ""),
    Row("lift_fresh_copy", lambda a: torch.ops.aten.lift_fresh_copy(a), ((3,),), "a0", "a0"),
    Row("dropout in train", lambda a: torch.native_dropout(a, 0.5, True), ((3,),), "a0 ; a0", "a0"),
    Row("dropout", lambda a: F.dropout(a, 0.5, True), ((3,),), "a0", "a0"),
    Row("fill", lambda a: (a * 1).fill_(2.0), ((3,),), "a0", "a0"),
    Row("zero", lambda a: (a * 1).zero_(), ((3,),), "a0", "a0"),
    Row("copy", lambda a, b: (a * 1).copy_(b), ((3, 4), (4,)), "a0 a1 ; a1=b0", "a0 a1 b0"),
    Row("bernoulli", lambda a: torch.bernoulli(a / 2), ((3,),), "a0", "a0"),
    Row(
        "like",
        lambda a: [make(a) for make in (torch.zeros_like, torch.ones_like, torch.empty_like)],
        ((3,),),
        "a0 ; a0 ; a0",
        "a0",
    ),
    Row("full_like", lambda a: torch.full_like(a, 2.0), ((3,),), "a0", "a0"),
    Row("floor_divide", lambda a, b: a.floor_divide(b), ((2, 3), (3,)), "a0 a1 ; a1=b0", "a0 a1 b0"),
    Row("floor_divide by a number", lambda a: a // 2, ((2, 3),), "a0 a1", "a0 a1"),
    Row("histc", lambda a: torch.histc(a, 4, 0, 1), ((2, 3),), "4 ; a0 frozen ; a1 frozen", ""),
    Row("hardswish", lambda a: F.hardswish(a), ((3,),), "a0", "a0"),
    Row("logsigmoid", lambda a: F.logsigmoid(a), ((3,),), "a0", "a0"),
    Row("rrelu", lambda a: F.rrelu(a, training=True), ((3,),), "a0", "a0"),
    Row("prelu", lambda a, b: F.prelu(a, b), ((2, 3), (3,)), "a0 a1 ; a1=b0", "a0 a1 b0"),
    Row("prelu of one", lambda a, b: F.prelu(a, b), ((2, 3), (1,)), "a0 a1", "a0 a1"),
    Row("softmax", lambda a: a.softmax(1), ((3, 4),), "a0 a1", "a0 a1"),
    Row("log_softmax", lambda a: a.log_softmax(1), ((3, 4),), "a0 a1", "a0 a1"),
    Row("safe_softmax", lambda a: torch.ops.aten._safe_softmax(a, -1), ((3, 4),), "a0 a1", "a0 a1"),
    *(
        Row(name, lambda a, name=name: getattr(torch, name)(a, 1), ((3, 4),), "a0", "a0 a1")
        for name in ("sum", "mean", "amax", "amin", "var", "std", "logsumexp", "prod", "nansum", "count_nonzero")
    ),
    *(
        Row(name, lambda a, name=name: getattr(torch, name)(a, 1), ((3, 4),), "a0 ; a0", "a0 a1")
        for name in ("var_mean", "std_mean")
    ),
    *(
        Row(name, lambda a, name=name: getattr(torch, name)(a, 1), ((3, 4),), "a0 ; a0 ; a1 frozen", "a0")
        for name in ("median", "nanmedian", "mode")
    ),
    *(
        Row(name, lambda a, name=name: getattr(torch, name)(a, 1), ((3, 4),), "a0 ; a1 frozen", "a0")
        for name in ("argmax", "argmin")
    ),
    *(
        Row(name, lambda a, name=name: getattr(torch, name)(a, 1), ((3, 4),), "a0 4 ; a1 frozen", "a0")
        for name in ("cumsum", "cumprod", "logcumsumexp")
    ),
    *(
        Row(name, lambda a, name=name: getattr(torch, name)(a, 1), ((3, 4),), "a0 4 ; a0 4 ; a1 frozen", "a0")
        for name in ("cummax", "cummin", "sort")
    ),
    *(
        Row(f"{name} of all", lambda a, name=name: getattr(torch, name)(a), ((3, 4),), "scalar", "a0 a1")
        for name in ("sum", "mean", "max", "min", "var", "prod", "median", "nanmedian", "norm")
    ),
    Row("argmax of all", lambda a: a.argmax(), ((3, 4),), "scalar ; a0 frozen ; a1 frozen", ""),
    Row("sum keeps", lambda a: a.sum((0, -1), keepdim=True), ((3, 4, 2),), "1 a1 1", "a0 a1 a2"),
    Row("mean over a product", lambda a: a.flatten(1).mean(1), ((3, 2, 2),), "a0", "a0 a1 a2"),
    Row("any", lambda a: (a > 0.5).any(1), ((3, 4),), "a0", "a0 a1"),
    Row("all", lambda a: (a > 0.5).all(), ((3, 4),), "scalar", "a0 a1"),
    Row("aminmax", lambda a: torch.aminmax(a, dim=1), ((3, 4),), "a0 ; a0", "a0 a1"),
    Row("vector_norm", lambda a: torch.linalg.vector_norm(a, dim=1, keepdim=True), ((3, 4),), "a0 1", "a0 a1"),
    Row("norm", lambda a: torch.ops.aten.norm.ScalarOpt_dim(a, 2, [1], True), ((3, 4),), "a0 1", "a0 a1"),
    Row("max of an axis", lambda a: a.max(1)[0], ((3, 4),), "a0", "a0 a1"),
    Row("max with positions", lambda a: a.max(1), ((3, 4),), "a0 ; a0 ; a1 frozen", "a0"),
    Row("min of an axis", lambda a: a.min(0, keepdim=True)[0], ((3, 4),), "1 a1", "a0 a1"),
    Row("max of a scalar", lambda a: a.sum().max(0), ((3,),), "scalar ; scalar", "a0"),
    Row("topk", lambda a: a.topk(2, 1), ((3, 4),), "a0 2 ; a0 2 ; a1 frozen", "a0"),
    Row("topk over rows", lambda a: a.topk(2, 0), ((3, 4),), "2 a1 ; 2 a1 ; a0 frozen", "a1"),
    Row("kthvalue", lambda a: a.kthvalue(2, 1), ((3, 4),), "a0 ; a0 ; a1 frozen", "a0"),
    Row("sort of a scalar", lambda a: a.sum().sort(), ((3,),), "scalar ; scalar", "a0"),
    *(
        Row(
            f"{name} meets channels",
            lambda a, name=name: a + getattr(torch, name)(4),
            ((3, 4),),
            "a0 a1 ; a1=p",
            "a0 a1",
        )
        for name in ("zeros", "ones", "empty")
    ),
    *(
        Row(
            f"{name} meets channels",
            lambda a, name=name: a + getattr(torch, name)(4),
            ((3, 4),),
            "a0 4 ; a1 frozen",
            "a0",
        )
        for name in ("rand", "randn", "arange", "randperm")
    ),
    Row("full meets channels", lambda a: a + torch.full((4,), 2.0), ((3, 4),), "a0 a1 ; a1=p", "a0 a1"),
    Row(
        "new ones",
        lambda a: [a + a.new_zeros(4), a + a.new_ones(4), a + a.new_empty(4), a + a.new_full((4,), 1.0)],
        ((3, 4),),
        "a0 a1 ; a0 a1 ; a0 a1 ; a0 a1 ; a1=p ; a1=q ; a1=r ; a1=s",
        "a0 a1",
    ),
    Row(
        "empty by strides",
        lambda a: a + torch.empty_strided((4,), (1,)) + a.new_empty_strided((4,), (1,)),
        ((3, 4),),
        "a0 a1 ; a1=p ; a1=q",
        "a0 a1",
    ),
    Row(
        "empty permuted", lambda a: a + torch.empty_permuted((3, 4), (1, 0)), ((3, 4),), "a0 a1 ; a0=p ; a1=q", "a0 a1"
    ),
    Row("scalar_tensor", lambda a: a + torch.scalar_tensor(2.0), ((3,),), "a0", "a0"),
    Row(
        "numbered",
        lambda a: [
            a + make
            for make in (
                torch.linspace(0, 1, 4),
                torch.logspace(0, 1, 4),
                torch.randint(3, (4,)),
                a.new_empty(4).uniform_(),
                torch.normal(0.0, 1.0, (4,)),
            )
        ],
        ((3, 4),),
        "a0 4 ; a0 4 ; a0 4 ; a0 a1 ; a0 4 ; a1=p ; p frozen ; a1 frozen ; a1 frozen ; a1 frozen ; a1 frozen",
        "a0",
    ),
    Row("eye", lambda a: a + torch.eye(3), ((3, 3),), "3 3 ; a0 frozen ; a1 frozen", ""),
    Row(
        "triangle indices",
        lambda a: [a + torch.tril_indices(3, 3)[:, :3], a + torch.triu_indices(3, 3)[:, :3]],
        ((2, 3),),
        "2 3 ; 2 3 ; a0 frozen ; a1 frozen ; a0 frozen ; a1 frozen",
        "",
    ),
    Row("number of a tensor", lambda a: a * a.sum().item(), ((3,),), "a0", "a0"),
    Row("truth of a tensor", lambda a: a if (a.sum() > 0) and torch.equal(a, a) else a + 1, ((3,),), "a0", "a0"),
    Row("complex", lambda a, b: torch.view_as_real(torch.complex(a, b)), ((3,), (3,)), "a0 2 ; a0=b0", "a0 b0"),
    Row("polar", lambda a, b: torch.view_as_real(torch.polar(a, b)), ((3,), (3,)), "a0 2 ; a0=b0", "a0 b0"),
    Row(
        "rotary by complex numbers",
        lambda a, b: torch.view_as_real(torch.view_as_complex(a.view(3, 2, 2)) * torch.view_as_complex(b)).flatten(1),
        ((3, 4), (3, 2, 2)),
        "a0 p*2 ; a1=p*q ; a0=b0 ; p=b1 ; q frozen ; b2 frozen",
        "a0 a1 b0 b1",
    ),
    Row(
        "conjugate",
        lambda a: torch.view_as_real(torch.view_as_complex(a).conj().resolve_conj()),
        ((3, 2),),
        "a0 2 ; a1 frozen",
        "a0",
    ),
    Row("fft", lambda a: torch.view_as_real(torch.fft.fft(a.cfloat(), dim=1)), ((3, 4),), "a0 4 2 ; a1 frozen", "a0"),
    Row(
        "fft over the batch",
        lambda a: torch.fft.irfft(torch.fft.rfft(a, dim=0), dim=0),
        ((4, 3),),
        "4 a1 ; a0 frozen",
        "a1",
    ),
    Row(
        "packed sequence",
        lambda a, b: torch._VF._pack_padded_sequence(a, b, True),
        ((2, 3, 4),),
        "5 a2 ; 3 ; a0 frozen ; a1 frozen",
        "a2",
        (torch.tensor([3, 2]),),
    ),
    Row("bucketize", lambda a, edges: torch.bucketize(a, edges), ((3, 4),), "a0 a1", "a0 a1", (EDGES.double(),)),
    Row("bucketize by a parameter", lambda a, b: torch.bucketize(a, b), ((3,), (2,)), "a0 ; b0 frozen", "a0"),
    Row(
        "searchsorted", lambda a, b: torch.searchsorted(a, b), ((3, 4), (3, 2)), "b0 b1 ; b0=a0 ; a1 frozen", "a0 b0 b1"
    ),
    Row(
        "searchsorted in a vector", lambda a, b: torch.searchsorted(a, b), ((4,), (3, 2)), "b0 b1 ; a0 frozen", "b0 b1"
    ),
    Row(
        "fake quantisation of a tensor",
        lambda a: torch.fake_quantize_per_tensor_affine(a.float(), 0.1, 0, 0, 255),
        ((3, 4),),
        "a0 a1",
        "a0 a1",
    ),
    Row(
        "fake quantisation of a tensor by tensors",
        lambda a, s, z: torch.fake_quantize_per_tensor_affine(a.float(), s, z, 0, 255),
        ((3, 4),),
        "a0 a1",
        "a0 a1",
        (torch.tensor(0.1), NONE[0]),
    ),
    Row(
        "fake quantisation of channels",
        lambda a, b: torch.fake_quantize_per_channel_affine(a.float(), b.float(), torch.zeros_like(b.int()), 1, 0, 255),
        ((3, 4), (4,)),
        "a0 a1 ; a1=b0 ; a1=b0",
        "a0 a1 b0",
    ),
    Row(
        "fake quantisation of a tensor, learned",
        lambda a, b, c: torch._fake_quantize_learnable_per_tensor_affine(a, b, c, 0, 255, 1.0),
        ((3, 4), (1,), (1,)),
        "a0 a1",
        "a0 a1",
    ),
    Row(
        "fake quantisation of channels, learned",
        lambda a, b, c: torch._fake_quantize_learnable_per_channel_affine(
            a.float(), b.float(), c.float(), 0, 0, 255, 1.0
        ),
        ((3, 4), (3,), (3,)),
        "a0 a1 ; a0=b0 ; a0=c0",
        "a0 a1 b0 c0",
    ),
    Row(
        "fake quantisation of observed rows",
        lambda a, b, c, d: observe(a, b, c, d, is_per_row=True),
        ((3, 4), (3,), (3,), (3,)),
        "a0 a1 ; a0 a1 ; a0=b0 ; a0=c0 ; a0=d0 ; a0=p",
        "a0 a1 b0 c0 d0",
    ),
    Row(
        "fake quantisation of an observed tensor",
        lambda a, b, c, d: observe(a, b, c, d, is_per_row=False),
        ((3, 4), (1,), (1,), (1,)),
        "a0 a1 ; a0 a1",
        "a0 a1",
    ),
)
