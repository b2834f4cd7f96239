"""What every readout must pass, and an entropy that is known by hand."""

from __future__ import annotations

import math

import pytest
import torch
from interp.testing import EntryCase, entry_checks

from my_package import entropy


@pytest.mark.parametrize("check", entry_checks("readout"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_readouts(check):
    check(EntryCase("readout", "my-name"))


def test_equal_scores_have_the_largest_entropy():
    found = entropy(torch.tensor([[0.0, 0.0, 0.0, 0.0], [50.0, 0.0, 0.0, 0.0]]))
    assert found[0].item() == pytest.approx(math.log(4))
    assert found[1].item() == pytest.approx(0)
