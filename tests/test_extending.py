"""docs/extending.md is true: its examples work, and plugins import only what it lists."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import interp
from interp import hookspecs
from interp.registry import Registry
from interp.registry.kind import CLASSES
from interp.registry.manifest import ENTRIES
from interp.scaffold.package import TEMPLATE
from interp.testing import MethodCase, ToyModel
from interp.testing.conformance import check_cancelled, check_evidence, check_needs

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/extending.md").read_text("utf-8")
PUBLIC = {
    module: set(re.findall(r"`(\w+)`", names))
    for module, names in re.findall(r"^\| `(interp\.[\w.]+)` \| (`.*?) \|", PAGE, re.MULTILINE)
}
"""Module -> its public names, as the page lists them."""

EXAMPLES = ("tests/example_plugin", "tests/example_short")
PLUGINS = sorted(each for each in (ROOT / "plugins").glob("interp_*") if each.is_dir())


def imported(folder: Path) -> Iterator[tuple[str, str, str]]:
    """File, module and name of every import from interp."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                for each in node.names:
                    yield str(file.relative_to(ROOT)), str(node.module), each.name
            elif isinstance(node, ast.Import):
                for each in node.names:
                    yield str(file.relative_to(ROOT)), each.name, "*"


def unlisted(found: Iterator[tuple[str, str, str]]) -> list[str]:
    """Imports from interp that the page does not list."""
    return [
        f"{file}: {module}.{name}"
        for file, module, name in found
        if module.split(".")[0] == "interp" and name not in PUBLIC.get(module, set())
    ]


@pytest.mark.parametrize("module", PUBLIC)
def test_every_listed_name_exists(module):
    found = importlib.import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []


def test_plugins_import_what_the_page_lists():
    folders = [*PLUGINS, *(ROOT / each for each in EXAMPLES)]
    assert [each for folder in folders for each in unlisted(imported(folder))] == []


def test_new_packages_import_what_the_page_lists():
    found = [each for each in imported(TEMPLATE) if each[1] != "interp"]
    assert found and unlisted(iter(found)) == []


def test_what_the_page_does_not_list_is_seen():
    found = [
        ("a.py", "interp.errors", "InputError"),
        ("a.py", "interp.errors", "blamed"),
        ("a.py", "interp.report", "write_reports"),
        ("a.py", "interp.errors", "*"),
        ("a.py", "numpy", "array"),
    ]
    wanted = ["a.py: interp.errors.blamed", "a.py: interp.report.write_reports"]
    assert unlisted(iter(found)) == [*wanted, "a.py: interp.errors.*"]


def test_every_kind_is_listed_with_its_class():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
    assert set(ENTRIES) <= set(rows)
    for kind, wanted in CLASSES.items():
        for each in re.findall(r"interp[\w.]+", str(wanted)):
            assert f"`{each}`" in rows[kind]


def test_every_key_and_hook_is_listed():
    keys = {key for each in ENTRIES.values() for key in each.model_fields}
    assert [key for key in keys if f"`{key}`" not in PAGE] == []
    hooks = [name for name in vars(hookspecs) if name.startswith("interp_")]
    assert [name for name in hooks if name not in PAGE] == []


def test_the_version_is_the_pages():
    assert f"is a whole number, now {interp.api_version}." in PAGE


def blocks(section: str) -> dict[str, str]:
    """The files of a section, by the path in their first line."""
    (text,) = re.findall(rf"^## {section}\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    found = re.findall(r"```\w+\n# (\S+)\n(.*?)```", text, re.DOTALL)
    return dict(found)


@pytest.mark.parametrize("way", ["short", "long"])
def test_the_examples_work(way, tmp_path, monkeypatch):
    files = blocks("The short way")
    if way == "long":
        files["interp_slope/method.py"] = files["interp_slope/__init__.py"]
        files |= blocks("The long way")
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert tomllib.loads(files["pyproject.toml"])["project"]["name"] == "interp-slope"
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "interp_slope"]:
        monkeypatch.delitem(sys.modules, name)
    registry = Registry.load([tmp_path / "interp_slope/registry.yaml"])
    assert "interp_slope" not in sys.modules
    case = MethodCase("slope", registry=registry, model=ToyModel(), params={"power": 2.0})
    for check in (check_needs, check_evidence, check_cancelled):
        check(case)
    for name in [name for name in sys.modules if name.partition(".")[0] == "interp_slope"]:
        monkeypatch.delitem(sys.modules, name)
