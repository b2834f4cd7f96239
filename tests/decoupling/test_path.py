"""Paths, clusters and concepts by hand and against slow second writings."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interp.errors import InputError
from interp.evaluation.dissection import thresholds
from interp.evaluation.similarity import cosines
from interp.network.placement import place
from interp.spec import InputSpec, ReceptiveField
from interp_decoupling.cluster import (
    cluster_codes,
    contingency,
    information,
    purity,
    shared_information,
)
from interp_decoupling.concept import (
    Match,
    active_cells,
    match_concept,
    mine_combinations,
    overlap,
    part_masks,
    parts_together,
    read_values,
)
from interp_decoupling.path import Paths, distinct, diversity, hamming, split


def drawn(seed: int, images: int = 12, filters: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).random((images, filters)) < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_distances(seed: int) -> None:
    codes, others = drawn(seed), drawn(seed + 10, 5)
    slow = [[np.mean([a != b for a, b in zip(x, y, strict=True)]) for y in others] for x in codes]
    np.testing.assert_allclose(hamming(codes, others), slow, atol=1e-6)
    labels = np.arange(12) % 3
    inside, between = Paths(codes, labels, {"a": 7}).within()
    own, other = [], []
    for i in range(12):
        for j in range(12):
            if i != j:
                apart = float((codes[i] != codes[j]).mean())
                (own if labels[i] == labels[j] else other).append(apart)
    assert inside == pytest.approx(np.mean(own), abs=1e-6)
    assert between == pytest.approx(np.mean(other), abs=1e-6)
    assert math.isnan(Paths(codes[:1], labels[:1], {"a": 7}).within()[0])


def test_diversity_by_hand() -> None:
    assert diversity(np.ones((5, 3), bool)) == 0
    codes = np.array([[1, 0], [1, 1], [1, 0], [1, 1]], bool)
    assert diversity(codes) == pytest.approx((0 + 0.5) / 2)
    assert distinct(codes) == 0.5


def test_shares_and_layers() -> None:
    codes = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0]], bool)
    paths = Paths(codes, np.array([0, 0, 2]), {"a": 1, "b": 2})
    assert paths.shares(3).tolist() == [[1, 0.5, 0.5], [0, 0, 0], [0, 0, 0]]
    assert paths.layers()["b"].tolist() == codes[:, 1:].tolist()
    assert split(codes, {}) == {}
    assert cosines(paths.shares(3))[0].tolist() == pytest.approx([1, 0, 0])


@pytest.mark.parametrize("seed", range(3))
def test_information_against_counting(seed: int) -> None:
    codes, labels = drawn(seed, 30), np.arange(30) % 4
    found = information(codes, labels)
    for j in range(7):
        slow = 0.0
        for on in (False, True):
            for y in range(4):
                both = float(((codes[:, j] == on) & (labels == y)).mean())
                if both:
                    slow += both * math.log(
                        both / float((codes[:, j] == on).mean() * (labels == y).mean())
                    )
        assert found[j] == pytest.approx(slow, abs=1e-9)
    assert information(labels[:, None] == 0, labels)[0] > 0.5


def test_clusters_of_planted_paths() -> None:
    labels = np.repeat([0, 1, 2], 20)
    centres = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], bool)
    codes = centres[labels].repeat(4, 1)
    codes ^= np.random.default_rng(0).random(codes.shape) < 0.05
    clusters = cluster_codes(codes, 3, 0)
    assert purity(clusters, labels) == 1 and shared_information(clusters, labels) == pytest.approx(
        1
    )
    assert cluster_codes(centres[labels], 5, 0).max() == 2  # fewer codes than centres
    mixed = np.random.default_rng(1).permutation(labels)
    assert shared_information(clusters, mixed) < 0.2


def test_purity_by_hand() -> None:
    clusters, labels = np.array([3, 3, 3, 9, 9]), np.array([0, 0, 1, 1, 5])
    assert contingency(clusters, labels).tolist() == [[2, 1, 0], [0, 1, 1]]
    assert purity(clusters, labels) == pytest.approx(3 / 5)


def test_overlap_by_hand() -> None:
    cells = np.array([[[1, 0], [1, 0]]], bool)
    mask = np.array([[[0.5, 0], [1, 0.25]]])
    assert overlap(cells, mask) == pytest.approx(1.5 / 2.25)
    assert overlap(cells & False, mask * 0) == 0


def test_lit_cells_are_the_top_share() -> None:
    maps = np.random.default_rng(0).random((10, 2, 5, 4)) + 0.01
    maps[:, 1] = 0
    cells = active_cells(maps, thresholds(maps, 0.1))
    assert cells[:, 0].sum() == 20 and not cells[:, 1].any()


def test_a_planted_combination_is_found() -> None:
    """Filters 1 and 3 are on together in one cluster, and light half of a part each."""
    codes = np.zeros((8, 5), bool)
    codes[:4, [1, 3]] = codes[4:, 0] = codes[:, 2] = True
    clusters = np.repeat([0, 1], 4)
    assert mine_combinations(codes, clusters, 4) == [(4, (1, 3))]
    maps = np.zeros((8, 5, 2, 2))
    maps[:4, 1, 0, 0] = maps[:4, 3, 0, 1] = maps[4:, 0, 1, 1] = 3
    top = np.zeros((8, 2, 2))
    top[:4, 0] = 1
    masks = {"whole": np.ones((8, 2, 2)), "top": top}
    for joined in ("mean", "union"):
        both, single = match_concept(maps, masks, (1, 3), np.arange(8) % 2 == 0, 0.25, joined)
        assert both == Match((1, 3), "top", 1.0)
        assert single == Match((1,), "top", 0.5)


def test_overlaps_are_those_of_images_that_chose_nothing() -> None:
    maps = np.zeros((4, 2, 2, 2))
    maps[:2, :, 0] = 1  # on the images learned from both filters lie on the mask, and then nowhere
    masks = {"top": np.zeros((4, 2, 2))}
    masks["top"][:, 0] = 1
    both, single = match_concept(maps, masks, (0, 1), np.array([True, True, False, False]), 0.5)
    assert both.overlap == single.overlap == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_effect_of_the_class_pair_by_pair(seed: int) -> None:
    paths = Paths(drawn(seed, 12), np.arange(12) % 3, {"a": 7})
    inside, between = [], []
    for i in range(12):
        for j in range(12):
            if i != j:
                apart = float((paths.codes[i] != paths.codes[j]).mean())
                (inside if i % 3 == j % 3 else between).append(apart)
    n, m = len(inside) - 1, len(between) - 1
    pooled = (n * np.var(inside, ddof=1) + m * np.var(between, ddof=1)) / (n + m)
    expected = (np.mean(between) - np.mean(inside)) / math.sqrt(pooled)
    assert paths.effect() == pytest.approx(expected, abs=1e-5)


def test_masks_lie_on_the_grid(colours: Any, tmp_path: Path) -> None:
    spec = InputSpec(size=(12, 12))
    examples = [(colours()[each], place((12, 12), spec)) for each in range(3)]
    field = ReceptiveField(size=(3, 3), stride=(3, 3), offset=(1.5, 1.5))
    values = {"top": {"blue": "low", "green": "high", "red": "high"}}
    masks = part_masks(examples, colours().classes, values, (4, 4), field)
    assert set(masks) == {"top", "top low", "top high"}
    half = np.repeat([1.0, 1, 0, 0], 4).reshape(4, 4)
    np.testing.assert_allclose(masks["top"], [half] * 3, atol=1e-6)
    np.testing.assert_allclose(masks["top low"], [half, half * 0, half * 0], atol=1e-6)
    stretched = part_masks(examples, colours().classes, {}, (4, 4), None)
    np.testing.assert_allclose(stretched["top"], masks["top"], atol=1e-6)


def test_parts_that_are_seen_together() -> None:
    """Two parts side by side; the second image lacks the tail, the third has another head."""
    head, tail = np.zeros((3, 2, 2)), np.zeros((3, 2, 2))
    head[:, 0, 0], tail[[0, 2], 1, 1] = 0.5, 1
    masks = {"head": head, "tail": tail, "tail long": tail}
    masks |= {"head round": head * [[[1]], [[1]], [[0]]], "head flat": head * [[[0]], [[0]], [[1]]]}
    values = {"head": {"a": "round", "b": "flat"}, "tail": {"a": "long", "b": "long"}}
    found = parts_together(masks, "ab", values)
    a, b = "head round and tail long", "head flat and tail long"
    assert set(found) == {"head and tail", a, b}
    both = np.array([[0.5, 0], [0, 1]])
    np.testing.assert_array_equal(found["head and tail"], [both, both * 0, both])
    np.testing.assert_array_equal(found[a], [both, both * 0, both * 0])
    np.testing.assert_array_equal(found[b], [both * 0, both * 0, both])
    assert parts_together(masks, "ab", {"head": values["head"]}) == {}


def test_values_of_concepts(tmp_path: Path) -> None:
    file = tmp_path / "concepts.json"
    file.write_text(json.dumps({"head": {"a": "round"}}))
    assert read_values(str(file), ["a"]) == {"head": {"a": "round"}}
    assert read_values(None, ["a"]) == {}
    with pytest.raises(InputError, match="says nothing of head of b"):
        read_values(str(file), ["a", "b"])
    file.write_text("[")
    with pytest.raises(InputError, match="expected JSON as"):
        read_values(str(file), ["a"])
