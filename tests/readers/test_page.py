"""docs/data.md and docs/hooks.md are true: their tables are whole, and their blocks work."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from interp import hookspecs
from interp.opening.reader import read_data, reader_entries
from interp.registry import Registry
from interp.registry.hook import call_after, loggers
from interp.registry.manifest import ReaderEntry, read_manifest
from interp_standard.reader.table import DELIMITERS, LABELS, PATHS

DOCS = Path(__file__).parents[2] / "docs"
DATA, HOOKS = ((DOCS / name).read_text("utf-8") for name in ("data.md", "hooks.md"))
REGISTRY = Registry.load()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_every_reader_and_pattern_is_listed():
    listed = re.findall(r"^\| `(\w+)` \|", DATA, re.MULTILINE)
    assert listed == [each.name for each in reader_entries(REGISTRY)]
    for each in reader_entries(REGISTRY):
        for form in each.sources:
            word = form.removeprefix("folder:").rpartition("://*")[2].removeprefix("*")
            known = word.removeprefix("annotations/")
            assert (
                known in DATA
                or known in ("", ".json", ".pq", "dataset_info.json")
                or (known == "dataset_dict.json")
            )


def test_names_of_columns_are_listed():
    assert [each for each in (*PATHS, *LABELS) if f"`{each}`" not in DATA] == []
    assert len(DELIMITERS) == 4


def test_blocks_of_data_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "photos" / name / "1.png")
    stack, saved, call = blocks(DATA, "python")
    names: dict[str, Any] = {}
    exec(compile(stack, "data.md", "exec"), names)
    assert read_data(REGISTRY, "test.npz").classes == ("arbo", "belu")
    exec(compile(call.replace("gradcam", "centre"), "data.md", "exec"), names)
    assert len(names["found"].records) == 2 and "deletion" in names["found"].metrics
    if find_spec("datasets"):
        exec(compile(saved, "data.md", "exec"), names)
        assert read_data(REGISTRY, "saved/test").classes == ("cat", "dog")


def test_the_registry_file_of_data_is_one(tmp_path):
    (tmp_path / "registry.yaml").write_text(blocks(DATA, "yaml")[0])
    (entry,) = read_manifest(tmp_path / "registry.yaml").entries
    assert isinstance(entry, ReaderEntry) and len(entry.sources) == 3


def test_every_hook_and_logger_is_listed():
    around = [
        each for each in vars(hookspecs) if each.startswith(("interp_before", "interp_after"))
    ]
    assert [each for each in around if f"`{each}(" not in HOOKS] == []
    assert [each for each in loggers(REGISTRY) if f"INTERP_LOG={each}" not in HOOKS] == []


def test_the_hook_of_the_page_works(tmp_path, monkeypatch):
    (tmp_path / "interp_diary").mkdir()
    code = next(each for each in blocks(HOOKS, "python") if "hookimpl" in each)
    (tmp_path / "interp_diary/__init__.py").write_text(code)
    (tmp_path / "interp_diary/registry.yaml").write_text(blocks(HOOKS, "yaml")[0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    registry = Registry.load([tmp_path / "interp_diary/registry.yaml"])
    told = call_after(registry, "interp_after_save", folder=Path("first"), result=np.zeros(1))
    assert told == () and (tmp_path / "diary.txt").read_text() == "first\n"
    monkeypatch.delitem(sys.modules, "interp_diary")


@pytest.mark.parametrize("page", [DATA, HOOKS])
def test_commands_of_the_pages_are_commands(page):
    from interp.cli.app import COMMANDS

    named = re.findall(r"^    (?:INTERP_LOG=\S+ )?interp (\w+)", page, re.MULTILINE)
    assert named and set(named) <= set(COMMANDS)
