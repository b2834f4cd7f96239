"""`interp new` where the wheel alone is installed: written, installed, listed, checked, tested."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from support.fresh import LIMIT, ROOT, Fresh

from interp.scaffold import KINDS, Names, write_package

PAGE = (ROOT / "docs/extending.md").read_text("utf-8")
NAME = re.compile(r"`(\w+)`")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Fresh:
    """An environment without the checkout."""
    return Fresh.build(tmp_path_factory.mktemp("fresh"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_works_at_once(kind, fresh):
    facts = json.loads(fresh.run("interp", "new", kind, f"own-{kind}", "--json"))
    folder, package = facts["folder"], facts["package"]
    fresh.install("--editable", folder)
    listed = json.loads(fresh.run("interp", "list", "--json"))
    assert listed["broken"] == []
    rows = [*listed["entries"], *listed["hooks"]]
    names = {name for each in rows for name in (each.get("name"), *each.get("names", ()))}
    assert f"own-{kind}" in names or package in {each["package"] for each in rows}
    findings = json.loads(fresh.run("interp", "check", "--package", package, "--json"))["findings"]
    assert findings
    fresh.run("pytest", "-q", "-p", "no:cacheprovider", folder)


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
