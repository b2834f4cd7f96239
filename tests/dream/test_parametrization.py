"""What pictures are made of: transforms against slow sums, fixed spectra, colours, copies."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch

from interp.spec import InputSpec
from interp_dream.image_statistics import NATURAL, Statistics, to_planes, to_spectrum
from interp_dream.params import DreamParams
from interp_dream.picture import FourierPicture, PhasePicture
from interp_dream.transformation import draw_maps, transformed

SIZES = [(6, 8), (5, 7), (6, 7), (7, 4)]


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def slow_spectrum(plane: np.ndarray) -> np.ndarray:
    """The whole unitary spectrum by its definition, frequency by frequency."""
    height, width = plane.shape
    found = np.zeros(plane.shape, complex)
    for v in range(height):
        for u in range(width):
            for y in range(height):
                for x in range(width):
                    turn = v * y / height + u * x / width
                    found[v, u] += plane[y, x] * cmath.exp(-2j * math.pi * turn)
    return found / math.sqrt(height * width)


def slow_plane(spectrum: np.ndarray) -> np.ndarray:
    """The plane of a whole spectrum, pixel by pixel."""
    return slow_spectrum(spectrum.conj()).conj()


def images(size: tuple[int, int], count: int = 5) -> torch.Tensor:
    """Images (N, 3, h, w) in [0.2, 0.8] whose colours go together."""
    grey = random().random((count, 1, *size))
    own = random(1).random((count, 3, *size))
    return torch.from_numpy(0.2 + 0.4 * grey + 0.2 * own)


@pytest.mark.parametrize("size", SIZES)
def test_the_transform_is_the_slow_sum_and_goes_back(size):
    plane = random().standard_normal(size)
    half = to_spectrum(torch.from_numpy(plane))
    whole = slow_spectrum(plane)
    assert np.abs(half.numpy() - whole[:, : size[1] // 2 + 1]).max() < 1e-12
    assert np.abs(to_planes(half, size).numpy() - plane).max() < 1e-12
    assert np.abs(slow_plane(whole) - plane).max() < 1e-12


@pytest.mark.parametrize("size", SIZES)
def test_a_free_picture_is_its_formula(size):
    """One coefficient, by hand: a wave of 1 / |f| in one decorrelated plane, mixed to colours."""
    statistics = Statistics.of(images(size), 1.0)
    picture = FourierPicture.draw(statistics, random())
    with torch.no_grad():
        picture.leaf.zero_()
        picture.leaf[1, 2, 1, 0] = 0.7
    frequency = math.hypot(2 / size[0] if size[0] > 4 else 0, 1 / size[1])
    rows, columns = np.mgrid[: size[0], : size[1]]
    turn = 2 * rows / size[0] + columns / size[1]
    wave = 2 * 0.7 / frequency * np.cos(2 * np.pi * turn) / math.sqrt(size[0] * size[1])
    mean = statistics.mean.numpy()[:, None, None]
    mixed = statistics.mixing.numpy()[:, 1][:, None, None] * wave
    expected = 1 / (1 + np.exp(-(np.log(mean / (1 - mean)) + 4 * mixed)))
    assert np.abs(picture.pixels()[0].detach().numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_magnitude_is_exactly_kept_whatever_the_phases(size, seed):
    statistics = Statistics.of(images(size), 1.0)
    picture = PhasePicture.draw(statistics, random(seed))
    with torch.no_grad():
        moved = 5 * random(seed + 9).standard_normal(picture.leaf.shape)
        picture.leaf.add_(torch.from_numpy(moved))
    planes = picture.planes().detach().numpy()
    for plane, magnitude in zip(planes, statistics.magnitude.numpy(), strict=True):
        found = np.abs(slow_spectrum(plane))[:, : size[1] // 2 + 1]
        assert np.abs(found - magnitude).max() < 1e-12
    again = to_spectrum(picture.planes()).abs()
    assert (again - statistics.magnitude).abs().max() < 1e-12


def test_magnitudes_are_the_mean_of_the_images_spectra():
    given = images((6, 8))
    statistics = Statistics.of(given, 1.0)
    inverse = np.linalg.inv(statistics.mixing.numpy())
    total = np.zeros(statistics.magnitude.shape)
    for image in given.numpy():
        planes = np.einsum("kc,chw->khw", inverse, image - statistics.mean.numpy()[:, None, None])
        total += np.abs([slow_spectrum(each)[:, :5] for each in planes])
    expected = total / len(given)
    expected[:, 0, 0] = 0
    assert np.abs(statistics.magnitude.numpy() - expected).max() < 1e-10


def test_colours_have_the_covariance_of_the_images():
    given = images((6, 8))
    statistics = Statistics.of(given, 1.0)
    colours = given.numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    mixing = statistics.mixing.numpy()
    assert np.abs(mixing @ mixing.T - np.cov(colours, bias=True)).max() < 1e-12
    assert np.abs(statistics.mean.numpy() - colours.mean(1)).max() < 1e-12


def test_images_of_one_colour_have_statistics():
    statistics = Statistics.of(torch.ones(3, 3, 6, 8), 1.0)
    assert all(bool(torch.isfinite(each).all()) for each in (statistics.mixing, statistics.mean))
    assert bool(torch.isfinite(PhasePicture.draw(statistics, random()).pixels()).all())


@pytest.mark.parametrize("size", SIZES)
def test_natural_pictures_have_the_spread_of_natural_colours(size):
    spec = InputSpec(size=size)
    statistics = Statistics.natural(spec, 1.0, torch.zeros(1, dtype=torch.float64))
    planes = PhasePicture.draw(statistics, random()).planes().detach()
    assert planes.square().mean((1, 2)).numpy() == pytest.approx(np.ones(3))
    mixing = statistics.mixing.numpy()
    assert np.array_equal(mixing, np.array(NATURAL))
    assert statistics.mean.numpy() == pytest.approx(np.array(spec.mean))


def test_other_channels_than_three_have_pictures():
    spec = InputSpec(size=(6, 8), mean=(0.1, 0.2, 0.3, 0.4), std=(0.2,) * 4)
    statistics = Statistics.natural(spec, 1.0, torch.zeros(1))
    assert FourierPicture.draw(statistics, random()).pixels().shape == (1, 4, 6, 8)


def test_copies_without_any_change_are_the_picture():
    params = DreamParams(crop_low=1, crop_high=1, rotate=0, jitter=0, copies=3)
    picture = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    copies = transformed(picture, params, random())
    assert copies.shape == (3, 3, 8, 12)
    assert (copies - picture).abs().max() < 1e-6


def test_a_rotation_by_a_quarter_turns_the_picture():
    class Quarter(np.random.Generator):
        def uniform(self, low, high, size):
            return np.full(size, high)

    params = DreamParams(crop_low=1, crop_high=1, rotate=90, jitter=0)
    picture = torch.arange(3 * 64.0).reshape(1, 3, 8, 8)
    turned = transformed(picture, params, Quarter(np.random.PCG64(0)))
    assert (turned - picture.rot90(1, (2, 3))).abs().max() < 1e-3


@pytest.mark.parametrize("low", [0.3, 0.9])
def test_parts_lie_within_the_picture_where_they_are_smaller(low):
    params = DreamParams(crop_low=low, crop_high=1, rotate=0, jitter=0, copies=200)
    maps = draw_maps(params, random(), 1.5)
    side, shift = maps[:, 0, 0], np.abs(maps[:, :, 2]).max(1)
    assert (side >= low).all() and (side <= 1).all()
    assert (side + shift <= 1 + 1e-9).all()
