"""Moments of pairs: every mask met every image, so the sums factor into masks and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from interp.engine.moments import Sums
from interp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

FOLDS = 5
"""Masks (by chunk) and images are each kept in so many groups, to hold some out."""
ALL = tuple(range(FOLDS))
CELLS = ("b", "y", "yy")
MASKS = ("masks", "weight")
TENSORS = (*CELLS, *MASKS, "anchors")
SIDES = ("pooled", "share")


@dataclass(frozen=True, eq=False)
class Image:
    """One image's side of its pairs: features a (K,), weight p, the rows that it counts for."""

    pooled: Tensor
    share: Tensor
    """p: (1,), or one for each row (T,)."""
    row: int
    """The one row that it counts for; -1: all."""
    group: int

    @property
    def rows(self) -> slice:
        """The rows that it counts for."""
        return slice(None) if self.row < 0 else slice(self.row, self.row + 1)


@dataclass
class FactoredMoments:
    """Weighted sums over pairs of a mask d (K,) and an image with pooled features a (K,).

    A pair's features are z = d * a and its weight h p, h of the mask and p of the image, so

        sum h p z z^T = (sum h d d^T) * (sum p a a^T),

    a K x K matrix per row from sums of its factors; only b = sum h p y z meets the scores y.
    Rows are targets. Kept in float64 by group of images and group of masks, (T, 5, 5, ...). All
    images must have met the same masks whenever `sums` is asked for.
    """

    key: str
    rows: int
    b: Tensor  # sum h p y z, (T, 5, 5, K)
    y: Tensor  # sum h p y, (T, 5, 5)
    yy: Tensor  # sum h p y^2, (T, 5, 5)
    masks: Tensor  # sum h d d^T, (5, K, K)
    weight: Tensor  # sum h, (5,)
    anchors: Tensor  # sum p, sum p y(all open), sum p y(all closed), (T, 3)
    images: dict[str, Image] = field(default_factory=dict)
    chunks: dict[int, int] = field(default_factory=dict)

    @classmethod
    def empty(cls, key: str, rows: int, channels: int, device: Any = "cpu") -> FactoredMoments:
        """No pairs yet, for so many rows and channels."""
        import torch

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        cells = (rows, FOLDS, FOLDS)
        return cls(
            key=key,
            rows=rows,
            b=zeros(*cells, channels),
            y=zeros(*cells),
            yy=zeros(*cells),
            masks=zeros(FOLDS, channels, channels),
            weight=zeros(FOLDS),
            anchors=zeros(rows, 3),
        )

    def add_image(self, name: str, image: Image) -> None:
        """Make an image known before its scores. InputError if it is there already."""
        if name in self.images:
            raise InputError(f"image {name} is already in these moments; add each one once")
        self.images[name] = image

    def add_scores(
        self, name: str, chunk: int, states: Tensor, scores: Tensor, weights: Tensor
    ) -> None:
        """A known image's scores (B, R) of the rows it counts for, on masks (B, K) of h (B,)."""
        image = self.images[name]
        rows, at, fold = image.rows, image.group, chunk % FOLDS
        y, p = scores.double(), image.share
        weighted = weights.double()[:, None] * y  # (B, R)
        found = (weighted.T @ states.double()) * image.pooled  # (R, K)
        self.b[rows, at, fold] += p[:, None] * found
        self.y[rows, at, fold] += p * weighted.sum(0)
        self.yy[rows, at, fold] += p * (weighted * y).sum(0)
        if chunk == 0:
            for column, value in enumerate((y.new_ones(()), y[0], y[1])):
                self.anchors[rows, column] += p * value

    def add_masks(self, chunk: int, states: Tensor, weights: Tensor) -> None:
        """A chunk of masks (B, K) that all images have met. InputError if it is there already."""
        if chunk in self.chunks:
            raise InputError(f"chunk {chunk} is already in these moments; add each one once")
        d, h = states.double(), weights.double()
        self.masks[chunk % FOLDS] += (d * h[:, None]).T @ d
        self.weight[chunk % FOLDS] += h.sum()
        self.chunks[chunk] = len(states)

    @property
    def count(self) -> int:
        """Pairs held."""
        return sum(self.chunks.values()) * len(self.images)

    @property
    def level(self) -> Tensor:
        """Mean score with all gates closed, (T,)."""
        return self.anchors[:, 2] / self.anchors[:, 0].clamp_min(1e-300)

    @property
    def shared(self) -> bool:
        """Whether all rows weigh the pairs alike, so that one matrix serves them all."""
        return all(
            each.row < 0 and bool((each.share == each.share[0]).all())
            for each in self.images.values()
        )

    def learned(self) -> list[bool]:
        """Whether each row has an image."""
        rows = {each.row for each in self.images.values()}
        return [-1 in rows or each in rows for each in range(self.rows)]

    def sums(self, rows: slice, images: Sequence[int] = ALL, masks: Sequence[int] = ALL) -> Sums:
        """Sums over the pairs of these groups of images and of masks, for these rows.

        One matrix where all rows share it, else one per row.
        """
        import torch

        mask, groups = self.masks[list(masks)].sum(0), list(images)
        kept = [each for each in self.images.values() if each.group in groups]
        chosen = [0] if self.shared else range(self.rows)[rows]
        factors = [self._factor(row, kept) for row in chosen]
        share, first, second = (torch.stack(each) for each in zip(*factors, strict=True))
        cells = {
            name: getattr(self, name)[rows][:, groups][:, :, list(masks)].sum((1, 2))
            for name in CELLS
        }
        return Sums(
            count=len(kept) * sum(n for at, n in self.chunks.items() if at % FOLDS in masks),
            weight=share * self.weight[list(masks)].sum(),
            x=first * mask.diagonal(),
            gram=second * mask,
            **cells,
        )

    def _factor(self, row: int, kept: Sequence[Image]) -> tuple[Tensor, Tensor, Tensor]:
        """sum p, sum p a (K,) and sum p a a^T (K, K) of a row over the images kept."""
        import torch

        own = [each for each in kept if each.row in (row, -1)]
        if not own:
            zero = torch.zeros_like(self.masks[0])
            return zero[0, 0], zero[0], zero
        a = torch.stack([each.pooled for each in own])  # (n, K)
        p = torch.stack([each.share[row if each.row < 0 else 0] for each in own])
        return p.sum(), p @ a, (a * p[:, None]).T @ a

    def __add__(self, other: FactoredMoments) -> FactoredMoments:
        """Both together: the same images with other masks, or other images with the same masks."""
        if self.key != other.key:
            raise InputError(f"moments of {self.key} and of {other.key} are different experiments")
        cells = {name: getattr(self, name) + getattr(other, name) for name in (*CELLS, "anchors")}
        images, chunks = self.images | other.images, self.chunks | other.chunks
        alone = len(self.chunks) + len(other.chunks) == len(chunks)
        if self.images.keys() == other.images.keys() and alone:
            masks = {name: getattr(self, name) + getattr(other, name) for name in MASKS}
            return replace(self, **cells, **masks, chunks=chunks)
        alone = len(self.images) + len(other.images) == len(images)
        if self.chunks == other.chunks and alone:
            return replace(self, **cells, images=images)
        raise InputError(
            "these moments overlap, or differ in their masks and in their images; add parts with "
            "the same images and other masks, or with other images and the same masks"
        )

    def copy(self) -> FactoredMoments:
        """The same moments, free to grow apart."""
        tensors = {name: getattr(self, name).clone() for name in TENSORS}
        return replace(self, **tensors, images=dict(self.images), chunks=dict(self.chunks))

    def arrays(self) -> dict[str, Tensor]:
        """All numbers, by name; with `about`, what a file of them holds."""
        import torch

        held = self.images.values()
        sides = {name: torch.stack([getattr(each, name) for each in held]) for name in SIDES}
        return {name: getattr(self, name) for name in TENSORS} | sides

    def about(self) -> dict[str, Any]:
        """All that is no number, fit for JSON."""
        images = [[name, each.row, each.group] for name, each in self.images.items()]
        return {"key": self.key, "rows": self.rows, "images": images, "chunks": self.chunks}

    @classmethod
    def of(cls, arrays: dict[str, Tensor], about: dict[str, Any]) -> FactoredMoments:
        """The moments that `arrays` and `about` told of."""
        sides = zip(about["images"], arrays["pooled"], arrays["share"], strict=True)
        return cls(
            key=about["key"],
            rows=about["rows"],
            **{name: arrays[name] for name in TENSORS},
            images={name: Image(a, p, row, group) for (name, row, group), a, p in sides},
            chunks={int(chunk): count for chunk, count in about["chunks"].items()},
        )
