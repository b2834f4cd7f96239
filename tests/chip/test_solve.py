"""Many classes are solved in blocks: as all together, and the same wherever a block is solved."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.elsewhere import Elsewhere

from interp_chip import solve as solving
from interp_chip.moments import FactoredMoments, Image
from interp_chip.params import ChipParams
from interp_chip.solve import LayerWeights, solve

ROWS, CHANNELS, CHUNK = 11, 6, 40


@pytest.fixture(params=["all", "label", "predicted"])
def moments(request: pytest.FixtureRequest) -> FactoredMoments:
    """Scores of known weights and a little noise, on images that count for all rows or for one."""
    drawn = torch.Generator().manual_seed(0)
    weights = torch.randn(ROWS, CHANNELS, generator=drawn, dtype=torch.float64)
    found = FactoredMoments.empty("test", ROWS, CHANNELS)
    states = (torch.rand(6, CHUNK, CHANNELS, generator=drawn) > 0.4).double()
    for number in range(4 * ROWS):
        pooled = torch.rand(CHANNELS, generator=drawn, dtype=torch.float64)
        row = number % ROWS if request.param == "label" else -1
        share = torch.ones(ROWS if row < 0 else 1, dtype=torch.float64)
        if request.param == "predicted":
            share = torch.rand(ROWS, generator=drawn, dtype=torch.float64)
        found.add_image(str(number), Image(pooled, share, row, number % 5))
        for chunk, each in enumerate(states):
            y = (each * pooled) @ (weights if row < 0 else weights[row : row + 1]).T
            y += 0.1 * torch.randn(y.shape, generator=drawn, dtype=torch.float64)
            found.add_scores(str(number), chunk, each, y, torch.ones(CHUNK))
    for chunk, each in enumerate(states):
        found.add_masks(chunk, each, torch.ones(CHUNK))
    return found


def assert_close(found: LayerWeights, expected: LayerWeights, tolerance: float) -> None:
    for name in ("weights", "standard_error", "r2", "sparsity"):
        difference = (getattr(found, name) - getattr(expected, name)).abs().max()
        assert float(difference) <= tolerance, name
    assert found.held_out == expected.held_out


def test_blocks_of_rows_give_the_same(
    moments: FactoredMoments, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = solve(moments, ChipParams())
    monkeypatch.setattr(solving, "ROWS", 4)
    blocks = solve(moments, ChipParams())
    assert_close(blocks, whole, 1e-9)
    assert_close(solve(moments, ChipParams(), pool=Elsewhere()), blocks, 0.0)


def test_one_lambda_for_the_layer_needs_all_rows(
    moments: FactoredMoments, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = ChipParams(sparsity_per="layer")
    whole = solve(moments, params)
    monkeypatch.setattr(solving, "ROWS", 4)
    assert_close(solve(moments, params), whole, 0.0)


def test_progress_counts_classes(moments: FactoredMoments, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(solving, "ROWS", 4)
    solve(moments, ChipParams(), lambda *each: seen.append(each))
    assert seen == [("solving", done, ROWS) for done in (4, 8, 11)]
