"""The filter loss against the closed form, finite differences, and maps whose rank is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from interp_explainer.information import filter_loss, scaled, surrogate_loss
from interp_explainer.template import make_templates


def slow_templates(n: int, tau: float) -> np.ndarray:
    """Every place's template and the negative one, (n^2 + 1, n, n)."""
    found = np.full((n * n + 1, n, n), -tau)
    for place in range(n * n):
        for y in range(n):
            for x in range(n):
                apart = abs(y - place // n) + abs(x - place % n)
                found[place, y, x] = tau * max(1 - 4 * apart / n, -1)
    return found


def slow(
    maps: np.ndarray, z: np.ndarray | None = None, nowhere: float | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss_f, its gradient with Z constant, and Z, of one filter's maps (B, n, n): by the text."""
    n = maps.shape[1]
    templates = slow_templates(n, 0.5 / n**2)
    alpha = n**2 / (1 + n**2) if nowhere is None else 1 - nowhere
    prior = np.array([alpha / n**2] * n**2 + [1 - alpha])
    trace = np.array([[(x * t).sum() for t in templates] for x in maps])  # (B, T)
    z = np.exp(trace).sum(0) if z is None else z
    given = np.exp(trace) / z
    alone = (prior * given).sum(1)  # p(x)
    loss, slope = 0.0, np.zeros_like(maps)
    for b in range(len(maps)):
        for t, template in enumerate(templates):
            loss -= prior[t] * given[b, t] * math.log(given[b, t] / alone[b])
            inner = trace[b, t] - math.log(z[t] * alone[b])
            slope[b] -= prior[t] * template * given[b, t] * inner
    return loss, slope, z


def drawn(seed: int, count: int, filters: int, n: int, size: float) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(count, filters, n, n, generator=generator, dtype=torch.float64)
    return (size * maps).clamp(min=0)


@pytest.mark.parametrize(("n", "count", "size"), [(3, 4, 30.0), (5, 6, 100.0), (4, 9, 1.0)])
@pytest.mark.parametrize("nowhere", [None, 0.4])
def test_acceptance_1_the_surrogate_s_gradient_is_the_closed_form(
    n: int, count: int, size: float, nowhere: float | None
) -> None:
    maps = drawn(n, count, 3, n, size).requires_grad_()
    surrogate, information = surrogate_loss(maps, make_templates((n, n), 4.0).double(), nowhere)
    found = torch.autograd.grad(surrogate.sum(), maps)[0]
    for c in range(3):
        loss, slope, _ = slow(maps[:, c].detach().numpy(), nowhere=nowhere)
        assert information[c].item() == pytest.approx(-loss, rel=1e-6)
        small = 1e-7 * np.abs(slope).max()
        np.testing.assert_allclose(found[:, c].numpy(), slope, rtol=1e-4, atol=small)


def test_the_closed_form_is_the_derivative_with_z_frozen() -> None:
    maps = drawn(0, 5, 1, 4, 40.0)[:, 0].numpy()
    _, slope, z = slow(maps)
    for place in ((0, 0, 0), (3, 2, 1), (4, 3, 3)):
        moved = [maps.copy(), maps.copy()]
        moved[0][place] += 1e-4
        moved[1][place] -= 1e-4
        difference = (slow(moved[0], z)[0] - slow(moved[1], z)[0]) / 2e-4
        assert difference == pytest.approx(slope[place], rel=1e-6)


def shapes(kind: str) -> Tensor:
    """64 maps (64, 1, 14, 14) of sum 500: one peak, two far apart, or everywhere."""
    random = np.random.default_rng(0)
    maps = np.zeros((64, 14, 14))
    for each in maps:
        row, column = random.integers(2, 12, 2)
        each[row - 1 : row + 2, column - 1 : column + 2] = 1
        if kind == "two":
            row, column = (row + 7) % 10 + 2, (column + 7) % 10 + 2
            each[row - 1 : row + 2, column - 1 : column + 2] += 1
        if kind == "diffuse":
            each[:] = random.random((14, 14))
        each *= 500 / each.sum()
    return torch.from_numpy(maps[:, None])


def test_acceptance_2_one_peak_tells_more_than_two_and_two_more_than_none() -> None:
    templates = make_templates((14, 14), 4.0).double()
    one, two, diffuse = (
        surrogate_loss(shapes(kind), templates)[1].item() for kind in ("one", "two", "diffuse")
    )
    assert one > 1.2 * two > 0 and two > 5 * diffuse


def test_acceptance_3_maps_of_zero_have_a_finite_loss_and_gradient() -> None:
    """Both filters silent on every image, one of them, and both on one image."""
    templates = make_templates((6, 6), 4.0)
    silent = torch.zeros(8, 2, 6, 6)
    one, image = drawn(3, 8, 2, 6, 2.0).float(), drawn(4, 8, 2, 6, 2.0).float()
    one[:, 0], image[0] = 0, 0
    for each in (silent, one, image):
        maps = each.requires_grad_()
        surrogate, information = filter_loss(maps, templates, 100.0)
        slope = torch.autograd.grad(surrogate.sum(), maps)[0]
        for found in (surrogate, information, slope):
            assert found.isfinite().all()
        assert (information[maps.detach().sum((0, 2, 3)) == 0].abs() < 1e-6).all()


def test_maps_of_any_size_are_finite() -> None:
    huge = drawn(0, 8, 2, 6, 1e6).float().requires_grad_()
    surrogate, information = surrogate_loss(huge, make_templates((6, 6), 4.0))
    assert surrogate.isfinite().all() and information.isfinite().all()
    assert torch.autograd.grad(surrogate.sum(), huge)[0].isfinite().all()


def test_small_activations_are_told_apart_as_well_as_large_ones() -> None:
    """Unscaled, activations of order 1 have no gradient to speak of."""
    maps, templates = drawn(1, 32, 2, 7, 1.0), make_templates((7, 7), 4.0).double()
    found = [filter_loss(size * maps, templates, 100.0)[1] for size in (0.01, 1.0, 100.0)]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[1], found[2])
    assert found[1].min() > 50 * surrogate_loss(maps, templates)[1].max()
    peaks = scaled(maps, 100.0).amax((2, 3)).mean(0)
    torch.testing.assert_close(peaks, torch.full_like(peaks, 100.0))
