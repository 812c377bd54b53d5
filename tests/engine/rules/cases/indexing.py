"""Reading and writing by index."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tests.engine.rules.cases.row import Row

ORDER = torch.tensor([2, 0, 3, 1])
TWICE = torch.tensor([1, 1, 3])
MASK = torch.tensor([True, False, True, True])
ROWS = torch.tensor([0, 2, 0])
GRID = torch.tensor([[0, 1], [2, 0]])
ALONG = torch.tensor([[0, 2, 1, 0], [1, 0, 0, 2]])


def put(a: torch.Tensor, b: torch.Tensor | float, *indices: object) -> torch.Tensor:
    x = a * 1
    x[indices] = b
    return x


CASES = (
    Row("embedding", lambda a, i: F.embedding(i, a), ((3, 4),), "2 2 a1 ; a0 frozen", "a1", (GRID,)),
    Row("embedding of a buffer", lambda a, i: F.embedding(i, a), ((4, 3), ORDER), "b0 a1 ; a0 frozen", "a1 b0"),
    Row(
        "embedding with max_norm",
        lambda a, i: F.embedding(i, a * 1, max_norm=9.0),
        ((3, 4),),
        "2 2 a1 ; a0 frozen",
        "a1",
        (GRID,),
    ),
    Row("embedding_bag", lambda a, i: F.embedding_bag(i, a), ((3, 4),), "2 a1 ; a0 frozen", "a1", (GRID,)),
    Row(
        "embedding_bag max",
        lambda a, i: F.embedding_bag(i, a, mode="max"),
        ((3, 4),),
        "2 a1 ; a0 frozen",
        "a1",
        (GRID,),
    ),
    Row(
        "embedding_bag weighted",
        lambda a, i, w: F.embedding_bag(i, a, per_sample_weights=w.double(), mode="sum"),
        ((3, 4),),
        "2 a1 ; a0 frozen",
        "a1",
        (GRID, torch.ones(2, 2)),
    ),
    Row(
        "embedding_bag forward only",
        lambda a, i: torch.ops.aten._embedding_bag_forward_only(a, i, i),
        ((3, 4),),
        "2 a1 ; 2 ; 2 ; 2 ; a0 frozen",
        "a1",
        (torch.tensor([0, 1]),),
    ),
    Row(
        "index_select by buffer",
        lambda a, i: a.index_select(1, i),
        ((3, 4), ORDER),
        "a0 a1[2 0 3 1] ; a1[2 0 3 1]=b0",
        "a0 a1 b0",
    ),
    Row(
        "index_select by positions",
        lambda a: (a * 1).index_select(1, torch.arange(3, -1, -1)),
        ((3, 4),),
        "a0 a1[3 2 1 0]",
        "a0 a1",
    ),
    Row(
        "repeat_interleave by an input",
        lambda a, i: a.repeat_interleave(i, 1),
        ((3, 4),),
        "a0 7 ; a1 frozen",
        "a0",
        (torch.tensor([1, 2, 3, 1]),),
    ),
    Row("index_select by input", lambda a, i: a.index_select(1, i), ((3, 4),), "a0 4 ; a1 frozen", "a0", (ORDER,)),
    Row(
        "index_select of a scalar",
        lambda a, i: a.sum().index_select(0, i),
        ((3,),),
        "scalar",
        "a0",
        (torch.tensor([0]),),
    ),
    Row("index by buffer", lambda a, i: a[:, i], ((3, 4), ORDER), "a0 a1[2 0 3 1] ; a1[2 0 3 1]=b0", "a0 a1 b0"),
    Row("index repeats and drops", lambda a, i: a[:, i], ((3, 4), TWICE), "a0 a1[1 1 3] ; a1[1 1 3]=b0", "a0 a1 b0"),
    Row(
        "index from behind",
        lambda a, i: a[:, i],
        ((3, 4), torch.tensor([-1, 0])),
        "a0 a1[3 0] ; a1[3 0]=b0",
        "a0 a1 b0",
    ),
    Row("index of one", lambda a, i: a[:, i], ((3, 4), torch.tensor([2])), "a0 1 ; a1[2] frozen", "a0 a1?"),
    Row("index by literal", lambda a: a[:, [2, 0]], ((3, 4),), "a0 a1[2 0]", "a0 a1"),
    Row("index by a mask of a literal", lambda a: a[:, [True, False, True, True]], ((3, 4),), "a0 a1[0 2 3]", "a0 a1"),
    Row("index by input", lambda a, i: a[:, i], ((3, 4),), "a0 4 ; a1 frozen", "a0", (ORDER,)),
    Row("index computed", lambda a: a[:, torch.arange(4).flip(0)], ((3, 4),), "a0 4 ; a1 frozen", "a0"),
    Row(
        "index of a written buffer", lambda a, i: a[:, i.add_(0)], ((3, 4), ORDER.clone()), "a0 b0 ; a1 frozen", "a0 b0"
    ),
    Row(
        "index of inert by buffer",
        lambda a, i, x: (a + x)[:, i],
        ((3, 4), ORDER),
        "3 b0 ; a0 frozen ; a1 frozen",
        "b0",
        (torch.ones(3, 4),),
    ),
    Row(
        "index of a product",
        lambda a, i: a.flatten()[i],
        ((2, 2), ORDER),
        "p[2 0 3 1] ; p=a0*a1 ; p[2 0 3 1]=b0",
        "a0 a1 b0",
    ),
    Row(
        "index neighbours",
        lambda a, i: a[:, i, i],
        ((2, 3, 3, 2),),
        "a0 3 a3 ; a1 frozen ; a2 frozen",
        "a0 a3",
        (ROWS,),
    ),
    Row(
        "index apart", lambda a, i: a[:, i, :, i], ((2, 3, 2, 3),), "3 a0 a2 ; a1 frozen ; a3 frozen", "a0 a2", (ROWS,)
    ),
    Row("index first and last", lambda a, i: a[i, :, i], ((3, 2, 3),), "3 a1 ; a0 frozen ; a2 frozen", "a1", (ROWS,)),
    Row("index by a table", lambda a, i: a[i], ((3, 4),), "2 2 a1 ; a0 frozen", "a1", (GRID,)),
    Row(
        "index by a live table",
        lambda a, b: a[b.argsort(0)],
        ((3, 4), (3, 2)),
        "3 b1 a1 ; b0 frozen ; a0 frozen",
        "a1 b1",
    ),
    Row("mask of a buffer", lambda a, m: a[:, m], ((3, 4), MASK), "a0 a1[0 2 3] ; a1=b0", "a0 a1 b0"),
    Row("mask of an input", lambda a, m: a[:, m], ((3, 4),), "a0 3 ; a1 frozen", "a0", (MASK,)),
    Row(
        "mask over inert",
        lambda a, m, x: (a + x)[:, m],
        ((3, 4), MASK),
        "3 3 ; a0 frozen ; a1 frozen ; b0 frozen",
        "",
        (torch.ones(3, 4),),
    ),
    Row(
        "mask of all",
        lambda a: a[a > 0.5],
        ((3, 4),),
        "8 ; a0 frozen ; a1 frozen ; a0 frozen ; a1 frozen ; a0 frozen ; a1 frozen",
        "",
    ),
    Row(
        "mask of two axes",
        lambda a, m: a[m],
        ((2, 4, 3), torch.ones(2, 4) > 0),
        "8 a2 ; a0 frozen ; a1 frozen ; b0 frozen ; b1 frozen ; b0 frozen ; b1 frozen",
        "a2",
    ),
    Row(
        "mask and numbers", lambda a, m, i: a[m, :, i], ((4, 2, 3),), "3 a1 ; a0 frozen ; a2 frozen", "a1", (MASK, ROWS)
    ),
    Row(
        "unsafe index",
        lambda a, i: torch.ops.aten._unsafe_index(a, [None, i]),
        ((3, 4), ORDER),
        "a0 a1[2 0 3 1] ; a1[2 0 3 1]=b0",
        "a0 a1 b0",
    ),
    Row(
        "gather",
        lambda a, i: a.gather(0, i.expand(2, 4)),
        ((3, 4),),
        "2 a1 ; a1=p ; a0 frozen",
        "a1",
        (torch.tensor([[0], [2]]),),
    ),
    Row("gather along a buffer", lambda a, i: a.gather(0, i), ((3, 4), ALONG), "b0 a1 ; a1=b1 ; a0 frozen", "a1 b0 b1"),
    Row("gather of a part", lambda a, i: a.gather(0, i), ((3, 4),), "2 2 ; a0 frozen ; a1 frozen", "", (GRID,)),
    Row("nonzero", lambda a: torch.nonzero(a > 0.5), ((3, 4),), "8 2 ; a0 frozen ; a1 frozen", ""),
    Row(
        "masked_select",
        lambda a: a.masked_select(a > 0.5),
        ((3, 4),),
        "8 ; a0 frozen ; a1 frozen ; a0 frozen ; a1 frozen",
        "",
    ),
    Row("unique", lambda a: torch.unique(a), ((3, 4),), "12 ; a0 frozen ; a1 frozen", ""),
    Row("multinomial", lambda a: torch.multinomial(a, 2), ((3, 4),), "3 2 ; a0 frozen ; a1 frozen", ""),
    Row("take", lambda a, i: a.take(i), ((3, 4),), "2 2 ; a0 frozen ; a1 frozen", "", (GRID,)),
    Row(
        "index_add",
        lambda a, b, i: a.index_add(0, i, b),
        ((4, 2), (3, 2)),
        "a0 a1 ; a1=b1 ; a0 frozen ; b0 frozen",
        "a1 b1",
        (ROWS,),
    ),
    Row(
        "index_reduce",
        lambda a, b, i: a.index_reduce(0, i, b, "amax"),
        ((4, 2), (3, 2)),
        "a0 a1 ; a1=b1 ; a0 frozen ; b0 frozen",
        "a1 b1",
        (ROWS,),
    ),
    Row(
        "index_copy",
        lambda a, b, i: a.index_copy(0, i, b),
        ((4, 2), (3, 2)),
        "a0 a1 ; a1=b1 ; a0 frozen ; b0 frozen",
        "a1 b1",
        (torch.tensor([0, 2, 1]),),
    ),
    Row("index_fill", lambda a, i: a.index_fill(0, i, 0.5), ((4, 2),), "a0 a1 ; a0 frozen", "a1", (ROWS,)),
    Row(
        "scatter",
        lambda a, b, i: a.scatter(0, i.expand(2, 4), b),
        ((3, 4), (2, 4)),
        "a0 a1 ; a1=p ; a1=b1 ; p=b1 ; a0 frozen ; b0 frozen",
        "a1 b1",
        (torch.tensor([[0], [2]]),),
    ),
    Row(
        "scatter a value",
        lambda a, i: a.scatter(0, i, 1.0),
        ((3, 4), ALONG),
        "a0 a1 ; a1=b1 ; a0 frozen ; b0 frozen",
        "a1 b1",
    ),
    Row(
        "scatter_add",
        lambda a, b, i: a.scatter_add(0, i.view(-1, 1).expand_as(b), b),
        ((4, 2), (3, 2)),
        "a0 a1 ; a1=p ; a1=b1 ; p=b1 ; p=b1 ; a0 frozen ; b0 frozen ; b0 frozen",
        "a1 b1",
        (ROWS,),
    ),
    Row(
        "scatter_reduce",
        lambda a, b, i: a.scatter_reduce(0, i, b, "amax"),
        ((3, 4), (2, 4), ALONG),
        "a0 a1 ; a1=c1 ; a1=b1 ; c1=b1 ; a0 frozen ; c0 frozen ; b0 frozen",
        "a1 b1 c1",
    ),
    Row(
        "scatter a part",
        lambda a, b, i: a.scatter(0, i, b),
        ((3, 4), (2, 2)),
        "a0 a1 ; a0 frozen ; b0 frozen ; a1 frozen ; b1 frozen",
        "",
        (GRID,),
    ),
    Row(
        "index_put",
        lambda a, b, i: put(a, b, i),
        ((4, 2), (3, 2)),
        "a0 a1 ; a1=b1 ; a0 frozen ; b0 frozen",
        "a1 b1",
        (ROWS,),
    ),
    Row(
        "index_put on columns",
        lambda a, b, i: put(a, b, slice(None), i),
        ((2, 4), (3,)),
        "a0 a1 ; a1 frozen ; b0 frozen",
        "a0",
        (ROWS,),
    ),
    Row(
        "unsafe index_put",
        lambda a, b, i: torch.ops.aten._unsafe_index_put(a, [i], b),
        ((4, 2), (3, 2)),
        "a0 a1 ; a1=b1 ; a0 frozen ; b0 frozen",
        "a1 b1",
        (ROWS,),
    ),
    Row(
        "index_put by mask", lambda a, b, m: put(a, b, m), ((4, 2), (2,)), "a0 a1 ; a1=b0 ; a0 frozen", "a1 b0", (MASK,)
    ),
    Row(
        "index_put by a mask of two axes",
        lambda a, b, m: put(a, b, m),
        ((4, 2, 3), (3,)),
        "a0 a1 a2 ; a2=b0 ; a0 frozen ; a1 frozen",
        "a2 b0",
        (torch.ones(4, 2) > 0,),
    ),
    Row(
        "index_put of a number by a mask of what it writes into",
        lambda a: put(a * 1, torch.tensor(2.0), a > 0.5),
        ((3, 4),),
        "a0 a1",
        "a0 a1",
    ),
    Row(
        "index_put of a number by a mask of the last axis",
        lambda a, b: put(a * 1, torch.tensor(2.0), slice(None), b > 0.5),
        ((3, 4), (4,)),
        "a0 a1 ; a1=b0",
        "a0 a1 b0",
    ),
    Row(
        "masked_scatter",
        lambda a, b: a.masked_scatter(a > 0.5, b),
        ((3, 4), (3, 4)),
        "3 4 ; a0 frozen ; a1 frozen ; a0 frozen ; a1 frozen ; b0 frozen ; b1 frozen",
        "",
    ),
    Row(
        "put",
        lambda a, b, i: (a * 1).put_(i, b),
        ((3, 4), (2, 2)),
        "a0 a1 ; a0 frozen ; a1 frozen ; b0 frozen ; b1 frozen ; a0 frozen ; a1 frozen",
        "",
        (GRID,),
    ),
    Row(
        "assign to a slice",
        lambda a, b: put(a, b, slice(None), slice(1, 3)),
        ((3, 4), (3, 2)),
        "a0 a1 ; a0=b0 ; a1[1:3]=b1",
        "a0 a1 b0 b1",
    ),
    Row(
        "assign inert to a slice",
        lambda a, x: put(a, x, slice(None), slice(1, 3)),
        ((3, 4),),
        "a0 a1 ; a0 frozen ; a1[1:3] frozen ; a0 frozen ; a1[1:3] frozen",
        "a1?",
        (torch.ones(3, 2).double(),),
    ),
    Row("assign a number to one", lambda a: put(a, 0.0, slice(None), 1), ((3, 4),), "a0 a1 ; a1[1] frozen", "a0 a1?"),
)
