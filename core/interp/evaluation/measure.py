"""A registered measure of a model on a data set: the road of the command line and of Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp.context import Budget
from interp.dataset import Dataset, open_dataset
from interp.errors import blamed
from interp.opening.named import open_measure
from interp.session import Session

if TYPE_CHECKING:
    from interp.metric import Measurement
    from interp.model import ModelAdapter


def measure(
    name: str,
    model: ModelAdapter,
    dataset: Dataset | str,
    params: dict[str, Any] | None = None,
    *,
    session: Session | None = None,
    seed: int = 0,
) -> Measurement:
    """What the registered measure says of a model on a data set, or on the folder named so.

    InputError for a metric of explanations, for unknown parameters, and for data that lack what
    the measure needs.
    """
    session = session or Session()
    metric = open_measure(session.registry, name, params or {})
    images = open_dataset(dataset) if isinstance(dataset, str) else dataset
    with blamed(name):
        return metric.measure(model, images, session.context(seed, Budget()))
