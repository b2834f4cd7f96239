"""Models that are opened once and shared by all visitors, visitors' own, and their predictions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InterpError
from interp.opening.source import open_model
from interp.spec import Capability, Layer, ModelOptions, ModelSpec
from interp_dashboard.cache import LruCache
from interp_dashboard.job import Job
from interp_dashboard.session import is_own, registry
from interp_dashboard.worker import Worker

if TYPE_CHECKING:
    from interp.explanation import Prediction
    from interp.model import ModelAdapter

JOB_MODELS = LruCache(3)
PAGE_MODELS = LruCache(3)
"""Second copies that only predict, so that a page need not wait for a job to end."""
WORKERS = LruCache(3)
"""Processes that predict with visitors' own models."""
CARDS, LAYERS = LruCache(20), LruCache(20)
PREDICTIONS = LruCache(200)
PREDICTING = Lock()
PATIENCE = 30.0
"""Seconds within which a visitor's own model must answer to one image."""


@dataclass(frozen=True)
class ModelCard:
    """What a page says of a model."""

    spec: ModelSpec
    capabilities: frozenset[Capability]


@dataclass(frozen=True)
class Answer:
    """A model's prediction for an image, and the names of all targets that the image has."""

    prediction: Prediction
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Describe:
    """Task: open a model and describe it."""

    source: str

    def __call__(self, _: Job | None = None) -> ModelCard:
        """The model's description."""
        model = _opened(PAGE_MODELS, self.source)
        return ModelCard(model.spec, model.capabilities)


@dataclass(frozen=True)
class ListLayers:
    """Task: the layers of a model that can be read; none of one that shows none."""

    source: str

    def __call__(self, _: Job | None = None) -> tuple[Layer, ...]:
        """The layers, in the order of execution."""
        model = _opened(PAGE_MODELS, self.source)
        if Capability.ACTIVATIONS not in model.capabilities:
            return ()
        with PREDICTING:
            return tuple(model.layers())


@dataclass(frozen=True)
class Predict:
    """Task: ask a model about an image (H, W, 3) uint8."""

    source: str
    image: np.ndarray

    def __call__(self, _: Job | None = None) -> Answer:
        """The model's answer."""
        from interp.opening import prediction

        model = _opened(PAGE_MODELS, self.source)
        with PREDICTING:
            focused = model.focus(self.image)
            return Answer(prediction.predict_image(focused, self.image), focused.spec.classes)


@dataclass(frozen=True)
class Check:
    """Task: open a model once, to see whether it can be opened."""

    source: str

    def __call__(self, _: Job | None = None) -> None:
        """Raise what opening it raises."""
        open_model(self.source, ModelOptions(), registry())


@dataclass(frozen=True)
class AskUnder:
    """Task: ask a model about an image (H, W, 3) uint8 under each of these inputs."""

    source: str
    image: np.ndarray
    inputs: dict[str, dict[str, Any]]

    def __call__(self, _: Job | None = None) -> dict[str, Answer | str]:
        """The answers by the inputs' names, or why there is none."""
        return {name: self._ask(fields) for name, fields in self.inputs.items()}

    def _ask(self, fields: dict[str, Any]) -> Answer | str:
        from interp.opening import prediction

        try:
            model = open_model(self.source, ModelOptions(input=fields), registry())
            focused = model.focus(self.image)
            return Answer(prediction.predict_image(focused, self.image), focused.spec.classes)
        except InterpError as error:
            return str(error)


def job_model(source: str) -> ModelAdapter:
    """The model for background jobs, of which one works at a time."""
    return _opened(JOB_MODELS, source)


def describe(source: str) -> ModelCard:
    """The model's description; a visitor's own model is opened in a process of its own."""
    task = Describe(source)
    if is_own(source):
        card: ModelCard = CARDS.get(source, lambda: worker_of(source).do(task, silence=PATIENCE))
        return card
    return task()


def layers_of(source: str) -> tuple[Layer, ...]:
    """The model's layers, in the order of execution; none of one that shows none."""
    task, own = ListLayers(source), is_own(source)
    key = "layers", source, describe(source).spec.fingerprint

    def make() -> tuple[Layer, ...]:
        return worker_of(source).do(task, silence=PATIENCE) if own else task()

    found: tuple[Layer, ...] = LAYERS.get(key, make)
    return found


def predict(source: str, image: np.ndarray) -> Answer:
    """The model's answer to an image (H, W, 3) uint8. ModelError if it fails or takes too long."""
    task, own = Predict(source, image), is_own(source)
    shape = "x".join(map(str, image.shape))
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    key = (describe(source).spec.fingerprint, source, shape, digest)

    def make() -> Answer:
        return worker_of(source).do(task, silence=PATIENCE) if own else task()

    answer: Answer = PREDICTIONS.get(key, make)
    return answer


def answers_under(
    source: str, image: np.ndarray, inputs: dict[str, dict[str, Any]]
) -> dict[str, Answer | str]:
    """The model's answers to an image (H, W, 3) uint8 under inputs by name, or why none."""
    task = AskUnder(source, image, inputs)

    def make() -> dict[str, Answer | str]:
        return worker_of(source).do(task, silence=PATIENCE) if is_own(source) else task()

    key = "inputs", source, image.shape, hashlib.sha256(image.tobytes()).hexdigest(), tuple(inputs)
    found: dict[str, Answer | str] = PREDICTIONS.get(key, make)
    return found


def worker_of(source: str) -> Worker:
    """The process of a visitor's own model: one for a file, whatever is said about it."""
    file = str(Path(source).parent.parent)
    worker: Worker = WORKERS.get(file, lambda: Worker(limited=True))
    return worker


def _opened(cache: LruCache, source: str) -> ModelAdapter:
    path = Path(source)
    found = path.stat() if path.exists() else None  # a changed file is opened again
    registered = registry()
    key = (registered, source, found and (found.st_mtime_ns, found.st_size))
    model: ModelAdapter = cache.get(key, lambda: open_model(source, ModelOptions(), registered))
    return model
