"""Checks of the data set's difficulty: what must not suffice to classify a creature, and what must.

`Classify` is any network: (N, H, W, 3) uint8 images -> (N, K) scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from creatures.masking import keep_only, paint_over
from interp.dataset import Example
from interp_creatures.dataset import Creatures
from interp_creatures.draw import tight_box
from interp_creatures.species import DEFINING, OTHERS
from interp_standard.localize import iou

Classify = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Visibility:
    """Accuracies of a network; where there are several ways to hide parts, the worse one."""

    whole: float
    painted_over: float  # both defining parts hidden: the highest
    defining_only: float  # all but the defining parts hidden: the lowest


def visibility(classify: Classify, dataset: Creatures) -> Visibility:
    """Accuracy on whole creatures, without the defining parts, and with nothing else."""
    examples = list(dataset)
    labels = np.array([example.label for example in examples])

    def accuracy(images: Sequence[np.ndarray]) -> float:
        return float((classify(np.stack(images)).argmax(axis=1) == labels).mean())

    def redrawn(hidden: tuple[str, ...]) -> list[np.ndarray]:
        return [dataset.without(index, hidden).image for index in range(len(dataset))]

    over = [[paint_over(one, fill=fill) for one in examples] for fill in ("mean", "surroundings")]
    only = [keep_only(one) for one in examples]
    return Visibility(
        accuracy([example.image for example in examples]),
        max(accuracy(images) for images in (*over, redrawn(DEFINING))),
        min(accuracy(images) for images in (only, redrawn(OTHERS))),
    )


def pair_rate(classify: Classify, dataset: Creatures) -> float:
    """Share of images with two creatures whose two best classes are those of the creatures."""
    examples = list(dataset)
    best = np.sort(np.argsort(classify(np.stack([e.image for e in examples])))[:, -2:])
    truth = np.sort([[instance.label for instance in e.instances] for e in examples])
    return float((best == truth).all(axis=1).mean())


def probe(train: Sequence[Example], test: Sequence[Example]) -> float:
    """Test accuracy of a linear classifier on colour histograms and HOG."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1000.0))
    classifier.fit([_features(one.image) for one in train], [one.label for one in train])
    score = classifier.score([_features(one.image) for one in test], [one.label for one in test])
    return float(score)


def _features(image: np.ndarray) -> np.ndarray:
    """A histogram of 4 x 4 x 4 colours beside HOG of the brightness on cells of 14 pixels."""
    from skimage.feature import hog

    gradients = hog(image.mean(axis=2), 9, (14, 14), (2, 2))
    colours, _ = np.histogramdd(image.reshape(-1, 3), bins=(4, 4, 4), range=[(0, 256)] * 3)
    return np.concatenate([np.sqrt(colours.ravel() / colours.sum()), gradients])


def centre_localization(examples: Sequence[Example]) -> float:
    """Share of single objects that a centred Gaussian finds at IoU .5, at its best threshold."""
    height, width = examples[0].image.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    gauss = np.exp(-(x**2 + y**2) / (2 * 0.5**2))
    guesses = [tight_box(gauss >= level) for level in np.linspace(0.05, 0.99, 95)]
    boxes = [example.instances[0].box for example in examples]
    return float((iou(guesses, boxes) >= 0.5).mean(axis=1).max())
