"""Proposals: the boxes in a detector's answer, and how alike they are to given boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TINY = 1e-12
"""Smaller areas and norms are raised to this before they divide."""
Powers = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Proposals:
    """The boxes that a detector proposes for N images, B each; rows of zeros where it has fewer.

    `boxes` (N, B, 4) are left, top, right and bottom in pixels of the network's input, `classes`
    (N, B, K) the classes' probabilities, and `objectness` (N, B) the probability of any object.
    A box's confidence in a class is objectness^p * probability^q, `powers` being (p, q).
    """

    boxes: Tensor
    classes: Tensor
    objectness: Tensor
    powers: Powers = (1.0, 1.0)

    def confidence(self) -> Tensor:
        """Of each box in each class, (N, B, K)."""
        first, second = self.powers
        return self.objectness[..., None] ** first * self.classes**second

    def similarity(self, boxes: Tensor, classes: Tensor) -> Tensor:
        """How well each image's proposals repeat the given boxes (T, 4) and classes (T, K), (N, T).

        That of a target t is the largest, over the proposals j, of IoU(box_t, box_j) *
        cos(classes_t, classes_j) * objectness_j: D-RISE's (Petsiuk et al. 2021, equations 3 to 7).
        """
        place = overlap(self.boxes, boxes)  # (N, B, T)
        return (place * cosine(self.classes, classes) * self.objectness[..., None]).amax(1)

    def select(self, threshold: float, iou: float, limit: int) -> tuple[Tensor, Tensor, Tensor]:
        """The first image's boxes by falling confidence: their rows, classes and confidences.

        Each box counts for its best class, from a confidence of `threshold`; of the boxes of a
        class that overlap by more than `iou`, the most confident is kept; `limit` at most.
        """
        from torchvision.ops import batched_nms

        best, label = self.confidence()[0].max(1)
        rows = (best >= threshold).nonzero()[:, 0]
        kept = batched_nms(self.boxes[0, rows].float(), best[rows].float(), label[rows], iou)
        rows = rows[kept[:limit]]
        return rows, label[rows], best[rows]


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes (N, B, 4) with boxes (T, 4), corners, (N, B, T)."""
    low = first[:, :, None, :2].maximum(second[:, :2])
    high = first[:, :, None, 2:].minimum(second[:, 2:])
    shared = (high - low).clamp(min=0).prod(3)  # (N, B, T)
    return shared / (area(first)[..., None] + area(second) - shared).clamp(min=TINY)


def area(boxes: Tensor) -> Tensor:
    """Of boxes (..., 4), 0 where a side is negative."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """Of vectors (N, B, K) with vectors (T, K), (N, B, T); 0 for vectors of zeros."""
    unit = second / second.norm(dim=1, keepdim=True).clamp(min=TINY)
    return first @ unit.T / first.norm(dim=2, keepdim=True).clamp(min=TINY)


def stacked(images: Sequence[Proposals]) -> Proposals:
    """Proposals of one image each, (1, B, ...) with any B, in one, filled up with zeros."""
    from torch.nn.utils.rnn import pad_sequence

    def padded(name: str) -> Tensor:
        found = pad_sequence([getattr(each, name)[0] for each in images], batch_first=True)
        return found if found.shape[1] else found.new_zeros(len(images), 1, *found.shape[2:])

    return Proposals(padded("boxes"), padded("classes"), padded("objectness"), images[0].powers)
