"""docs/contracts.md is what the interfaces and the templates say."""

from __future__ import annotations

import re

import pytest
from contracts import CONTRACTS, contracts

from interp.registry.kind import CLASSES
from interp.scaffold import KINDS, Names, filled
from interp.testing.entry_check import CHECKS

PAGE = CONTRACTS.read_text("utf-8")


def test_the_page_is_up_to_date():
    assert contracts() == PAGE, "run make docs"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_section(kind):
    (section,) = re.findall(rf"^## {kind}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    files = filled(KINDS[kind], Names("mine"))
    assert files["interp_mine/registry.yaml"].strip() in section
    for block in re.findall(r"left out:\n\n```python\n(.*?)\n```", section, re.DOTALL):
        for part in block.split("\n\n\n"):
            assert part in files["interp_mine/__init__.py"]
    for base in CLASSES.get(kind, ()):
        if kind in KINDS:
            assert f"class {base.__name__}(" in section
    assert kind == "composition" or "What `interp check` asks of it:" in section


def test_every_kind_that_is_checked_or_written_is_known():
    files = {"model", "sample", "evaluation"}
    assert set(CHECKS) - files <= set(KINDS)
    assert set(KINDS) - set(CHECKS) == {"method", "composition"}
