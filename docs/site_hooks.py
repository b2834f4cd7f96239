"""Hook of the documentation site: files that are not part of it are named, not linked."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)#\s]+)(?:#[^)]*)?\)")
"""A Markdown link from a page in docs/ to a file of the repository elsewhere."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with the repository's files as names; MkDocs calls this for every page."""
    return OUTSIDE.sub(_named, markdown)


def _named(link: re.Match[str]) -> str:
    """The file's name in code font, after the link's text where that says something else."""
    text, file = link.groups()
    if text.strip("`/") == file.strip("/"):
        return f"`{text.strip('`')}`"
    return f"{text} (`{file}`)"
