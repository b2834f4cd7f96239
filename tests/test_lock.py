"""The locks: one version with hashes for every dependency, from nowhere in particular."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCKS = {
    name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-lowest.lock")
}
ENTRY = re.compile(r"^([\w.-]+)==(\S+) \\\n((?: +--hash=sha256:\w{64}(?: \\)?\n)*)", re.MULTILINE)
PINNED = {
    lock: {
        canonicalize_name(name): (version, hashes) for name, version, hashes in ENTRY.findall(text)
    }
    for lock, text in LOCKS.items()
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ON_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "python_version": "3.11"}
REQUIRED = [
    each
    for each in map(Requirement, PROJECT["dependencies"])
    if each.marker is None or each.marker.evaluate(ON_LINUX)
]
RAISED = ("packaging", "pluggy")
"""Dependencies of which other packages ask for more than we do."""
of_both = pytest.mark.parametrize("lock", LOCKS)


@of_both
@pytest.mark.parametrize("requirement", REQUIRED, ids=str)
def test_every_dependency_is_pinned_to_a_version_that_suits(requirement, lock):
    version, _ = PINNED[lock][canonicalize_name(requirement.name)]
    assert version in requirement.specifier


@pytest.mark.parametrize("requirement", [e for e in REQUIRED if e.name not in RAISED], ids=str)
def test_the_lowest_are_as_low_as_the_project_says(requirement):
    """Of the same minor version as the bound, since a bound may have been withdrawn."""
    version, _ = PINNED["requirements-lowest.lock"][canonicalize_name(requirement.name)]
    (bound,) = requirement.specifier
    assert Version(version).release[:2] == (*Version(bound.version).release, 0)[:2]


@of_both
def test_every_version_has_hashes(lock):
    lines = [line for line in LOCKS[lock].splitlines() if line[:1].isalnum()]
    assert len(lines) == len(PINNED[lock]) > 50
    assert [name for name, (_, hashes) in PINNED[lock].items() if not hashes] == []


@of_both
def test_no_host_is_named(lock):
    assert "://" not in LOCKS[lock]
