"""The versions of interp that a registry file asks for: `requires: "interp>=0.2"` and `api: 1`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from interp.storage.yaml_file import DocumentError, shown
from interp.version import api_version

FORM = "interp with versions, as in interp>=0.2 or interp>=0.2,<1"


def check_versions(document: Mapping[Any, Any]) -> None:
    """Raise DocumentError where a registry file was written for another version of interp."""
    wanted = document.get("api", api_version)
    if wanted != api_version:
        raise DocumentError(
            ("api",),
            f"found {shown(wanted)}; this interp offers {api_version}; "
            f"{_cure(isinstance(wanted, int) and wanted > api_version)}",
        )
    if "requires" in document:
        _check_requirement(document["requires"])


def _check_requirement(text: object) -> None:
    found = re.fullmatch(r"\s*interp\s*(.*)", str(text))
    clauses = found[1].split(",") if found and found[1].strip() else []
    installed = _installed()
    for clause in clauses:
        parts = re.fullmatch(r"\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)\s*", clause)
        if parts is None:
            raise DocumentError(("requires",), f"found {shown(text)}; expected {FORM}")
        if not _holds(_release(installed), parts[1], _release(parts[2])):
            raise DocumentError(
                ("requires",),
                f"found {shown(text)}; this is interp {installed}; {_cure('>' in parts[1])}",
            )
    if found is None:
        raise DocumentError(("requires",), f"found {shown(text)}; expected {FORM}")


def _cure(newer: bool) -> str:
    """What to do where the package wants a newer interp, or an older one."""
    which = "interp" if newer else "the package"
    return f"upgrade {which}, or install another version of the package"


def _installed() -> str:
    try:
        return version("interp")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0"


def _release(text: str) -> tuple[int, ...]:
    """`0.2.0.dev1` as (0, 2): the numbers of the release, without zeros at the end."""
    numbers = re.match(r"\d+(?:\.\d+)*", text)
    found = [int(each) for each in (numbers[0] if numbers else "0").split(".")]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _holds(installed: tuple[int, ...], comparison: str, wanted: tuple[int, ...]) -> bool:
    return {
        ">=": installed >= wanted,
        "<=": installed <= wanted,
        "==": installed == wanted,
        "!=": installed != wanted,
        ">": installed > wanted,
        "<": installed < wanted,
    }[comparison]
