"""Models of timm and transformers as they come: halved and proven, with no line of code for any of them.

Neither library is required, and these tests are left out where it is absent. To run them:
`python -m pip install timm transformers && python -m pytest tests/test_ecosystem.py`. All weights are random; nothing
is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import explorer
from explorer.engine.trace import ExampleInputs

WIDTH, TOKENS = 64, 99
SIZES = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
TEXT = {"vocab_size": TOKENS, **SIZES}
QUERIES_SHARE = {**TEXT, "num_key_value_heads": 2}
PICTURE = {"image_size": 32, "patch_size": 8}

TIMM = (
    "convnext_atto",
    "efficientnet_b0",
    "levit_128s",
    "mobilenetv3_small_100",
    "mobilevit_xxs",
    "regnety_002",
    "resnet18d",
    "swin_tiny_patch4_window7_224",
    "vit_tiny_patch16_224",
)


def ids() -> torch.Tensor:
    """Two sentences of twelve tokens."""
    return torch.randint(0, TOKENS, (2, 12))


def bert(library: Any) -> tuple[nn.Module, ExampleInputs]:
    return library.BertForSequenceClassification(library.BertConfig(**TEXT)), {"input_ids": ids()}


def gpt2(library: Any) -> tuple[nn.Module, ExampleInputs]:
    sizes = {"vocab_size": TOKENS, "n_embd": WIDTH, "n_layer": 2, "n_head": 4}
    config = library.GPT2Config(**sizes, bos_token_id=None, eos_token_id=None)
    return library.GPT2LMHeadModel(config), {"input_ids": ids()}


def llama(library: Any) -> tuple[nn.Module, ExampleInputs]:
    return library.LlamaForCausalLM(library.LlamaConfig(**QUERIES_SHARE)), {"input_ids": ids()}


def qwen3(library: Any) -> tuple[nn.Module, ExampleInputs]:
    config = library.Qwen3Config(**QUERIES_SHARE, head_dim=16)
    return library.Qwen3ForCausalLM(config), {"input_ids": ids()}


def t5(library: Any) -> tuple[nn.Module, ExampleInputs]:
    config = library.T5Config(vocab_size=TOKENS, d_model=WIDTH, d_kv=16, d_ff=96, num_layers=2, num_heads=4)
    return library.T5ForConditionalGeneration(config), {"input_ids": ids(), "decoder_input_ids": ids()}


def vit(library: Any) -> tuple[nn.Module, ExampleInputs]:
    config = library.ViTConfig(**SIZES, **PICTURE)
    return library.ViTForImageClassification(config), {"pixel_values": torch.randn(2, 3, 32, 32)}


def clip(library: Any) -> tuple[nn.Module, ExampleInputs]:
    config = library.CLIPVisionConfig(**SIZES, **PICTURE)
    return library.CLIPVisionModel(config), {"pixel_values": torch.randn(2, 3, 32, 32)}


def wav2vec2(library: Any) -> tuple[nn.Module, ExampleInputs]:
    ears = {"conv_dim": (32, 32), "conv_stride": (5, 2), "conv_kernel": (10, 3), "num_feat_extract_layers": 2}
    config = library.Wav2Vec2Config(**SIZES, **ears, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4)
    return library.Wav2Vec2Model(config), {"input_values": torch.randn(1, 400)}


TRANSFORMERS = (bert, clip, gpt2, llama, qwen3, t5, vit, wav2vec2)


def halved(model: nn.Module, inputs: ExampleInputs) -> explorer.Pruned:
    """A model with half of every group gone, after everything about it was checked."""
    graph = explorer.trace(model.eval(), inputs)
    assert graph.unsupported_ops() == ()
    assert graph.not_reached == ()
    pruned = graph.plan(0.5).apply()
    proof = pruned.verify()
    assert proof.failures == ()
    assert proof.is_proof
    assert pruned.way == "live"
    assert type(pruned.model) is type(model)
    return pruned


def left(pruned: explorer.Pruned) -> float:
    """Fraction of the parameters that is left."""
    return pruned.plan.cost.after.params / pruned.plan.cost.before.params


@pytest.mark.parametrize("name", TIMM)
def test_models_of_timm(name: str) -> None:
    timm = pytest.importorskip("timm")
    model = timm.create_model(name, pretrained=False)
    assert left(halved(model, torch.randn(1, *model.default_cfg["input_size"]))) < 0.4


@pytest.mark.parametrize("build", TRANSFORMERS)
def test_models_of_transformers(build: Callable[[Any], tuple[nn.Module, ExampleInputs]]) -> None:
    library = pytest.importorskip("transformers")
    assert left(halved(*build(library))) < 0.7


def test_queries_that_share_keys_keep_sharing_them() -> None:
    library = pytest.importorskip("transformers")
    pruned = halved(*llama(library))
    attention = pruned.model.model.layers[0].self_attn
    assert attention.q_proj.out_features == 2 * attention.k_proj.out_features
    assert attention.head_dim == attention.k_proj.out_features // 2 == 8
    assert attention.q_proj.in_features == 32


def test_a_pruned_decoder_generates() -> None:
    library = pytest.importorskip("transformers")
    pruned = halved(*llama(library))
    text = pruned.model.generate(ids(), max_new_tokens=4, do_sample=False, pad_token_id=0, eos_token_id=None)
    assert text.shape == (2, 16)
