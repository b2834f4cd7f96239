"""Moments of pairs: every mask meets every image, so the sums factor into masks and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from interp.engine.moments import Sums
from interp.errors import InputError

FOLDS = 5
"""Number of groups that masks (by chunk) and images are each kept in, for cross-validation."""
ALL = tuple(range(FOLDS))
CELLS = ("b", "y", "yy")
MASKS = ("masks", "weight")
TENSORS = (*CELLS, *MASKS, "anchors")


@dataclass(frozen=True, eq=False)
class Image:
    """An image's share of its pairs: pooled features, weight and the rows that it counts for."""

    pooled: Tensor  # a, (K,)
    share: Tensor  # p, (1,), or one for each row (T,)
    row: int
    """The one row that it counts for; -1: all."""
    group: int
    """The cross-validation group, 0 to FOLDS - 1."""


@dataclass
class CellSums:
    """Sums over pairs of some images of one group and row and masks of one group (fold)."""

    row: int
    group: int
    fold: int
    b: Tensor  # sum h p y z, (R, K); R: one row, or all T
    y: Tensor  # sum h p y, (R,)
    yy: Tensor  # sum h p y^2, (R,)
    anchors: Tensor  # as of FactoredMoments, (R, 3)

    @classmethod
    def empty(cls, image: Image, chunk: int, rows: int) -> CellSums:
        """Sums over no pairs, where pairs of this image and chunk of masks belong."""
        count, channels = rows if image.row < 0 else 1, len(image.pooled)
        shapes = (count, channels), (count,), (count,), (count, 3)
        zeros = (image.pooled.new_zeros(each, dtype=torch.float64) for each in shapes)
        return cls(image.row, image.group, chunk % FOLDS, *zeros)

    def add(
        self, image: Image, chunk: int, states: Tensor, scores: Tensor, weights: Tensor
    ) -> None:
        """Add an image's scores (B, R) under masks (B, K) with weights h (B,), from a chunk on.

        Products of how far the scores are from the first ones, e = y - c, are in the scores' own
        float32; sums over these masks are in float64, of sum h y d = sum h e d + c sum h d.
        """
        p, first, h = image.share, scores[0].double(), weights.double()
        apart = scores - scores[0]
        weighted = weights.to(apart)[:, None] * apart  # (B, R)
        product = (weighted.T @ states.to(apart)).double()  # (R, K)
        self.b += p[:, None] * (product.addr_(first, h @ states.double()) * image.pooled)
        linear, square = (each.sum(0, dtype=torch.float64) for each in (weighted, weighted * apart))
        self.y += p * (linear + first * h.sum())
        self.yy += p * (square + 2 * first * linear + first.square() * h.sum())
        if chunk == 0:  # its first two states are all channels on and all channels off
            for column, value in enumerate((torch.ones_like(first), first, scores[1].double())):
                self.anchors[:, column] += p * value


