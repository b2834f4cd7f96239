"""What every method must pass, and an answer that is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from interp.testing import MethodCase, ToyModel, method_checks
from torch import Tensor


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_methods(check):
    check(MethodCase("my-name", params={"cells": 3}))


class BrightCorner(ToyModel):
    """Class 1 is the brightness of the input's upper left quarter, and nothing else."""

    def predict(self, images: Tensor) -> Tensor:
        scores = images.new_zeros(len(images), 3)
        scores[:, 1] = 8 * images[:, :, :16, :16].mean((1, 2, 3))
        return scores


def test_only_the_deciding_cell_counts():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32] = 255
    case = MethodCase("my-name", model=BrightCorner(), image=image)
    found = case.explain(targets=("1",), params={"cells": 2}).map()
    assert found[:30, :30].min() > 0.1
    assert np.abs(found[34:]).max() < 1e-6
