"""Pictures as evidence: a gallery beside the best real images, a table of what each reaches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.evidence import Gallery, Table
from interp.model import ModelAdapter
from interp.storage.pixel import to_picture
from interp_dream.optimise import Dream

FULL = 99
"""Percentile of importance that is shown without fading."""
PAPER = 255
"""What a picture fades to."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """A picture, and what else was put to its objective."""

    dream: Dream
    real: np.ndarray
    """The best real image, original (H, W, C)."""
    scores: np.ndarray
    """What the real images reach, (N,)."""
    noise: float
    """Mean of what images of noise reach."""

    @property
    def best(self) -> float:
        """What the best real image reaches."""
        return float(self.scores.max())

    @property
    def name(self) -> str:
        """The objective's name."""
        return self.dream.objective.name

    def row(self) -> list[Any]:
        """The row of the table."""
        real = [self.best, float(self.scores.mean())]
        return [self.name, *(_rounded(each) for each in (self.dream.score, *real, self.noise))]

    def notes(self) -> Iterable[str]:
        """A warning where a real image reaches more."""
        if self.dream.score <= self.best:
            yield (
                f"{self.name}: the picture reaches {self.dream.score:.3g}, no more than a real "
                f"image ({self.best:.3g}); it does not show what excites it most"
            )


def gallery(
    model: ModelAdapter, compared: Sequence[Comparison], transparent: bool, **about: Any
) -> Gallery:
    """Each picture, the same faded by importance where asked for, and the best real image."""
    pictures, captions = [], []
    for each in compared:
        picture = drawn(model, each.dream.pixels)
        reached = f"{_rounded(each.dream.score):g}"
        pictures.append(picture)
        captions.append(f"{each.name}: optimised, reaches {reached}")
        if transparent:
            pictures.append(faded(picture, each.dream.importance))
            captions.append(f"{each.name}: where it matters")
        pictures.append(resized(to_picture(each.real, model.spec.input.bands), picture.shape))
        captions.append(f"{each.name}: best real image, {_rounded(each.best):g}")
    return Gallery(pictures=np.stack(pictures), captions=captions, **about)


def table(compared: Sequence[Comparison], **about: Any) -> Table:
    """What each picture reaches, beside real images and noise."""
    columns = ["picture", "reaches", "best real image", "mean real image", "noise"]
    return Table(columns=columns, rows=[each.row() for each in compared], **about)


def drawn(model: ModelAdapter, pixels: np.ndarray) -> np.ndarray:
    """Pixels (C, h, w) in [0, 1] as a picture, (h, w, 3) uint8."""
    image = pixels.transpose(1, 2, 0)
    if image.shape[2] == 3 and model.spec.input.bands is None:
        return np.asarray((image * 255).round().astype(np.uint8))
    return to_picture(image, model.spec.input.bands)


def faded(picture: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 that turns to paper where importance (h, w) is small."""
    share = importance / max(float(np.percentile(importance, FULL)), 1e-30)
    opacity = share.clip(0, 1)[..., None]
    return np.asarray((opacity * picture + (1 - opacity) * PAPER).round().astype(np.uint8))


def resized(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A picture at the size of another one."""
    import cv2

    return np.asarray(cv2.resize(picture, shape[1::-1], interpolation=cv2.INTER_AREA))


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
