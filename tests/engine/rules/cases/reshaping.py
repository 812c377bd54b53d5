"""Reshapes, transposes and other plumbing."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tests.engine.rules.cases.row import Row

CASES = (
    Row("flatten", lambda a: a.flatten(), ((3, 4),), "a0*a1", "a0 a1"),
    Row("split in two", lambda a: a.view(2, 3), ((6,),), "p q ; a0=p*q", "a0"),
    Row("regroup", lambda a: a.view(4, 3), ((2, 6),), "a0*p q ; a1=p*q", "a0 a1"),
    Row("no common factors", lambda a: a.view(6, 4), ((4, 6),), "6 4 ; a1 frozen ; a0 frozen", ""),
    Row(
        "inert regroups freely",
        lambda a, x: (a + x).view(4, 6),
        ((4, 6),),
        "4 6 ; a0 frozen ; a1 frozen",
        "",
        (torch.ones(4, 6),),
    ),
    Row("view with ones", lambda a: a.view(1, 3, 1, 4), ((3, 4),), "1 a0 1 a1", "a0 a1"),
    Row("view of nothing", lambda a: a[:0].view(4, 0), ((3, 4),), "4 0", "a0 a1"),
    Row("unsafe_view", lambda a: torch.ops.aten._unsafe_view(a, [6]), ((2, 3),), "a0*a1", "a0 a1"),
    Row("reshape_alias", lambda a: torch.ops.aten._reshape_alias(a, [6], [1]), ((2, 3),), "a0*a1", "a0 a1"),
    Row("t", lambda a: a.t(), ((3, 4),), "a1 a0", "a0 a1"),
    Row("t of a vector", lambda a: a.t(), ((3,),), "a0", "a0"),
    Row("t in place", lambda a: (a * 1).t_() * 2, ((3, 3),), "a1 a0", "a0 a1"),
    Row("transpose", lambda a: a.transpose(0, -1), ((2, 3, 4),), "a2 a1 a0", "a0 a1 a2"),
    Row("transpose in place", lambda a: (a * 1).transpose_(0, 1) * 2, ((3, 4),), "a1 a0", "a0 a1"),
    Row("permute", lambda a: a.permute(2, 0, -2), ((2, 3, 4),), "a2 a0 a1", "a0 a1 a2"),
    Row("unsqueeze", lambda a: a.unsqueeze(1), ((3, 4),), "a0 1 a1", "a0 a1"),
    Row("unsqueeze in place", lambda a: (a * 1).unsqueeze_(0) * 2, ((3, 4),), "1 a0 a1", "a0 a1"),
    Row("squeeze", lambda a: a.squeeze(), ((3, 1, 4),), "a0 a2", "a0 a2"),
    Row("squeeze in place", lambda a: (a * 1).squeeze_(1) * 2, ((3, 1, 4),), "a0 a2", "a0 a2"),
    Row("squeeze that keeps", lambda a: a.squeeze(0), ((3, 1),), "a0 1", "a0"),
    Row("expand", lambda a: a.expand(2, 3, 4), ((3, 1),), "p a0 q", "a0"),
    Row("expand keeps", lambda a: a.expand(-1, 4), ((3, 4),), "a0 a1", "a0 a1"),
    Row("expand meets channels", lambda a, b: a.expand(3, 4) + b, ((3, 1), (4,)), "a0 p ; p=b0", "a0 b0"),
    Row("repeat", lambda a: a.repeat(1, 2), ((3, 4),), "a0 2*a1", "a0 a1"),
    Row("repeat of ones", lambda a: a.repeat(5, 1, 2), ((3, 1),), "p a0 q", "a0"),
    Row("repeat_interleave", lambda a: a.repeat_interleave(2, 1), ((3, 4),), "a0 a1*2", "a0 a1"),
    Row("flip", lambda a: a.flip(1), ((3, 4),), "a0 a1[3 2 1 0]", "a0 a1"),
    Row(
        "flip both",
        lambda a, b: a.flip(0, 1) + b,
        ((3, 4), (3, 4)),
        "a0[2 1 0] a1[3 2 1 0] ; a0[2 1 0]=b0 ; a1[3 2 1 0]=b1",
        "a0 a1 b0 b1",
    ),
    Row("roll", lambda a: a.roll(1, 1), ((3, 4),), "a0 a1[3 0 1 2]", "a0 a1"),
    Row(
        "roll twice",
        lambda a, b: a.roll((1, -1), (0, 1)) + b,
        ((3, 4), (3, 4)),
        "a0[2 0 1] a1[1 2 3 0] ; a0[2 0 1]=b0 ; a1[1 2 3 0]=b1",
        "a0 a1 b0 b1",
    ),
    Row("roll a vector", lambda a: a.roll(1), ((4,),), "a0[3 0 1 2]", "a0"),
    Row("roll across all", lambda a: a.roll(1), ((3, 4),), "3 4 ; a0 frozen ; a1 frozen", ""),
    Row("rot90", lambda a: a.rot90(1, [1, 2]), ((2, 3, 4),), "a0 4 3 ; a1 frozen ; a2 frozen", "a0"),
    Row("tril", lambda a: a.tril(), ((2, 3, 3),), "a0 a1 a2 ; a1 frozen ; a2 frozen", "a0"),
    Row("triu", lambda a: a.triu(1), ((2, 3, 3),), "a0 a1 a2 ; a1 frozen ; a2 frozen", "a0"),
    Row("diagonal", lambda a: a.diagonal(0, 1, 2), ((2, 3, 3),), "a0 a1 ; a1=a2", "a0 a1 a2"),
    Row("diagonal beside", lambda a: a.diagonal(1), ((3, 3),), "2 ; a0 frozen ; a1 frozen", ""),
    Row("diag_embed", lambda a: torch.diag_embed(a), ((2, 3),), "a0 a1 a1", "a0 a1"),
    Row("diag_embed beside", lambda a: torch.diag_embed(a, 1), ((2, 3),), "a0 4 4 ; a1 frozen", "a0"),
    Row(
        "pixel_shuffle",
        lambda a: F.pixel_shuffle(a, 2),
        ((1, 8, 2, 3),),
        "1 p a2*q a3*r ; a1=p*s ; s=q*r ; q frozen ; r frozen",
        "a1 a2 a3",
    ),
    Row(
        "pixel_unshuffle",
        lambda a: F.pixel_unshuffle(a, 2),
        ((1, 3, 4, 2),),
        "1 a1*p*a3 q 1 ; a2=q*p ; a2 frozen ; a3 frozen",
        "a1",
    ),
    Row("channel_shuffle", lambda a: F.channel_shuffle(a, 2), ((1, 6, 2, 2),), "1 p*q a2 a3 ; a1=q*p", "a1 a2 a3"),
    Row(
        "native_channel_shuffle",
        lambda a: torch.native_channel_shuffle(a, 2),
        ((1, 6, 2, 2),),
        "1 p*q a2 a3 ; a1=q*p",
        "a1 a2 a3",
    ),
    Row("as_strided", lambda a: a.as_strided((2, 2), (2, 1)), ((2, 3),), "2 2 ; a0 frozen ; a1 frozen", ""),
    Row("adaptive pool strides", lambda a: F.adaptive_avg_pool2d(_last(a), 1), ((1, 3, 2, 2),), "1 a1 1 1", "a1 a2 a3"),
)


def _last(x: torch.Tensor) -> torch.Tensor:
    return x.to(memory_format=torch.channels_last)
