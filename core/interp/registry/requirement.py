"""The versions of interp that a registry file asks for: `requires: "interp>=0.2"` and `api: 1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from interp.storage.yaml_file import DocumentError, shown
from interp.version import api_version, own_version

FORM = "interp with versions, as in interp>=0.2 or interp>=0.2,<1"


def check_versions(document: Mapping[Any, Any]) -> None:
    """Raise DocumentError where a registry file was written for another version of interp."""
    wanted = document.get("api", api_version)
    if wanted != api_version:
        newer = isinstance(wanted, int) and wanted > api_version
        raise DocumentError(
            ("api",),
            f"found {shown(wanted)}; this interp offers {api_version}; {_cure(newer)}",
        )
    if "requires" in document:
        _check_requirement(document["requires"])


def _check_requirement(text: object) -> None:
    try:
        wanted = Requirement(str(text))
    except InvalidRequirement:
        wanted = None
    if wanted is None or wanted.name != "interp" or wanted.url or wanted.extras or wanted.marker:
        raise DocumentError(("requires",), f"found {shown(text)}; expected {FORM}")
    try:
        installed = Version(own_version())
    except InvalidVersion:  # a checkout that is not installed
        return
    for clause in wanted.specifier:
        if not clause.contains(installed, prereleases=True):
            newer = Version(clause.version.removesuffix(".*")) >= installed
            raise DocumentError(
                ("requires",),
                f"found {shown(text)}; this is interp {installed}; {_cure(newer)}",
            )


def _cure(newer: bool) -> str:
    """What to do where the package wants a newer interp, or an older one."""
    which = "interp" if newer else "the package"
    return f"upgrade {which}, or install another version of the package"
