"""Checks of a model's answers to random images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor


def check_scores(answer: object, name: str) -> Tensor:
    """What a model answered to two images, float32 (2, K); ModelError unless finite scores."""
    import torch

    if not isinstance(answer, torch.Tensor) or answer.dim() != 2 or len(answer) != 2:
        is_tensor = isinstance(answer, torch.Tensor)
        found = tuple(answer.shape) if is_tensor else type(answer).__name__  # type: ignore[attr-defined]
        raise ModelError(f"{name} answers {found} to 2 images; expected scores (2, classes)")
    if not bool(torch.isfinite(answer).all()):
        raise ModelError(f"{name} answers NaN or infinity to random images; check its weights")
    return answer.float()


def close(first: Tensor, second: Tensor, tolerance: float) -> bool:
    """Whether two sets of scores are equal up to `tolerance` times the largest of `second`."""
    if first.shape != second.shape:
        return False
    scale = second.abs().max().clamp(min=1e-12)
    return bool((first - second).abs().max() <= tolerance * scale)
