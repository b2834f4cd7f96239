"""axe-core, which finds what people with other senses or without a mouse cannot use."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def program(folder: Path) -> Path:
    """axe-core's program, installed into a folder; the test is skipped where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core needs npm on the path")
    words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip(f"axe-core cannot be had: {done.stderr.strip()[-200:]}")
    return folder / "node_modules/axe-core/axe.min.js"


def findings(page: Any, axe: Path) -> list[tuple[str, str, str]]:
    """Serious and critical findings: rule, what is wrong, where."""
    page.add_script_tag(path=axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        (each["id"], node["failureSummary"], node["html"][:200])
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
