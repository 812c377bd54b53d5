"""Models of timm and transformers as they come; where these are not installed, nothing is said.

``python -m pip install timm transformers`` brings them; the explorer itself knows nothing of either.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

import explorer
from tests.engine.nets import proven, randomised


@pytest.mark.parametrize(
    "name",
    ["resnet18", "mobilenetv3_small_050", "convnext_atto", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"],
)
def test_timm(name: str) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = randomised(timm.create_model(name, pretrained=False, num_classes=10))
    graph = explorer.trace(model, torch.randn(1, 3, 224, 224))
    assert not graph.unsupported_ops()
    proven(graph.plan(0.5).apply())


TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "BertModel": ("BertConfig", {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
                                 "intermediate_size": 48, "vocab_size": 60}),
    "GPT2LMHeadModel": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 60}),
    "LlamaForCausalLM": ("LlamaConfig", {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
                                         "num_key_value_heads": 2, "intermediate_size": 48, "vocab_size": 60}),
    "T5Model": ("T5Config", {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "vocab_size": 60}),
}  # fmt: skip
"""Classes of transformers with configurations that are small and need no download."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", sorted(TINY))
def test_transformers(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    config, options = TINY[name]
    torch.manual_seed(0)
    model = randomised(getattr(transformers, name)(getattr(transformers, config)(**options)))
    tokens = torch.randint(0, 60, (1, 9), generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": tokens} | ({"decoder_input_ids": tokens} if name.startswith("T5") else {})
    graph = explorer.trace(model, inputs)
    assert len(graph.groups) > len(options)
    proven(graph.plan(0.5).apply())
