"""What is lit on an image whose answer is known by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from interp_torch.adapter import TorchAdapter

RED = (slice(6, 18), slice(10, 30))
GREEN = (slice(30, 42), slice(8, 24))
BLUE = (slice(8, 40), slice(56, 72))
METHODS = [
    *("layer-ablation", "integrated-gradients", "captum-occlusion"),
    *("deeplift", "layer-conductance", "input-x-gradient", "feature-ablation"),
]


def drawn() -> np.ndarray:
    """Grey, 48 x 80, with a red, a green and a blue patch."""
    image = np.full((48, 80, 3), 120, np.uint8)
    image[RED], image[GREEN], image[BLUE] = (230, 20, 20), (20, 230, 20), (20, 20, 230)
    return image


@pytest.mark.parametrize("method", METHODS)
def test_red_speaks_for_red_and_green_against(
    planted: TorchAdapter, explain: Callable, method: str
) -> None:
    values = explain(method, planted, drawn(), "0").map()
    assert values.shape == (48, 80)
    peak = np.unravel_index(values.argmax(), values.shape)
    low = np.unravel_index(values.argmin(), values.shape)
    assert 6 <= peak[0] < 18 and 10 <= peak[1] < 30
    assert values[RED].mean() > 0.5 * values.max()
    if method == "layer-ablation":  # green's weight is negative, and smaller than red's
        assert values[GREEN].mean() < 0
    else:
        assert 30 <= low[0] < 42 and 8 <= low[1] < 24
    assert abs(values[8:40, 58:70]).max() < 0.05 * values.max()


@pytest.mark.parametrize("method", METHODS)
def test_a_difference_of_classes_shows_both(
    planted: TorchAdapter, explain: Callable, method: str
) -> None:
    values = explain(method, planted, drawn(), "1, not 0").map()
    assert values[12:36, 60:68].min() > 0 > values[8:16, 14:26].max()


@pytest.mark.parametrize("method", ["saliency", "guided-backprop"])
def test_slopes_are_those_of_the_rectifiers_that_are_on(
    planted: TorchAdapter, explain: Callable, method: str
) -> None:
    """d score / d x is 8 / cells in red, 4 / cells in green, and nothing elsewhere."""
    cells = planted.spec.input.size[0] * planted.spec.input.size[1]
    found = explain(method, planted, drawn(), "0").named("map").values * cells
    against = 4.0 if method == "saliency" else 0.0
    for place, expected in ((RED, 8.0), (GREEN, against), (BLUE, 0.0)):
        rows, columns = (slice(side.start + 2, side.stop - 2) for side in place)
        np.testing.assert_allclose(found[rows, columns], expected, atol=1e-4)
    signed = explain(method, planted, drawn(), "0", signed=True).named("map").values * cells
    np.testing.assert_allclose(signed[8:16, 12:28], 8.0 - 8.0 - 8.0, atol=1e-4)


def test_guided_gradcam_shows_edges_only_where_the_map_speaks_for_red(
    planted: TorchAdapter, explain: Callable
) -> None:
    values = explain("guided-gradcam", planted, drawn(), "0").named("map").values
    assert values[8:16, 12:28].min() > 0.5 * values.max() > 0
    assert values[32:40, 10:22].max() == values[10:38, 58:70].max() == 0


def test_conductance_of_each_channel_is_its_term_of_the_score(
    planted: TorchAdapter, explain: Callable
) -> None:
    """The score is a sum over channels, and all are off in the plain image."""
    found = explain("layer-conductance", planted, drawn(), "0").named("channels")
    pixels = planted.prepare(drawn())[0].numpy()
    amount = (2 * pixels - pixels.sum(0)).clip(min=0)
    expected = np.array([8.0, -4.0, 0.0]) * amount.mean((1, 2))
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-6)


def test_ablation_weighs_each_channel_as_planted(planted: TorchAdapter, explain: Callable) -> None:
    found = explain("layer-ablation", planted, drawn(), "0").named("channels")
    pixels = planted.prepare(drawn())[0].numpy()
    amount = (2 * pixels - pixels.sum(0)).clip(min=0)  # a colour less the two others, (3, h, w)
    expected = np.array([8.0, -4.0, 0.0]) * amount.mean((1, 2))
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-6)
    assert found.layer == "act"
