"""`interp new` where the wheel alone is installed: written, installed, listed, checked, tested."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from interp.scaffold import KINDS, Names, write_package

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/extending.md").read_text("utf-8")
OFFLINE = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
NAME = re.compile(r"`(\w+)`")
LIMIT = 1800
"""Seconds that a command may take."""
pytestmark = pytest.mark.slow

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Run a Python module in a fresh environment that holds the wheel, without the checkout."""
    folder = tmp_path_factory.mktemp("fresh")
    python = folder / "venv/bin/python"
    venv.create(folder / "venv", with_pip=False)
    started(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=ROOT)
    own = started(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    seen = sysconfig.get_path("purelib")
    (Path(own) / "seen.pth").write_text(f"import site; site.addsitedir({seen!r})\n")

    def call(*words: object) -> str:
        if words[0] == "pip":
            pip = (sys.executable, "-m", "pip", "--python", python)
            return started(*pip, *words[1:], folder=folder)
        return started(python, "-P", "-m", *words, folder=folder)

    call("pip", "install", *OFFLINE, next(folder.glob("*.whl")))
    return call


def started(*words: object, folder: Path | None = None) -> str:
    """What a command prints; it must succeed."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_works_at_once(kind, run):
    facts = json.loads(run("interp", "new", kind, f"own-{kind}", "--json"))
    folder, package = facts["folder"], facts["package"]
    run("pip", "install", *OFFLINE, "--editable", folder)
    listed = json.loads(run("interp", "list", "--json"))
    assert listed["broken"] == []
    rows = [*listed["entries"], *listed["hooks"]]
    names = {name for each in rows for name in (each.get("name"), *each.get("names", ()))}
    assert f"own-{kind}" in names or package in {each["package"] for each in rows}
    findings = json.loads(run("interp", "check", "--package", package, "--json"))["findings"]
    assert findings
    run("pytest", "-q", "-p", "no:cacheprovider", folder)


def test_what_is_written_and_every_public_name_is_typed(tmp_path):
    """mypy --strict accepts every kind of package, and an import of every name of the page."""
    for kind in KINDS.values():
        write_package(kind, Names(f"own-{kind.name}"), tmp_path / kind.name)
    folders = [each for each in tmp_path.glob("*/interp_own_*") if each.is_dir()]
    assert len(folders) == len(KINDS)
    listed = re.findall(r"^\| `(interp\.[\w.]+)` \| (`.*?) \|", PAGE, re.MULTILINE)
    lines = [f"from {module} import {', '.join(NAME.findall(names))}" for module, names in listed]
    (tmp_path / "all_names.py").write_text("\n".join(lines) + "\n")
    settings = ("--config-file", tmp_path / "method/pyproject.toml", "--cache-dir", tmp_path / "c")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, (*settings, *folders, "all_names.py"))],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT / "core")},
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
    )
    assert done.returncode == 0, done.stdout
