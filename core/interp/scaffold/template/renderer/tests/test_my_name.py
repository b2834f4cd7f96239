"""What every renderer and method must pass, and that a ring lies around its point."""

from __future__ import annotations

import numpy as np
import pytest
from interp.method import Style
from interp.registry import Registry
from interp.testing import EntryCase, MethodCase, entry_checks, method_checks

from my_package import MyName


@pytest.mark.parametrize("check", entry_checks("renderer"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_renderers(check):
    check(EntryCase("renderer", "my-name"))


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_methods(check):
    check(MethodCase("my-name"))


def test_a_ring_lies_around_its_point():
    points = np.array([[60, 80]])
    image = np.zeros((120, 160, 3), np.uint8)
    evidence = MyName(name="place", points=points)
    renderer = Registry.load().renderer(MyName.kind)
    drawn = renderer.render(evidence, image, Style(width=160))
    rows, columns = np.nonzero(drawn[20:, :, 0] > 200)  # below the words
    assert abs(rows.mean() + 20 - 60) < 1 and abs(columns.mean() - 80) < 1
