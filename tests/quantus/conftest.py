"""A case with a known map, mask and model, and metrics by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.registered import registered

from interp.context import Context
from interp.dataset import Example, Instance
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.metric import ExplanationMetric, MetricCase
from interp.model import ModelAdapter
from interp.target import Target
from interp.testing import ToyModel

SIZE = 32
METRICS = registered("metric", "interp_quantus")
OURS = registered("metric", "interp_standard")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks Quantus is skipped where it is absent; the tests of its absence are not."""
    here = [each for each in items if each.path.parent == Path(__file__).parent]
    try:
        import quantus.metrics  # noqa: F401 - this folder is called quantus, too
    except ImportError:
        for each in here:
            if "absent" not in each.name:
                each.add_marker(pytest.mark.skip(reason="quantus is not installed"))


@pytest.fixture
def made() -> Callable[..., ExplanationMetric]:
    """made(name, **params): the metric, ours or Quantus'."""

    def make(name: str, **params: Any) -> ExplanationMetric:
        kind = {**OURS, **METRICS}[name]
        return kind(kind.Params(**params))

    return make


@pytest.fixture
def a_map() -> Callable[[int], np.ndarray]:
    """A signed map of a seed, (32, 32), without equal values."""
    return lambda seed: np.random.default_rng(seed + 100).normal(size=(SIZE, SIZE)).astype("f4")


@pytest.fixture
def truth() -> np.ndarray:
    """Where the object is."""
    mask = np.zeros((SIZE, SIZE), bool)
    mask[6:16, 12:26] = True
    return mask


@pytest.fixture
def case(truth: np.ndarray) -> Callable[..., MetricCase]:
    """case(values, again=None, seed=0, model=None): a map of coarse noise with one object."""

    def built(
        values: np.ndarray,
        again: Callable[..., np.ndarray] | None = None,
        seed: int = 0,
        model: ModelAdapter | None = None,
    ) -> MetricCase:
        coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
        known = (Instance(1, (12.0, 6.0, 26.0, 16.0), truth),)

        def explained(*args: Any, **other: Any) -> Explanation:
            found = values if again is None else again(*args, **other)
            return Explanation((Heatmap(name="map", image=0, values=found.astype("f4")),))

        return MetricCase(
            explanation=Explanation((Heatmap(name="map", image=0, values=values),)),
            model=model or ToyModel(),
            target=Target(1, "bee"),
            example=Example("it", coarse.repeat(4, 0).repeat(4, 1), 1, known),
            context=Context(seed=seed),
            again=explained,
            kept={},
        )

    return built
