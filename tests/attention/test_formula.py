"""Each method's formula against a slow second writing on a transformer computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from interp.network.placement import place
from interp.spec import InputSpec

WAYS = {
    "class": {},
    "distilled": {"prefix": 2, "read": 2},
    "registers": {"prefix": 4, "read": 1},
    "pooled": {"prefix": 0, "read": 0, "pooled": True},
    "pooled beside a class token": {"prefix": 1, "read": 0, "pooled": True},
    "both": {"prefix": 1, "read": 1, "pooled": True},
}
"""How tokens are read; the rows are those of the leading tokens, of the cells, or half of each."""
READ = {
    "class": [1.0] + [0] * 9,
    "distilled": [0.5, 0.5] + [0] * 9,
    "registers": [1.0, 0, 0, 0] + [0] * 9,
    "pooled": [1 / 9] * 9,
    "pooled beside a class token": [0] + [1 / 9] * 9,
    "both": [0.5] + [1 / 18] * 9,
}


PLACE = place((24, 24), InputSpec(size=(24, 24)))


def cells_of(found: np.ndarray) -> np.ndarray:
    """The 3 x 3 cells that a map (24, 24) was interpolated from."""
    rows, columns = (np.linalg.pinv(PLACE.interpolation(axis, (3, 3), None)) for axis in (0, 1))
    return rows @ found @ columns.T


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-3) -> None:
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def rolled(
    matrices: list[np.ndarray], read: list[float], residual: float, discard: float = 0
) -> np.ndarray:
    """The read rows of the product of mixed matrices, last layer first, token by token."""
    total = np.eye(len(read))
    for matrix in matrices:
        kept = matrix.copy()
        order = np.argsort(kept, axis=None, kind="stable")[: int(discard * kept.size)]
        kept.flat[order] = 0
        mixed = np.zeros_like(kept)
        for row in range(len(kept)):
            for column in range(len(kept)):
                mixed[row, column] = (1 - residual) * kept[row, column]
            mixed[row, row] += residual
            mixed[row] /= mixed[row].sum()
        total = mixed @ total
    return np.array(read) @ total


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", [0, 1])
def test_rollout_is_the_product_of_mixed_attention(
    tiny: Callable, by_hand: type, explain: Callable, picture: Callable, way: str, seed: int
) -> None:
    model, image = tiny(seed, **WAYS[way]), picture(seed)
    attention = by_hand(model.module()).attention(model.prepare(image)[0].numpy())
    expected = rolled(list(attention.mean(1)), READ[way], 0.5)[-9:].reshape(3, 3)
    close(cells_of(explain("attention-rollout", model, image).map()), expected)


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
@pytest.mark.parametrize(("residual", "discard"), [(0.0, 0.0), (0.5, 0.37), (0.8, 0.9)])
def test_rollout_by_its_parameters(
    tiny: Callable, by_hand: type, explain: Callable, picture: Callable,
    fusion: str, residual: float, discard: float,
) -> None:  # fmt: skip
    model, image = tiny(3), picture(3)
    attention = by_hand(model.module()).attention(model.prepare(image)[0].numpy())
    fused = list(getattr(attention, fusion)(1))
    expected = rolled(fused, READ["class"], residual, discard)[1:].reshape(3, 3)
    params = {"fusion": fusion, "residual": residual, "discard": discard}
    close(cells_of(explain("attention-rollout", model, image, **params).map()), expected)


@pytest.mark.parametrize("way", ["class", "both"])
@pytest.mark.parametrize("target", [0, 2])
def test_gradient_rollout_weighs_attention_by_slopes(
    tiny: Callable, by_hand: type, explain: Callable, picture: Callable, way: str, target: int
) -> None:
    model, image = tiny(1, **WAYS[way]), picture(1)
    hand, pixels = by_hand(model.module()), model.prepare(image)[0].numpy()
    terms = hand.attention(pixels) * hand.slopes(pixels, target)
    fused = list(np.maximum(terms.mean(1), 0))
    expected = rolled(fused, READ[way], 0.5)[-9:].reshape(3, 3)
    close(cells_of(explain("gradient-rollout", model, image, str(target)).map()), expected)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", [0, 2])
def test_attribution_adds_what_each_layer_passes_on(
    tiny: Callable, by_hand: type, explain: Callable, picture: Callable, way: str, target: int
) -> None:
    model, image = tiny(2, **WAYS[way]), picture(2)
    hand, pixels = by_hand(model.module()), model.prepare(image)[0].numpy()
    terms = np.maximum(hand.attention(pixels) * hand.slopes(pixels, target), 0).mean(1)
    relevance = np.eye(len(READ[way]))
    for layer in terms:
        relevance = relevance + layer @ relevance
    rows = np.array(READ[way]) @ (relevance - np.eye(len(relevance)))
    found = explain("transformer-attribution", model, image, str(target)).map()
    close(cells_of(found), rows[-9:].reshape(3, 3))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", [0, 2])
def test_legrad_reads_every_layer_as_the_last(
    tiny: Callable, by_hand: type, explain: Callable, picture: Callable, way: str, target: int
) -> None:
    model, image = tiny(4, **WAYS[way]), picture(4)
    hand, pixels = by_hand(model.module()), model.prepare(image)[0].numpy()
    layers = [
        np.maximum(hand.slopes(pixels, target, depth=at + 1)[at], 0).mean((0, 1)) for at in (0, 1)
    ]
    expected = np.mean(layers, 0)[-9:].reshape(3, 3)
    close(cells_of(explain("legrad", model, image, str(target)).map()), expected)


def test_a_probability_has_other_slopes(
    tiny: Callable, by_hand: type, explain: Callable, picture: Callable
) -> None:
    """d p_c / dA = p_c (dS_c - sum_k p_k dS_k)."""
    model, image = tiny(5), picture(5)
    hand, pixels = by_hand(model.module()), model.prepare(image)[0].numpy()
    raw = np.exp(hand.scores(pixels))
    share = raw / raw.sum()
    each = np.stack([hand.slopes(pixels, target) for target in range(3)])
    slopes = share[1] * (each[1] - np.tensordot(share, each, 1))
    terms = np.maximum(hand.attention(pixels) * slopes, 0).mean(1)
    relevance = np.eye(10)
    for layer in terms:
        relevance = relevance + layer @ relevance
    found = explain("transformer-attribution", model, image, "1", output="prob").map()
    close(cells_of(found), relevance[0, 1:].reshape(3, 3))


def test_a_difference_of_classes_has_the_difference_of_slopes(
    tiny: Callable, by_hand: type, explain: Callable, picture: Callable
) -> None:
    model, image = tiny(6), picture(6)
    hand, pixels = by_hand(model.module()), model.prepare(image)[0].numpy()
    slopes = hand.slopes(pixels, 1) - hand.slopes(pixels, 0)
    terms = np.maximum(hand.attention(pixels) * slopes, 0).mean(1)
    relevance = np.eye(10)
    for layer in terms:
        relevance = relevance + layer @ relevance
    found = explain("transformer-attribution", model, image, "1, not 0").map()
    close(cells_of(found), relevance[0, 1:].reshape(3, 3))
