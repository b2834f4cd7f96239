"""What is seen without scrolling: the choice and an example at first, how to read beside maps."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")

from tests.dashboard import test_browser as browsers
from tests.dashboard.test_browser import MAPS, at_rest

browser, server = browsers.browser, browsers.server
pytestmark = browsers.pytestmark
SIZES = [(1440, 900), (390, 844)]


@pytest.fixture
def look(browser, server):
    """Open the page in a window of this size: look(width, height, query)."""
    contexts = []

    def open_page(width, height, query=""):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}))
        page = contexts[-1].new_page()
        page.set_default_timeout(browsers.PATIENCE)
        page.goto(f"{server.address}/?{query}")
        page.get_by_role("button", name="Run", exact=True).wait_for()
        at_rest(page)
        return page

    yield open_page
    for each in contexts:
        each.close()


def bottom(locator):
    box = locator.first.bounding_box()
    return box["y"] + box["height"]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_choice_run_and_an_example_need_no_scrolling(look, width, height):
    page = look(width, height)
    example = page.locator(".example img")
    example.first.wait_for()
    shown = (
        page.get_by_role("heading", level=1),
        page.locator("[data-testid=stImage] img"),
        page.get_by_role("combobox", name="Model", exact=True),
        page.get_by_role("combobox", name="Images"),
        page.locator("[data-testid=stButtonGroup]"),
        page.get_by_role("button", name="Run", exact=True),
        example,
    )
    assert max(map(bottom, shown)) <= height
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_how_to_read_the_maps_stands_beside_them(look, width, height):
    page = look(width, height, "image=two&method=centre&method=edges&run=yes")
    page.locator(MAPS).first.wait_for()
    page.get_by_role("button", name="HTML report", exact=True).wait_for()
    reading, maps = page.get_by_role("button", name="How to read the maps"), page.locator(MAPS)
    assert 0 < bottom(maps) - bottom(reading) < height, "both are seen at once"
    assert page.locator(".example").count() == 0
    reading.click()
    page.get_by_text("A map shows what the network used").last.wait_for()
