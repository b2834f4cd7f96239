"""A hook: a line for every explanation, in the file that INTERP_JOURNAL names."""

from __future__ import annotations

import json
import os
from pathlib import Path

from interp.explanation import Explanation
from interp.hookspecs import hookimpl


@hookimpl
def interp_after_run(explanation: Explanation) -> None:
    """Write method, model and number of evidence."""
    file, made = os.environ.get("INTERP_JOURNAL"), explanation.provenance
    if file and made is not None:
        line = [made.method, made.model.name, len(explanation.evidence)]
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
