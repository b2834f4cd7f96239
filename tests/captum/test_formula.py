"""Each method against a slow second writing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from interp.model import ModelAdapter
from interp.network.preprocess import encode
from interp.target import Target, parse_target

TARGETS = ["0", "2", "1, not 0"]
CASES = [(seed, target) for seed in range(3) for target in TARGETS]


def pixels_of(model: ModelAdapter, image: np.ndarray) -> torch.Tensor:
    return model.prepare(image)[0][None]


def by_parts(model: ModelAdapter, layer: str, pixels: torch.Tensor) -> tuple:
    """Activation of `first` or `conv`, and the rest of SmallNet as a function of it."""
    net = model.module()
    inputs = encode(pixels, model.spec.input)

    def rest(activation: torch.Tensor) -> torch.Tensor:
        hidden = net.conv(activation) if layer == "first" else activation
        return net.head(torch.nn.functional.hardswish(hidden).mean((2, 3)))

    with torch.no_grad():
        first = net.first(inputs)
        return (first if layer == "first" else net.conv(first)).clone(), rest


def asked(model: ModelAdapter, text: str) -> Target:
    return parse_target(text, model.spec.classes)


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    return float(np.abs(found - expected).max()) <= 1e-4 * float(np.abs(expected).max())


def over_image(model: ModelAdapter, image: np.ndarray, layer: str, cells: np.ndarray) -> np.ndarray:
    """Cells at their receptive fields' centres; the image has the input's size."""
    placement = model.prepare(image)[1]
    return placement.to_image(placement.grid_to_input(cells, model.layer(layer).field))


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("layer", ["first", "conv"])
@pytest.mark.parametrize(("seed", "target"), CASES)
def test_layer_ablation_is_a_loop_over_channels(
    small: Callable, explain: Callable, picture: Callable, seed, target, layer, output
) -> None:
    """`conv` is followed by an in-place activation that is not idempotent."""
    model, image = small(seed), picture(seed)
    found = explain("layer-ablation", model, image, target, layer=layer, output=output)
    activation, rest = by_parts(model, layer, pixels_of(model, image))

    def score(values: torch.Tensor) -> float:
        with torch.no_grad():
            scores = rest(values)[0]
        scores = scores.softmax(0) if output == "prob" else scores
        return float(asked(model, target).select(scores))

    expected = []
    for channel in range(activation.shape[1]):
        without = activation.clone()
        without[0, channel] = 0
        expected.append(score(activation) - score(without))
    cells = sum(w * a for w, a in zip(expected, activation[0].numpy(), strict=True))
    assert close(found.named("channels").values, np.array(expected))
    assert close(found.named("map").values, over_image(model, image, layer, cells))
    assert found.samples == activation.shape[1] + 2


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("method", ["layer-conductance", "layer-ablation"])
def test_positive_cuts_what_speaks_against(
    small: Callable, explain: Callable, picture: Callable, method, positive
) -> None:
    found = explain(method, small(2), picture(0), "1", layer="first", positive=positive)
    heatmap = found.named("map")
    assert heatmap.signed is not positive
    assert (heatmap.values.min() >= 0) == positive


@pytest.mark.parametrize(("window", "stride"), [(0.25, 0.5), (0.3, 1.0), (0.16, 0.6)])
@pytest.mark.parametrize("target", TARGETS)
def test_occlusion_is_a_loop_over_squares(
    small: Callable, explain: Callable, picture: Callable, target, window, stride
) -> None:
    model, image = small(0), picture(3)
    found = explain(
        "captum-occlusion", model, image, target, window=window, stride=stride, fill="grey"
    )
    pixels = pixels_of(model, image)
    side = round(window * 32)
    step = round(stride * side)
    last = 32 - side
    starts = [*range(0, last, step), max(-(-last // step), 0) * step]
    loss, seen = np.zeros((32, 32)), np.zeros((32, 32))

    def score(values: torch.Tensor) -> float:
        return float(asked(model, target).select(model.predict(values)[0]))

    for y in starts:
        for x in starts:
            hidden = pixels.clone()
            hidden[0, :, y : y + side, x : x + side] = 0.5
            loss[y : y + side, x : x + side] += score(pixels) - score(hidden)
            seen[y : y + side, x : x + side] += 1
    assert close(found.named("map").values, loss / seen)
    assert found.samples == len(starts) ** 2 + 1


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("baseline", ["mean", "black", "grey"])
@pytest.mark.parametrize("target", TARGETS)
def test_integrated_gradients_add_up_to_the_change(
    small: Callable, explain: Callable, picture: Callable, target, baseline, output
) -> None:
    model, image = small(1), picture(1)
    found = explain(
        "integrated-gradients", model, image, target, baseline=baseline, output=output, steps=500
    )
    pixels = pixels_of(model, image)
    plain = {"mean": model.spec.input.mean, "black": (0.0,) * 3, "grey": (0.5,) * 3}[baseline]
    empty = torch.tensor(plain).view(1, 3, 1, 1).expand_as(pixels)
    pair = model.probabilities(model.predict(torch.cat([pixels, empty])), output)
    full, none = asked(model, target).select(pair)
    change = float(full - none)
    assert abs(found.named("map").values.sum() - change) < 1e-2 * abs(change)
    assert found.samples == 500


def test_integrated_gradients_are_a_riemann_sum(
    small: Callable, explain: Callable, picture: Callable
) -> None:
    model, image = small(2), picture(2)
    found = explain("integrated-gradients", model, image, "1", baseline="black", steps=500)
    pixels, target = pixels_of(model, image), asked(model, "1")
    slopes = [model.gradient(pixels * (at + 0.5) / 500, [target]) for at in range(500)]
    expected = (pixels * sum(slopes) / 500)[0].sum(0).numpy()
    assert np.abs(found.named("map").values - expected).max() < 1e-2 * np.abs(expected).max()
