"""Several visitors in real browsers: a reload, fair turns, and nothing left after cancelling."""

from __future__ import annotations

import re
import time
from random import Random

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")

from support.load import slowness
from tests.dashboard import test_browser as browsers
from tests.dashboard.test_browser import GROWTH, MAPS, PATIENCE, at_rest, press_run, until

from interp_dashboard.pool import MOST

browser, server, visit = browsers.browser, browsers.server, browsers.visit
pytestmark = browsers.pytestmark
HEAVY = "image=two&method=rise&set=rise.samples=500000"
SOON = 5.0
"""Seconds within which a light run must have begun behind a heavy one."""
CANCELS, MOST_SECONDS = 50, 2.5
ROUNDS = 5


def cancel(page):
    """Press Cancel; the seconds until nothing of the run works any more."""
    begun = time.monotonic()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Stopped. Nothing of this run is working any more.").wait_for()
    return time.monotonic() - begun


def is_offered(page, server):
    """Whether a page that is opened now offers to go on."""
    page.goto(server.address)
    page.get_by_role("button", name="Run", exact=True).wait_for()
    at_rest(page)
    return page.get_by_role("button", name="Continue").count() == 1


def test_a_reload_keeps_the_run_and_it_can_be_cancelled(visit, server):
    page = visit(HEAVY)
    press_run(page)
    page.get_by_text(re.compile("refining: rise")).wait_for()
    page.reload()
    page.locator(MAPS).first.wait_for()
    page.get_by_text(re.compile("refining: rise")).wait_for()
    assert cancel(page) < 2 * MOST_SECONDS * slowness()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report so far").click()
    assert "before its end; not refined" in download.value.path().read_text("utf-8")
    until(server.idle)
    context = page.context
    page.close()
    again = context.new_page()
    again.set_default_timeout(PATIENCE)
    until(lambda: is_offered(again, server))  # the server notices a moment later
    again.get_by_role("button", name="Continue").click()
    again.locator(MAPS).first.wait_for()


def test_an_address_is_no_key_to_another_browsers_results(visit):
    page = visit("image=two&method=centre&run=yes")
    page.locator(MAPS).first.wait_for()
    other = visit(page.url.partition("?")[2])
    other.get_by_role("button", name="Run", exact=True).wait_for()
    at_rest(other)
    assert other.locator(MAPS).count() == 0


def test_a_light_run_waits_for_one_slice_of_a_heavy_one(visit, server):
    heavy = [visit(HEAVY) for _ in range(2)]
    for page in heavy:
        press_run(page)
        page.locator(MAPS).first.wait_for()
    light = visit("image=sample&method=gradcam")
    at_rest(light)
    begun = time.monotonic()
    press_run(light)
    light.locator(MAPS).first.wait_for()
    waited = time.monotonic() - begun
    assert waited < SOON * slowness(), waited
    for page in heavy:
        cancel(page)
    until(server.idle)


def test_nothing_is_left_after_cancelling_at_any_time(visit, server):
    page, random = visit(HEAVY), Random(0)
    taken = []
    for _ in range(CANCELS):
        press_run(page)
        page.get_by_role("button", name="Cancel").wait_for()
        page.wait_for_timeout(random.uniform(0, 3000))
        taken.append(cancel(page) / slowness())
    until(server.idle)
    assert sorted(taken)[len(taken) // 2] < MOST_SECONDS, taken


def test_four_visitors_of_whom_one_runs_something_heavy(visit, server):
    """Five runs of each: none sees another's, who runs little hardly waits, memory is bounded."""
    heavy = visit(HEAVY)
    press_run(heavy)
    heavy.locator(MAPS).first.wait_for()
    visitors = {"two": visit("method=centre"), "sample": visit("method=edges")}
    third, before = visit("method=random"), server.memory()
    for number in range(ROUNDS):
        if number:  # the heavy visitor's next run
            cancel(heavy)
            press_run(heavy)
        for at, (image, page) in enumerate([*visitors.items(), ("two", third)]):
            samples = 300 + 10 * number + at
            chosen = f"image={image}&method=gradcam&method=rise&set=rise.samples={samples}"
            page.goto(f"{server.address}/?{chosen}")
            press_run(page)
            pressed = time.monotonic()
            page.locator(MAPS).first.wait_for()
            waited = time.monotonic() - pressed
            assert waited < SOON * slowness(), (number, image, waited)
        for at, (image, page) in enumerate([*visitors.items(), ("two", third)]):
            page.get_by_role("button", name="HTML report", exact=True).wait_for()
            page.get_by_text(f"The network's answer on {image}").wait_for()
            told = " ".join(page.locator("article").all_inner_texts())
            assert re.findall(r"(\d+) samples", told) == [str(300 + 10 * number + at)]
    assert cancel(heavy) < 2 * MOST_SECONDS * slowness()
    until(server.idle)
    assert server.memory() - before < GROWTH
    assert server.workers() <= MOST
