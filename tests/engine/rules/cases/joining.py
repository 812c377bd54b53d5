"""Concatenation, splitting, slicing and padding."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tests.engine.rules.cases.row import Row

CASES = (
    Row("cat along", lambda a, b: torch.cat([a, b], 1), ((3, 4), (3, 2)), "a0 a1+b1 ; a0=b0", "a0 a1 b0 b1"),
    Row("cat inert", lambda a, x: torch.cat([a, x], 1), ((3, 4),), "3 a1+2 ; a0 frozen", "a1", (torch.ones(3, 2),)),
    Row("cat of other size 1", lambda a, b: torch.cat([a, b], 0), ((3, 1), (2, 1)), "a0+b0 1", "a0 b0"),
    Row("cat with nothing", lambda a, e: torch.cat([e, a]), ((3, 4),), "a0 a1", "a0 a1", (torch.ones(0),)),
    Row("cat of nothing", lambda e, f: torch.cat([e, f]), (), "0", "", (torch.ones(0), torch.ones(0))),
    Row(
        "cat of products",
        lambda a: torch.cat([a.flatten(), a.flatten()]),
        ((3, 2),),
        "p[0 1 2 3 4 5 0 1 2 3 4 5] ; p=a0*a1",
        "a0 a1",
    ),
    Row("stack", lambda a, b: torch.stack([a, b], -1), ((3, 4), (3, 4)), "a0 a1 2 ; a0=b0 ; a1=b1", "a0 a1 b0 b1"),
    Row("split even", lambda a: a.split(2, 1), ((3, 4),), "a0 a1[0:2] ; a0 a1[2:4] ; even(a1[0:2], a1[2:4])", "a0 a1"),
    Row("split uneven", lambda a: a.split(3, -1), ((3, 4),), "a0 a1[0:3] ; a0 1 ; a1[3] frozen", "a0 a1?"),
    Row("split with sizes", lambda a: a.split([1, 3], 1), ((3, 4),), "a0 1 ; a0 a1[1:4] ; a1[0] frozen", "a0 a1?"),
    Row("chunk", lambda a: a.chunk(2, 1), ((3, 4),), "a0 a1[0:2] ; a0 a1[2:4] ; even(a1[0:2], a1[2:4])", "a0 a1"),
    Row(
        "chunk into singles",
        lambda a: a.chunk(4, 1),
        ((3, 4),),
        "a0 1 ; a0 1 ; a0 1 ; a0 1 ; a1[0] frozen ; a1[1] frozen ; a1[2] frozen ; a1[3] frozen",
        "a0",
    ),
    Row(
        "unsafe_split",
        lambda a: torch.unsafe_split(a, 2, 1),
        ((3, 4),),
        "a0 a1[0:2] ; a0 a1[2:4] ; even(a1[0:2], a1[2:4])",
        "a0 a1",
    ),
    Row("glu", lambda a: F.glu(a, 1), ((3, 6),), "a0 a1[0:3] ; a1[0:3]=a1[3:6]", "a0 a1"),
    Row("slice", lambda a: a[:, 1:3], ((3, 4),), "a0 a1[1:3]", "a0 a1"),
    Row("slice with a step", lambda a: a[:, ::2], ((3, 5),), "a0 a1[0 2 4]", "a0 a1"),
    Row("slice from behind", lambda a: a[:, -3:], ((3, 5),), "a0 a1[2:5]", "a0 a1"),
    Row("slice of one", lambda a: a[:, 1:2], ((3, 4),), "a0 1 ; a1[1] frozen", "a0 a1?"),
    Row("slice of none", lambda a: a[:, 4:], ((3, 4),), "a0 0", "a0 a1"),
    Row("slice of whole rows", lambda a: a.flatten()[2:6], ((3, 2),), "a0[1:3]*a1", "a0 a1"),
    Row("slice across rows", lambda a: a.flatten()[1:5], ((3, 2),), "p ; free6=a0*a1", "a0 a1"),
    Row("narrow", lambda a: a.narrow(1, 1, 2), ((3, 4),), "a0 a1[1:3]", "a0 a1"),
    Row("select", lambda a: a[:, 1], ((3, 4),), "a0 ; a1[1] frozen", "a0 a1?"),
    Row("select from behind", lambda a: a.select(-1, -1), ((3, 4),), "a0 ; a1[3] frozen", "a0 a1?"),
    Row("block_diag", lambda a, b: torch.block_diag(a, b), ((3, 2), (4, 3)), "a0+b0 a1+b1", "a0 a1 b0 b1"),
    Row("block_diag of vectors", lambda a, b: torch.block_diag(a, b), ((3,), (4,)), "2 a0+b0", "a0 b0"),
    Row("unbind", lambda a: a.unbind(1), ((3, 2),), "a0 ; a0 ; a1 frozen", "a0"),
    Row("pad", lambda a: F.pad(a, (2, 3)), ((3, 4),), "a0 free9", "a0 a1"),
    Row("pad meets channels", lambda a, b: F.pad(a, (2, 3)) + b, ((3, 4), (9,)), "a0 free9 ; free9=b0", "a0 a1 b0"),
    Row(
        "pad by one",
        lambda a, b: F.pad(a, (1, 0)) + b,
        ((3, 4), (5,)),
        "a0 1+a1 ; a1=b0[1:5] ; b0[0] frozen",
        "a0 a1 b0?",
    ),
    Row("crop", lambda a: F.pad(a, (-1, -1, 0, 0)), ((3, 4),), "a0 a1[1:3]", "a0 a1"),
    Row("pad inert", lambda a, x: F.pad(a + x, (1, 1)), ((3, 4),), "a0 6 ; a1 frozen", "a0", (torch.ones(1, 4),)),
    Row(
        "circular pad",
        lambda a: F.pad(a, (1, 1), mode="circular"),
        ((2, 3, 4),),
        "p q r ; p=a0 ; q=a1 ; r[1:5]=a2 ; r[0] frozen ; r[4] frozen ; r[5] frozen ; r[1] frozen",
        "a0 a1 a2?",
    ),
)
