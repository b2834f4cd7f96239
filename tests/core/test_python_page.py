"""The page on Python runs, block after block."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/python.md"


@pytest.mark.slow
def test_the_page_on_python_runs(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for at, code in enumerate(blocks):
        exec(compile(code, f"{PAGE.name}, block {at}", "exec"), names)
    assert len(blocks) == 4 and (tmp_path / "both.png").stat().st_size > 1000
    assert "Explanation by rise of class 282 on ResNet" in capsys.readouterr().out
