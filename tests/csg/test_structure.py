"""Finding maps, mean, linear layer: on real architectures, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from interp.errors import InputError, UnsupportedError
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_csg.structure import find_ending, weights_of
from interp_torch.opening import open_model as open_torch

SMALL = ModelOptions(input={"size": (64, 64), "mean": (0.5,) * 3, "std": (0.5,) * 3})


@pytest.mark.parametrize(
    ("name", "layer", "linear", "filters"),
    [
        ("resnet18", "layer4", "fc", 512),
        ("mobilenet_v2", "features", "classifier.1", 1280),
        ("shufflenet_v2_x0_5", "conv5", "fc", 1024),
    ],
)
def test_torchvision(name: str, layer: str, linear: str, filters: int) -> None:
    from torchvision import models

    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = getattr(models, name)(weights=None, num_classes=7)
    found = find_ending(open_torch(made.eval(), SMALL))
    assert found.layer.startswith(layer) and found.linear == linear
    assert (found.filters, found.classes) == (filters, 7)


def test_named_layers(model) -> None:
    assert find_ending(model).layer == "last"
    assert find_ending(model, "last.1").layer == "last.1"
    with pytest.raises(UnsupportedError, match="head takes 6 numbers, and first is not that"):
        find_ending(model, "first")
    with pytest.raises(InputError, match=r"has no layer 'lost'.*'last'"):
        find_ending(model, "lost")


def test_weights(model) -> None:
    weight, bias = weights_of(model, "head")
    assert torch.equal(weight, model.module().head.weight)
    assert torch.equal(bias, model.module().head.bias)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_precision_hides_no_layer(precision) -> None:
    model = open_model("creatures-resnet", ModelOptions(precision=precision), Registry.load())
    assert find_ending(model).layer == "stage3"
    with pytest.raises(UnsupportedError, match=r"stage3.1.norm2 is not that"):
        find_ending(model, "stage3.1.norm2")


def test_hidden_layers_are_refused() -> None:
    vgg = open_model("creatures-vgg", ModelOptions(), Registry.load())
    with pytest.raises(UnsupportedError, match=r"looked for maps whose mean.*classifier takes 128"):
        find_ending(vgg)


def test_a_network_without_linear_layer_is_refused() -> None:
    bare = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(UnsupportedError, match="looked for a linear layer with an output for each"):
        find_ending(open_torch(bare.eval(), SMALL))


def test_max_pooling_is_refused() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )
    with pytest.raises(UnsupportedError, match="no layer's maps are that"):
        find_ending(open_torch(net.eval(), SMALL))
