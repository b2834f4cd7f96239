"""What `interp check` measured of the built-in methods, which ships with the package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from interp.errors import RegistryError

FILE = "truth.json"
CONFORMANCE = "conformance"


class KnownAnswers(NamedTuple):
    """The checks with known answers that a method passed and failed; others do not measure it."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]


def known_answers(method: str) -> KnownAnswers | None:
    """What was measured of a method; None of one that is not built in."""
    return _shipped().get(method)


@cache
def _shipped() -> dict[str, KnownAnswers]:
    """By method: from the file inside the wheel, or among the docs of a checkout."""
    here = Path(__file__)
    places = (here.parents[1] / FILE, here.parents[3] / "docs" / FILE)
    file = next((each for each in places if each.is_file()), None)
    if file is None:
        raise RegistryError(f"found no {FILE} at {places[0]} or {places[1]}; install interp again")
    outcomes: dict[str, dict[str, list[str]]] = {}
    for each in json.loads(file.read_text("utf-8"))["findings"]:
        by_outcome = outcomes.setdefault(each["method"], {})
        if each["check"] != CONFORMANCE:
            by_outcome.setdefault(each["outcome"], []).append(each["check"])
    return {
        name: KnownAnswers(tuple(each.get("pass", ())), tuple(each.get("fail", ())))
        for name, each in outcomes.items()
    }
