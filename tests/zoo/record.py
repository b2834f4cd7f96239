"""Tries every model of the zoo, and writes what was found: PYTHONPATH=tests python -m zoo.record.

Goes on where it was stopped: models that are in the file already are left out, unless named.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from zoo.cells import try_all
from zoo.specimen import Specimen
from zoo.table import ZOO

RESULTS = Path(__file__).parents[2] / "benchmarks/results/zoo.json"


def read() -> dict[str, dict[str, str]]:
    """What was found: by the model's name, what each column says."""
    found: dict[str, dict[str, str]] = (
        json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    )
    return found


def write(found: dict[str, dict[str, str]]) -> None:
    """Keep what was found, in the table's order."""
    listed = {each.name: found[each.name] for each in ZOO if each.name in found}
    RESULTS.write_text(json.dumps(listed, indent=1) + "\n", "utf-8")


def main(names: list[str]) -> int:
    """Try the models named, or those that are still to do; the number of wrong answers."""
    wrong, done = 0, read()
    for specimen in ZOO:
        if specimen.name not in names if names else specimen.name in done:
            continue
        begun = time.monotonic()
        found = _found(specimen)
        wrong += found is None
        if found is not None:
            write({**read(), specimen.name: found})
        sys.stdout.write(f"{specimen.name}: {time.monotonic() - begun:.0f} s\n")
        sys.stdout.flush()
    return wrong


def _found(specimen: Specimen) -> dict[str, str] | None:
    try:
        return try_all(specimen)
    except Exception as error:  # one model's fault does not keep the others from their turn
        sys.stderr.write(f"{specimen.name}: {type(error).__name__}: {error}\n")
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
