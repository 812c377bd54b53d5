"""A drop-in for `torch.nn.MultiheadAttention` whose inner size may differ from its embedding size.

This file needs nothing but PyTorch, since exports carry a copy of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PrunedMultiheadAttention(nn.Module):
    """Multi-head attention with the parameter names, arguments and results of `torch.nn.MultiheadAttention`.

    Heads, the size of each head and the embedding may have any size. The scale of the scores is a number of its own: it
    stays what it was before pruning, so that a pruned head size does not sharpen or flatten the softmax.
    """

    in_proj_weight: Tensor | None
    q_proj_weight: Tensor
    k_proj_weight: Tensor
    v_proj_weight: Tensor
    in_proj_bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor
    out_proj: nn.Linear
    batch_first: bool
    dropout: float
    add_zero_attn: bool

    def __init__(self, original: nn.MultiheadAttention, num_heads: int, scale: float) -> None:
        """Take over everything that an attention module holds: parameters, hooks, flags.

        Args:
            original: The module; its parameters already have their pruned shapes. It is not to be used any more.
            num_heads: Heads that the inner sizes divide into.
            scale: What query-key products are multiplied by.
        """
        super().__init__()
        self.__dict__ |= {name: value for name, value in vars(original).items() if name not in _COMPUTED}
        self._qkv_same_embed_dim = False  # tells torch.nn.TransformerEncoderLayer to stay off its fused path
        self.num_heads = num_heads
        self.scale = scale

    @property
    def embed_dim(self) -> int:
        """Size of a query, and of the output."""
        return self._weights()[0].shape[1]

    @property
    def kdim(self) -> int:
        """Size of a key."""
        return self._weights()[1].shape[1]

    @property
    def vdim(self) -> int:
        """Size of a value."""
        return self._weights()[2].shape[1]

    @property
    def head_dim(self) -> int:
        """Size of a projected query or key in one head."""
        return self._weights()[0].shape[0] // self.num_heads

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        inner = f"qk {self.head_dim}, v {self._weights()[2].shape[0] // self.num_heads}"
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}, head_dim=({inner})"

    def forward(  # noqa: PLR0913, PLR0917 - the signature of torch.nn.MultiheadAttention
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As `torch.nn.MultiheadAttention.forward`.

        Args:
            query: (L, B, E), or (B, L, E) with `batch_first`, or (L, E).
            key: Likewise with length S and size kdim.
            value: Likewise with length S and size vdim.
            key_padding_mask: (B, S); True or -inf where a key is ignored.
            need_weights: Whether to return the attention weights too.
            attn_mask: (L, S) or (B * num_heads, L, S).
            average_attn_weights: Whether the returned weights are the mean over heads.
            is_causal: A hint that `attn_mask` is causal; the mask is what counts.

        Returns:
            (output, weights): output of the query's layout, weights of shape (B, L, S) or (B, num_heads, L, S) or None.
        """
        if is_causal and attn_mask is None:
            raise RuntimeError("is_causal only says what kind of mask attn_mask is; pass the mask as well.")
        is_batched = query.dim() == 3
        sequences = [self._batch_first(tensor, is_batched) for tensor in (query, key, value)]
        heads, extra = self._with_extra_keys([self._heads(projected) for projected in self._project(*sequences)])
        mask = self._mask(key_padding_mask, attn_mask, heads[0], is_batched, extra)
        attended, weights = self._attend(heads, mask, need_weights)
        output: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        if not is_batched:
            output = output.squeeze(0)
        elif not self.batch_first:
            output = output.transpose(0, 1)
        if weights is None:
            return output, None
        weights = weights if is_batched else weights.squeeze(0)
        return output, weights.mean(dim=-3) if average_attn_weights else weights

    def _attend(self, heads: list[Tensor], mask: Tensor | None, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        """Values mixed by the softmax of the scores, with the weights where they are wanted."""
        query, key, value = heads
        dropout = self.dropout if self.training else 0.0
        if not need_weights:
            return F.scaled_dot_product_attention(query, key, value, mask, dropout, scale=self.scale), None
        scores = query @ key.transpose(-2, -1) * self.scale
        weights = F.dropout(torch.softmax(scores if mask is None else scores + mask, dim=-1), dropout)
        return weights @ value, weights

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        if self.in_proj_weight is not None:
            query, key, value = self.in_proj_weight.chunk(3)
            return query, key, value
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        weights = self._weights()
        sizes = [weight.shape[0] for weight in weights]
        biases = self.in_proj_bias.split(sizes) if self.in_proj_bias is not None else (None, None, None)
        inputs = (query, key, value)
        return [F.linear(x, weight, bias) for x, weight, bias in zip(inputs, weights, biases, strict=True)]

    def _batch_first(self, tensor: Tensor, is_batched: bool) -> Tensor:
        if not is_batched:
            return tensor.unsqueeze(0)
        return tensor if self.batch_first else tensor.transpose(0, 1)

    def _heads(self, projected: Tensor) -> Tensor:
        """(B, L, heads * size) to (B, heads, L, size)."""
        divided: Tensor = projected.unflatten(-1, (self.num_heads, -1))
        return divided.transpose(1, 2)

    def _with_extra_keys(self, heads: list[Tensor]) -> tuple[list[Tensor], int]:
        """Keys and values with the learned and the zero entry appended, and how many that are."""
        query, key, value = heads
        extra = 0
        if self.bias_k is not None:
            batch = query.shape[0]
            key = torch.cat([key, self._heads(self.bias_k.expand(batch, -1, -1))], dim=2)
            value = torch.cat([value, self._heads(self.bias_v.expand(batch, -1, -1))], dim=2)
            extra += 1
        if self.add_zero_attn:
            key, value = F.pad(key, (0, 0, 0, 1)), F.pad(value, (0, 0, 0, 1))
            extra += 1
        return [query, key, value], extra

    def _mask(
        self, padding: Tensor | None, attention: Tensor | None, query: Tensor, is_batched: bool, extra: int
    ) -> Tensor | None:
        """One additive mask that broadcasts to (B, heads, L, S)."""
        parts = []
        if padding is not None:
            padding = padding if is_batched else padding.unsqueeze(0)
            parts.append(_additive(padding, query)[:, None, None, :])
        if attention is not None:
            added = _additive(attention, query)
            parts.append(added.unflatten(0, (-1, self._mask_heads(added, query))) if added.dim() == 3 else added)
        if not parts:
            return None
        mask = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        return F.pad(mask, (0, extra)) if extra else mask

    def _mask_heads(self, mask: Tensor, query: Tensor) -> int:
        """Heads that a (B * heads, L, S) mask was made for."""
        heads = mask.shape[0] // query.shape[0]
        if heads not in (1, self.num_heads):
            raise ValueError(
                f"attn_mask has {heads} heads for each of {query.shape[0]} batch entries; the pruned attention has "
                f"{self.num_heads}. Pass a mask for {self.num_heads} heads, or one of shape (L, S) for all."
            )
        return heads


def replace_attention(model: nn.Module, path: str, num_heads: int, scale: float) -> nn.Module:
    """The model with an attention module replaced by the drop-in, wherever the module is held.

    Args:
        model: The model; it is changed.
        path: One path of the module; empty where the model is the module itself.
        num_heads: Heads that stay.
        scale: What query-key products are multiplied by.

    Returns:
        The model, or the drop-in where the path is empty.

    Raises:
        ValueError: There is no `torch.nn.MultiheadAttention` at the path.
    """
    return replace_attentions(model, {path: (num_heads, scale)})


def replace_attentions(model: nn.Module, changes: Mapping[str, tuple[int, float]]) -> nn.Module:
    """As `replace_attention`, for several modules at once: (heads that stay, scale) by path."""
    drop_ins: dict[nn.Module, PrunedMultiheadAttention] = {}
    for path, (num_heads, scale) in changes.items():
        original = _attention_at(model, path)
        drop_ins[original] = PrunedMultiheadAttention(original, num_heads, scale)
    for module in list(model.modules()) if drop_ins else ():
        for name, child in module._modules.items():
            if child in drop_ins:
                module._modules[name] = drop_ins[child]
        if isinstance(module, nn.TransformerEncoder):  # only its fused layers can read nested tensors
            module.enable_nested_tensor = module.use_nested_tensor = False
    return drop_ins.get(model, model)


def _attention_at(model: nn.Module, path: str) -> nn.MultiheadAttention:
    try:
        found = model.get_submodule(path)
    except AttributeError:
        found = nn.Identity()
    if not isinstance(found, nn.MultiheadAttention):
        raise ValueError(f"The plan replaces the attention at {path!r}, but there is no nn.MultiheadAttention there.")
    return found


_COMPUTED = ("embed_dim", "kdim", "vdim", "head_dim")
"""Attributes of the original that the drop-in reads off its weights."""


def _additive(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype is torch.bool:
        return torch.zeros_like(mask, dtype=like.dtype).masked_fill_(mask, float("-inf"))
    return mask.to(like.dtype)
