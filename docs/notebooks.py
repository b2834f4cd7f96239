"""Writes docs/tutorials/NAME.ipynb: the tutorials, docs/tutorials/NAME.py, executed.

A tutorial is a program in cells: `# %%` begins a cell of code, `# %% [markdown]` one of text, and a
line `# !command` of a cell of code is a command line.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

TUTORIALS = Path(__file__).parent / "tutorials"
NAMES = ("first", "own_model", "onnx_file", "compare", "evaluate", "train", "plugin", "function")
"""The tutorials, in the order in which they are read."""
WIDEST, COLOURS = 1300, 256
MOST = 400_000
"""Bytes of a notebook."""


class Cell(NamedTuple):
    """A cell of a tutorial: text in Markdown, or code."""

    kind: str
    source: str


def cells(name: str) -> list[Cell]:
    """The cells of a tutorial, as a notebook has them."""
    text = (TUTORIALS / f"{name}.py").read_text("utf-8")
    parts = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)[1:]
    return [_cell(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]


def _cell(mark: str, body: str) -> Cell:
    if "[markdown]" in mark:
        return Cell("markdown", re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE))
    return Cell("code", re.sub(r"^# !", "!", body.strip(), flags=re.MULTILINE))


def execute(name: str) -> Any:
    """The tutorial as a notebook that was run in a folder of its own; errors are raised."""
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.v4.new_notebook()
    for at, cell in enumerate(cells(name)):
        made = getattr(nbformat.v4, f"new_{cell.kind}_cell")(cell.source)
        made["id"] = f"cell-{at}"
        book.cells.append(made)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        NotebookClient(book, timeout=600, kernel_name="python3", resources=where).execute()
    return _clean(book)


def _clean(book: Any) -> Any:
    """Without what differs from run to run, and with pictures that are small."""
    book.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for cell in book.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = list(_outputs(cell.outputs))
    return book


def _outputs(outputs: list[Any]) -> Iterator[Any]:
    """What was printed, as one text without progress bars, then the values."""
    import nbformat

    if printed := "".join(each.text for each in outputs if each.get("name") == "stdout"):
        text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", printed.rpartition("\x1b[2K")[2])
        yield nbformat.v4.new_output("stream", name="stdout", text=text)
    for each in outputs:
        if "data" in each:
            each.metadata = {}
            if "image/png" in each.data:
                each.data = {"image/png": smaller(each.data["image/png"])}
            else:
                each.data = {"text/plain": each.data["text/plain"]}
            yield each


def smaller(picture: str) -> str:
    """A PNG in base64, no wider than WIDEST and with at most COLOURS colours."""
    shown = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    shown.thumbnail((WIDEST, 4 * WIDEST))
    file = io.BytesIO()
    shown.quantize(COLOURS, kmeans=2).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main(names: list[str]) -> int:
    """Execute the tutorials that are named, or all."""
    import nbformat

    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    for name in names or NAMES:
        nbformat.write(execute(name), TUTORIALS / f"{name}.ipynb")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
