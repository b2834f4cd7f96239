"""Rollout from ONNX files of both exporters is the module's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import timm
import torch
import torchvision
import transformers
from support import networks
from torch import nn

from interp.errors import UnsupportedError
from interp.spec import ModelOptions
from interp_onnx.adapter import OnnxAdapter
from interp_onnx.opening import open_model
from interp_torch.adapter import TorchAdapter

SIZE = 32


def torchvision_vit() -> nn.Module:
    made = torchvision.models.VisionTransformer(SIZE, 8, 2, 2, 16, 32, num_classes=3)
    nn.init.normal_(made.heads.head.weight)
    return made


def timm_vit(**how: object) -> Callable[[], nn.Module]:
    given = {"img_size": SIZE, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
    return lambda: timm.models.VisionTransformer(**given, num_classes=3, **how)


def transformers_vit() -> nn.Module:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        image_size=SIZE, patch_size=8, num_labels=3,
    )  # fmt: skip
    return Logits(transformers.ViTForImageClassification(config))


class Logits(nn.Module):
    """A classifier of transformers with its scores alone."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image).logits


MODELS: dict[str, Callable[[], nn.Module]] = {
    "timm": timm_vit(),
    "timm with registers": timm_vit(reg_tokens=3, qk_norm=True),
    "timm pooled": timm_vit(class_token=False, global_pool="avg"),
    "torchvision": torchvision_vit,
    "transformers": transformers_vit,
}


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, open_both: Callable
) -> Callable[[str, str], tuple[TorchAdapter, OnnxAdapter]]:
    kept: dict[tuple[str, str], tuple[TorchAdapter, OnnxAdapter]] = {}

    def made(name: str, how: str) -> tuple[TorchAdapter, OnnxAdapter]:
        if (name, how) not in kept:
            path = tmp_path_factory.mktemp("onnx") / "model.onnx"
            kept[name, how] = open_both(networks.seeded(MODELS[name]), how, path)
        return kept[name, how]

    return made


@pytest.fixture(scope="module")
def open_both() -> Callable[[nn.Module, str, Path], tuple[TorchAdapter, OnnxAdapter]]:
    """open_both(module, how, path): the module, and the file that an exporter makes of it."""
    from interp_torch.opening import open_model as open_module

    given = {"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    options = ModelOptions(device="cpu", input=given)

    def opened(module: nn.Module, how: str, path: Path) -> tuple[TorchAdapter, OnnxAdapter]:
        export(module, how, path)
        return open_module(module, options), open_model(str(path), options)

    return opened


def export(module: nn.Module, how: str, path: Path, **more: object) -> None:
    """By PyTorch's `new` exporter or its `old` one, for any batch size."""
    images = torch.zeros(2, 3, SIZE, SIZE)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if how == "new":
            torch.onnx.export(
                module, (images,), str(path), dynamo=True, verbose=False,
                dynamic_shapes=({0: torch.export.Dim.AUTO},), **more,
            )  # fmt: skip
        else:
            fast = torch.backends.mha.get_fastpath_enabled()  # which this exporter cannot write
            torch.backends.mha.set_fastpath_enabled(False)
            axes = {"image": {0: "n"}, "scores": {0: "n"}}
            torch.onnx.export(
                module, (images,), str(path), dynamo=False, input_names=["image"],
                output_names=["scores"], dynamic_axes=axes, opset_version=17, **more,
            )  # fmt: skip
            torch.backends.mha.set_fastpath_enabled(fast)


@pytest.mark.parametrize("how", ["new", "old"])
@pytest.mark.parametrize("name", MODELS)
def test_rollout_is_the_same_from_a_file(
    exported: Callable, explain: Callable, picture: Callable, name: str, how: str
) -> None:
    module, file = exported(name, how)
    for params in ({}, {"fusion": "max", "discard": 0.3}):
        first, second = (
            explain("attention-rollout", each, picture(0, SIZE), **params)
            for each in (module, file)
        )
        apart = np.abs(first.map() - second.map()).max()
        assert apart <= 1e-3 * np.abs(first.map()).max()
        assert first.notes == second.notes


@pytest.mark.parametrize("how", ["new", "old"])
@pytest.mark.parametrize("name", MODELS)
def test_every_layer_is_read_from_a_file(
    exported: Callable, picture: Callable, name: str, how: str
) -> None:
    module, file = exported(name, how)
    pixels = torch.stack([module.prepare(picture(seed, SIZE))[0] for seed in range(3)])
    first, second = module.attention(pixels), file.attention(pixels)
    torch.testing.assert_close(first.scores, second.scores, rtol=1e-4, atol=1e-4)
    assert len(first.layers) == len(second.layers) == 2
    for one, other in zip(first.layers, second.layers, strict=True):
        torch.testing.assert_close(one.weights, other.weights, rtol=1e-4, atol=1e-5)
    if "timm" in name:
        assert [each.name for each in second.layers] == ["blocks.0.attn", "blocks.1.attn"]


@pytest.mark.parametrize("method", ["gradient-rollout", "transformer-attribution"])
@pytest.mark.parametrize("how", ["new", "old"])
@pytest.mark.parametrize("name", MODELS)
def test_slopes_on_attention_are_the_same_in_a_file(
    exported: Callable, explain: Callable, picture: Callable, name: str, how: str, method: str
) -> None:
    model, file = exported(name, how)
    found, expected = (explain(method, each, picture(0, SIZE)).map() for each in (file, model))
    assert abs(found - expected).max() <= 1e-4 * abs(expected).max()


def test_a_file_has_no_blocks_to_hook_into(
    exported: Callable, explain: Callable, picture: Callable
) -> None:
    _, file = exported("timm", "old")
    with pytest.raises(UnsupportedError, match="needs MODULE") as told:
        explain("legrad", file, picture(0, SIZE))
    assert len(str(told.value)) < 400


def test_fused_attention_is_refused_with_the_remedy(
    exported: Callable, explain: Callable, picture: Callable, open_both: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "fused.onnx"
    export(networks.seeded(MODELS["timm"]), "new", path, opset_version=23)
    if not any(node.op_type == "Attention" for node in onnx.load(path).graph.node):
        pytest.skip("this exporter does not fuse attention")
    file = open_model(str(path), ModelOptions(device="cpu", input={"size": (SIZE, SIZE)}))
    with pytest.raises(UnsupportedError, match="export the model anew with an opset below 23"):
        explain("attention-rollout", file, picture(0, SIZE))


def test_a_file_without_attention_is_refused(
    explain: Callable, picture: Callable, open_both: Callable, tmp_path: Path
) -> None:
    _, file = open_both(networks.pooled_net(), "old", tmp_path / "plain.onnx")
    with pytest.raises(UnsupportedError, match="shows no attention"):
        explain("attention-rollout", file, picture(0, SIZE))
