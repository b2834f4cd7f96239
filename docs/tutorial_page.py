"""A notebook as a page of the site: Markdown, and its pictures as files beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class TutorialPage(NamedTuple):
    """A page in Markdown, and its pictures by file name."""

    text: str
    pictures: dict[str, bytes]


def tutorial_page(notebook: Path) -> TutorialPage:
    """The page of an executed notebook."""
    name, cells = notebook.stem, json.loads(notebook.read_text("utf-8"))["cells"]
    pictures = {
        f"{name}-{number}.png": base64.b64decode(picture)
        for number, picture in enumerate(_pictures(cells))
    }
    links, parts = iter(pictures), []
    for cell in cells:
        parts += _parts(cell, links)
    title, *rest = parts
    download = f"[This page as a notebook]({notebook.name}), which you can run and change."
    return TutorialPage("\n\n".join((title, download, *rest)) + "\n", pictures)


def _pictures(cells: list[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        for each in cell.get("outputs", ()):
            if "image/png" in each.get("data", {}):
                yield each["data"]["image/png"]


def _parts(cell: dict[str, Any], links: Iterator[str]) -> Iterator[str]:
    """A cell's text or code, and what it gave; `links` are the names of the pictures to come."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield _block("python", source)
    for each in cell["outputs"]:
        data = each.get("data", {})
        if "image/png" in data:
            yield f"![What the code above draws]({next(links)})"
        else:
            yield _block("text", "".join(each.get("text") or data["text/plain"]))


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
