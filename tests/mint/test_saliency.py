"""The saliency against autograd on the module, and the choice of layers."""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from interp.context import Context
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp.target import Target
from interp_mint.image import TwoScaleImage
from interp_mint.params import MintParams
from interp_mint.saliency import deep_cut, saliency, shallow_layer
from interp_torch.opening import open_model


@pytest.mark.parametrize(
    "target", [Target(0, "red"), Target(1, "both"), Target(0, "red, not both", 1)]
)
@pytest.mark.parametrize("layer", ["deep", "narrow"])
def test_saliency_is_gradient_times_activation(
    layer: str, target: Target, colour_model: ModelAdapter, plant: Callable
) -> None:
    pixels, _ = colour_model.prepare(plant(0).image)
    cut = colour_model.cut(layer)
    found = saliency(colour_model, cut, cut.prefix(pixels[None]), target, Context())
    net = colour_model.module()
    held: dict[str, torch.Tensor] = {}
    hook = getattr(net, layer).register_forward_hook(
        lambda module, args, out: held.update(map=out.requires_grad_().retain_grad() or out)
    )
    probability = net(pixels[None] - 0.5).sigmoid()[0]
    hook.remove()
    target.select(probability).backward()
    net.zero_grad(set_to_none=True)
    gradient = held["map"].grad
    assert gradient is not None
    slow = (gradient * held["map"]).sum(1)[0].detach().numpy()
    np.testing.assert_allclose(found, slow, rtol=1e-4, atol=1e-7 * np.abs(slow).max() + 1e-12)


def test_default_layers(colour_model: ModelAdapter, plant: Callable) -> None:
    pixels, _ = colour_model.prepare(plant(0).image)
    cut, frontier = deep_cut(colour_model, pixels)
    assert cut.layer.name == "deep" and frontier.activation.shape == (1, 3, 24, 24)
    assert shallow_layer(colour_model, 2.0).name == "narrow"
    assert shallow_layer(colour_model, 1.0).name == "colour"
    assert shallow_layer(colour_model, 0.5).name == "colour"  # the finest there is


def test_a_block_that_ends_with_a_pooling_is_no_map() -> None:
    stage = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    head = nn.Sequential(nn.Flatten(), nn.Linear(256, 2))
    net = nn.Sequential(OrderedDict(stage=stage, head=head)).eval()
    model = open_model(net, ModelOptions(input={"size": (16, 16)}))
    assert [each.name for each in model.maps()] == ["stage.0", "stage.1"]


def test_named_layers_are_used_and_unknown_ones_refused(
    colour_model: ModelAdapter, plant: Callable
) -> None:
    image = TwoScaleImage.open(
        colour_model, plant(0).image, MintParams(deep="narrow", shallow="colour")
    )
    assert image.cut.layer.name == "narrow" and image.shallow_name == "colour"
    with pytest.raises(InputError, match="narow"):
        TwoScaleImage.open(colour_model, plant(0).image, MintParams(deep="narow"))


class Mix(nn.Linear):
    """Mixes tokens (N, T, C) instead of channels."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return super().forward(tokens.mT).mT


class ClassTokenNet(nn.Module):
    """Patches and a class token; the last block looks at the class token alone."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 4, 8, stride=8)
        self.mix = Mix(17, 17)
        self.last = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.patches(x).flatten(2)  # (N, 4, 16)
        tokens = torch.cat([patches.mean(2, keepdim=True), patches], 2).mT
        return self.head(self.last(self.mix(tokens))[:, 0])


def test_a_transformer_is_cut_where_its_patches_still_matter(plant: Callable) -> None:
    model = open_model(ClassTokenNet().eval(), ModelOptions(input={"size": (32, 32)}))
    pixels, _ = model.prepare(plant(0).image)
    assert deep_cut(model, pixels)[0].layer.name == "patches"
