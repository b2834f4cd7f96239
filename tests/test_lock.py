"""requirements.lock: one version with hashes for every dependency, from nowhere in particular."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PINNED = {
    canonicalize_name(name): (version, hashes)
    for name, version, hashes in re.findall(
        r"^([\w.-]+)==(\S+) \\\n((?: +--hash=sha256:\w{64}(?: \\)?\n)*)", LOCK, re.MULTILINE
    )
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


REQUIRED = [Requirement(each) for each in PROJECT["dependencies"]]
ON_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "python_version": "3.11"}


@pytest.mark.parametrize(
    "requirement",
    [each for each in REQUIRED if each.marker is None or each.marker.evaluate(ON_LINUX)],
    ids=str,
)
def test_every_dependency_is_pinned_to_a_version_that_suits(requirement: Requirement) -> None:
    version, _ = PINNED[canonicalize_name(requirement.name)]
    assert version in requirement.specifier


def test_every_version_has_hashes() -> None:
    lines = [line for line in LOCK.splitlines() if line[:1].isalnum()]
    assert len(lines) == len(PINNED) > 50
    assert [name for name, (_, hashes) in PINNED.items() if not hashes] == []


def test_no_host_is_named() -> None:
    assert "://" not in LOCK
