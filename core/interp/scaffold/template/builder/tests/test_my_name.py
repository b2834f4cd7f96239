"""What every builder must pass, and scores that are known by hand."""

from __future__ import annotations

import math

import pytest
import torch
from interp.testing import EntryCase, entry_checks
from torch import nn

from my_package import build


@pytest.mark.parametrize("check", entry_checks("builder"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_builders(check):
    check(EntryCase("builder", "my-name"))


def test_softplus_at_zero():
    built = build(nn.Sequential(nn.ReLU()), {"beta": 2})
    assert built(torch.zeros(1)).item() == pytest.approx(math.log(2) / 2)
