"""What every method must pass, and an answer that is known by hand."""

from pathlib import Path

import numpy as np
import pytest

from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.testing import MethodCase, ToyModel, method_checks

FILE = Path(__file__).parent.parent / "src/interp_example/registry.yaml"


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The project's registry and this package's, which need not be installed."""
    return Registry.load([FILE])


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_conformance(check, registry):
    check(MethodCase("occlude-grid", registry=registry, params={"cells": 3}))


class BrightCorner(ToyModel):
    """Class 1 is the brightness of the input's upper left quarter, and nothing else."""

    def predict(self, images):
        scores = images.new_zeros(len(images), 3)
        scores[:, 1] = 8 * images[:, :, :16, :16].mean((1, 2, 3))
        return scores


def test_only_the_deciding_cell_falls(registry):
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32] = 255
    request = Request(method="occlude-grid", targets=("1",), params={"cells": 2})
    result = run(request, registry=registry, model=BrightCorner(), images=[image])
    values = result.explanation.evidence[0].values
    assert values[:30, :30].min() > 0.1
    assert np.abs(values[34:]).max() < 1e-6
    assert np.abs(values[:, 34:]).max() < 1e-6
