"""The drop-in for `nn.MultiheadAttention`: equal to it with nothing pruned, and pruned equal to the zeroed original."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.engine.attention import PrunedMultiheadAttention
from explorer.engine.graph import DependencyGraph, trace
from tests.engine.nets import assert_refused, every_group, names, proven

E, HEADS, B, L, S = 16, 4, 2, 5, 6
KDIM, VDIM = 10, 14

FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch_first": {"batch_first": True},
    "no_bias": {"bias": False},
    "other_sizes": {"kdim": KDIM, "vdim": VDIM},
    "other_sizes_no_bias": {"kdim": KDIM, "vdim": VDIM, "bias": False, "batch_first": True},
    "learned_keys": {"add_bias_kv": True},
    "zero_key": {"add_zero_attn": True, "batch_first": True},
    "both_keys": {"add_bias_kv": True, "add_zero_attn": True},
    "dropout": {"dropout": 0.3},
}


def attention(**options: Any) -> nn.MultiheadAttention:
    module = nn.MultiheadAttention(E, HEADS, **options)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:
                parameter.normal_(0, 0.3)
    return module.eval()


def sequences(module: nn.MultiheadAttention, *, is_self: bool = False, is_batched: bool = True) -> tuple[Tensor, ...]:
    """Query, key and value for a module, in its layout."""
    lengths = (L, L, L) if is_self else (L, S, S)
    made = [torch.randn(B, n, size) for n, size in zip(lengths, (E, module.kdim, module.vdim), strict=True)]
    if is_self:
        made = made[:1] * 3
    if not is_batched:
        return tuple(tensor[0] for tensor in made)
    return tuple(made if module.batch_first else [tensor.transpose(0, 1) for tensor in made])


def assert_same(module: nn.MultiheadAttention, *args: Any, **kwargs: Any) -> None:
    """The drop-in with nothing pruned returns what the module returns."""
    expected = module(*args, **kwargs)
    found = PrunedMultiheadAttention(module, HEADS, (E // HEADS) ** -0.5)(*args, **kwargs)
    torch.testing.assert_close(found[0], expected[0])
    if expected[1] is None:
        assert found[1] is None
    else:
        torch.testing.assert_close(found[1], expected[1])


@pytest.fixture(params=[True, False], ids=["fast_path", "slow_path"])
def _fast_path(request: pytest.FixtureRequest) -> Any:
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(request.param)
    yield
    torch.backends.mha.set_fastpath_enabled(before)


@pytest.mark.usefixtures("_fast_path")
class TestNothingPruned:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("is_batched", [True, False], ids=["batched", "unbatched"])
    @pytest.mark.parametrize(
        "weights",
        [{"need_weights": False}, {}, {"average_attn_weights": False}],
        ids=["no_weights", "mean_weights", "head_weights"],
    )
    def test_every_form_gives_what_the_original_gives(self, form: str, is_batched: bool, weights: Any) -> None:
        module = attention(**FORMS[form])
        assert_same(module, *sequences(module, is_batched=is_batched), **weights)

    @pytest.mark.parametrize("form", ["plain", "batch_first", "no_bias", "zero_key"])
    def test_self_attention(self, form: str) -> None:
        module = attention(**FORMS[form])
        with torch.no_grad():
            assert_same(module, *sequences(module, is_self=True), need_weights=False)

    @pytest.mark.parametrize("form", ["plain", "batch_first", "both_keys", "other_sizes"])
    @pytest.mark.parametrize("need_weights", [True, False])
    @pytest.mark.parametrize("dtype", [torch.bool, torch.float32], ids=["bool", "float"])
    @pytest.mark.parametrize("shape", [(L, S), (B * HEADS, L, S)], ids=["2d", "3d"])
    def test_attention_masks(self, form: str, need_weights: bool, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
        module = attention(**FORMS[form])
        mask = torch.rand(shape) < 0.4
        mask[..., 0] = False  # no row may be masked as a whole
        if dtype is not torch.bool:
            mask = torch.randn(shape).masked_fill(mask, float("-inf"))
        assert_same(module, *sequences(module), attn_mask=mask, need_weights=need_weights)

    @pytest.mark.parametrize("form", ["plain", "batch_first", "both_keys"])
    @pytest.mark.parametrize("need_weights", [True, False])
    @pytest.mark.parametrize("dtype", [torch.bool, torch.float32], ids=["bool", "float"])
    def test_padding_masks_alone_and_with_an_attention_mask(
        self, form: str, need_weights: bool, dtype: torch.dtype
    ) -> None:
        module = attention(**FORMS[form])
        padding = torch.tensor([[False] * S, [False] * 3 + [True] * 3])
        mask = torch.triu(torch.ones(L, S, dtype=torch.bool), diagonal=1)
        if dtype is not torch.bool:
            padding, mask = (torch.zeros(m.shape).masked_fill(m, float("-inf")) for m in (padding, mask))
        given = sequences(module)
        assert_same(module, *given, key_padding_mask=padding, need_weights=need_weights)
        assert_same(module, *given, key_padding_mask=padding, attn_mask=mask, need_weights=need_weights)

    def test_an_unbatched_padding_mask(self) -> None:
        module = attention()
        padding = torch.tensor([False] * 4 + [True] * 2)
        assert_same(module, *sequences(module, is_batched=False), key_padding_mask=padding)

    def test_a_causal_hint_needs_its_mask_as_in_torch(self) -> None:
        module = attention()
        given = sequences(module, is_self=True)
        mask = nn.Transformer.generate_square_subsequent_mask(L)
        assert_same(module, *given, attn_mask=mask, is_causal=True, need_weights=False)
        pruned = PrunedMultiheadAttention(module, HEADS, 0.5)
        with pytest.raises(RuntimeError, match="pass the mask"):
            pruned(*given, is_causal=True, need_weights=False)


def test_dropout_acts_in_training_alone() -> None:
    module = attention(dropout=0.5)
    pruned = PrunedMultiheadAttention(module, HEADS, 0.5)
    given = sequences(module)
    for need_weights in (True, False):
        still = [pruned.eval()(*given, need_weights=need_weights)[0] for _ in range(2)]
        moving = [pruned.train()(*given, need_weights=need_weights)[0] for _ in range(2)]
        assert torch.equal(*still)
        assert not torch.allclose(*moving)


def test_the_sizes_are_read_off_the_weights() -> None:
    pruned = PrunedMultiheadAttention(attention(kdim=KDIM, vdim=VDIM), HEADS, 0.5)
    assert (pruned.embed_dim, pruned.kdim, pruned.vdim, pruned.head_dim) == (E, KDIM, VDIM, E // HEADS)
    assert "embed_dim=16, num_heads=4, head_dim=(qk 4, v 4)" in repr(pruned)


class Around(nn.Module):
    """Projections around an attention module, so that its embedding can be pruned too."""

    def __init__(self, module: nn.MultiheadAttention, **call: Any) -> None:
        super().__init__()
        self.first = nn.ModuleList([nn.Linear(9, size) for size in (E, module.kdim, module.vdim)])
        self.attention = module
        self.last = nn.Linear(E, 5)
        self.call = call

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor | None]:
        given = [layer(x) for layer, x in zip(self.first, (query, key, value), strict=True)]
        output, weights = self.attention(*given, **self.call)
        return self.last(output), weights


def around(form: str, **call: Any) -> DependencyGraph:
    module = attention(**FORMS[form])
    shape = (lambda n: (B, n, 9)) if module.batch_first else (lambda n: (n, B, 9))
    return trace(Around(module, **call).eval(), tuple(torch.randn(shape(n)) for n in (L, S, S)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("need_weights", [True, False])
def test_pruned_equals_zeroed(form: str, need_weights: bool) -> None:
    graph = around(form, need_weights=need_weights, average_attn_weights=True)
    kinds = {group.kind for group in graph.groups}
    assert {"heads", "head_dim", "channels"} <= kinds
    pruned = every_group(graph)
    proven(pruned)
    made = pruned.model.attention
    assert isinstance(made, PrunedMultiheadAttention)
    assert made.num_heads == HEADS // 2
    assert made.embed_dim == E // 2
    assert made.head_dim == E // HEADS // 2


@pytest.mark.parametrize("form", ["plain", "other_sizes"])
def test_each_group_alone(form: str) -> None:
    graph = around(form, need_weights=False)
    for name in names(graph):
        proven(graph.plan({name: 0.5}).apply())


@pytest.mark.parametrize("shape", [(L, S), (B * HEADS, L, S)], ids=["2d", "3d"])
@pytest.mark.parametrize("dtype", [torch.bool, torch.float32], ids=["bool", "float"])
def test_pruned_with_masks_equals_zeroed(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    mask = torch.triu(torch.ones(shape, dtype=torch.bool), diagonal=2)
    padding = torch.tensor([[False] * S, [False] * 4 + [True] * 2])
    if dtype is not torch.bool:
        mask, padding = (torch.zeros(m.shape).masked_fill(m, float("-inf")) for m in (mask, padding))
    graph = around("batch_first", attn_mask=mask, key_padding_mask=padding)
    ratios = {group.name: 0.5 for group in graph.groups if group.kind != "heads"}
    proven(graph.plan(ratios).apply())


def test_a_mask_for_each_head_keeps_the_heads() -> None:
    graph = around("plain", attn_mask=torch.randn(B * HEADS, L, S))
    assert [group.kind for group in graph.groups if group.kind == "heads"] == []


def test_a_mask_for_heads_that_are_gone_is_refused() -> None:
    pruned = every_group(around("plain")).model.attention
    given = [torch.randn(n, B, E // 2) for n in (L, S, S)]
    with pytest.raises(ValueError, match=f"has {HEADS} heads .* has {HEADS // 2}"):
        pruned(*given, attn_mask=torch.zeros(B * HEADS, L, S))
    assert pruned(*given, attn_mask=torch.zeros(B * HEADS // 2, L, S))[0].shape == (L, B, E // 2)


def test_heads_of_unequal_size_are_refused() -> None:
    graph = around("plain")
    plan = graph.plan({group.name: 0.5 for group in graph.groups if group.kind == "head_dim"})
    kept = dict(plan.kept)
    kept["attention.out_proj.weight", 1] = kept["attention.out_proj.weight", 1][:-1]
    plan.__dict__["kept"] = kept
    assert_refused(plan, "as many in every head")


class Shared(nn.Module):
    """One attention module under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(9, E)
        self.attention = attention()
        self.again = nn.Sequential(self.attention)
        self.last = nn.Linear(E, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = x + self.attention(x, x, x)[0]
        return self.last(x + self.again[0](x, x, x)[0])


def test_a_shared_module_is_replaced_wherever_it_is_held() -> None:
    pruned = every_group(trace(Shared().eval(), torch.randn(L, B, 9)))
    proven(pruned)
    assert pruned.model.again[0] is pruned.model.attention


def test_the_attention_can_be_the_model_itself_or_stand_in_a_sequential() -> None:
    class Odd(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return self[1](*[self[0](x)] * 3, need_weights=False)[0]

    module = attention()
    proven(every_group(trace(module, tuple(sequences(module, is_self=True)))))
    pruned = every_group(trace(Odd(nn.Linear(9, E), attention()).eval(), torch.randn(L, B, 9)))
    proven(pruned)
    assert [type(child) for child in pruned.model] == [nn.Linear, PrunedMultiheadAttention]


def test_a_subclass_without_a_forward_of_its_own_is_replaced_and_keeps_its_attributes() -> None:
    class Named(nn.MultiheadAttention):
        def __init__(self) -> None:
            super().__init__(E, HEADS)
            self.layer_name = "first"

    module = Around(attention())
    module.attention = Named().eval()
    pruned = every_group(trace(module.eval(), tuple(torch.randn(n, B, 9) for n in (L, S, S))))
    proven(pruned)
    assert pruned.model.attention.layer_name == "first"


def test_a_subclass_with_a_forward_of_its_own_is_never_silently_replaced() -> None:
    class Doubled(nn.MultiheadAttention):
        def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
            output, weights = super().forward(*args, **kwargs)
            return 2 * output, weights

    module = Around(attention())
    module.attention = Doubled(E, HEADS).eval()
    graph = trace(module.eval(), tuple(torch.randn(n, B, 9) for n in (L, S, S)))
    assert_refused(graph.plan(dict.fromkeys(names(graph), 0.5)), "Around does not run with the planned sizes")


def test_hooks_flags_and_requires_grad_are_taken_over() -> None:
    module = attention()
    module.in_proj_weight.requires_grad_(False)
    seen: list[str] = []
    module.register_forward_hook(lambda *_: seen.append("after"))
    module.register_forward_pre_hook(lambda *_, **__: seen.append("before"), with_kwargs=True)
    graph = around("plain")
    model = graph.model
    model.attention = module
    graph = trace(model.train(), graph.example_inputs)
    pruned = every_group(graph).model
    seen.clear()
    pruned(*graph.example_inputs)
    assert seen == ["before", "after"]
    assert pruned.attention.training
    assert not pruned.attention.in_proj_weight.requires_grad
    assert pruned.attention.out_proj.weight.requires_grad


def test_a_pruned_attention_can_be_traced_and_pruned_again() -> None:
    once = every_group(around("plain"))
    again = trace(once.model, once.plan.graph.example_inputs)
    assert {"heads", "head_dim", "channels"} <= {group.kind for group in again.groups}
    twice = every_group(again)
    proven(twice)
    assert twice.model.attention.num_heads == HEADS // 4
    assert twice.model.attention.embed_dim == E // 4


@pytest.mark.usefixtures("_fast_path")
class TestTransformers:
    @pytest.mark.parametrize("norm_first", [True, False])
    def test_an_encoder_with_padding_runs_without_gradients(self, norm_first: bool) -> None:
        layer = nn.TransformerEncoderLayer(E, HEADS, 24, batch_first=True, norm_first=norm_first)
        nested = {} if not norm_first else {"enable_nested_tensor": False}
        model = nn.Sequential(nn.Linear(9, E), nn.TransformerEncoder(layer, 2, **nested), nn.Linear(E, 5)).eval()
        graph = trace(model, torch.randn(B, L, 9))
        pruned = every_group(graph)
        proven(pruned)
        encoder = pruned.model[1]
        assert isinstance(encoder.layers[1].self_attn, PrunedMultiheadAttention)
        x, padding = torch.randn(B, L, E // 2), torch.tensor([[False] * L, [False] * 3 + [True] * 2])
        with torch.no_grad():
            quiet = encoder(x, src_key_padding_mask=padding)
        loud = encoder(x, src_key_padding_mask=padding)
        torch.testing.assert_close(quiet[~padding], loud[~padding])

    def test_an_encoder_whose_attention_is_whole_stays_as_it_is(self) -> None:
        layer = nn.TransformerEncoderLayer(E, HEADS, 24, batch_first=True)
        graph = trace(nn.Sequential(layer, nn.Linear(E, 5)).eval(), torch.randn(B, L, E))
        pruned = graph.plan({"0.linear1": 0.5}).apply()
        proven(pruned)
        assert type(pruned.model[0].self_attn) is nn.MultiheadAttention
        slow = pruned.model(graph.example_inputs)
        with torch.no_grad():
            torch.testing.assert_close(pruned.model(graph.example_inputs), slow)

    def test_a_whole_transformer(self) -> None:
        class Translate(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Linear(9, E)
                self.transformer = nn.Transformer(E, HEADS, 1, 1, 24, batch_first=True)
                self.head = nn.Linear(E, 5)

            def forward(self, source: Tensor, target: Tensor) -> Tensor:
                mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
                return self.head(self.transformer(self.embed(source), self.embed(target), tgt_mask=mask))

        pruned = every_group(trace(Translate().eval(), (torch.randn(B, S, 9), torch.randn(B, L, 9))))
        proven(pruned)
        assert pruned.model.transformer.d_model == E // 2
