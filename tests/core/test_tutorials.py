"""The tutorials: each notebook is what its program says, was run, is small, and runs here."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import notebooks
import pytest
import yaml
from notebooks import MOST, NAMES, TUTORIALS, WIDEST, cells
from PIL import Image
from tutorial_page import tutorial_page

ROOT = Path(__file__).parents[2]


def notebook(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TUTORIALS / f"{name}.ipynb").read_text("utf-8"))
    return found


def outputs(name: str) -> list[dict[str, Any]]:
    return [each for cell in notebook(name)["cells"] for each in cell.get("outputs", ())]


def test_every_tutorial_is_listed_and_in_the_navigation():
    assert {each.stem for each in TUTORIALS.glob("*.py")} == set(NAMES)
    assert {each.stem for each in TUTORIALS.glob("*.ipynb")} == set(NAMES)
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    (learn,) = (part["Learn"] for part in settings["nav"] if "Learn" in part)
    places = [place for each in learn for place in each.values()]
    assert places == [f"tutorials/{name}.md" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_holds_what_the_program_says_and_was_run(name):
    made = notebook(name)["cells"]
    told = [(each["cell_type"], "".join(each["source"])) for each in made]
    assert told == [tuple(each) for each in cells(name)], "run docs/notebooks.py"
    code = [each for each in made if each["cell_type"] == "code"]
    assert [each["execution_count"] for each in code] == list(range(1, len(code) + 1))
    assert 5 <= len(made) <= 24 and 3 <= len(code) <= 12
    assert told[0][1].startswith("# ") and told[0][0] == "markdown"
    assert {each["output_type"] for each in outputs(name)} <= {
        "stream",
        "execute_result",
        "display_data",
    }


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_small_and_name_no_place_of_a_machine(name):
    text = (TUTORIALS / f"{name}.ipynb").read_text("utf-8")
    assert len(text.encode()) < MOST
    data = [each.get("data", {}) for each in outputs(name)]
    shown = [each["image/png"] for each in data if "image/png" in each]
    assert shown, "a tutorial shows pictures"
    for picture in shown:
        assert Image.open(io.BytesIO(base64.b64decode(picture))).width <= WIDEST
    words = "\n".join("".join(each.get("text", ())) for each in outputs(name))
    assert "\x1b" not in words and "/tmp" not in words and "/home" not in words


def test_pages_hold_code_answers_and_pictures():
    page = tutorial_page(TUTORIALS / "first.ipynb")
    assert page.text.startswith("# A first explanation\n\n")
    assert "\n\n[This page as a notebook](first.ipynb), which" in page.text
    assert "```python\nimport interp\n" in page.text and "```text\n(112, 112) float32" in page.text
    assert list(page.pictures) == ["first-0.png", "first-1.png"]
    assert all(f"]({name})" in page.text for name in page.pictures)
    assert all(each.startswith(b"\x89PNG") for each in page.pictures.values())


def test_cells_are_text_code_and_command_lines(tmp_path, monkeypatch):
    program = "# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nx = 1  # %% no\n# !interp list\n"
    monkeypatch.setattr(notebooks, "TUTORIALS", tmp_path)
    (tmp_path / "some.py").write_text(program, "utf-8")
    assert cells("some") == [
        ("markdown", "# Title\n\ntext"),
        ("code", "x = 1  # %% no\n!interp list"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_tutorials_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(sys, "path", list(sys.path))
    names: dict[str, Any] = {}
    for at, cell in enumerate(each for each in cells(name) if each.kind == "code"):
        lines = cell.source.splitlines()
        for line in lines:
            if line.startswith("!interp "):
                words = [sys.executable, "-m", *line[1:].split()]
                done = subprocess.run(words, capture_output=True, text=True, timeout=300)
                assert done.returncode == 0, done.stderr
        code = "\n".join(each for each in lines if not each.startswith("!"))
        exec(compile(code, f"{name}, cell {at}", "exec"), names)
