"""The fingerprint of a function, which has no weights: its name and its answers to test images."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from interp.network.preprocess import probe_images
from interp.spec import InputSpec

GRIDS = (3, 8)
"""Cells along a side of the coarse test images; noise alone looks the same to many functions."""
DIGITS = 1e-4
"""Relative rounding of answers, so that a last bit does not make another model."""


def sample_images(spec: InputSpec) -> Tensor:
    """Four images (4, C, h, w) in [0, 1], the same every time: two of noise, two of large cells."""
    generator = torch.Generator().manual_seed(1)
    coarse = [
        functional.interpolate(
            torch.rand(1, spec.channels, each, each, generator=generator), spec.size
        )
        for each in GRIDS
    ]
    return torch.cat([probe_images(spec, 2), *coarse])


def fingerprint(identity: str, scores: np.ndarray | None) -> str:
    """sha256 of a name and of the scores (N, K), if they are the same every time.

    Each image counts with two sums of its scores, so that a few numbers are rounded, not
    thousands: one at the edge of two roundings would make another model of the same.
    """
    digest = hashlib.sha256(identity.encode())
    if scores is not None:
        count = scores.shape[1]
        weights = np.cos(np.outer(np.arange(1, count + 1), (1.0, 2.5)))  # (K, 2)
        scale = max(float(np.abs(scores).max()), 1e-12)
        sums = scores.astype(np.float64) @ weights / scale / np.sqrt(count)
        digest.update(str(scores.shape).encode())
        digest.update(f"{scale:.3e}".encode())
        digest.update(np.round(sums / DIGITS).astype(np.int64).tobytes())
    return digest.hexdigest()
