"""Names that others wrote are text on every page: no link, no picture, nothing hidden."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from interp.plain_text import HIDDEN
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp_dashboard.command import served
from interp_dashboard.session import KEY
from interp_dashboard.setting import Setting

IMAGE = "![x](y)\u202e\x1b[31m<b>_a_.png"
CLASSES = ("![x](http://127.0.0.1:9/x.png)", "\x1b]0;owned\x07", "<img src=x> :red[a] \u202eb")
WRITTEN = ("markdown", "caption", "subheader", "header", "title", "error", "warning", "info")
LABELLED = ("checkbox", "selectbox", "multiselect", "button", "radio", "number_input")


@pytest.fixture
def hostile(started, network, tmp_path) -> None:
    """A folder with an image and a model of hostile names."""
    images, models = tmp_path / "images", tmp_path / "models"
    images.mkdir()
    models.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(images / IMAGE)
    model = models / "![m](n)\x1b_net_.onnx"
    model.write_bytes(network())
    (models / "classes.txt").write_text("\n".join(CLASSES))
    started(images=images, models=models)


def texts(visitor) -> list[str]:
    """Everything on the page that streamlit reads as Markdown."""
    found = [str(each.value) for kind in WRITTEN for each in getattr(visitor.page, kind)]
    found += [str(each.label) for kind in LABELLED for each in getattr(visitor.page, kind)]
    for each in visitor.page.button_group:
        found += [str(option.content) for option in each.proto.options]
    return found


def check(visitor) -> None:
    """Nothing of a name is left that Markdown reads; other links are the page's own."""
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
    for text in texts(visitor):
        assert not HIDDEN.search(text.replace("\n", "")), text
        shown = reader.render(text)
        assert "<img" not in shown and "<b>" not in shown, text
        assert not re.search(r'<a href="(?!https://(doi|scholar))', shown), text
        assert "<em>" not in shown, text
        assert not re.search(r"(?<!\\):(red|material)", text), text


def test_compare_and_layers(hostile, visit) -> None:
    model = "![m](n)\x1b_net_.onnx"
    visitor = visit("compare", model=model, image=IMAGE, method=["centre", "occlusion"])
    check(visitor)
    visitor.press("Run").finish("compare")
    assert visitor.errors == [] and "Why" in visitor.words
    check(visitor)
    layers = visit("layers")
    layers.page.session_state[KEY] = visitor.session
    layers.page.run()
    assert layers.errors == []
    check(layers)


def test_runs(hostile, visit, tmp_path) -> None:
    out = tmp_path / "runs" / "![r](s)_x_"
    run(Request(method="centre", images=(str(tmp_path / "images" / IMAGE),)), out=out)
    visitor = visit("runs")
    assert visitor.errors == []
    check(visitor)
    for row in visitor.page.dataframe[0].value.to_numpy().ravel():
        assert not HIDDEN.search(str(row))


def test_words_of_a_link_and_errors(visit) -> None:
    for words in CLASSES:
        visitor = visit("compare", model=words, image=words, method=words, target=words)
        check(visitor)


def test_a_packages_own_words(visit, package) -> None:
    package(
        "",
        """
        entries:
          - {kind: method, name: odd, object: "NAME:none", answers: where,
             summary: "![x](http://127.0.0.1:9/x.png) <img src=x> _a_",
             misleads: "[a](http://127.0.0.1:9) :red[b]"}
        """,
        installed=True,
    )
    assert "odd" in [each.name for each in Registry.load().entries("method")]
    for page in ("compare", "methods"):
        visitor = visit(page)
        visitor.session.stop()
        check(visitor)


@pytest.mark.slow
def test_a_browser_fetches_nothing_for_a_name(tmp_path) -> None:
    """A link with hostile names, in Chromium: streamlit's own Markdown reads it."""
    import shutil
    import socket
    from urllib.parse import quote

    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium")
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    words = quote(CLASSES[0])
    query = f"model={words}&image={words}&method={words}&target={words}"
    asked: list[str] = []
    with (
        served(Setting(runs=tmp_path), "localhost", port),
        sync_api.sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda each: asked.append(each.url))
        page.goto(f"http://localhost:{port}/?{query}")
        page.get_by_role("heading", level=1).wait_for()
        page.get_by_text("cannot be used").or_(page.get_by_text("not offered")).first.wait_for()
        page.wait_for_timeout(2000)
        assert page.locator("img[src*='127.0.0.1:9']").count() == 0
        browser.close()
    assert asked and not any("127.0.0.1:9" in each for each in asked)
