"""Templates and masks against slow second writings."""

from __future__ import annotations

import pytest
import torch

from interp_explainer.template import find_peaks, make_templates, mask


@pytest.mark.parametrize(("grid", "beta"), [((5, 5), 4.0), ((7, 4), 2.5), ((1, 1), 4.0)])
def test_templates(grid: tuple[int, int], beta: float) -> None:
    found = make_templates(grid, beta)
    height, width = grid
    for place in range(height * width):
        for cell in range(height * width):
            (y, x), (v, u) = divmod(place, width), divmod(cell, width)
            wanted = max(1 - beta * (abs(y - v) + abs(x - u)) / max(grid), -1)
            assert found[place, cell] == pytest.approx(wanted)


def test_acceptance_4_a_mask_ends_at_n_over_beta_and_nothing_flows_through_its_place() -> None:
    n, beta = 8, 4.0
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(3, 4, n, n, generator=generator).requires_grad_()
    found = mask(maps, make_templates((n, n), beta))
    slopes = torch.autograd.grad(found.sum(), maps)[0]
    for b in range(3):
        for c in range(4):
            v, u = divmod(int(maps[b, c].argmax()), n)
            for y in range(n):
                for x in range(n):
                    kept = max(1 - beta * (abs(y - v) + abs(x - u)) / n, 0)
                    assert found[b, c, y, x].item() == pytest.approx(maps[b, c, y, x].item() * kept)
                    assert slopes[b, c, y, x] == pytest.approx(kept)  # the mask is a constant
                    if abs(y - v) + abs(x - u) >= n / beta:
                        assert found[b, c, y, x] == 0


def test_peaks_at_the_largest_cell_or_the_centre_of_mass() -> None:
    maps = torch.zeros(1, 2, 4, 6)
    maps[0, 0, 0, 1], maps[0, 0, 2, 5] = 3.0, 2.9
    maps[0, 1, 3, 2] = 1.0
    assert find_peaks(maps).tolist() == [[1, 20]]
    row, column = 2 * 2.9 / 5.9, (1 * 3 + 5 * 2.9) / 5.9  # .98, 2.97
    assert find_peaks(maps, "centroid").tolist() == [[round(row) * 6 + round(column), 20]]
    assert find_peaks(torch.zeros(1, 1, 4, 6), "centroid").tolist() == [[0]]
