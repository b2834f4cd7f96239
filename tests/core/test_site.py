"""The documentation site: every page is in its navigation, links lead somewhere, it builds."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import site_hooks
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def navigation(entry: Any) -> Iterator[str]:
    """The pages that an entry of the navigation names, with its sections'."""
    if isinstance(entry, str):
        yield entry
        return
    for each in entry.values() if isinstance(entry, dict) else entry:
        yield from navigation(each)


def test_the_navigation_names_every_page_once():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    pages = [each.relative_to(DOCS) for kind in ("md", "ipynb") for each in DOCS.rglob(f"*.{kind}")]
    places = sorted(each.with_suffix(".md").as_posix() for each in pages)
    assert sorted(navigation(settings["nav"])) == places


def page(path: str) -> Any:
    """A page of the site, as far as our hook looks at it."""
    return SimpleNamespace(file=SimpleNamespace(src_uri=path))


def test_files_outside_the_site_are_named_not_linked():
    text = (
        "See [a/cam.py](../a/cam.py), [`a/b/`](../a/b), [x](../CONTRIBUTING.md#x)\n"
        "[ours](cam.md) and [theirs](https://example.org/../x)."
    )
    assert site_hooks.on_page_markdown(text, page("evaluate.md")) == (
        "See `a/cam.py`, `a/b/`, x (`CONTRIBUTING.md`)\n"
        "[ours](cam.md) and [theirs](https://example.org/../x)."
    )
    text = "[page](../compose.md#x), [x](../../CONTRIBUTING.md)"
    assert site_hooks.on_page_markdown(text, page("methods/rise.md")) == (
        "[page](../compose.md#x), x (`CONTRIBUTING.md`)"
    )


def test_pictures_and_files_that_pages_link_to_exist():
    for page in DOCS.rglob("*.md"):
        links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name


@pytest.mark.slow
def test_it_builds_without_a_warning(tmp_path):
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("needs mkdocs-material: pip install -e '.[site]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    page = (tmp_path / "api.html").read_text("utf-8")
    assert 'id="interp.explain"' in page and 'id="interp.evidence.Heatmap"' in page
    tutorial = (tmp_path / "tutorials/first.html").read_text("utf-8")
    assert 'src="first-0.png"' in tutorial and 'href="own_model.html"' in tutorial
    assert 'src="rise.webp"' in (tmp_path / "methods/rise.html").read_text("utf-8")
    for each in tmp_path.rglob("*.html"):
        asked = re.findall(
            r"<(?:script|link|img)[^>]*(?:src|href)=\"?(https?://[^\" >]+)", each.read_text()
        )
        assert [address for address in asked if "canonical" not in address] == [], each.name
