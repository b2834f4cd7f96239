"""Odd surroundings: no room, closed streams, no working directory: one line and the right code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INTERP = f"{sys.executable} -m interp"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line.replace("interp", INTERP)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("interp list > /dev/full", 2, "No space left on device; make room"),
        ("interp list >&-", 0, ""),
        ("interp show nothing 2>&-", 2, ""),
        ("interp list | head -1 > /dev/null; exit ${PIPESTATUS[0]}", 0, ""),
        (
            "mkdir gone && cd gone && rmdir ../gone && interp list",
            2,
            "working directory was removed",
        ),
        ("interp run --plugin gradcam --out /proc/x", 2, "/proc/"),
        ("interp run --plugin gradcam --out /dev/null/x", 2, "/dev/null"),
        ("interp run --plugin gradcam --image gone.png", 2, "gone.png"),
        ("ln -s nowhere.png link.png; interp predict --image link.png", 2, "link.png"),
        ("ulimit -f 10; interp run --plugin gradcam --out limited", 2, "arge; make room"),
    ],
)
def test_one_line_and_the_code_of_a_users_slip(line, code, words, tmp_path):
    found = shell(line, tmp_path)
    assert found.returncode == code, found.stderr
    assert words in found.stderr
    assert found.stderr.count("\n") == bool(words)
    assert "Traceback" not in found.stderr
    assert not [each.name for each in tmp_path.iterdir() if each.name != "link.png"]
