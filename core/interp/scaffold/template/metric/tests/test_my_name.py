"""What every metric must pass, and values that are known by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from interp.testing import EntryCase, entry_checks

from my_package import MyName


@pytest.mark.parametrize("check", entry_checks("metric"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_metrics(check):
    check(EntryCase("metric", "my-name"))


@pytest.mark.parametrize(("values", "share"), [([[1, 1], [1, 1]], 0.5), ([[9, 1], [0, -5]], 0.25)])
def test_a_share_known_by_hand(values, share):
    case = cast(Any, SimpleNamespace(map=np.array(values, np.float32)))
    metric = MyName(MyName.Params())
    assert metric.measure(case) == share
