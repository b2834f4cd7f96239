"""The nested partition of an image: one coarse target region, coarse background, fine pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interp_mint.params import MintParams


@dataclass(frozen=True, eq=False)
class Partition:
    """coarse (h, w) in 0..p-1, fine (h, w) in 0..q-1; each fine piece lies in one coarse region.

    Where a target region was found it is coarse region 0.
    """

    coarse: np.ndarray
    fine: np.ndarray

    @property
    def tree(self) -> np.ndarray:
        """The paper's T (q, p): 1 where a fine piece lies in a coarse region."""
        parent = np.zeros(self.fine.max() + 1, int)
        parent[self.fine] = self.coarse
        return np.eye(self.coarse.max() + 1)[parent]


def partition(image: np.ndarray, saliency: np.ndarray, params: MintParams, seed: int) -> Partition:
    """The partition of an image (h, w, 3) uint8 for the target of this saliency (h, w)."""
    coarse = coarse_regions(image, target_region(image, saliency, params, seed), params)
    return Partition(coarse, fine_pieces(coarse, quickshift_labels(image, params, seed), params))


def common_refinement(
    image: np.ndarray, partitions: Sequence[Partition], params: MintParams, seed: int
) -> list[Partition]:
    """The same coarse regions, with fine pieces that lie in one region of every partition."""
    coarse = partitions[0].coarse
    for each in partitions[1:]:
        coarse = _without_gaps(coarse * (each.coarse.max() + 1) + each.coarse)
    fine = fine_pieces(coarse, quickshift_labels(image, params, seed), params)
    return [Partition(each.coarse, fine) for each in partitions]


def target_region(
    image: np.ndarray, saliency: np.ndarray, params: MintParams, seed: int
) -> np.ndarray:
    """GrabCut's foreground (h, w) bool with the saliency as prior; empty where nothing is salient.

    Where GrabCut finds nothing or nearly everything, it is the saliency above `probable` instead.
    GrabCut uses OpenCV's global random generator, so that is seeded here.
    """
    import cv2

    top = saliency.max()
    if top <= 0:
        return np.zeros(saliency.shape, bool)
    level = saliency / top
    likely: np.ndarray = level > params.probable
    mask = np.full(level.shape, cv2.GC_BGD, np.uint8)
    mask[level > params.possible] = cv2.GC_PR_BGD
    mask[likely] = cv2.GC_PR_FGD
    mask[level > params.sure] = cv2.GC_FGD
    if likely.all():
        return likely
    cv2.setRNGSeed(seed % 2**31)
    back, front = np.zeros((1, 65)), np.zeros((1, 65))
    box, rounds = (0, 0, 0, 0), params.grabcut_rounds  # the box is not used: there is a mask
    cv2.grabCut(image, mask, box, back, front, rounds, cv2.GC_INIT_WITH_MASK)
    found: np.ndarray = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    return found if 0 < found.mean() <= 0.95 else likely


def coarse_regions(image: np.ndarray, target: np.ndarray, params: MintParams) -> np.ndarray:
    """The target as region 0 (if any) and SLIC on the rest, (h, w) int from 0 without gaps.

    Parts of target or background below `min_size` pixels join what surrounds them.
    """
    from skimage.morphology import remove_small_holes, remove_small_objects
    from skimage.segmentation import slic

    target = remove_small_objects(target, max_size=params.min_size - 1)
    target = remove_small_holes(target, max_size=params.min_size - 1)
    rest, labels = ~target, np.zeros(target.shape, int)
    if rest.any():
        labels = slic(image, params.background, params.compactness, mask=rest, start_label=1)
        labels[rest & (labels == 0)] = 1  # pixels that SLIC left over
    return _without_gaps(labels)


def quickshift_labels(image: np.ndarray, params: MintParams, seed: int) -> np.ndarray:
    """Quickshift's segments of the whole image, (h, w)."""
    from skimage.segmentation import quickshift

    link, width = params.max_dist, params.kernel_size
    return np.asarray(quickshift(image, params.ratio, width, link, rng=seed))


def fine_pieces(coarse: np.ndarray, segments: np.ndarray, params: MintParams) -> np.ndarray:
    """Connected pieces of equal (coarse, segment), the small ones merged inside their region."""
    from skimage.measure import label

    pairs = coarse * (segments.max() + 1) + segments
    pieces = label(pairs, background=-1, connectivity=1) - 1
    return _merge_small(pieces, coarse, params.min_size)


def _without_gaps(labels: np.ndarray) -> np.ndarray:
    """The same regions numbered 0, 1, 2, ... in the order of their labels."""
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)


def _merge_small(pieces: np.ndarray, coarse: np.ndarray, min_size: int) -> np.ndarray:
    """Each piece below `min_size` joins the neighbour of its region with the longest border.

    Smallest first; a piece without such a neighbour stays.
    """
    count = pieces.max() + 1
    size = np.bincount(pieces.ravel(), minlength=count)
    borders = _borders(pieces, coarse, count)
    home = np.arange(count)
    for piece in np.argsort(size, kind="stable"):
        near = borders[piece]
        if size[piece] >= min_size or not near:
            continue
        into = max(near, key=lambda each: (near[each], -each))
        home[home == piece] = into
        size[into] += size[piece]
        for other, length in borders.pop(piece).items():
            del borders[other][piece]
            if other != into:
                borders[into][other] = borders[into].get(other, 0) + length
                borders[other][into] = borders[into][other]
    return _without_gaps(home[pieces])


def _borders(pieces: np.ndarray, coarse: np.ndarray, count: int) -> dict[int, dict[int, int]]:
    """Length of the border between each two neighbours of one coarse region, in pixels."""
    found: dict[int, dict[int, int]] = {each: {} for each in range(count)}
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :])):
        differ = (pieces[one] != pieces[other]) & (coarse[one] == coarse[other])
        pairs = np.stack([pieces[one][differ], pieces[other][differ]], 1)
        found_pairs, lengths = np.unique(np.sort(pairs, 1), axis=0, return_counts=True)
        for (a, b), length in zip(found_pairs.tolist(), lengths.tolist(), strict=True):
            found[a][b] = found[b][a] = found[a].get(b, 0) + length
    return found
