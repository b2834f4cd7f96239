"""What a class loses with filters, against a slow second writing."""

from __future__ import annotations

import numpy as np
import pytest
from class_switching import contributing, halves, switching

from interp_csg.features import Features


@pytest.mark.parametrize("seed", range(3))
def test_switching_image_by_image(seed: int) -> None:
    random = np.random.default_rng(seed)
    features, labels = random.random((40, 12)), random.integers(0, 4, 40)
    weight, bias = random.normal(size=(4, 12)), random.normal(size=4)
    filters = [random.choice(12, 3, replace=False) for _ in range(4)]

    def right(image: int, off: list[int]) -> bool:
        scores = [
            bias[c] + sum(weight[c, k] * features[image, k] for k in range(12) if k not in off)
            for c in range(4)
        ]
        return scores.index(max(scores)) == labels[image]

    found = switching(features, labels, weight, bias, filters)
    for image, label in enumerate(labels):
        assert found["recall"][image] == right(image, [])
        assert found["without_own"][image] == right(image, list(filters[label]))
        others = [right(image, list(filters[c])) for c in range(4) if c != label]
        assert found["without_another"][image] == pytest.approx(np.mean(others))


def test_both_halves_have_every_class_where_classes_take_turns() -> None:
    labels = np.arange(40) % 4
    seen = Features(labels[:, None] + np.zeros((40, 2)), labels, np.zeros((40, 4)))
    for values, half in halves(seen):
        assert np.bincount(half).tolist() == [5] * 4 and (values[:, 0] == half).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_filters_that_say_most_for_a_class(seed: int) -> None:
    random = np.random.default_rng(seed)
    features, labels = random.random((40, 12)), random.integers(0, 4, 40)
    weight = random.normal(size=(4, 12))
    found = contributing(features, labels, weight)
    for label in range(4):
        said = []
        for k in range(12):
            mean = np.mean([features[n, k] for n in range(40) if labels[n] == label])
            said.append((weight[label, k] - weight[:, k].mean()) * mean)
        assert sorted(found[label]) == sorted(sorted(range(12), key=lambda k: -said[k])[:3])
