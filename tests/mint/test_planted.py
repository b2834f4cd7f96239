"""MINT on models whose answer is known by hand."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from interp.evidence import Regions
from interp.explanation import Explanation

Explain = Callable[..., Explanation]


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / (found | truth).sum())


def covered(pieces: Regions, truth: np.ndarray) -> np.ndarray:
    """The share of each piece that lies in the truth."""
    inside = np.bincount(pieces.labels[truth], minlength=len(pieces.importance))
    return inside / np.bincount(pieces.labels.ravel(), minlength=len(pieces.importance))


@pytest.mark.parametrize("baseline", ["literal", "empty"])
@pytest.mark.parametrize(
    ("target", "colours"), [("red", ["red"]), ("red and green", ["red", "green"])]
)
@pytest.mark.parametrize("seed", range(2))
def test_coarse_region_and_fine_ranking(
    seed: int,
    target: str,
    colours: Sequence[str],
    baseline: str,
    plant: Callable,
    explain: Explain,
) -> None:
    scene = plant(seed)
    truth = np.logical_or.reduce([scene.masks[each] for each in colours])
    found = explain(scene.image, target, baseline=baseline)
    assert overlap(found.named("coarse").mask(), truth) >= 0.8
    pieces = found.named("fine")
    share = covered(pieces, truth)
    planted = np.flatnonzero(share > 0.5)
    first = np.argsort(-pieces.importance)[: len(planted)]
    assert set(first) == set(planted)
    for each in colours:  # none of the two stands for both
        own = covered(pieces, scene.masks[each])
        assert pieces.importance[own > 0.5].sum() > 0.25 * pieces.importance.sum()


@pytest.mark.parametrize("seed", range(2))
def test_a_class_that_nothing_supports_gets_no_region(
    seed: int, plant: Callable, explain: Explain
) -> None:
    image = plant(seed).image
    empty = explain(image, "constant", baseline="empty", samples=500)
    assert not empty.named("coarse").selected.any()
    assert any("no region" in note for note in empty.notes)
    literal = explain(image, "nothing", samples=500)
    assert literal.scores["nothing"]["probability"] < 1e-4
    assert not literal.named("coarse").selected.any()
