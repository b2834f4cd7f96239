"""The main path in a real browser: choose, run, look, move a slider, take away, upload, cancel."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from support.load import slowness

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
ROUNDS = 5
GROWTH = 250 << 20
"""Bytes that ten runs may leave behind: caches that have a bound, and what malloc keeps."""
MAPS = ".maps canvas[tabindex]"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the browser test needs chromium on the path"),
    pytest.mark.skipif(not Path("/proc").exists(), reason="asks /proc about the server"),
]


@dataclass(frozen=True)
class Server:
    """The dashboard in its process."""

    address: str
    process: int

    def processor(self) -> float:
        """Seconds of processor time that it and its processes have used."""
        used = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = stat.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if self.process in (int(words[1]), int(stat.parent.name)):
                used += int(words[11]) + int(words[12])
        return used / os.sysconf("SC_CLK_TCK")

    def workers(self) -> int:
        """Processes in which runs work or may work."""
        found = 0
        for each in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
                command = (each / "cmdline").read_bytes()
            except OSError:  # it has ended meanwhile
                continue
            found += parent == self.process and b"interp_dashboard.worker" in command
        return found

    def memory(self) -> int:
        """Bytes that are resident."""
        pages = Path(f"/proc/{self.process}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def idle(self, seconds: float = 3.0) -> bool:
        """Whether it hardly works for a while: less than a tenth of what one process gets."""
        before = self.processor()
        time.sleep(seconds)
        return self.processor() - before < seconds / 10 / slowness()


@pytest.fixture(scope="module")
def server(tmp_path_factory: Any) -> Iterator[Server]:
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    runs = tmp_path_factory.mktemp("runs")
    with served(Setting(runs=runs, workers=1), "localhost", port) as process:
        yield Server(f"http://localhost:{port}", process.pid)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Callable[[str], Any]]:
    """Open the page with these words behind the question mark, each time as another visitor."""
    contexts = []

    def open_page(query: str = "") -> Any:
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 1000}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{server.address}/?{query}")
        return page

    yield open_page
    for each in contexts:
        each.close()


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE / 1000
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.2)


def at_rest(page: Any) -> None:
    """Until the server has drawn what was said before."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def press_run(page: Any) -> None:
    """Once what was said before has reached the server."""
    at_rest(page)
    page.get_by_role("button", name="Run", exact=True).click()


def choose(page: Any, label: str, option: str) -> None:
    """Pick an option of the list with this label."""
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


def pixels(page: Any) -> list[str]:
    """What the maps show."""
    found: list[str] = page.locator(MAPS).evaluate_all("all => all.map(each => each.toDataURL())")
    return found


def test_the_main_path(visit, server):
    sent = []
    page = visit("image=sample&method=mint&method=rise&set=mint.samples=600&set=rise.samples=600")
    page.on("websocket", lambda made: made.on("framesent", lambda _: sent.append(made)))
    page.reload()
    choose(page, "Images", "two")
    page.keyboard.press("Escape")  # closes the list
    page.get_by_role("button", name="Remove sample").click()
    expander(page, "Methods").click()
    for method in ("chip", "gradcam"):
        page.locator("[data-testid=stCheckbox]").get_by_text(method, exact=True).click()
    press_run(page)
    page.get_by_role("button", name="HTML report").wait_for()
    assert page.locator(MAPS).count() == 4
    page.get_by_text("The network's answer on two").wait_for()
    until(server.idle)

    before, asked, worked = pixels(page), len(sent), server.processor()
    assert asked
    assert len(set(before)) == 4
    for slider, value in ((0, "0.1"), (1, "0.6")):
        page.locator(".maps input").nth(slider).fill(value)
        after = pixels(page)
        assert all(old != new for old, new in zip(before, after, strict=True))
        before = after
    page.locator(MAPS).first.hover()
    values = page.locator(".maps .value").all_inner_texts()
    assert all(re.search(r"\d", each) for each in values) and len(values) == 4
    assert len(sent) == asked  # the server heard nothing of it
    assert server.processor() - worked < 0.5

    with page.expect_download() as download:
        page.get_by_role("button", name="HTML report").click()
    report = Path(download.value.path()).read_text("utf-8")
    assert report.startswith("<!doctype html>") and "gradcam" in report
    with page.expect_download() as download:
        page.get_by_role("button", name="Bundle (zip)").click()
    with zipfile.ZipFile(download.value.path()) as bundle:
        assert any(name.endswith("manifest.json") for name in bundle.namelist())


def test_the_address_repeats_the_choice(visit):
    page = visit("image=sample&method=centre&target=arbo")
    press_run(page)
    page.get_by_text("Why arbo?").wait_for()
    query = page.url.partition("?")[2]
    again = visit(query)
    press_run(again)
    again.get_by_text("Why arbo?").wait_for()
    again.get_by_text("The network's answer on sample").wait_for()
    again.get_by_role("button", name="HTML report").wait_for()
    assert again.locator("article h3").all_inner_texts() == ["the image", "centre"]


