"""Random transformations, under which a picture must keep exciting what it was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_dream.params import DreamParams

if TYPE_CHECKING:
    from torch import Tensor


def transformed(pixels: Tensor, params: DreamParams, random: np.random.Generator) -> Tensor:
    """Copies (copies, C, h, w) of a picture (1, C, h, w): parts, turned and shifted, with noise."""
    from torch.nn.functional import affine_grid, grid_sample

    height, width = pixels.shape[2:]
    theta = pixels.new_tensor(draw_maps(params, random, width / height))
    copies = pixels.expand(params.copies, -1, -1, -1)
    grid = affine_grid(theta, list(copies.shape), align_corners=False)
    seen = grid_sample(copies, grid, padding_mode="reflection", align_corners=False)
    if not params.noise:
        return seen
    return seen + params.noise * pixels.new_tensor(random.standard_normal(seen.shape))


def draw_maps(params: DreamParams, random: np.random.Generator, aspect: float) -> np.ndarray:
    """Affine maps (copies, 2, 3) from places in a copy to places in the picture, from -1 to 1."""
    low, high = sorted((params.crop_low, params.crop_high))
    side = random.uniform(low, high, params.copies)
    angle = np.deg2rad(random.uniform(-params.rotate, params.rotate, params.copies))
    reach = np.maximum(1 - side, 0) + 2 * params.jitter
    shift = random.uniform(-1, 1, (2, params.copies)) * reach
    cosine, sine = side * np.cos(angle), side * np.sin(angle)
    rows = ((cosine, -sine / aspect, shift[0]), (sine * aspect, cosine, shift[1]))
    return np.moveaxis(np.array(rows), 2, 0)
