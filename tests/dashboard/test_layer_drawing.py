"""Layers are picked in the network's drawing, with the mouse and by keyboard."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")

from tests.dashboard import test_browser as browsers
from tests.dashboard.test_browser import at_rest, expander

browser, server, visit = browsers.browser, browsers.server, browsers.visit
pytestmark = browsers.pytestmark


def pressed(page):
    """The names of the layers that are picked in the drawing."""
    chosen = page.locator(".network button[aria-pressed=true]")
    return [each.partition(":")[0] for each in chosen.evaluate_all("all => all.map(e => e.title)")]


def test_a_layer_is_picked_stays_and_is_explained(visit):
    page = visit("image=two&method=gradcam")
    expander(page, "Methods").click()
    expander(page, "Parameters").click()
    pick = page.get_by_role("button", name="layer: pick in the network")
    pick.click()
    layer = page.get_by_role("button", name=re.compile(r"^stage2: .* cells, .* of the cost after"))
    layer.click()
    at_rest(page)
    assert pressed(page) == ["stage2"]
    page.get_by_role("button", name=re.compile("^stage3.0: ")).press("Enter")
    at_rest(page)
    assert pressed(page) == ["stage3.0"], "one layer at a time"
    page.keyboard.press("Escape")
    pick.click()
    assert pressed(page) == ["stage3.0"], "it is still picked when the drawing is opened again"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="HTML report", exact=True).wait_for()
    assert "stage3.0" in page.url
