"""What ops return on tensors without content, where that is known without asking PyTorch.

PyTorch computes the shapes of many ops in Python and takes up to a millisecond for each, longer than the op takes for
real. A function here gives the result that a real run would have, in shape, strides and type; None where it does not
know, so that PyTorch is asked; and an error where PyTorch would let pass on ``meta`` what fails for real.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

META = torch.device("meta")

QuickOp = Callable[[Any, Any, Any], Any]


def _elementwise(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    """An elementwise op: the shape and type of the argument that all others broadcast to."""
    first, *others = args
    if not first.is_floating_point() or kwargs.get("out") is not None:
        return None
    largest = first
    for other in others:
        if isinstance(other, Tensor):
            if other.dtype is not first.dtype:
                return None
            if not _broadcasts(other.shape, largest.shape):
                if not (_broadcasts(largest.shape, other.shape) and _has_no_order(largest)):
                    return None
                largest = other
    if not func._schema.name.endswith("_"):
        return _like(largest)
    return first if largest is first else None


def _batch_norm(func: Any, args: Any, kwargs: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    """In eval mode there are no batch statistics; PyTorch's own meta function makes some all the same."""
    x, weight, bias, mean, variance, is_training, _, _ = args
    if is_training:
        return None
    _check_sizes(func, x.shape[1], weight, bias, mean, variance)
    return _like(x), _empty((0,), x.dtype), _empty((0,), x.dtype)


