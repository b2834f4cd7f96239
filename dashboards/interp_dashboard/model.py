"""Models to choose from, opened once, and what they answer."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_dashboard.cache import Kept

if TYPE_CHECKING:
    from interp.explanation import Prediction
    from interp.model import ModelAdapter

OPENED = Kept(3)
"""For methods, one job at a time."""
ASKED = Kept(3)
"""Copies that only predict, so that a page need not wait for a job to end."""
ANSWERS = Kept(200)
ASKING = threading.Lock()


def to_explain(registry: Registry, source: str) -> ModelAdapter:
    """The model for a job."""
    return _opened(OPENED, registry, source)


def to_ask(registry: Registry, source: str) -> ModelAdapter:
    """The same model for predictions and its description."""
    return _opened(ASKED, registry, source)


def predict(registry: Registry, source: str, image: np.ndarray) -> Prediction:
    """The model's best classes for an image (H, W, 3) uint8."""
    from interp.opening.prediction import predict as ask

    model = to_ask(registry, source)
    shape = "x".join(map(str, image.shape))
    key = (model.spec.fingerprint, source, shape, hashlib.sha256(image.tobytes()).hexdigest())

    def make() -> Prediction:
        with ASKING:
            return ask(model, model.prepare(image)[0])

    answer: Prediction = ANSWERS.of(key, make)
    return answer


def _opened(kept: Kept, registry: Registry, source: str) -> ModelAdapter:
    key = (registry, source, _stamp(Path(source)))
    model: ModelAdapter = kept.of(key, lambda: open_model(source, ModelOptions(), registry))
    return model


def _stamp(path: Path) -> tuple[int, int] | None:
    """When a file or folder was changed, and its size: another one is opened again."""
    if not path.exists():
        return None
    found = path.stat()
    return found.st_mtime_ns, found.st_size
