"""Models that are opened once and shared by all visitors, and their predictions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_dashboard.cache import LruCache

if TYPE_CHECKING:
    from interp.explanation import Prediction
    from interp.model import ModelAdapter

JOB_MODELS = LruCache(3)
PAGE_MODELS = LruCache(3)
"""Second copies that only predict, so that a page need not wait for a job to end."""
PREDICTIONS = LruCache(200)
PREDICTING = Lock()


def job_model(registry: Registry, source: str) -> ModelAdapter:
    """The model for background jobs, of which one works at a time."""
    return _opened(JOB_MODELS, registry, source)


def page_model(registry: Registry, source: str) -> ModelAdapter:
    """The same model for predictions and its description on a page."""
    return _opened(PAGE_MODELS, registry, source)


@dataclass(frozen=True)
class Answer:
    """A model's prediction for an image, and the names of all targets that the image has."""

    prediction: Prediction
    classes: tuple[str, ...]


def predict(registry: Registry, source: str, image: np.ndarray) -> Answer:
    """The model's answer to an image (H, W, 3) uint8."""
    from interp.opening import prediction

    model = page_model(registry, source)
    shape = "x".join(map(str, image.shape))
    key = (model.spec.fingerprint, source, shape, hashlib.sha256(image.tobytes()).hexdigest())

    def make() -> Answer:
        with PREDICTING:
            focused = model.focus(image)
            return Answer(prediction.predict_image(focused, image), focused.spec.classes)

    found: Answer = PREDICTIONS.get(key, make)
    return found


def _opened(cache: LruCache, registry: Registry, source: str) -> ModelAdapter:
    path = Path(source)
    found = path.stat() if path.exists() else None  # a changed file is opened again
    key = (registry, source, found and (found.st_mtime_ns, found.st_size))
    model: ModelAdapter = cache.get(key, lambda: open_model(source, ModelOptions(), registry))
    return model
