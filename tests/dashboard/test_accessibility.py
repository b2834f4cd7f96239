"""Every page, light and dark, wide and narrow: axe's rules, the keyboard, and nothing cut off."""

from __future__ import annotations

import shutil
import socket

import pytest
from support.axe import findings, program

from interp_dashboard.command import served
from interp_dashboard.setting import Setting

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the check needs playwright: pip install playwright"
)
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
PAGES = ("compare", "methods", "layers", "fit", "evaluate", "runs")
PATIENCE = 240_000  # milliseconds
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the check needs chromium on the path"),
]


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    return program(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    setting = Setting(runs=tmp_path_factory.mktemp("runs"), workers=1)
    with served(setting, "localhost", port):
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield opened
        opened.close()


@pytest.fixture
def seen(browser, address):
    """Open a page: seen(name, scheme, width)."""
    contexts = []

    def look(name, scheme="light", width=1440):
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(color_scheme=scheme, viewport=size))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/{'' if name == 'compare' else name}")
        settle(page)
        return page

    yield look
    for each in contexts:
        each.close()


def settle(page):
    """Until nothing is drawn any more."""
    page.get_by_role("heading", level=1).wait_for()
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached")
    page.get_by_text("starting", exact=True).wait_for(state="detached")
    page.locator("[data-testid=stProgress]").wait_for(state="detached")
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.locator("[data-stale=true]").first.wait_for(state="detached")  # old parts are faded
    page.wait_for_timeout(1000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_is_found(name, scheme, seen, axe):
    assert findings(seen(name, scheme), axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_among_results(scheme, seen, axe):
    page = seen("?image=two&method=gradcam&method=centre", scheme)
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="HTML report").wait_for()
    settle(page)
    assert findings(page, axe) == []
    for name, view in (("Layers and channels", "Your comparison"), ("Runs", None)):
        page.get_by_role("link", name=name).click()
        page.get_by_role("heading", name=name, level=1).wait_for()
        if view is not None:
            page.get_by_role("radio", name=view).click()
        settle(page)
        assert findings(page, axe) == [], name


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_need_not_scroll_sideways(name, seen):
    page = seen(name, width=390)
    main = "document.querySelector('[data-testid=stMain]')"
    assert page.evaluate(f"Math.max(document.body.scrollWidth, {main}.scrollWidth)") == 390


def test_methods_are_ticked_and_run_by_keyboard(seen):
    page = seen("compare")
    reach(page, page.locator("[data-testid=stExpander] summary", has_text="Methods"))
    page.keyboard.press("Enter")
    box = page.get_by_role("checkbox", name="centre", exact=True)
    box.wait_for()
    reach(page, box)
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert box.is_checked()
    reach(page, page.get_by_role("button", name="Run", exact=True))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Why ").wait_for()
    page.get_by_role("button", name="HTML report").wait_for()
    settle(page)
    reach(page, page.locator(".maps canvas[tabindex]").first)
    page.keyboard.press("ArrowRight")
    assert page.locator(".maps .value").first.inner_text()


def reach(page, wanted):
    """Press Tab until this has the focus."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if wanted.evaluate("each => each.getRootNode().activeElement === each"):
            return
    raise AssertionError(f"Tab does not come to {wanted}")