def _convolution(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    x, weight, bias, stride, padding, dilation, is_transposed, _, groups = args
    rank = x.dim() - 2
    is_known = not is_transposed and rank == weight.dim() - 2 == len(stride) == len(padding) == len(dilation)
    _check_sizes(func, weight.shape[1] * groups if is_transposed else weight.shape[0], bias)
    is_turned = rank == 2 and (_is_turned(x) or _is_turned(weight))
    if not is_known or not (is_turned or (x.is_contiguous() and weight.is_contiguous())):
        return None
    if x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        return None
    kernel = weight.shape[2:]
    places = [
        (x.shape[2 + dim] + 2 * padding[dim] - dilation[dim] * (kernel[dim] - 1) - 1) // stride[dim] + 1
        for dim in range(rank)
    ]
    if min(places) <= 0:
        return None
    batch, channels = x.shape[0], weight.shape[0]
    if is_turned:
        strides = places[0] * places[1] * channels, 1, places[1] * channels, channels
        return torch.empty_strided((batch, channels, *places), strides, dtype=x.dtype, device=META)
    return _empty((batch, channels, *places), x.dtype)


def _is_turned(tensor: Tensor) -> bool:
    """Whether channels are last in memory: then they are in the result of a convolution too."""
    return tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()


def _layer_norm(func: Any, args: Any, kwargs: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    x, normalized_shape, weight, bias, _ = args
    kept = x.dim() - len(normalized_shape)
    tail = tuple(normalized_shape)
    if x.shape[kept:] != tail or any(each is not None and each.shape != tail for each in (weight, bias)):
        return None
    statistics = (*x.shape[:kept], *(1 for _ in tail))
    return _empty(x.shape, x.dtype), _empty(statistics, x.dtype), _empty(statistics, x.dtype)


def _addmm(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    bias, a, b = args[:3]
    made = _mm(func, (a, b), kwargs)
    return made if made is not None and _broadcasts(bias.shape, made.shape) and bias.dtype is a.dtype else None


def _mm(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    """A product of matrices, or of batches of them."""
    a, b = args
    is_matching = a.shape[:-2] == b.shape[:-2] and a.shape[-1] == b.shape[-2]
    return _empty((*a.shape[:-1], b.shape[-1]), a.dtype) if is_matching and a.dtype is b.dtype else None


def _softmax(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    x = args[0]
    is_plain = x.is_contiguous() and kwargs.get("dtype") is None and -x.dim() <= args[1] < x.dim()
    return _like(x) if is_plain and x.is_floating_point() else None


def _roll(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    return _like(args[0]) if args[0].is_contiguous() else None


def _clone(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    x, order = args[0], kwargs.get("memory_format", torch.preserve_format)
    if order is torch.contiguous_format:
        return _empty(x.shape, x.dtype)
    return _like(x) if order is torch.preserve_format else None


def _mean(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    x, dims, *keeps = args
    if not (x.is_contiguous() and x.is_floating_point() and dims) or kwargs.get("dtype") is not None:
        return None
    if not all(-x.dim() <= dim < x.dim() for dim in dims):
        return None
    gone = {dim % x.dim() for dim in dims}
    is_kept = kwargs.get("keepdim", bool(keeps and keeps[0]))
    shape = [1 if dim in gone else size for dim, size in enumerate(x.shape) if is_kept or dim not in gone]
    return _empty(shape, x.dtype)


def _cat(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    parts, dim = args[0], args[1] if len(args) > 1 else kwargs.get("dim", 0)
    first = parts[0]
    if not -first.dim() <= dim < first.dim():
        return None
    place = dim % first.dim()
    rest = (*first.shape[:place], *first.shape[place + 1 :])
    for part in parts:
        is_alike = part.dim() == first.dim() and part.dtype is first.dtype and part.is_contiguous()
        if not is_alike or (*part.shape[:place], *part.shape[place + 1 :]) != rest:
            return None
    return _empty((*rest[:place], sum(part.shape[place] for part in parts), *rest[place:]), first.dtype)


def _index(func: Any, args: Any, kwargs: Any) -> None:
    x, indices = args[:2]
    for dim, index in enumerate(indices):
        _check_range(func, index, x.shape[dim] if dim < x.dim() else 0)


def _index_select(func: Any, args: Any, kwargs: Any) -> None:
    x, dim, index = args
    _check_range(func, index, x.shape[dim])


def _embedding(func: Any, args: Any, kwargs: Any) -> None:
    _check_range(func, args[1], args[0].shape[0])


def _check_range(func: Any, index: Tensor | None, size: int) -> None:
    """PyTorch does not look at indices of a tensor on ``meta``."""
    if index is None or index.is_meta or index.dtype not in (torch.int64, torch.int32) or not index.numel():
        return
    low, high = int(index.min()), int(index.max())
    if low < -size or high >= size:
        raise IndexError(f"{func} reads index {high if high >= size else low} of a dimension of size {size}")


def _check_sizes(func: Any, size: int, *vectors: Tensor | None) -> None:
    """PyTorch does not look at the size of these on ``meta``."""
    for vector in vectors:
        if vector is not None and vector.shape != (size,):
            raise RuntimeError(f"{func} expects a vector of {size} elements, not one of shape {tuple(vector.shape)}")


def _broadcasts(small: torch.Size, large: torch.Size) -> bool:
    """Whether a shape broadcasts to another without changing it."""
    places = range(-len(small), 0)
    return small == large or (len(small) <= len(large) and all(small[place] in (1, large[place]) for place in places))


def _has_no_order(tensor: Tensor) -> bool:
    """Whether a tensor has no say in the order of the dimensions in memory of what it is broadcast to."""
    return sum(size > 1 for size in tensor.shape) < 2


def _like(tensor: Tensor) -> Tensor:
    """What `torch.empty_like` makes."""
    if not (tensor.is_contiguous() or _is_dense(tensor)):
        return torch.empty_like(tensor)
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)


def _is_dense(tensor: Tensor) -> bool:
    """Whether the elements fill their memory, in whatever order of the dimensions."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride != expected:
                return False
            expected *= size
    return True


def _empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    strides = [prod(shape[place + 1 :]) for place in range(len(shape))]
    return torch.empty_strided(shape, strides, dtype=dtype, device=META)


def _overloads(*names: str) -> frozenset[Callable[..., Any]]:
    packets = [getattr(torch.ops.aten, name) for name in names]
    return frozenset(getattr(packet, overload) for packet in packets for overload in packet.overloads())


_ELEMENTWISE = _overloads("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_", "neg", "relu", "relu_", "gelu",
                          "silu", "silu_", "sigmoid", "sigmoid_", "tanh", "tanh_", "hardswish", "hardswish_",
                          "hardsigmoid", "hardsigmoid_", "hardtanh", "hardtanh_", "exp", "sqrt", "rsqrt",
                          "softplus", "leaky_relu", "leaky_relu_", "elu", "elu_")  # fmt: skip
"""Elementwise ops whose result has the type of their first argument."""

QUICK: Mapping[Any, QuickOp] = {
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    torch.ops.aten.native_batch_norm.default: _batch_norm,
    torch.ops.aten.convolution.default: _convolution,
    torch.ops.aten.native_layer_norm.default: _layer_norm,
    torch.ops.aten.addmm.default: _addmm,
    torch.ops.aten.mm.default: _mm,
    torch.ops.aten.bmm.default: _mm,
    torch.ops.aten._softmax.default: _softmax,
    torch.ops.aten._safe_softmax.default: _softmax,
    torch.ops.aten.roll.default: _roll,
    torch.ops.aten.clone.default: _clone,
    torch.ops.aten.mean.dim: _mean,
    torch.ops.aten.cat.default: _cat,
}
"""Ops whose result is known, with what knows it."""

CHECKED: Mapping[Any, Callable[[Any, Any, Any], None]] = {
    torch.ops.aten.index.Tensor: _index,
    torch.ops.aten.index_select.default: _index_select,
    torch.ops.aten.embedding.default: _embedding,
}
"""Ops that read a tensor by indices, with what fails where a real run would."""