@dataclass
class FactoredMoments:
    """Weighted sums over pairs of a mask d (K,) and an image with pooled features a (K,).

    A pair's features are z = d * a and its weight h p, h of the mask and p of the image, so

        sum h p z z^T = (sum h d d^T) * (sum p a a^T),

    a K x K matrix per row from sums of its factors; only b = sum h p y z needs the scores y.
    Rows are targets. Kept in float64 by group of images and group of masks, (T, 5, 5, ...). All
    images must have met the same masks whenever `sums` is called. `key` names the experiment.
    """

    key: str
    rows: int
    b: Tensor  # sum h p y z, (T, 5, 5, K)
    y: Tensor  # sum h p y, (T, 5, 5)
    yy: Tensor  # sum h p y^2, (T, 5, 5)
    masks: Tensor  # sum h d d^T, (5, K, K)
    weight: Tensor  # sum h, (5,)
    anchors: Tensor  # sum p, sum p y(all channels on), sum p y(all channels off), (T, 3)
    images: dict[str, Image] = field(default_factory=dict)
    chunks: dict[int, int] = field(default_factory=dict)
    """Number of masks in each chunk."""

    @classmethod
    def empty(cls, key: str, rows: int, channels: int, device: Any = "cpu") -> FactoredMoments:
        """Moments of no pairs."""
        cells, masks = (rows, FOLDS, FOLDS), (FOLDS, channels, channels)
        shapes = ((*cells, channels), cells, cells, masks, (FOLDS,), (rows, 3))
        b, y, yy, first, weight, anchors = (
            torch.zeros(each, dtype=torch.float64, device=device) for each in shapes
        )
        return cls(key, rows, b, y, yy, first, weight, anchors)

    def add_image(self, name: str, image: Image) -> None:
        """Add an image before its scores. InputError if it was added before."""
        if name in self.images:
            raise InputError(f"image {name} is already in these moments; add each one once")
        self.images[name] = image

    def add_scores(
        self, name: str, chunk: int, states: Tensor, scores: Tensor, weights: Tensor
    ) -> None:
        """Add the scores (B, R) of an added image under masks (B, K) with weights h (B,).

        R are the rows that the image counts for.
        """
        image = self.images[name]
        cell = CellSums.empty(image, chunk, self.rows)
        cell.add(image, chunk, states, scores, weights)
        self.add_cell(cell)

    def add_cell(self, cell: CellSums) -> None:
        """Add sums over pairs of images that were added and masks of one group."""
        rows = slice(None) if cell.row < 0 else slice(cell.row, cell.row + 1)
        place = rows, cell.group, cell.fold
        self.b[place] += cell.b.to(self.b.device)
        self.y[place] += cell.y.to(self.b.device)
        self.yy[place] += cell.yy.to(self.b.device)
        self.anchors[rows] += cell.anchors.to(self.b.device)

    def add_masks(self, chunk: int, states: Tensor, weights: Tensor) -> None:
        """Add a chunk of masks (B, K) that all images have met. InputError if added before."""
        if chunk in self.chunks:
            raise InputError(f"chunk {chunk} is already in these moments; add each one once")
        d, h = states.double(), weights.double()
        self.masks[chunk % FOLDS] += (d * h[:, None]).T @ d
        self.weight[chunk % FOLDS] += h.sum()
        self.chunks[chunk] = len(states)

    @property
    def count(self) -> int:
        """Number of pairs."""
        return sum(self.chunks.values()) * len(self.images)

    @property
    def level(self) -> Tensor:
        """Mean score with all channels off, (T,)."""
        return self.anchors[:, 2] / self.anchors[:, 0].clamp_min(1e-300)

    @property
    def shared(self) -> bool:
        """Whether all rows weight the pairs alike, so that one Gram matrix serves them all."""
        held = self.images.values()
        return all(each.row < 0 and bool((each.share == each.share[0]).all()) for each in held)

    def learned(self) -> list[bool]:
        """Whether each row has an image."""
        rows = {each.row for each in self.images.values()}
        return [-1 in rows or each in rows for each in range(self.rows)]

    def sums(self, rows: slice, images: Sequence[int] = ALL, masks: Sequence[int] = ALL) -> Sums:
        """Sums over the pairs of these groups of images and of masks, for these rows.

        One Gram matrix where all rows share it, else one per row.
        """
        groups, chosen = list(images), list(masks)
        mask = self.masks[chosen].sum(0)
        kept = [each for each in self.images.values() if each.group in groups]
        factors = [
            self._factor(at, kept) for at in ([0] if self.shared else range(self.rows)[rows])
        ]
        share, first, second = (torch.stack(each) for each in zip(*factors, strict=True))
        b, y, yy = (
            getattr(self, name)[rows][:, groups][:, :, chosen].sum((1, 2)) for name in CELLS
        )
        return Sums(
            count=len(kept) * sum(n for at, n in self.chunks.items() if at % FOLDS in masks),
            weight=share * self.weight[chosen].sum(),
            x=first * mask.diagonal(),
            gram=second * mask,
            y=y,
            b=b,
            yy=yy,
        )

    def _factor(self, row: int, kept: Sequence[Image]) -> tuple[Tensor, Tensor, Tensor]:
        """sum p, sum p a (K,) and sum p a a^T (K, K) of a row over the given images."""
        own = [each for each in kept if each.row in (row, -1)]
        if not own:
            zero = torch.zeros_like(self.masks[0])
            return zero[0, 0], zero[0], zero
        a = torch.stack([each.pooled for each in own])  # (n, K)
        p = torch.stack([each.share[row if each.row < 0 else 0] for each in own])
        return p.sum(), p @ a, (a * p[:, None]).T @ a

    def part(self, rows: slice) -> FactoredMoments:
        """The moments of some of the rows, which share memory with these."""
        kept = range(self.rows)[rows]
        images = {
            name: replace(
                each,
                share=each.share[rows] if each.row < 0 else each.share,
                row=each.row if each.row < 0 else each.row - kept.start,
            )
            for name, each in self.images.items()
            if each.row < 0 or each.row in kept
        }
        tensors = {name: getattr(self, name)[rows] for name in (*CELLS, "anchors")}
        return replace(self, **tensors, rows=len(kept), images=images)

    def __add__(self, other: FactoredMoments) -> FactoredMoments:
        """Both together: the same images with other masks, or other images with the same masks."""
        if self.key != other.key:
            raise InputError(f"moments of {self.key} and of {other.key} are different experiments")
        added = {name: getattr(self, name) + getattr(other, name) for name in TENSORS}
        same_images = self.images.keys() == other.images.keys()
        if same_images and not self.chunks.keys() & other.chunks.keys():
            return replace(self, **added, chunks=self.chunks | other.chunks)
        if self.chunks == other.chunks and not self.images.keys() & other.images.keys():
            kept = {name: getattr(self, name) for name in MASKS}
            return replace(self, **(added | kept), images=self.images | other.images)
        raise InputError(
            "these moments overlap, or differ in their masks and in their images; add parts with "
            "the same images and other masks, or with other images and the same masks"
        )

    def copy(self) -> FactoredMoments:
        """A copy that later additions to these moments do not change."""
        tensors = {name: getattr(self, name).clone() for name in TENSORS}
        return replace(self, **tensors, images=dict(self.images), chunks=dict(self.chunks))

    def arrays(self) -> dict[str, Tensor]:
        """All tensors by name; together with `about` they can be saved and read by `of`."""
        held = self.images.values()
        sides = {
            "pooled": torch.stack([each.pooled for each in held]),
            "share": torch.stack([each.share for each in held]),
        }
        return {name: getattr(self, name) for name in TENSORS} | sides

    def about(self) -> dict[str, Any]:
        """Everything that is not a tensor, as JSON values."""
        images = [[name, each.row, each.group] for name, each in self.images.items()]
        return {"key": self.key, "rows": self.rows, "images": images, "chunks": self.chunks}

    @classmethod
    def of(cls, arrays: dict[str, Tensor], about: dict[str, Any]) -> FactoredMoments:
        """The moments from what `arrays` and `about` returned."""
        sides = zip(about["images"], arrays["pooled"], arrays["share"], strict=True)
        return cls(
            key=about["key"],
            rows=about["rows"],
            **{name: arrays[name] for name in TENSORS},
            images={name: Image(a, p, row, group) for (name, row, group), a, p in sides},
            chunks={int(chunk): count for chunk, count in about["chunks"].items()},
        )
