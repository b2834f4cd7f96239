"""Colours: zero is neutral, both signs weigh the same, nothing wraps around."""

import cv2
import numpy as np
import pytest

from interp.method import Style
from interp_standard.render.colour import blend, diverging, sequential, series, to_pixels
from interp_standard.render.scale import Scale, number


def lab(colour: np.ndarray) -> np.ndarray:
    """L*, a*, b* of float RGB, (..., 3)."""
    pixels = (colour / 255).astype(np.float32).reshape(1, -1, 3)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab)[0])


def test_zero_is_neutral() -> None:
    lightness, *chroma = lab(diverging(np.array([0.0])))[0]
    assert lightness > 90
    assert np.abs(chroma).max() < 1


def test_both_arms_are_equally_light_and_keep_darkening() -> None:
    share = np.linspace(0, 1, 50)
    up, down = lab(diverging(share))[:, 0], lab(diverging(-share))[:, 0]
    assert np.abs(up - down).max() < 2
    assert (np.diff(up) < 0).all()


def test_positive_is_red_and_negative_is_blue() -> None:
    red, blue = diverging(np.array([1.0, -1.0]))
    assert red[0] > red[2] + 80
    assert blue[2] > blue[0] + 80


def test_signs_stay_apart_without_red_and_green_cones_told_apart() -> None:
    red, blue = lab(diverging(np.array([0.6, -0.6])))
    assert abs(red[2] - blue[2]) > 40  # b*, the blue-yellow axis that most colour blindness keeps


def test_sequential_runs_from_violet_to_yellow_ever_lighter() -> None:
    colours = sequential(np.linspace(0, 1, 64))
    assert (np.diff(lab(colours)[:, 0]) > 0).all()
    assert colours[0, 2] > colours[0, 1]
    assert colours[-1, 0] > colours[-1, 2] + 80


def test_overlay_of_a_white_image_does_not_wrap() -> None:
    white = np.full((1, 201, 3), 255.0)
    share = np.linspace(-1, 1, 201)[None]
    pixels = to_pixels(blend(white, diverging(share), np.abs(share)))
    assert (pixels[0, 100] == 255).all()
    assert (np.abs(np.diff(pixels[0].astype(int), axis=0)) < 12).all()
    assert pixels[0, -1, 0] > pixels[0, -1, 2]


def test_pixels_are_rounded_and_clipped() -> None:
    assert to_pixels(np.array([-3.0, 0.5001, 254.6, 300.0])).tolist() == [0, 1, 255, 255]


@pytest.mark.parametrize("count", [1, 7, 12])
def test_series_are_distinct(count: int) -> None:
    assert len(np.unique(series(count), axis=0)) == count


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("largest", [1e-300, 1e-6, 1.0, 1e300])
def test_scale_spans_the_values_of_any_magnitude(signed: bool, largest: float) -> None:
    values = np.array([0.0, 0.5, 1.0]) * largest
    share = Scale.of(values, Style(), signed).share(values)
    np.testing.assert_allclose(share, [0, 0.5, 1], atol=1e-6)


def test_shared_scale_clips_and_says_so() -> None:
    scale = Scale.of(np.array([4.0]), Style(scale=2.0))
    assert scale.share(np.array([4.0])).item() == 1
    assert scale.notes() == ["values reach 4; drawn as 2"]


def test_all_zero_is_neutral_with_a_note() -> None:
    scale = Scale.of(np.zeros(3), Style())
    assert not scale.share(np.zeros(3)).any()
    assert scale.notes() == ["all zero: nothing is important here"]


def test_threshold_hides_the_weak_and_keeps_the_strong() -> None:
    alpha = Scale(1.0, 1.0, threshold=0.5).alpha(np.array([0.4, -0.4, 0.5, -1.0]), 0.8)
    assert (alpha[:2] == 0).all()
    assert (alpha[2:] > 0.5).all()


def test_bar_has_zero_in_the_middle() -> None:
    middle = Scale(2.0, 2.0).bar(301)[0, 150].astype(int)
    assert np.ptp(middle) <= 2
    assert middle.min() > 235


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.12345, "0.123"),
        (-2.5, "-2.5"),
        (12345.6, "12346"),
        (1e-5, "1e-05"),
    ],
)
def test_numbers_are_short(value: float, word: str) -> None:
    assert number(value) == word
