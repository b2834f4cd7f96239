"""What every attack must pass, and that the true class's score falls."""

from __future__ import annotations

import pytest
import torch
from interp.testing import EntryCase, ToyModel, entry_checks

from my_package import MyName


@pytest.mark.parametrize("check", entry_checks("attack"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_attacks(check):
    check(EntryCase("attack", "my-name"))


def test_the_score_falls():
    model, images = ToyModel(), torch.full((1, 3, 32, 32), 0.5)
    moved = MyName().perturb(model, images, torch.tensor([1]), 0.02, 1)
    assert model.predict(moved)[0, 1] < model.predict(images)[0, 1]
