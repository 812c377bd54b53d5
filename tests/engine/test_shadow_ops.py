"""What is said of an op without content is what the op returns for real, and what fails for real fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.engine import shadow_ops
from explorer.engine.shadow import run_on_shadow
from explorer.engine.trees import flatten_tensors, map_tensors

aten = torch.ops.aten
IMAGE = torch.randn(2, 6, 8, 8)
TURNED = torch.randn(2, 8, 8, 6).permute(0, 3, 1, 2)
ROWS = torch.randn(2, 5, 6)

KNOWN: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "relu of an image": (aten.relu.default, (IMAGE,), {}),
    "relu in place": (aten.relu_.default, (IMAGE.clone(),), {}),
    "gelu of a turned image": (aten.gelu.default, (TURNED,), {}),
    "silu of every other row": (aten.silu.default, (ROWS[:, ::2],), {}),
    "add of what broadcasts": (aten.add.Tensor, (IMAGE, torch.randn(6, 1, 1)), {}),
    "mul by what is larger": (aten.mul.Tensor, (torch.randn(6, 1, 1), TURNED), {}),
    "mul by a number": (aten.mul.Scalar, (ROWS.transpose(1, 2), 2.0), {}),
    "div of both larger": (aten.div.Tensor, (torch.randn(1, 6), torch.randn(5, 1)), {}),
    "batch norm": (
        aten.native_batch_norm.default,
        (IMAGE, *(torch.ones(6) for _ in range(4)), False, 0.1, 1e-5),
        {},
    ),
    "layer norm": (aten.native_layer_norm.default, (ROWS, [6], torch.ones(6), torch.ones(6), 1e-5), {}),
    "layer norm of a turned one": (aten.native_layer_norm.default, (TURNED, [8, 8], None, None, 1e-5), {}),
    "convolution": (
        aten.convolution.default,
        (IMAGE, torch.randn(4, 3, 3, 2), torch.ones(4), [2, 1], [1, 0], [1, 2], False, [0, 0], 2),
        {},
    ),
    "convolution of a turned image": (
        aten.convolution.default,
        (TURNED, torch.randn(4, 6, 1, 1), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
        {},
    ),
    "convolution with a turned weight": (
        aten.convolution.default,
        (
            IMAGE,
            torch.randn(4, 6, 3, 3).to(memory_format=torch.channels_last),
            None,
            [1, 1],
            [1, 1],
            [1, 1],
            False,
            [0, 0],
            1,
        ),
        {},
    ),
    "transposed convolution": (
        aten.convolution.default,
        (IMAGE, torch.randn(6, 2, 3, 3), torch.ones(4), [2, 2], [1, 1], [1, 1], True, [1, 1], 2),
        {},
    ),
    "addmm": (aten.addmm.default, (torch.ones(3), ROWS[0], torch.randn(3, 6).t()), {}),
    "mm": (aten.mm.default, (ROWS[0], torch.randn(6, 3)), {}),
    "bmm": (aten.bmm.default, (ROWS, torch.randn(2, 6, 3)), {}),
    "softmax": (aten._softmax.default, (ROWS, -1, False), {}),
    "softmax of a turned one": (aten._softmax.default, (ROWS.transpose(0, 1), 1, False), {}),
    "mean": (aten.mean.dim, (IMAGE, [-1, -2], True), {}),
    "mean of a turned one": (aten.mean.dim, (TURNED, [1]), {}),
    "roll": (aten.roll.default, (IMAGE, [1, 2], [2, 3]), {}),
    "clone": (aten.clone.default, (TURNED,), {}),
    "clone in order": (aten.clone.default, (TURNED,), {"memory_format": torch.contiguous_format}),
    "cat": (aten.cat.default, ([IMAGE, torch.randn(2, 3, 8, 8)], 1), {}),
    "cat of turned ones": (aten.cat.default, ([TURNED, TURNED], 1), {}),
}


def test_every_op_that_is_known_is_among_the_cases() -> None:
    tested = {func for func, _, _ in KNOWN.values()}
    exempt = shadow_ops._ELEMENTWISE | {aten._safe_softmax.default}  # they share a function with one that is
    assert shadow_ops.QUICK.keys() - exempt <= tested


@pytest.mark.parametrize("name", KNOWN)
def test_an_op_without_content_returns_what_it_returns_for_real(name: str) -> None:
    func, args, kwargs = KNOWN[name]
    meta_args, meta_kwargs = map_tensors((args, kwargs), lambda tensor: tensor.to("meta"))
    shadow = flatten_tensors(run_on_shadow(func, meta_args, meta_kwargs, flatten_tensors((meta_args, meta_kwargs))))
    real = flatten_tensors(func(*args, **kwargs))
    assert [_looks(tensor) for tensor in shadow] == [_looks(tensor) for tensor in real]
    assert all(tensor.is_meta for tensor in shadow)


def _looks(tensor: Tensor) -> tuple[Any, ...]:
    """Shape, type, and the strides that a view depends on."""
    strides = [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]
    return tuple(tensor.shape), tensor.dtype, strides


def test_the_safe_softmax_of_attention_keeps_the_shape_of_the_scores() -> None:
    rows = ROWS.to("meta")
    assert run_on_shadow(aten._safe_softmax.default, (rows, -1), {}, [rows]).shape == ROWS.shape


def norm(size: int) -> Callable[[Tensor], Tensor]:
    return lambda x: F.batch_norm(x, x.new_ones(size), x.new_ones(size), x.new_ones(6), x.new_ones(6))


MISFITS: dict[str, Callable[[Tensor], Tensor]] = {
    "a bias of another size": lambda x: F.conv2d(x, x.new_empty(4, 6, 1, 1), x.new_empty(3)),
    "a bias of a transposed convolution": lambda x: F.conv_transpose2d(x, x.new_empty(6, 4, 1, 1), x.new_empty(3)),
    "an input of another width": lambda x: F.conv2d(x, x.new_empty(4, 5, 1, 1)),
    "statistics of another size": norm(5),
    "a matrix of another width": lambda x: x.flatten(1) @ x.new_empty(5, 3),
    "a batch of another length": lambda x: x[0] @ x.new_empty(5, 8, 3),
    "a norm of another shape": lambda x: F.layer_norm(x, (7,), x.new_empty(7)),
    "parts of unlike sizes": lambda x: torch.cat([x, x[:, :, :4]], 1),
    "an index that is too large": lambda x: x[:, torch.tensor([0, 6])],
    "a row that is not there": lambda x: F.embedding(torch.tensor([9]), x[0, 0]),
    "an index of index_select": lambda x: x.index_select(1, torch.tensor([7])),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_fails_for_real_fails_without_content(name: str) -> None:
    with pytest.raises((RuntimeError, IndexError)):
        MISFITS[name](IMAGE)
    with pytest.raises((RuntimeError, IndexError)), _Shadow():
        MISFITS[name](IMAGE.to("meta"))


class _Shadow(torch.utils._python_dispatch.TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # What a test makes beside its input stands for parameters, so it has no content either.
        if func is aten.new_empty.default or func is aten.new_ones.default:
            return func(*args, **(kwargs or {}))
        return run_on_shadow(func, args, kwargs or {}, flatten_tensors((args, kwargs)))
