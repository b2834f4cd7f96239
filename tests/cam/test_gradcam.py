"""Grad-CAM through cuts: Captum's and autograd's maps, the common checks, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from interp.errors import Cancelled, InputError, UnsupportedError
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.network import direction
from interp.network.preprocess import encode
from interp.opening.images import named_images
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions
from interp.target import Target, parse_target
from interp.testing import MethodCase, ToyModel, method_checks
from interp_torch.opening import open_model as open_module

REGISTRY = Registry.load()
TARGETS = ["0", "2", "1, not 0"]


class Net(nn.Module):
    """Batch norm, dropout, and an in-place activation that is not idempotent behind `conv`."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first = nn.Sequential(nn.Conv2d(3, 5, 3, 2, 1), nn.BatchNorm2d(5), nn.SiLU(True))
            self.conv = nn.Conv2d(5, 6, 3, 2, 1)
            self.act = nn.Hardswish(inplace=True)
            self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 3))
        self.head[1].weight.data *= 20

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.conv(self.first(x))).mean((2, 3)))

    def rest(self, layer: str, activation: torch.Tensor) -> torch.Tensor:
        """Scores as a function of what `first` or `conv` gives."""
        hidden = self.conv(activation) if layer == "first" else activation
        return self.head(nn.functional.hardswish(hidden).mean((2, 3)))


def opened(seed: int = 0) -> ModelAdapter:
    return open_module(Net(seed).eval(), ModelOptions(device="cpu", input={"size": (32, 32)}))


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)


def explain(model: ModelAdapter, image: np.ndarray, *targets: str, **params: object) -> Explanation:
    request = Request(method="gradcam", targets=targets or ("0",), params=params)
    return run(request, registry=REGISTRY, model=model, images=[image]).explanation


def asked(model: ModelAdapter, text: str) -> Target:
    return parse_target(text, model.spec.classes)


def over_image(model: ModelAdapter, image: np.ndarray, layer: str, cells: np.ndarray) -> np.ndarray:
    placement = model.prepare(image)[1]
    return placement.to_image(placement.grid_to_input(cells, model.layer(layer).field))


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    return float(np.abs(found - expected).max()) <= 1e-5 * float(np.abs(expected).max())


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("layer", ["first", "conv"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", range(3))
def test_weights_are_autograd_by_hand(seed: int, target: str, layer: str, output: str) -> None:
    model, image = opened(seed), picture(seed)
    found = explain(model, image, target, layer=layer, output=output).named("map")
    net = model.module()
    with torch.no_grad():
        hidden = net.first(encode(model.prepare(image)[0][None], model.spec.input))
        activation = (hidden if layer == "first" else net.conv(hidden)).clone()
    scores = net.rest(layer, activation.requires_grad_())[0]
    scores = scores.softmax(0) if output == "prob" else scores
    asked(model, target).select(scores).backward()
    weights = activation.grad[0].mean((1, 2))
    cells = sum(w * a for w, a in zip(weights, activation.detach()[0], strict=True))
    assert close(found.values, over_image(model, image, layer, cells.numpy()))


def captums(model: ModelAdapter, image: np.ndarray, layer: str, target: str, output: str) -> object:
    """Captum's map, in the image's coordinates."""

    def score(pixels: torch.Tensor) -> torch.Tensor:
        return asked(model, target).select(model.probabilities(model.forward(pixels), output))

    part = model.module().get_submodule(layer)
    pixels = model.prepare(image)[0][None].requires_grad_()
    cells = LayerGradCam(score, part).attribute(pixels)[0, 0].detach().numpy()
    return over_image(model, image, layer, cells)


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("creatures-vgg", "stage3"),
        ("creatures-vgg", "stage2.0"),
        ("creatures-resnet", "stage3"),
        ("creatures-resnet", "stage2.0.conv1"),
        ("toy", "conv1"),
    ],
)
def test_it_is_captums_map(name: str, layer: str, target: str, output: str) -> None:
    if name == "toy":
        model, image = ToyModel(), picture(1)
    else:
        model = open_model(name, ModelOptions(device="cpu"), REGISTRY)
        image = named_images(REGISTRY, ["two"])[0].image
    found = explain(model, image, target, layer=layer, output=output).named("map").values
    assert close(found, captums(model, image, layer, target, output))


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("training", [False, True])
def test_is_a_good_method(check: Callable, training: bool) -> None:
    if not training:
        check(MethodCase("gradcam", registry=REGISTRY))
        return
    model = opened()
    module = model.module().train()
    check(MethodCase("gradcam", registry=REGISTRY, model=model))
    assert all(each.training for each in module.modules())
    assert module.act.inplace


