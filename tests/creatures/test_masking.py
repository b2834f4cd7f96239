"""Painting over hides a part wholly, keeping only some leaves nothing else."""

import numpy as np
import pytest
from creatures.masking import keep_only, paint_over

from interp_creatures.dataset import Creatures
from interp_creatures.species import DEFINING


@pytest.fixture(scope="module")
def example():
    return Creatures(4, 12, two=True)[3]


def seen(example, names):
    parts = [part for instance in example.instances for part in instance.parts]
    return np.any([part.mask for part in parts if part.name in names], axis=0)


def test_mean_colour_covers_both_parts_of_both_creatures(example):
    painted = paint_over(example)
    colours = painted[seen(example, DEFINING)]
    assert (colours == np.round(example.image.mean(axis=(0, 1)))).all()


def test_cover_is_a_disc_so_that_no_outline_is_left(example):
    covered = (paint_over(example, ("tail",)) != example.image).any(axis=2)
    for instance in example.instances:
        mask = next(part.mask for part in instance.parts if part.name == "tail")
        rows, columns = np.nonzero(mask)
        assert covered.sum() > 1.5 * mask.sum()
        for corner in (rows.argmin(), rows.argmax(), columns.argmin(), columns.argmax()):
            y, x = rows[corner], columns[corner]
            assert covered[y - 1 : y + 2, x - 1 : x + 2].mean() > 0.6


def test_surroundings_fill_the_hole(example):
    painted = paint_over(example, ("head",), "surroundings")
    head = seen(example, ("head",))
    assert (painted[head] != example.image[head]).any(axis=1).mean() > 0.9
    away = ~seen(example, ("head", "body", "legs", "tail", "fin"))
    assert (painted[away] == example.image[away]).mean() > 0.7


def test_keep_only_shows_the_parts_and_one_colour(example):
    kept = keep_only(example, DEFINING, np.array([1.0, 2.0, 3.0]))
    parts = seen(example, DEFINING)
    assert np.array_equal(kept[parts], example.image[parts])
    assert (kept[~parts] == [1, 2, 3]).all()


def test_example_itself_is_left_alone(example):
    before = example.image.copy()
    paint_over(example), keep_only(example)
    assert np.array_equal(before, example.image)
