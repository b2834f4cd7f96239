"""Tiles as a browser gets them: the map's own values, the renderer's own colours."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.registry import Registry
from interp.report.page import comparison_html, reading_html
from interp.request import Choice
from interp.session import Session
from interp_dashboard.map_view import LEVELS, STEPS, colours, maps


@pytest.fixture(scope="module")
def registry():
    return Registry.load()


@pytest.fixture(scope="module")
def found(registry):
    methods = tuple(Choice(name=name) for name in ("gradcam", "random"))
    request = ComparisonRequest(methods=methods, images=("two",), targets=("fenka",))
    return compare(request, Session(registry=registry))


def test_values_are_the_maps_own(registry, found):
    import cv2

    for tile, cell in zip(maps(registry, found, 0, "fenka"), found.cases[0].cells, strict=True):
        kept = np.frombuffer(base64.b64decode(tile.values), "<i2").reshape(tile.height, tile.width)
        values = cell.explanation.map("fenka").astype(np.float32)
        enlarges = tile.width >= values.shape[1]
        how = cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA
        wanted = cv2.resize(values, (tile.width, tile.height), interpolation=how)
        assert np.abs(kept / LEVELS * tile.top - wanted).max() <= 1e-4 * tile.top
        assert tile.full == found.scales[tile.method]


def test_colours_are_the_renderers(registry):
    table = colours(registry)
    assert table.shape == (STEPS, 3)
    assert table[STEPS // 2].min() > 240  # zero is white, in the middle
    assert table[0, 2] > table[0, 0]  # blue speaks against
    assert table[-1, 0] > table[-1, 2]  # red speaks for


def test_the_reading_help_is_the_reports(registry, found):
    help_ = reading_html(registry, found.methods).strip()
    assert "not where the object is" in help_
    assert help_ in comparison_html(registry, found)


def test_a_failure_stands_in_its_own_tile(registry):
    methods = (Choice(name="gradcam", params={"layer": "nowhere"}), Choice(name="centre"))
    request = ComparisonRequest(methods=methods, images=("two",))
    made = compare(request, Session(registry=registry))
    one, two = maps(registry, made, 0, made.records[0].targets[0])
    assert "nowhere" in one.error
    assert (one.values, two.error) == ("", None)
    assert two.values
