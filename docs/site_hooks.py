"""Hook of the documentation site: files that are not part of it are named, not linked."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath
from typing import Any

PARENT = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)]*)?\)")
"""A Markdown link to a file in a folder above the page's own."""


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with the repository's files as names; MkDocs calls this for every page."""
    folder = dirname(page.file.src_uri)

    def named(link: re.Match[str]) -> str:
        file = normpath(join(folder, link[2]))
        return _named(link[1], file.removeprefix("../")) if file.startswith("../") else link[0]

    return PARENT.sub(named, markdown)


def _named(text: str, file: str) -> str:
    """The file's name in code font, after the link's text where that says something else."""
    if text.strip("`/") == file.strip("/"):
        return f"`{text.strip('`')}`"
    return f"{text} (`{file}`)"
