"""Hooks of the documentation site: notebooks become pages, files outside it are only named."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

sys.path.append(str(Path(__file__).parent))

from tutorial_page import tutorial_page

PARENT = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")
"""A Markdown link to a file in a folder above the page's own."""
NOTEBOOK = re.compile(r"(?<!page as a notebook)\]\(([^):\s]+)\.ipynb\)")
"""A link to a notebook, which is a page here; but not the one by which it is downloaded."""


def on_files(files: Any, config: Any) -> Any:
    """The site's files, and a page with its pictures for each notebook."""
    from mkdocs.structure.files import File

    for each in [one for one in files if one.src_uri.endswith(".ipynb")]:
        page, folder = tutorial_page(Path(each.abs_src_path)), dirname(each.src_uri)
        files.append(File.generated(config, f"{each.src_uri[:-6]}.md", content=page.text))
        for name, picture in page.pictures.items():
            files.append(File.generated(config, join(folder, name), content=picture))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with links that lead somewhere; MkDocs calls this for every page."""
    folder = dirname(page.file.src_uri)

    def named(link: re.Match[str]) -> str:
        file = normpath(join(folder, link[2]))
        return _named(link[1], file.removeprefix("../")) if file.startswith("../") else link[0]

    return NOTEBOOK.sub(r"](\1.md)", PARENT.sub(named, markdown))


def _named(text: str, file: str) -> str:
    """The file's name in code font, after the link's text where that says something else."""
    if text.strip("`/") == file.strip("/"):
        return f"`{text.strip('`')}`"
    return f"{text} (`{file}`)"
