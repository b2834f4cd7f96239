"""Names that would steer a terminal, a page or Markdown are shown as plain text on every face."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from support.command_line import command_line
from support.onnx_file import mean_colour

from interp.comparison.result import Comparison
from interp.evaluation.request import EvaluationRequest, MetricSpec
from interp.evaluation.result import Evaluation
from interp.evaluation.table import markdown as markdown_table
from interp.plain_text import HIDDEN, json_escapes, markdown, terminal, visible
from interp.progress_bar import Lines
from interp.request import Choice
from interp.storage.image import open_image
from interp.testing import ToyModel
from interp_standard.render.canvas import text

HOSTILE = (
    "![x](http://127.0.0.1:9/x.png)",
    "[click](http://127.0.0.1:9)",
    "http://127.0.0.1:9/plain www.example.org",
    "\x1b]0;owned\x07 \x1b[31mred",
    "\x9b31m \x7f\x00",
    "<img src=x onerror=alert(1)>",
    "user\u202egnp.exe \u2066a\u2069 \u200bb",
    "**bold** _under_ `code` $x^2$ ~~gone~~ :red[red] :material/star: &lt; | a",
    "# title",
    "1. one",
    "- item",
    "line\nbreak\r\ttab",
    "a\\*b* {x} !",
    "__init__ a_b _c_d_ __x_y__",
    "> quoted",
    ">quoted",
    "## two",
    "&#65;&amp;&copy; a & b",
    "mail@example.org",
    "a <b> >= c",
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_hidden_is_left_and_nothing_else_changes(name: str) -> None:
    shown = visible(name)
    assert not HIDDEN.search(shown)
    assert HIDDEN.sub("", name) == re.sub("[\u2400-\u241f␡]|⟨U\\+[0-9A-F]+⟩", "", shown)
    assert visible(shown) == shown
    assert "\n" not in shown and terminal("a\n\tb") == "a\n\tb"
    assert not HIDDEN.search(terminal(name).replace("\n", "").replace("\t", ""))


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_markdown_shows_the_text_itself(name: str) -> None:
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("strikethrough")
    found = reader.render(f"Note on {markdown(name)}: x")
    assert found == f"<p>Note on {html.escape(visible(name), quote=True)}: x</p>\n".replace(
        "&#x27;", "'"
    )
    alone = reader.render(markdown(name))
    assert alone == f"<p>{html.escape(visible(name)).replace('&#x27;', chr(39))}</p>\n"


@pytest.mark.parametrize(
    "name", ["tiger cat 0.91", "R² 0.5, up to −3", "stage3.0: fine", "my_net >= 3 (100 %)!"]
)
def test_usual_names_stay_legible(name: str) -> None:
    assert visible(name) == name
    assert markdown(name) == name


def test_json_says_the_same_with_escapes() -> None:
    kept = json.dumps({each: each for each in (*HOSTILE, "\U000e0041")}, ensure_ascii=False)
    escaped = json_escapes(kept)
    assert json.loads(escaped) == json.loads(kept)
    assert not HIDDEN.search(escaped)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """An ONNX file and an image with hostile names, and a file of hostile class names."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("hostile")
    (folder / "\x1b]0;net\x07![x](y).onnx").write_bytes(mean_colour().SerializeToString())
    names = [HOSTILE[0], HOSTILE[3], f"{HOSTILE[5]} {HOSTILE[6]}"]
    (folder / "names.txt").write_text("\n".join(names))
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "\u202e![y](z)\x1b[31m<b>.png")
    return folder


@pytest.fixture(scope="module")
def files(place: Path) -> list[object]:
    return [
        *("--model", next(place.glob("*.onnx")), "--classes", place / "names.txt"),
        *("--input", "mean=0,0,0,std=1,1,1"),
    ]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("verb", ["compare", "run", "predict"])
def test_the_command_line(verb, as_json, place, files, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    image = next(place.glob("*.png"))
    words = {
        "compare": ["--plugins", "centre,occlusion", "--image", image],
        "run": ["--plugin", "occlusion", "--image", image],
        "predict": ["--image", image],
    }
    answer = command_line(capsys)(verb, *words[verb], *files, *(["--json"] if as_json else []))
    assert answer.code == 0, answer.err
    assert not HIDDEN.search(answer.out.replace("\n", ""))
    assert ("\\u202e" if as_json else "⟨U+202E⟩") in answer.out
    assert not any(HIDDEN.search(each.name) for each in Path("interp-runs").glob("*"))
    mistake = command_line(capsys)(verb, *words[verb], *files, "--device", "\x1b[31m\u202e")
    assert mistake.code == 2 and not HIDDEN.search(mistake.err.rstrip("\n"))


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.found.append((tag, dict(attributes)))


def test_the_report(place, files, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    image = next(place.glob("*.png"))
    said = ("compare", "--plugins", "occlusion,centre", "--image", image, *files, "--out", "made")
    assert command_line(capsys)(*said).code == 0
    page = Path("made/report.html").read_text("utf-8")
    assert not HIDDEN.search(page.replace("\n", ""))
    for tag, attributes in Tags(page).found:
        assert attributes.get("src", "data:").startswith("data:"), attributes
        assert "onerror" not in attributes and tag not in ("b", "a")
    for picture in Path("made").rglob("*occlusion*/*map*.png"):
        assert open_image(picture).ndim == 3  # names with line breaks can be drawn
    Comparison.open("made")


def test_the_table_of_an_evaluation() -> None:
    names = HOSTILE[0], HOSTILE[7], HOSTILE[11]
    request = EvaluationRequest(methods=tuple(Choice(name=each) for each in names))
    spec = ToyModel().spec.model_copy(update={"name": HOSTILE[1], "notes": HOSTILE})
    specs = {"pointing": MetricSpec(unit="share", higher_is_better=True, images=None, params={})}
    table = markdown_table(Evaluation(request, spec, "", 0, specs, (), {}))
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(names) + len(request.baselines)
    reader = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    found = reader.render(table)
    assert "<img" not in found and "<a " not in found and not HIDDEN.search(found.replace("\n", ""))


def test_progress_and_pictures(capsys) -> None:
    for name in HOSTILE:
        Lines(0.0)(name, 1, 2)
        assert not HIDDEN.search(capsys.readouterr().err.rstrip("\n"))
        assert text(name).ndim == text(name, 100).ndim == 3