@pytest.mark.parametrize("positive", [False, True])
def test_positive_cuts_what_speaks_against(positive: bool) -> None:
    heatmap = explain(opened(2), picture(0), "1", layer="first", positive=positive).named("map")
    assert heatmap.signed is not positive
    assert (heatmap.values.min() >= 0) == positive


@pytest.mark.parametrize("limit", ["MOST", "BYTES"])
def test_channels_may_come_one_by_one(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a cut has no gradient in one pass; and a run can be stopped between them."""
    model, image = ToyModel(), picture(4)
    whole = explain(model, image, "0", "1").of("heatmap")
    monkeypatch.setattr(direction, limit, 1)
    told: list[tuple[str, int, int | None]] = []
    request = Request(method="gradcam", targets=("0", "1"))
    result = run(
        request,
        Session(
            registry=REGISTRY,
            model=model,
            progress=lambda *step: told.append(step),
        ),
        images=[image],
    )
    assert [each for each in told if each[0] == "slopes"] == [
        ("slopes", done, 6) for done in range(1, 7)
    ]
    for first, second in zip(whole, result.explanation.of("heatmap"), strict=True):
        assert close(first.values, second.values)
    asks = iter([False, False, False, True])
    with pytest.raises(Cancelled):
        run(
            request,
            Session(registry=REGISTRY, model=model, cancelled=lambda: next(asks)),
            images=[image],
        )


@pytest.mark.parametrize(
    ("name", "layer"),
    [("resnet18", "layer4"), ("vgg11", "features.19"), ("mobilenet_v2", "features")],
)
def test_the_default_layer_is_the_last_map(name: str, layer: str) -> None:
    module = getattr(__import__("torchvision").models, name)(weights=None).eval()
    model = open_module(module, ModelOptions(device="cpu", input={"size": (64, 64)}))
    assert model.map_layer().name == layer


def test_a_layer_without_a_grid_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"is no map \(its layout: vector\)"):
        explain(opened(), picture(0), "0", layer="head")
    with pytest.raises(InputError, match="did you mean 'conv'"):
        explain(opened(), picture(0), "0", layer="conw")


def test_the_best_class_is_explained_where_none_is_named() -> None:
    model, image = ToyModel(), picture(0)
    result = run(Request(method="gradcam"), registry=REGISTRY, model=model, images=[image])
    best = int(model.predict(model.prepare(image)[0][None])[0].argmax())
    assert result.explanation.named("map").target == model.spec.classes[best]


def test_what_is_lit_is_known_by_hand() -> None:
    """Channels see red, green and blue; the class wants red and dislikes green."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    net = nn.Sequential(*net, nn.Flatten(), nn.Linear(3, 2))
    net[0].weight.data = (2 * torch.eye(3) - 1)[:, :, None, None]
    net[-1].weight.data = torch.tensor([[8.0, -4.0, 0.0], [0.0, 0.0, 8.0]])
    plain = {"size": (32, 32), "mean": (0.0,) * 3, "std": (1.0,) * 3}
    model = open_module(net.eval(), ModelOptions(device="cpu", input=plain))
    image = np.full((32, 32, 3), 120, np.uint8)
    image[4:10, 4:10], image[20:28, 4:10], image[8:20, 20:28] = np.diag([230] * 3).astype(np.uint8)
    values = explain(model, image, "0").named("map").values
    amount = 230 / 255
    np.testing.assert_allclose(values[5:9, 5:9], 8 / 32**2 * amount, rtol=1e-4)
    np.testing.assert_allclose(values[21:27, 5:9], -4 / 32**2 * amount, rtol=1e-4)
    assert not values[:, 12:].any()
