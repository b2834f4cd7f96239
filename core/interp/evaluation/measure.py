"""Measuring a model, or what a method learned of it, by a registered metric."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from interp.context import Budget
from interp.dataset import Dataset, for_channels
from interp.errors import blamed
from interp.evaluation.data import Sample
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.network.plain_tensors import plain_tensors
from interp.opening.images import open_data
from interp.opening.named import open_model_metric
from interp.session import Session


@plain_tensors(recorded=True)
def measure(
    name: str,
    model: ModelAdapter,
    dataset: Dataset | str | Path,
    params: dict[str, Any] | None = None,
    *,
    limit: int | None = None,
    session: Session | None = None,
    seed: int = 0,
) -> Measurement:
    """Measure a model by a registered metric on a data set.

    `dataset`: a Dataset, a path that a reader opens or a registered data set's name. `limit`: so
    many of its images, spread over it and the same every time. Raises
    InputError for a metric of explanations, for unknown parameters, and for data that lack what the
    metric needs.
    """
    session = session or Session()
    metric = open_model_metric(session.registry, name, params or {})
    if isinstance(dataset, str | Path):
        dataset = open_data(session.registry, str(dataset), limit)
    if limit is not None:
        dataset = Sample(dataset, limit)
    images = for_channels(dataset, model.spec.input.channels)
    with blamed(name):
        found = metric.measure(model, images, session.context(seed, Budget()))
    return replace(found, notes=(*found.notes, *images.notes, *model.spec.notes))
