"""The documentation site: every page is in its navigation, it builds, and our code on it runs."""

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
PEERS = ("captum", "pytorch_grad_cam", "torchcam", "dianna", "quantus")


def navigation(entry: Any) -> Iterator[str]:
    """The pages that an entry of the navigation names, with its sections'."""
    if isinstance(entry, str):
        yield entry
        return
    for each in entry.values() if isinstance(entry, dict) else entry:
        yield from navigation(each)


def blocks(page: str) -> list[str]:
    """A page's blocks of Python."""
    return re.findall(r"```python[^\n]*\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def of_peers(code: str) -> bool:
    """Whether a block imports another package that explains models."""
    return any(re.search(rf"^(from|import) {peer}\b", code, re.MULTILINE) for peer in PEERS)


def test_the_navigation_names_every_page_once():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    pages = [each.relative_to(DOCS).as_posix() for each in DOCS.rglob("*.md")]
    assert sorted(navigation(settings["nav"])) == sorted(pages)


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
@pytest.mark.parametrize("page", ["index.md", "coming_from.md", "howto.md"])
def test_our_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, Any] = {}
    ours = [code for code in blocks(page) if not of_peers(code)]
    for at, code in enumerate(ours):
        exec(compile(code, f"{page}, block {at}", "exec"), names)
    assert names["found"].map().std() > 0
    made = {"index.md": "why.png", "coming_from.md": "why/manifest.json"}
    assert (tmp_path / made.get(page, "why.npy")).stat().st_size > 100


def test_every_peer_stands_beside_ours():
    code = blocks("coming_from.md")
    theirs = [each for each in code if of_peers(each)]
    assert len(theirs) == 6 and len(code) == 2 + 2 * len(theirs)
    for each in theirs:
        compile(each, "coming_from.md", "exec")
    assert [peer for peer in PEERS if not any(peer in each for each in theirs)] == []


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
    for each in tmp_path.rglob("*.html"):
        asked = re.findall(
            r"<(?:script|link|img)[^>]*(?:src|href)=\"?(https?://[^\" >]+)", each.read_text()
        )
        assert [address for address in asked if "canonical" not in address] == [], each.name
