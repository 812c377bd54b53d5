"""The zeroing oracle agrees with pruning wherever a reduction runs over channels, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from explorer.engine.errors import VerifyError
from explorer.engine.graph import trace
from explorer.engine.oracle import reference, zeroed
from explorer.engine.shapes import PlannedShapes
from tests.engine.nets import Run, every_group, names, proven, randomised, traced

IN, HIDDEN, OUT = 6, 12, 5

Reduce = Callable[[Any, Tensor], Tensor]


def between(reduce: Reduce, width: int = HIDDEN, **layers: Any) -> nn.Module:
    """Sixteen channels, then a function of them that leaves `width` channels, then an output."""

    def forward(self: Any, x: Tensor) -> Tensor:
        return self.last(reduce(self, self.first(x)))

    return Run(forward, first=nn.Linear(IN, HIDDEN), last=nn.Linear(width, OUT), **layers)


OVER_CHANNELS: dict[str, tuple[Reduce, dict[str, nn.Module]]] = {
    "layer norm": (lambda m, x: m.norm(x), {"norm": nn.LayerNorm(HIDDEN)}),
    "layer norm without bias": (lambda m, x: m.norm(x), {"norm": nn.LayerNorm(HIDDEN, bias=False)}),
    "layer norm without affine": (lambda m, x: m.norm(x), {"norm": nn.LayerNorm(HIDDEN, elementwise_affine=False)}),
    "rms norm": (lambda m, x: m.norm(x), {"norm": nn.RMSNorm(HIDDEN)}),
    "rms norm without affine": (lambda m, x: m.norm(x), {"norm": nn.RMSNorm(HIDDEN, elementwise_affine=False)}),
    "softmax": (lambda m, x: x.softmax(-1), {}),
    "log softmax": (lambda m, x: F.log_softmax(x, 1), {}),
    "sigmoid times softmax": (lambda m, x: torch.sigmoid(x) * x.softmax(-1), {}),
    "minus mean": (lambda m, x: x - x.mean(1, keepdim=True), {}),
    "over deviation": (lambda m, x: x / (x.var(1, keepdim=True) + 0.1).sqrt(), {}),
    "over unbiased deviation": (lambda m, x: x / (x.std(1, correction=1, keepdim=True) + 0.1), {}),
    "variance and mean": (lambda m, x: x * torch.var_mean(x, 1, keepdim=True)[0], {}),
    # cosh(0) = 1 is the least value of cosh: a removed channel would always win
    "minus max": (lambda m, x: torch.exp(x - (-torch.cosh(x)).max(1, keepdim=True)[0]), {}),
    "minus amax": (lambda m, x: x - torch.amax(-torch.cosh(x), 1, keepdim=True), {}),
    "minus min": (lambda m, x: x - torch.cosh(x).min(1, keepdim=True).values, {}),
    "minus amin": (lambda m, x: x - torch.amin(torch.cosh(x), 1, keepdim=True), {}),
    "sum of exponentials": (lambda m, x: x / x.exp().sum(1, keepdim=True), {}),
    "logsumexp": (lambda m, x: x - x.logsumexp(1, keepdim=True), {}),
    "mean of everything": (lambda m, x: x - torch.cos(x).mean(), {}),
    "unit length": (lambda m, x: F.normalize(torch.cos(x), dim=1), {}),
    "sum of numbers": (lambda m, x: x * torch.nansum(torch.cos(x), 1, keepdim=True), {}),
    "how many are large": (lambda m, x: x * (torch.cos(x) > 0.9).count_nonzero(1)[:, None], {}),
    "whether one is large": (lambda m, x: x * (torch.cos(x) > 0.99).any(1, keepdim=True).logical_not(), {}),
    "length": (lambda m, x: x * torch.linalg.vector_norm(torch.cos(x), dim=1, keepdim=True), {}),
}


@pytest.mark.parametrize("name", OVER_CHANNELS)
def test_reductions_over_channels(name: str) -> None:
    reduce, layers = OVER_CHANNELS[name]
    graph = traced(between(reduce, **layers), 4, IN)
    proven(every_group(graph))


@pytest.mark.parametrize("name", ["layer norm", "softmax", "minus mean", "minus max", "minus amin", "unit length"])
def test_the_plain_zeroed_model_would_not_do(name: str) -> None:
    """Without the exception for reductions the comparison must fail: the handlers are needed."""
    reduce, layers = OVER_CHANNELS[name]
    pruned = every_group(traced(between(reduce, **layers), 4, IN))
    plan, graph = pruned.plan, pruned.plan.graph
    naive = zeroed(graph.model, plan.kept)
    x = graph.example_inputs
    found = pruned.model(x)
    assert not torch.allclose(naive(x), found, rtol=1e-3, atol=1e-3)
    shapes = PlannedShapes(graph.coupling, 0, plan.alive, {})
    torch.testing.assert_close(reference(naive, x, shapes), found.detach())


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_layer_norm_over_two_dims_that_both_shrink(affine: bool, bias: bool) -> None:
    rows, columns = 6, 8

    def forward(self: Any, x: Tensor) -> Tensor:
        table = self.first(x)[:, :, None] * self.gate + torch.tanh(self.second(x))[:, None, :]
        return self.last(torch.tanh(self.norm(table)).sum(1))

    layers = {
        "first": nn.Linear(IN, rows),
        "second": nn.Linear(IN, columns),
        "gate": nn.Parameter(torch.randn(columns)),
        "norm": nn.LayerNorm((rows, columns), elementwise_affine=affine, bias=bias),
        "last": nn.Linear(columns, OUT),
    }
    model = Run(forward, **layers)
    graph = trace(model.eval(), torch.randn(4, IN))
    assert sorted(group.size for group in graph.groups) == [rows, columns]
    pruned = every_group(graph)
    proven(pruned)
    assert pruned.model.norm.normalized_shape == (rows // 2, columns // 2)


@pytest.mark.parametrize("affine", [True, False])
def test_group_norm_loses_channels_of_every_group_or_whole_groups(affine: bool) -> None:
    layers = [nn.Conv2d(3, 12, 1), nn.GroupNorm(3, 12, affine=affine), nn.Tanh(), nn.Conv2d(12, 4, 1), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(64, OUT))
    graph = traced(model, 2, 3, 4, 4)
    for group in graph.groups:
        proven(graph.plan({group.name: 0.5}).apply())
    pruned = every_group(graph)
    proven(pruned)
    norm, convolution = pruned.model[1], pruned.model[0]
    assert norm.num_channels == convolution.out_channels
    parts = {group.size for group in graph.groups}
    assert {3, 4} <= parts, f"groups and channels inside a group are apart: {parts}"
    inner = next(group for group in graph.groups if group.size == 4 and group.members[0].parameter == "0.weight")
    outer = next(group for group in graph.groups if group.size == 3)
    pruned = graph.plan({inner.name: 0.5}).apply()
    assert (pruned.model[1].num_groups, pruned.model[1].num_channels) == (3, 6)
    pruned = graph.plan({outer.name: 0.34}).apply()
    assert (pruned.model[1].num_groups, pruned.model[1].num_channels) == (2, 8)


def test_instance_norm_without_parameters_follows_its_input() -> None:
    model = nn.Sequential(nn.Conv2d(3, 12, 1), nn.InstanceNorm2d(12), nn.Tanh(), nn.Conv2d(12, 4, 1))
    pruned = every_group(traced(model, 2, 3, 4, 4))
    proven(pruned)
    assert pruned.model[1].num_features == 6


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, nn.InstanceNorm2d], ids=["batch", "instance"])
def test_norms_that_shift_removed_channels_away_from_zero(kind: Any) -> None:
    """Without affine parameters a removed channel is not zero behind the norm; the next weight must take care."""
    layers = [nn.Conv2d(3, 12, 1), kind(12, affine=False, track_running_stats=True), nn.Sigmoid()]
    proven(every_group(traced(nn.Sequential(*layers, nn.Conv2d(12, 4, 1)), 2, 3, 4, 4)))


@pytest.mark.parametrize(
    "divide",
    [
        lambda m, x: x / m.scale,
        lambda m, x: (x - 1) / m.scale.exp().sqrt(),
        lambda m, x: torch.addcdiv(x, x.cos(), m.scale),
        lambda m, x: x.cos() * m.scale.log(),
        lambda m, x: x.cos() % m.scale,
        lambda m, x: x[:, :, None].expand(-1, -1, 4).softmax(2).mean(2) * x / x.abs(),
    ],
    ids=["parameter", "function of one", "addcdiv", "logarithm", "remainder", "itself"],
)
def test_a_removed_channel_is_not_divided_by_zero(divide: Reduce) -> None:
    """Infinity times the next weight, which is zero there, would be no number, and no number makes all outputs none."""
    proven(every_group(traced(between(divide, scale=nn.Parameter(torch.rand(HIDDEN) + 0.5)), 4, IN)))


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_distances_to_parameters_are_taken_over_kept_coordinates(p: float) -> None:
    model = Run(lambda s, x: torch.cdist(s.a(x).sigmoid(), s.points, p), a=nn.Linear(IN, HIDDEN))
    model.register_parameter("points", nn.Parameter(torch.randn(OUT, HIDDEN)))
    proven(every_group(traced(model, 4, IN)))


class TestProductsOfActivations:
    @pytest.mark.parametrize("form", ["matmul", "baddbmm", "einsum", "mm", "mv", "convolution"])
    def test_contracted_over_the_kept(self, form: str) -> None:
        """phi(0) = 1 for phi = elu + 1: removed channels would count in the product."""

        def phi(x: Tensor) -> Tensor:
            return F.elu(x) + 1

        def forward(self: Any, x: Tensor) -> Tensor:
            a, b = phi(self.a(x)), phi(self.b(x))
            if form == "matmul":
                return self.last(a @ b.transpose(1, 2))
            if form == "baddbmm":
                return self.last(torch.baddbmm(x.new_zeros(1), a, b.transpose(1, 2)))
            if form == "einsum":
                return self.last(torch.einsum("bic,bjc->bij", a, b))
            if form == "mm":
                return self.last(a[0] @ b[0].T)
            if form == "mv":
                return self.last((a[0] @ b[0, 0])[None])
            return self.last(F.conv1d(a.transpose(1, 2), b[0][:, :, None])[:, :, :4].transpose(1, 2))

        layers = {"a": nn.Linear(IN, HIDDEN), "b": nn.Linear(IN, HIDDEN), "last": nn.Linear(4, OUT)}
        proven(every_group(traced(Run(forward, **layers), 2, 4, IN)))

    @pytest.mark.parametrize(
        "scaled",
        [
            lambda q, k: torch.baddbmm(q.new_zeros(1), q, k.mT, beta=0, alpha=q.shape[-1] ** -0.5),
            lambda q, k: torch.add(q.new_zeros(1), q @ k.mT, alpha=q.shape[-1] ** -0.5),
            lambda q, k: torch.addcmul(q.new_zeros(1), q @ k.mT, k.new_ones(1), value=q.shape[-1] ** -0.5),
        ],
        ids=["baddbmm", "add", "addcmul"],
    )
    def test_a_factor_that_follows_a_size(self, scaled: Callable[[Tensor, Tensor], Tensor]) -> None:
        layers = {name: nn.Linear(IN, HIDDEN) for name in "ab"}
        model = Run(lambda s, x: s.last(scaled(s.a(x), s.b(x)).softmax(-1) @ x), **layers, last=nn.Linear(IN, OUT))
        proven(every_group(traced(model, 2, 4, IN)))

    def test_linear_attention(self) -> None:
        class LinearAttention(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.q, self.k, self.v = nn.Linear(IN, HIDDEN), nn.Linear(IN, HIDDEN), nn.Linear(IN, HIDDEN)
                self.num_heads, self.out = 3, nn.Linear(HIDDEN, OUT)

            def forward(self, x: Tensor) -> Tensor:
                q, k, v = (
                    layer(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v)
                )
                q, k = F.elu(q) + 1, F.elu(k) + 1
                mixed = q @ (k.transpose(-2, -1) @ v)
                norm = q @ k.sum(-2, keepdim=True).transpose(-2, -1)
                return self.out((mixed / norm).transpose(1, 2).flatten(2))

        graph = traced(LinearAttention(), 2, 4, IN)
        assert {group.kind for group in graph.groups} == {"heads", "head_dim"}
        proven(every_group(graph))


class TestAttentionScale:
    def attention(self, **options: Any) -> nn.Module:
        def forward(self: Any, x: Tensor) -> Tensor:
            q, k, v = (layer(x).unflatten(-1, (3, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
            return self.out(F.scaled_dot_product_attention(3 * q, 3 * k, v, **options).transpose(1, 2).flatten(2))

        layers = {name: nn.Linear(IN, HIDDEN) for name in "qkv"}
        return Run(forward, **layers, out=nn.Linear(HIDDEN, OUT))

    def test_a_default_scale_is_compensated_and_a_given_one_is_not(self) -> None:
        for options in ({}, {"scale": 0.7}, {"is_causal": True}, {"attn_mask": torch.ones(4, 4).tril().bool()}):
            graph = traced(self.attention(**options), 2, 4, IN)
            sizes = [group.name for group in graph.groups if group.kind == "head_dim"]
            assert len(sizes) == 2
            proven(graph.plan(dict.fromkeys(sizes, 0.5)).apply())

    def test_without_compensation_the_comparison_would_fail(self) -> None:
        """The reference with a default scale differs from the one that a literal scale gives."""
        plain, given = self.attention(), self.attention(scale=(HIDDEN / 3) ** -0.5)
        given.load_state_dict(plain.state_dict())
        outputs = []
        for model in (plain, given):
            graph = traced(model, 2, 4, IN)
            plan = graph.plan({group.name: 0.5 for group in graph.groups if group.kind == "head_dim"})
            shapes = PlannedShapes(graph.coupling, 0, plan.alive, {})
            outputs.append(reference(zeroed(model, plan.kept), graph.example_inputs, shapes))
        assert not torch.allclose(*outputs, rtol=1e-3, atol=1e-3)


class TestComputedWeights:
    """Weights that forward computes from parameters: a zero parameter is not a zero weight."""

    def test_weight_norm(self) -> None:
        layers = [
            parametrizations.weight_norm(nn.Conv2d(3, 8, 3)),
            nn.ReLU(),
            parametrizations.weight_norm(nn.Conv2d(8, 4, 1)),
        ]
        graph = traced(nn.Sequential(*layers), 2, 3, 6, 6)
        pruned = every_group(graph)
        proven(pruned)
        assert pruned.model[0].out_channels == pruned.model[2].in_channels == 4

    def test_a_weight_that_is_standardised_as_a_batch(self) -> None:
        def standardised(weight: Tensor) -> Tensor:
            rows = weight.flatten(1)[None]
            return F.batch_norm(rows, None, None, training=True).reshape_as(weight)

        def forward(self: Any, x: Tensor) -> Tensor:
            return F.conv2d(torch.cos(F.conv2d(x, standardised(self.a))), standardised(self.b))

        parameters = {"a": nn.Parameter(torch.randn(8, 3, 3, 3)), "b": nn.Parameter(torch.randn(4, 8, 3, 3))}
        proven(every_group(trace(Run(forward, **parameters).eval(), torch.randn(2, 3, 8, 8))))

    @pytest.mark.parametrize("compute", [F.softplus, torch.exp, torch.cos, lambda w: w - w.mean(1, keepdim=True)])
    def test_any_function_of_a_parameter(self, compute: Callable[[Tensor], Tensor]) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            hidden = torch.sigmoid(F.linear(x, compute(self.a)))
            return F.linear(hidden, compute(self.b))

        parameters = {"a": nn.Parameter(torch.randn(HIDDEN, IN)), "b": nn.Parameter(torch.randn(OUT, HIDDEN))}
        proven(every_group(trace(Run(forward, **parameters).eval(), torch.randn(4, IN))))


class TestDeviations:
    def test_a_forward_that_runs_other_ops_each_time_is_named(self) -> None:
        runs: list[int] = []

        def forward(self: Any, x: Tensor) -> Tensor:
            runs.append(len(runs))
            hidden = self.a(x)
            return self.b(torch.sigmoid(hidden) if runs[-1] % 4 == 0 else torch.tanh(hidden))

        model = Run(forward, a=nn.Linear(IN, HIDDEN), b=nn.Linear(HIDDEN, OUT)).eval()
        pruned = trace(model, torch.randn(4, IN)).plan(0.9).apply()
        with pytest.raises(VerifyError, match=r"ran aten\.\w+\.default where tracing saw aten\.\w+\.default"):
            for _ in range(4):  # the run that differs may be any of them
                pruned.verify()

    def test_a_path_that_depends_on_the_data_is_taken_as_it_was_recorded(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            hidden = self.a(x)
            hidden = torch.tanh(hidden) if hidden.norm().item() > self.limit else torch.sigmoid(hidden)
            return self.b(hidden)

        model = Run(forward, a=nn.Linear(IN, HIDDEN), b=nn.Linear(HIDDEN, OUT)).eval()
        x = torch.randn(4, IN)
        model.limit = 0.9 * model.a(x).norm().item()
        verification = trace(model, x).plan(0.9).apply().verify()
        assert verification.ok
        assert verification.has_replayed
        assert str(verification).endswith("with the decisions of the traced run")

    def test_inference_mode_inside_of_a_forward(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            with torch.inference_mode():
                gate = F.linear(x, self.a.weight).softmax(1)
            return self.b(self.a(x) * gate.clone())

        proven(every_group(traced(Run(forward, a=nn.Linear(IN, HIDDEN), b=nn.Linear(HIDDEN, OUT)), 4, IN)))

    def test_random_numbers_are_the_same_in_both_runs(self) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(x + torch.randn_like(x))))

        graph = trace(Run(forward, a=nn.Linear(IN, HIDDEN), b=nn.Linear(HIDDEN, OUT)).eval(), torch.randn(4, IN))
        before = torch.get_rng_state()
        proven(every_group(graph))
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
    def test_other_precisions_with_conversions_inside(self, dtype: torch.dtype) -> None:
        def forward(self: Any, x: Tensor) -> Tensor:
            hidden = self.a(x).float().softmax(1).to(x.dtype)
            return self.b(hidden)

        model = Run(forward, a=nn.Linear(IN, HIDDEN), b=nn.Linear(HIDDEN, OUT)).to(dtype).eval()
        graph = trace(model, torch.randn(4, IN, dtype=dtype))
        pruned = every_group(graph)
        proven(pruned)
        assert {parameter.dtype for parameter in pruned.model.parameters()} == {dtype}


def test_the_zeroed_model_is_a_copy_with_zeros_in_removed_slices_alone() -> None:
    graph = traced(nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)), 2, 3, 4, 4)
    before = {name: tensor.clone() for name, tensor in graph.model.state_dict().items()}
    plan = graph.plan(keep={names(graph)[0]: [1, 2, 5]})
    made = zeroed(graph.model, plan.kept).state_dict()
    gone, kept = [0, 3, 4, 6, 7], [1, 2, 5]
    for name in ("0.weight", "0.bias", "1.weight", "1.bias"):
        assert not made[name][gone].any()
        assert torch.equal(made[name][kept], before[name][kept])
    assert not made["3.weight"][:, gone].any()
    assert torch.equal(made["3.weight"][:, kept], before["3.weight"][:, kept])
    assert torch.equal(made["1.running_var"], before["1.running_var"])
    assert all(torch.equal(before[name], tensor) for name, tensor in graph.model.state_dict().items())


def test_randomised_models_differ_from_fresh_ones() -> None:
    """What the proofs here stand on: statistics, scales and shifts are not at their neutral start."""
    model = randomised(nn.Sequential(nn.BatchNorm1d(4), nn.LayerNorm(4)))
    assert model[0].running_var.std() > 0.05
    assert all(module.weight.std() > 0.05 and module.bias.std() > 0.01 for module in model)


def test_a_batch_norm_is_followed_op_by_op_beside_an_empty_tensor_of_the_code() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.last(torch.cat([torch.empty(0), self.norm(self.first(x)).mean((0, 2, 3))]))

    net = Run(forward, first=nn.Conv2d(3, HIDDEN, 1), norm=nn.BatchNorm2d(HIDDEN), last=nn.Linear(HIDDEN, OUT))
    proven(every_group(traced(net, 1, 3, 4, 4)))
    plain = Run(lambda self, x: self.last(self.norm(self.first(x)).flatten(1)), first=nn.Conv2d(3, HIDDEN, 1),
                norm=nn.BatchNorm2d(HIDDEN), last=nn.Linear(HIDDEN * 4, OUT))  # fmt: skip
    proven(every_group(traced(plain, 1, 3, 2, 2)))
