"""Attention read from modules of every kind is what it is by hand, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
import torchvision
import transformers
from support import networks
from torch import Tensor, nn
from torch.nn import functional

from interp.errors import InterpError
from interp.network.attention import AttentionLayer
from interp_creatures.networks import Attention as CreaturesAttention
from interp_torch.attention import explicit, reading_attention

WIDTH, HEADS, TOKENS = 12, 3, 7


def by_hand(q: Tensor, k: Tensor, scale: float) -> Tensor:
    """softmax(scale q k') of (N, heads, T, d), a number at a time."""
    raw = torch.einsum("nhid,nhjd->nhij", q.double(), k.double()) * scale
    grown = torch.exp(raw - raw.amax(-1, keepdim=True))
    return grown / grown.sum(-1, keepdim=True)


def heads(values: Tensor) -> Tensor:
    return values.unflatten(-1, (HEADS, -1)).transpose(-3, -2)


def read(
    module: nn.Module, *given: object, images: int = 2, **more: object
) -> list[AttentionLayer]:
    """What is read of a module, whose answer must stay the same."""
    with torch.no_grad():
        plain = module(*given, **more)
        with reading_attention(module, images) as layers:
            seen = module(*given, **more)
    for one, other in zip(_tensors(plain), _tensors(seen), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    return layers


def _tensors(answer: object) -> list[Tensor]:
    if isinstance(answer, Tensor):
        return [answer]
    parts = answer.values() if isinstance(answer, dict) else answer
    return [each for each in parts if isinstance(each, Tensor)]  # type: ignore[union-attr]


def tokens(seed: int = 0) -> Tensor:
    return torch.randn(2, TOKENS, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("average", [True, False])
def test_torch_multi_head_attention(need_weights: bool, average: bool) -> None:
    module = networks.seeded(lambda: nn.MultiheadAttention(WIDTH, HEADS, batch_first=True))
    x = tokens()
    (layer,) = read(module, x, x, x, need_weights=need_weights, average_attn_weights=average)
    q, k, _ = functional.linear(x, module.in_proj_weight, module.in_proj_bias).chunk(3, -1)
    expected = by_hand(heads(q), heads(k), (WIDTH // HEADS) ** -0.5)
    torch.testing.assert_close(layer.weights.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("normed", [True, False])
def test_timm_attention(fused: bool, normed: bool) -> None:
    module = networks.seeded(
        lambda: timm.layers.Attention(
            WIDTH, HEADS, qkv_bias=True, qk_norm=normed, norm_layer=nn.LayerNorm
        )
    )
    module.fused_attn = fused
    x = tokens()
    (layer,) = read(module, x)
    q, k, _ = module.qkv(x).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
    expected = by_hand(module.q_norm(q), module.k_norm(k), module.scale)
    torch.testing.assert_close(layer.weights.double(), expected.detach(), rtol=1e-5, atol=1e-5)


def test_creatures_attention() -> None:
    module = networks.seeded(lambda: CreaturesAttention(WIDTH, HEADS))
    (layer,) = read(module, tokens())
    q, k, _ = module.qkv(tokens()).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
    expected = by_hand(q, k, (WIDTH // HEADS) ** -0.5)
    torch.testing.assert_close(layer.weights.double(), expected.detach(), rtol=1e-5, atol=1e-5)


def test_torchvision_encoder_block() -> None:
    module = networks.seeded(
        lambda: torchvision.models.vision_transformer.EncoderBlock(HEADS, WIDTH, 16, 0.1, 0.1)
    )
    (layer,) = read(module, tokens())
    own = module.self_attention
    x = module.ln_1(tokens())
    q, k, _ = functional.linear(x, own.in_proj_weight, own.in_proj_bias).chunk(3, -1)
    expected = by_hand(heads(q), heads(k), (WIDTH // HEADS) ** -0.5)
    assert layer.name == "self_attention"
    torch.testing.assert_close(layer.weights.double(), expected.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm_first", [True, False])
def test_torch_encoder_layers_whose_fast_path_shows_nothing(norm_first: bool) -> None:
    def build() -> nn.Module:
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 16, batch_first=True, norm_first=norm_first
        )
        return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    layers = read(networks.seeded(build), tokens())
    assert [each.name for each in layers] == ["layers.0.self_attn", "layers.1.self_attn"]


@pytest.mark.parametrize("kind", ["eager", "sdpa"])
@pytest.mark.parametrize("name", ["ViT", "DeiT", "Dinov2", "Dinov2WithRegisters", "Beit"])
def test_transformers_output_the_same_attention(name: str, kind: str) -> None:
    """Their own `output_attentions`, which only the eager form has."""
    config = getattr(transformers, f"{name}Config")(
        hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=16,
        image_size=16, patch_size=8, num_labels=3,
    )  # fmt: skip
    build = getattr(transformers, f"{name}ForImageClassification")
    module = networks.seeded(lambda: build(config))
    module.set_attn_implementation("eager")
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = module(x, output_attentions=True).attentions
    module.set_attn_implementation(kind)
    layers = read(module, x)
    assert len(layers) == len(expected) == 2
    for layer, other in zip(layers, expected, strict=True):
        torch.testing.assert_close(layer.weights, other, rtol=1e-5, atol=1e-5)


MASK = torch.tensor([[0.0, -1.0, 2.0, 0.5, 0.0]] * 4)
CALLS = {
    "plain": {},
    "scale": {"scale": 0.3},
    "added mask": {"attn_mask": MASK},
    "chosen": {"attn_mask": MASK > -0.5},
    "causal": {"is_causal": True},
}


@pytest.mark.parametrize("call", CALLS)
def test_the_explicit_form_is_the_fused_one(call: str) -> None:
    drawn = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, 6, count, 8, generator=drawn) for count in (4, 5, 5))
    expected = functional.scaled_dot_product_attention(q, k, v, **CALLS[call])
    weights, output = explicit(q, k, v, **CALLS[call])
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 6, 4))


def test_heads_that_share_keys() -> None:
    drawn = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, count, 5, 8, generator=drawn) for count in (6, 2, 2))
    expected = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    torch.testing.assert_close(explicit(q, k, v, enable_gqa=True)[1], expected)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("kind", ["torch", "timm"])
def test_slopes_are_those_of_the_model_on_its_attention(kind: str, frozen: bool) -> None:
    """d sum(output) / dA_hij = v_hj . the columns of the projection that head h feeds."""
    if kind == "torch":
        module = networks.seeded(lambda: nn.MultiheadAttention(WIDTH, HEADS, batch_first=True))
        weight, bias, out = module.in_proj_weight, module.in_proj_bias, module.out_proj.weight
    else:
        module = networks.seeded(lambda: timm.layers.Attention(WIDTH, HEADS, qkv_bias=True))
        weight, bias, out = module.qkv.weight, module.qkv.bias, module.proj.weight
    module.requires_grad_(not frozen)
    x = tokens().requires_grad_()
    with reading_attention(module, 2) as layers:
        output = module(x, x, x)[0] if kind == "torch" else module(x)
    (slope,) = torch.autograd.grad(output.sum(), layers[0].recorded)
    v = heads(functional.linear(x, weight, bias).chunk(3, -1)[2])
    per_value = heads(out.sum(0)[None, None])[0]  # (heads, 1, d)
    expected = torch.einsum("nhjd,hd->nhj", v, per_value[:, 0])[:, :, None].expand(2, HEADS, 7, 7)
    torch.testing.assert_close(layers[0].by_head(slope), expected, rtol=1e-4, atol=1e-5)


class Failing(nn.Module):
    """Attends, and then fails on the second pass."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = timm.layers.Attention(WIDTH, HEADS)
        self.fails = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x)
        if self.fails:
            raise RuntimeError("on purpose")
        return x


def test_all_is_undone_after_an_error() -> None:
    module = networks.seeded(Failing)
    with torch.no_grad():
        before = module(tokens())
        module.fails = True
        with pytest.raises(RuntimeError, match="on purpose"), reading_attention(module, 2):
            module(tokens())
        module.fails = False
        assert torch.equal(module(tokens()), before)
    assert torch._C._len_torch_function_stack() == 0
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())
    assert module.inner.fused_attn


def test_the_adapter_answers_the_same_scores(
    tiny: Callable, picture: Callable, by_hand: type
) -> None:
    model = tiny(0)
    pixels = torch.stack([model.prepare(picture(seed))[0] for seed in range(3)])
    found = model.attention(pixels)
    torch.testing.assert_close(found.scores, model.predict(pixels), rtol=1e-5, atol=1e-5)
    assert [each.name for each in found.layers] == ["blocks.0.attention", "blocks.1.attention"]
    for at in range(3):
        expected = by_hand(model.module()).attention(pixels[at].numpy())
        for layer, other in zip(found.layers, expected, strict=True):
            np.testing.assert_allclose(layer.weights[at], other, atol=1e-5)


def test_an_exported_program_shows_its_attention(
    tiny: Callable, picture: Callable, explain: Callable
) -> None:
    from interp.spec import ModelOptions
    from interp_torch.opening import open_model

    model = tiny(0)
    free = ({0: torch.export.Dim.DYNAMIC},)
    program = torch.export.export(model.module(), (torch.zeros(2, 3, 24, 24),), dynamic_shapes=free)
    given = {"size": (24, 24), "mean": (0.0,) * 3, "std": (1.0,) * 3}
    other = open_model(program, ModelOptions(device="cpu", input=given))
    first, second = (
        explain("attention-rollout", each, picture(0)).map() for each in (model, other)
    )
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)
    with pytest.raises(InterpError, match="MODULE"):
        explain("legrad", other, picture(0))
