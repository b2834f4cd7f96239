"""What every data set must pass, and that a mask covers the bright pixels."""

from __future__ import annotations

import pytest
from interp.testing import EntryCase, entry_checks

from my_package import MyName


@pytest.mark.parametrize("check", entry_checks("dataset"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_data_sets(check):
    check(EntryCase("dataset", "my-name"))


def test_the_mask_covers_the_shape():
    for example in MyName(count=4, seed=1):
        (instance,) = example.instances
        assert ((example.image[..., 0] == 235) == instance.mask).all()
