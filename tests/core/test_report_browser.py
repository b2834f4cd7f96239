"""The report in a real browser: one file that needs nothing else, on a screen and on a phone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.axe import findings, program

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.evaluation.request import EvaluationRequest
from interp.registry import Registry
from interp.report.evaluation_page import evaluate_with_report
from interp.report.page import compare_with_report, write_reports
from interp.request import Choice
from interp.session import Session
from interp.testing import ToyModel
from interp_creatures.dataset import Creatures

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
METHODS = ("tiles", "twin", "crash", "captum-occlusion", "integrated-gradients")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs chromium"),
]


@pytest.fixture
def page(monkeypatch):
    """A page in a browser that keeps what it complains of."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page()
        opened.complaints = []
        opened.on("console", lambda each: opened.complaints.append(each.text))
        opened.on("pageerror", lambda each: opened.complaints.append(str(each)))
        opened.on("request", lambda each: _outside(opened, each.url))
        yield opened
        browser.close()


def _outside(page, url: str) -> None:
    if not url.startswith(("file:", "data:")):
        page.complaints.append(f"asked for {url}")


@pytest.fixture
def report(registry, tmp_path) -> Path:
    """A comparison of two images with a failing method and long names."""

    class Named(ToyModel):
        def __init__(self) -> None:
            super().__init__()
            names = ("ant", "a class of a very long name indeed, bombus terrestris", "b" * 60)
            self.spec = self.spec.model_copy(update={"classes": names})

    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2)]
    request = ComparisonRequest(
        methods=tuple(Choice(name=each) for each in METHODS),
        targets=("2, not 1", "0"),
        budget=Budget(samples=100),
    )
    out = tmp_path / "c"
    found = compare(request, Session(registry, Named()), images=images, out=out)
    write_reports(registry, found, pages=True)
    return out


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> Path:
    return program(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The report of eight methods on three images, copied into an empty folder."""
    methods = "mint,rise,lime,occlusion,gradcam,score-cam,integrated-gradients,chip".split(",")
    images = [each.image for each in Creatures(3, seed=1)]
    request = ComparisonRequest(
        methods=tuple(Choice(name=each) for each in methods), budget=Budget(samples=200)
    )
    made = tmp_path_factory.mktemp("made") / "c"
    compare_with_report(request, Session(Registry.load()), out=made, images=images)
    copied = tmp_path_factory.mktemp("mailed") / "report.html"
    shutil.copy(made / "report.html", copied)
    return copied


def open_offline(page, report: Path, width: int, scheme: str) -> None:
    """A report in a browser of this width without a network."""
    page.context.set_offline(True)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report.as_uri())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_mailed_alone_it_opens_offline_with_everything(page, alone, axe, width, scheme) -> None:
    assert alone.stat().st_size < 8_000_000
    open_offline(page, alone, width, scheme)
    assert findings(page, axe) == []
    page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("details.image").count() == 3
    assert page.locator("article:visible").count() == 24
    broken = "all => all.filter(each => each.src && !each.naturalWidth).length"
    assert page.eval_on_selector_all("img", broken) == 0
    assert page.locator("a").count() == 0
    assert findings(page, axe) == []
    assert page.complaints == []


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> Path:
    """The report of an evaluation in which a method fails, copied into an empty folder."""
    request = EvaluationRequest(
        methods=(Choice(name="gradcam"), Choice(name="mint", params={"deep": "nowhere"})),
        metrics=(Choice(name="pointing"), Choice(name="energy-mask")),
        limit=3,
    )
    made = tmp_path_factory.mktemp("made") / "e"
    evaluate_with_report(request, Session(Registry.load()), out=made)
    copied = tmp_path_factory.mktemp("mailed") / "report.html"
    shutil.copy(made / "report.html", copied)
    return copied


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_an_evaluations_report_opens_alone_too(page, evaluated, axe, width, scheme) -> None:
    open_offline(page, evaluated, width, scheme)
    page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
    assert page.locator("details dl div").count() == 3  # mint fails on each image
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert findings(page, axe) == []
    assert page.complaints == []


def test_images_and_pictures_open_by_keyboard(page, alone) -> None:
    page.goto(alone.as_uri())
    second = page.locator("details.image").nth(1)
    second.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert second.locator("article").first.is_visible()
    second.locator("article button").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('dialog').open")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.querySelector('dialog').open")


@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_and_is_quiet(page, report, width) -> None:
    files = sorted(report.rglob("report.html"))
    assert len(files) == 3
    for file in files:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(file.as_uri())
        page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        broken = "all => all.filter(each => each.src && !each.naturalWidth).length"
        assert page.eval_on_selector_all("img", broken) == 0
    assert page.complaints == []


def test_a_click_enlarges_and_another_closes(page, report) -> None:
    page.goto(next(each for each in report.rglob("report.html") if each.parent != report).as_uri())
    page.click("article button >> nth=0")
    assert page.evaluate("document.querySelector('dialog').open")
    small = page.get_attribute("article img >> nth=0", "src")
    assert page.get_attribute("dialog img", "src") == small
    page.click("dialog button")
    assert not page.evaluate("document.querySelector('dialog').open")
    assert page.complaints == []
