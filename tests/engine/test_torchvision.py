"""Sixteen architectures of torchvision, none of which the engine has ever heard of: traced, halved, proven, counted."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import explorer
from benchmarks.zoo import scramble
from explorer.engine.apply import Pruned
from explorer.engine.verify import Verification

NAMES = (
    "resnet18",
    "resnet50",
    "vgg16_bn",
    "densenet121",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "shufflenet_v2_x1_0",
    "squeezenet1_0",
    "googlenet",
    "inception_v3",
    "resnext50_32x4d",
    "regnet_y_400mf",
    "efficientnet_b0",
    "mnasnet1_0",
    "convnext_tiny",
    "vit_b_16",
)
WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")
CLASSES = 1000


@dataclass(frozen=True)
class Case:
    """One architecture after everything that is slow."""

    name: str
    model: nn.Module
    x: Tensor
    digest_before: str
    pruned: Pruned
    verification: Verification
    macs: int
    output: Any


def build(name: str) -> nn.Module:
    """Random weights, away from every neutral start: statistics, scales, shifts, and heads that begin at zero."""
    # Said out loud: torchvision warns where these two are left to the default, and VGG's own start takes seconds.
    options = {"init_weights": False} if name in (*WITH_AUXILIARY_HEADS, "vgg16_bn") else {}
    return scramble(torchvision.models.get_model(name, weights=None, **options), seed=len(name)).eval()


def digest(model: nn.Module) -> str:
    """A hash of every bit of the state dict, names included."""
    found = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        found.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        found.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def counted(model: nn.Module, x: Tensor) -> tuple[int, Any]:
    """Multiply-adds as `FlopCounterMode` sees them, fused attention and fast paths off, and the output."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            output = model(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
    return counter.get_total_flops() // 2, output


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    """The model, halved and verified once; pytest runs all tests of one model before it builds the next."""
    torch.manual_seed(0)
    name: str = request.param
    model = build(name)
    size = 299 if name == "inception_v3" else 224
    x = torch.randn(1, 3, size, size)
    before = digest(model)
    graph = explorer.trace(model, x)
    pruned = graph.plan(0.5).apply()
    return Case(name, model, x, before, pruned, pruned.verify(), *counted(pruned.model, x))


def test_every_parameter_is_reached_and_every_op_has_a_rule(case: Case) -> None:
    assert case.pruned.plan.graph.not_reached == ()
    assert case.pruned.plan.graph.unsupported_ops() == ()


def test_half_of_every_group_goes_and_the_classes_run_their_own_code(case: Case) -> None:
    assert case.pruned.way == "live"
    plan = case.pruned.plan
    for group in plan.graph.groups:
        kept = group.size if group.kind in ("heads", "conv_groups") else group.size - group.size // 2
        # Pieces of one chunk must keep equally many, which may move the counts of tied groups.
        assert len(plan.channels[group.name]) == kept or group.ties
    assert plan.cost.after.params < 0.6 * plan.cost.before.params
    classes = {type(module) for module in case.model.modules()}
    replaced = {type(module).__name__ for module in case.pruned.model.modules() if type(module) not in classes}
    assert replaced <= {"PrunedMultiheadAttention"}


def test_the_output_is_the_original_s_in_structure_and_shape(case: Case) -> None:
    assert type(case.output) is Tensor
    assert case.output.shape == (1, CLASSES)
    assert case.output.isfinite().all()


def test_parameters_and_multiply_adds_are_what_the_plan_says(case: Case) -> None:
    before, after = case.pruned.plan.cost.before, case.pruned.plan.cost.after
    assert case.macs == after.macs < before.macs
    for model, cost in ((case.model, before), (case.pruned.model, after)):
        assert sum(parameter.numel() for parameter in model.parameters()) == cost.params
        states = [*model.parameters(), *model.buffers()]
        assert sum(state.numel() * state.element_size() for state in states) == cost.bytes


def test_pruned_equals_zeroed(case: Case) -> None:
    assert case.verification.ok, str(case.verification)
    assert case.verification.error < 1e-4
    assert case.verification.is_proof


def test_the_original_is_bit_identical(case: Case) -> None:
    assert digest(case.model) == case.digest_before
    assert not any(module.training for module in case.model.modules())


def test_every_attribute_of_a_standard_layer_says_what_the_layer_is(case: Case) -> None:
    for module in case.pruned.model.modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.shape[:2] == (module.out_channels, module.in_channels // module.groups)
        elif isinstance(module, nn.Linear):
            assert module.weight.shape == (module.out_features, module.in_features)
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean.shape == module.weight.shape == (module.num_features,)
        elif isinstance(module, nn.LayerNorm):
            assert module.weight.shape == module.normalized_shape


@pytest.mark.parametrize("case", WITH_AUXILIARY_HEADS, indirect=True)
def test_a_pruned_model_with_auxiliary_heads_can_be_trained(case: Case) -> None:
    model = case.pruned.model.train()
    outputs = model(torch.cat([case.x, case.x.flip(3)]))
    assert [tuple(output.shape) for output in outputs] == [(2, CLASSES)] * {"googlenet": 3, "inception_v3": 2}[
        case.name
    ]
    loss = sum(nn.functional.cross_entropy(output, torch.tensor([3, 5])) for output in outputs)
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_no_name_of_torchvision_appears_in_the_engine() -> None:
    registered = set(torchvision.models.list_models())
    text = "\n".join(path.read_text(encoding="utf-8") for path in _engine_files())
    words = set(re.findall(r"\w+", text))
    assert len(registered) > 80
    assert words & registered == set()
    classes = set(_class_names())
    assert {"ResNet", "VisionTransformer", "InvertedResidual", "Conv2dNormActivation"} <= classes
    assert words & classes == set()


def _engine_files() -> list[Path]:
    files = list(Path(explorer.__file__).parent.joinpath("engine").rglob("*.py"))
    assert len(files) > 30
    return files


def _class_names() -> Iterator[str]:
    """Every module class that torchvision defines, for models or for their parts."""
    for package in (torchvision.models, torchvision.ops):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            module: Any = importlib.import_module(found.name)
            for name, value in inspect.getmembers(module, inspect.isclass):
                if issubclass(value, nn.Module) and value.__module__ == found.name:
                    yield name
