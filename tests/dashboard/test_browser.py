"""The main path in a real browser: choose, run, look, move a slider, take away, upload, cancel."""

from __future__ import annotations

import io
import shutil
import socket

import pytest
from PIL import Image

from interp_dashboard.command import served
from interp_dashboard.setting import Setting

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="the browser test needs playwright: pip install playwright"
)
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
PATIENCE = 240_000  # milliseconds
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the browser test needs chromium on the path"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    runs = tmp_path_factory.mktemp("runs")
    with served(Setting(runs=runs), "localhost", port):
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    made = context.new_page()
    made.set_default_timeout(PATIENCE)
    yield made
    context.close()


def run(page, maps):
    """Press Run and wait until the maps are refined."""
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="HTML report").wait_for()
    assert page.locator(".maps canvas[tabindex]").count() == maps


def pixels(page):
    """What the first map shows."""
    return page.locator(".maps canvas[tabindex]").first.evaluate("each => each.toDataURL()")


def test_the_main_path(page, address):
    page.goto(f"{address}/?image=two&method=mint&method=gradcam&method=rise&set=rise.samples=600")
    page.get_by_text("chip", exact=True).click()
    sent = []
    page.on("websocket", lambda socket_: socket_.on("framesent", lambda _: sent.append(1)))
    page.reload()
    page.get_by_text("chip", exact=True).click()
    run(page, maps=4)
    page.wait_for_timeout(1500)

    before, asked = pixels(page), len(sent)
    slider = page.locator(".maps input").first
    slider.fill("0.1")
    page.wait_for_timeout(500)
    assert pixels(page) != before
    assert len(sent) == asked > 0  # the server heard nothing of it

    page.locator(".maps canvas[tabindex]").first.hover()
    assert all(page.locator(".maps .value").all_inner_texts())
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML report").click()
    with open(download.value.path(), encoding="utf-8") as file:  # noqa: PTH123
        assert "<!doctype html>" in file.read(100)
    with page.expect_download() as download:
        page.get_by_role("button", name="Bundle (zip)").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_uploads(page, address, network):
    held = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((300, 200)).save(held, "JPEG")
    page.goto(f"{address}/?method=occlusion")
    page.get_by_text("Upload images").click()
    page.locator("input[type=file]").nth(1).set_input_files(
        [
            {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": held.getvalue()},
            {"name": "torn.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n"},
        ]
    )
    page.get_by_text("torn.png: not an image that can be read").wait_for()
    page.get_by_text("Upload a model").click()
    files = page.locator("input[type=file]").first
    files.set_input_files(
        {"name": "net.pth", "mimeType": "application/octet-stream", "buffer": b"PK\x03\x04"}
    )
    page.get_by_text("net.pth is refused: PyTorch files can run code").wait_for()
    files.set_input_files(
        {"name": "net.onnx", "mimeType": "application/octet-stream", "buffer": network()}
    )
    page.locator("[data-testid=stSelectbox]").first.click()
    page.get_by_role("option", name="uploaded: net.onnx").click()
    run(page, maps=1)


def test_cancel(page, address):
    page.goto(f"{address}/?image=two&method=rise&set=rise.samples=5000000")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Stopped. Nothing of this run is working any more.").wait_for()


def test_two_visitors_see_their_own(browser, address):
    contexts = [browser.new_context() for _ in range(2)]
    pages = [each.new_page() for each in contexts]
    for each, image in zip(pages, ("sample", "two"), strict=True):
        each.set_default_timeout(PATIENCE)
        each.goto(f"{address}/?image={image}&method=centre&method=gradcam")
    for each in pages:
        each.get_by_role("button", name="Run", exact=True).click()
    for each, image in zip(pages, ("sample", "two"), strict=True):
        each.get_by_role("button", name="HTML report").wait_for()
        each.get_by_text(f"The network's answer on {image}").wait_for()
    for each in contexts:
        each.close()
