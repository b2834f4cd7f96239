"""The nested partition: every pixel once, pieces inside their region, nothing small left over."""

import numpy as np
import pytest
from skimage.measure import label

from interp_mint.params import MintParams
from interp_mint.partition import (
    Partition,
    coarse_regions,
    common_refinement,
    fine_pieces,
    partition,
    target_region,
)

PARAMS = MintParams()


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture of a bright disc on texture, the disc, and a blurred saliency of it."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:80, :100]
    centre = random.uniform(30, 50), random.uniform(30, 70)
    far = np.hypot(y - centre[0], x - centre[1])
    image = random.normal(110, 15, (80, 100, 3))
    image[far < 18] = (210, 180, 60)
    return image.clip(0, 255).astype(np.uint8), far < 18, np.exp(-((far / 18) ** 2)) - 0.1


def nested(found: Partition) -> None:
    for labels in (found.coarse, found.fine):
        assert sorted(np.unique(labels)) == list(range(labels.max() + 1))
    for piece in range(found.fine.max() + 1):
        assert len(np.unique(found.coarse[found.fine == piece])) == 1


@pytest.mark.parametrize("seed", range(3))
def test_pieces_nest_and_the_tree_says_how(seed: int) -> None:
    image, _, saliency = scene(seed)
    found = partition(image, saliency, PARAMS, seed)
    nested(found)
    assert (found.tree.sum(1) == 1).all()  # one parent each
    assert (found.tree.sum(0) >= 1).all()
    for piece, parent in enumerate(found.tree.argmax(1)):
        assert (found.coarse[found.fine == piece] == parent).all()


@pytest.mark.parametrize("seed", range(3))
def test_pieces_are_connected_and_not_small(seed: int) -> None:
    image, _, saliency = scene(seed)
    found = partition(image, saliency, PARAMS, seed)
    for piece in range(found.fine.max() + 1):
        assert label(found.fine == piece, connectivity=1).max() == 1
    small = np.flatnonzero(np.bincount(found.fine.ravel()) < PARAMS.min_size)
    for piece in small.tolist():  # only where it fills an island of its region
        island = label(found.coarse == found.tree[piece].argmax(), connectivity=1)
        assert (island == island[found.fine == piece][0]).sum() < PARAMS.min_size


@pytest.mark.parametrize("seed", range(3))
def test_target_is_region_0_and_found_to_the_edge(seed: int) -> None:
    image, disc, saliency = scene(seed)
    target = partition(image, saliency, PARAMS, seed).coarse == 0
    assert (target & disc).sum() / (target | disc).sum() > 0.9


def test_the_same_seed_cuts_the_same_region_whatever_ran_before() -> None:
    image, _, saliency = scene(1)
    first = target_region(image, saliency, PARAMS, 7)
    target_region(*scene(2)[::2], PARAMS, 3)
    assert (target_region(image, saliency, PARAMS, 7) == first).all()


def test_without_saliency_there_is_only_background() -> None:
    image, *_ = scene(0)
    assert not target_region(image, np.full(image.shape[:2], -1.0), PARAMS, 0).any()
    calm = (image // 64 * 64).astype(np.uint8)
    found = partition(calm, np.zeros(image.shape[:2]), PARAMS, 0)
    nested(found)
    assert found.coarse.max() >= 1


def test_saliency_everywhere_is_one_region() -> None:
    image, *_ = scene(0)
    found = partition(image, np.ones(image.shape[:2]), PARAMS, 0)
    assert found.coarse.max() == 0
    nested(found)


def test_where_grabcut_keeps_nothing_the_level_set_stands_in() -> None:
    flat = np.full((40, 40, 3), 128, np.uint8)
    saliency = np.zeros((40, 40))
    saliency[10:20, 10:20] = 0.5
    saliency[0, 0] = 0.5
    found = target_region(flat, saliency, PARAMS, 0)
    assert found[12:18, 12:18].all() and found.mean() < 0.95


def test_specks_join_what_surrounds_them() -> None:
    image, disc, _ = scene(0)
    speckled = disc.copy()
    speckled[2:4, 2:4] = True  # 4 pixels of target in the background
    y, x = np.argwhere(disc).mean(0).astype(int)
    speckled[y : y + 2, x : x + 2] = False  # and a hole in the target
    assert ((coarse_regions(image, speckled, PARAMS) == 0) == disc).all()


def test_small_pieces_join_the_longest_border_of_their_own_region() -> None:
    coarse = np.zeros((12, 20), int)
    coarse[:, 10:] = 1
    segments = np.zeros((12, 20), int)
    segments[:, 5:10] = 1
    segments[4:7, 7:13] = 2  # 9 pixels on each side of the border between the regions
    found = fine_pieces(coarse, segments, PARAMS)
    assert found.max() == 2
    assert found[5, 8] == found[0, 8] != found[0, 2]
    assert found[5, 11] == found[0, 15]


def test_a_common_refinement_nests_in_every_target() -> None:
    image, _, saliency = scene(3)
    each = [partition(image, one, PARAMS, 0) for one in (saliency, saliency[:, ::-1])]
    common = common_refinement(image, each, PARAMS, 0)
    assert (common[0].fine == common[1].fine).all()
    for found, original in zip(common, each, strict=True):
        assert (found.coarse == original.coarse).all()
        nested(found)
