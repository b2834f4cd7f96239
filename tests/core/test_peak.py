"""The peak of a map and its ring."""

from __future__ import annotations

import numpy as np
import pytest

from interp.result.peak import draw_ring, peak


@pytest.mark.parametrize("place", [(0, 0), (9, 29), (19, 59), (7, 31)])
def test_it_is_the_middle_of_the_largest_pixel(place) -> None:
    values = np.random.default_rng(0).normal(size=(20, 60))
    values[place] = 9
    assert peak(values) == pytest.approx(((place[0] + 0.5) / 20, (place[1] + 0.5) / 60))


def test_among_equal_values_it_is_inside_the_largest_group() -> None:
    values = np.zeros((40, 40))
    values[2:5, 2:5] = values[10:31, 20:35] = 2
    down, across = peak(values)
    assert 17 <= 40 * down <= 23 and 26 <= 40 * across <= 29


@pytest.mark.parametrize("values", [np.zeros((4, 5)), np.full((4, 5), -1.0), np.zeros((0, 0))])
def test_a_map_that_speaks_for_nothing_has_none(values) -> None:
    assert peak(values) is None


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.2, 0.9), (0.0, 0.0)])
def test_the_ring_lies_around_its_place_and_leaves_it_free(place) -> None:
    picture = np.full((300, 400, 3), 128, np.uint8)
    draw_ring(picture, place)
    rows, columns = np.nonzero((picture != 128).any(-1))
    distance = np.hypot(rows - place[0] * 300, columns - place[1] * 400)
    assert len(distance) > 20 and distance.min() > 5 and distance.max() < 20
