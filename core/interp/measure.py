"""A registered measure of a model on a data set: the road of the command line and of Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp.context import Context, Progress, silent
from interp.dataset import Dataset, open_dataset
from interp.errors import blamed
from interp.opening import open_measure

if TYPE_CHECKING:
    from interp.method import Measurement
    from interp.model import ModelAdapter
    from interp.registry import Registry


def measure(
    name: str,
    model: ModelAdapter,
    dataset: Dataset | str,
    params: dict[str, Any] | None = None,
    *,
    registry: Registry,
    seed: int = 0,
    progress: Progress = silent,
) -> Measurement:
    """What the registered measure says of a model on a data set, or on the folder named so.

    InputError for a metric of explanations, for unknown parameters, and for data that lack what
    the measure needs.
    """
    metric = open_measure(registry, name, params or {})
    images = open_dataset(dataset) if isinstance(dataset, str) else dataset
    context = Context(seed=seed, progress=progress, lookup=registry.get)
    with blamed(name):
        return metric.measure(model, images, context)