def expander(page: Any, name: str) -> Any:
    """What opens and closes the expander of this name."""
    return page.locator("[data-testid=stExpander] summary").get_by_text(name, exact=True)


def upload(page: Any, under: str, *files: tuple[str, bytes]) -> None:
    """Put files into the first uploader of an open expander."""
    box = page.locator("[data-testid=stExpander]", has_text=under)
    kind = "application/octet-stream"
    box.locator("input[type=file]").first.set_input_files(
        [{"name": name, "mimeType": kind, "buffer": content} for name, content in files]
    )


def test_uploads(visit, network):
    held = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((300, 200)).save(held, "JPEG")
    page = visit("method=occlusion")
    expander(page, "Upload images").click()
    torn = ("torn.png", b"\x89PNG\r\n")
    upload(page, "Upload images", ("photo.jpg", held.getvalue()), torn)
    page.get_by_text("torn.png: not an image that can be read").wait_for()
    expander(page, "Upload a model").click()
    upload(page, "Upload a model", ("net.pth", b"PK\x03\x04"))
    page.get_by_text("net.pth is refused: PyTorch files can run code").wait_for()
    upload(page, "Upload a model", ("torn.onnx", network()[:50]))
    page.get_by_text("torn.onnx is refused").wait_for()
    upload(page, "Upload a model", ("net.onnx", network()))
    model = page.get_by_role("combobox", name="Model")
    until(lambda: model.input_value() == "uploaded: net.onnx")
    press_run(page)
    page.get_by_role("button", name="HTML report").wait_for()
    page.get_by_text("The network's answer on photo.jpg").wait_for()
    assert page.locator(MAPS).count() == 1


def test_a_model_that_never_answers_is_stopped_while_others_work(visit, endless):
    page, other = visit("method=centre"), visit("image=sample&method=centre")
    expander(page, "Upload a model").click()
    page.get_by_placeholder("resize=crop").fill("mean=0,0,0,std=1,1,1")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    at_rest(page)  # the server knows the input before it gets the file
    upload(page, "Upload a model", ("endless.onnx", endless))
    page.get_by_text("asking the model ...").wait_for()
    press_run(other)
    other.get_by_role("button", name="HTML report").wait_for()
    assert page.get_by_text("asking the model ...").is_visible()
    page.get_by_text("the model did not answer within 30 s and was stopped").wait_for()


def test_no_form_and_no_address_names_what_is_on_the_machine(visit, server):
    page = visit("method=decoupling&set=decoupling.concepts=/dev/zero&set=decoupling.devices=4")
    page.get_by_text(re.compile("names a file or a device of the server")).wait_for()
    bomb = "[" * 2000 + "&a [*a,*a,*a,*a,*a,*a,*a,*a,*a]" + "]" * 2000
    before = server.memory()
    other = visit(f"method=mint&set=mint.regions={quote(bomb)}")
    other.get_by_text("A part of the address cannot be used").wait_for()
    assert server.memory() - before < GROWTH
    page.get_by_role("link", name="Fit").click()
    page.get_by_role("button", name="Fit", exact=True).wait_for()
    labels = page.locator("label").all_inner_texts()
    assert labels and not {"devices", "concepts"} & {each.lower() for each in labels}


def test_cancel_leaves_nothing_running(visit, server):
    page = visit("image=two&method=rise&set=rise.samples=5000000")
    press_run(page)
    page.get_by_text(re.compile("refining: rise")).wait_for()
    assert not server.idle()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Stopped. Nothing of this run is working any more.").wait_for()
    until(server.idle)


def test_two_visitors_see_their_own_and_memory_is_bounded(visit, server):
    """Two browsers at once, five runs each, told apart by image, class and number of samples."""
    images = ("sample", "two")
    pages = [visit(f"image={image}&method=rise&method=gradcam") for image in images]
    taken = []
    for number in range(ROUNDS):
        wanted = [600 + 10 * number, 605 + 10 * number]
        for page, samples in zip(pages, wanted, strict=True):
            page.get_by_role("button", name="Run", exact=True).wait_for()
            field = page.get_by_role("spinbutton", name="samples")
            for name in ("Methods", "Parameters"):
                box = expander(page, name)
                if not box.evaluate("each => each.closest('details').open"):
                    box.click()
            field.fill(str(samples))
            field.press("Enter")
            press_run(page)
        for page, image, samples in zip(pages, images, wanted, strict=True):
            page.locator("article", has_text=f"{samples} samples").wait_for()
            page.get_by_role("button", name="HTML report").wait_for()
            page.get_by_text(f"The network's answer on {image}").wait_for()
            told = " ".join(page.locator("article").all_inner_texts())
            assert re.findall(r"(\d+) samples", told) == [str(samples)]
        assert pixels(pages[0]) != pixels(pages[1])
        taken.append(server.memory())
    assert max(taken) - taken[0] < GROWTH, taken
