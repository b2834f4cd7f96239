"""The CAM family written a second time, slowly: loops over channels and cells, plain autograd."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from support.families import ChannelsLast, Convolutional, Transformer
from support.networks import seeded

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[str, ...]]] = {
    "NCHW": (Convolutional, ("stem", "conv", "act")),
    "NHWC": (lambda: ChannelsLast(mix=False), ("norm", "act")),
    "tokens": (lambda: Transformer(1), ("blocks.0", "blocks.1.inner")),
}
"""Layout -> what builds a network of it, and some of its layers of that layout."""


def network(layout: str, seed: int) -> nn.Module:
    """A network with layers of a layout, by a seed."""
    return seeded(NETWORKS[layout][0], seed)


def to_cells(layout: str, values: Tensor) -> np.ndarray:
    """A layer's values for one image (1, ...) as (C, h, w) float64, without the class token."""
    found = values[0].detach().double().numpy()
    if layout == "NHWC":
        return found.transpose(2, 0, 1)
    if layout == "tokens":
        side = math.isqrt(len(found) - 1)
        return found[1:].T.reshape(-1, side, side)
    return found


def seen(
    module: nn.Module, layout: str, layer: str, pixels: Tensor, score: Callable[[Tensor], Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """A layer's values A and their slopes g for one image, (C, h, w) each."""
    kept: dict[str, Tensor] = {}
    handle = module.get_submodule(layer).register_forward_hook(
        lambda _, __, out: kept.update(out=out)
    )
    with torch.enable_grad():
        value = score(module(pixels)[0])
        slopes = torch.autograd.grad(value, kept["out"])[0]
    handle.remove()
    return to_cells(layout, kept["out"]), to_cells(layout, slopes)


def by_channel(A: np.ndarray, weight: Callable[[int], float]) -> np.ndarray:
    found = np.zeros(A.shape[1:])
    for k in range(len(A)):
        found += weight(k) * A[k]
    return found


def cells_of(A: np.ndarray) -> list[tuple[int, int]]:
    return [(i, j) for i in range(A.shape[1]) for j in range(A.shape[2])]


def gradcam(A: np.ndarray, g: np.ndarray) -> np.ndarray:
    cells = cells_of(A)
    return by_channel(A, lambda k: sum(g[k, i, j] for i, j in cells) / len(cells))


def gradcam_plusplus(A: np.ndarray, g: np.ndarray) -> np.ndarray:
    def weight(k: int) -> float:
        found, total = 0.0, sum(A[k, i, j] for i, j in cells_of(A))
        for i, j in cells_of(A):
            slope = g[k, i, j]
            if slope > 0:
                share = slope**2 / (2 * slope**2 + total * slope**3)
                found += share * slope
        return found

    return by_channel(A, weight)


def xgradcam(A: np.ndarray, g: np.ndarray) -> np.ndarray:
    def weight(k: int) -> float:
        total = sum(A[k, i, j] for i, j in cells_of(A))
        return sum(g[k, i, j] * A[k, i, j] / total for i, j in cells_of(A)) if total else 0.0

    return by_channel(A, weight)


def hirescam(A: np.ndarray, g: np.ndarray) -> np.ndarray:
    found = np.zeros(A.shape[1:])
    for i, j in cells_of(A):
        found[i, j] = sum(g[k, i, j] * A[k, i, j] for k in range(len(A)))
    return found


def layercam(A: np.ndarray, g: np.ndarray) -> np.ndarray:
    found = np.zeros(A.shape[1:])
    for i, j in cells_of(A):
        found[i, j] = sum(max(g[k, i, j], 0.0) * A[k, i, j] for k in range(len(A)))
    return found


def eigencam(A: np.ndarray, g: np.ndarray) -> np.ndarray:
    """By power iteration on the channels' products."""
    products = np.zeros((len(A), len(A)))
    for i, j in cells_of(A):
        products += np.outer(A[:, i, j], A[:, i, j])
    vector = np.ones(len(A))
    for _ in range(20_000):
        vector = products @ vector
        vector /= np.linalg.norm(vector)
    found = by_channel(A, lambda k: vector[k])
    return found if (found * A.sum(0)).sum() > 0 else -found


FORMULAS = {
    "gradcam": gradcam,
    "gradcam-plusplus": gradcam_plusplus,
    "xgradcam": xgradcam,
    "hirescam": hirescam,
    "layercam": layercam,
    "eigencam": eigencam,
}
"""Method -> its map (h, w) of values and slopes (C, h, w)."""
