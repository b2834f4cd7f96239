"""Where nothing was learned: told in words, never as a number or as noise in full colour."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interp
from interp.context import Budget
from interp.evidence import Heatmap, fit_words
from interp.method import Style
from interp.registry import Registry
from interp.result.draw import draw_evidence
from interp.spec import ModelOptions

OPTIONS = ModelOptions(input={"size": (16, 16), "mean": (0,) * 3, "std": (1,) * 3}, device="cpu")
IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


class Almost(nn.Module):
    """Scores that move with the image by `step` at most."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step

    def forward(self, images: Tensor) -> Tensor:
        level = images[:, 0, :8, :8].mean((1, 2)) * self.step
        return torch.stack([level, -level], 1)


@pytest.mark.parametrize("method", ["rise", "lime", "kernelshap", "occlusion"])
def test_an_answer_that_does_not_change_has_no_map(method):
    budget = Budget() if method == "occlusion" else Budget(samples=200)
    given = {"method": method, "options": OPTIONS, "budget": budget, "target": 0}
    found = interp.explain(Almost(1e-8), IMAGE, **given)
    assert not found.map().any()
    assert found.mapped().r2 is None
    assert "class 0: the model's answer does not change: nothing is shown" in found.notes
    moves = interp.explain(Almost(1e-2), IMAGE, **given)
    assert moves.map().any()
    assert not any("does not change" in each for each in moves.notes)


@pytest.mark.parametrize(
    ("r2", "words"),
    [(0.834, "R² 0.83"), (-0.5, "R² -0.50"), (-17_596.0, "does not fit at all")],
)
def test_how_a_fit_is_told(r2, words):
    assert fit_words(r2) == words


def test_a_picture_tells_no_number_of_a_fit_that_is_none():
    registry, values = Registry.load(), np.eye(16)
    pictures = [
        draw_evidence(registry, Heatmap(name="map", values=values, r2=r2), IMAGE, Style())
        for r2 in (-17_596.0, -28_880_905.0)
    ]
    np.testing.assert_array_equal(*pictures)


def test_mint_shows_no_part_of_an_answer_that_does_not_change():
    class Still(nn.Module):
        """Scores that hardly move with the maps of a convolution."""

        def __init__(self, step: float) -> None:
            super().__init__()
            self.step, self.stem = step, nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, images: Tensor) -> Tensor:
            level = self.stem(images).relu()[:, 0, :8, :8].mean((1, 2)) * self.step
            return torch.stack([level, -level], 1)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        moving, still = Still(1e-2), Still(1e-8)
    given = {"method": "mint", "options": OPTIONS, "budget": Budget(samples=200), "target": 0}
    found = interp.explain(still, IMAGE, **given)
    assert not any(each.map().any() for each in found.evidence if each.map() is not None)
    assert "class 0: the model's answer does not change: nothing is shown" in found.notes
    moves = interp.explain(moving, IMAGE, **given)
    assert not any("does not change" in each for each in moves.notes)
